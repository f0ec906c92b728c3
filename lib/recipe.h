/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recipe file, read side.  docs/format.md describes every byte.
 *
 * Opening reads the header, the section table and the source table: a few
 * hundred bytes.  The file is read with pread, never mapped, so a recipe that shrinks
 * under us is an error and not a SIGBUS.  Everything read is checked against
 * its XXH3 and bounded before it is believed.
 *
 * Thread safety: a `struct recipe` is immutable after recipe_open; every
 * function here but recipe_close may be called by many threads at once.
 */
#ifndef MKVDUP_RECIPE_H
#define MKVDUP_RECIPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"
#include "segment.h"

#define RECIPE_HASH_SIZE 16 /* XXH3-128, canonical (big-endian) as xxhsum -H2 prints */

/* A source as the recipe knows it: what it contains, and what it was called. */
struct recipe_source {
  char *path;                     /* relative, no "..", "/" between parts; owned */
  uint64_t size;                  /* bytes */
  uint8_t hash[RECIPE_HASH_SIZE]; /* XXH3-128 of the whole content */
  uint64_t sample;                /* source_sample() of it: cheap to check at open */
  bool has_xxh64; /* instead: in `hash`, with zeros, and no sample (recipe_old.h) */
};

/* One line of what the recipe's maker wrote down for people: "creator", "name",
 * "mtime", "track", …  No program depends on it.
 */
struct recipe_note {
  char *key, *value; /* owned by the recipe */
};

/* Sections, for those who account for bytes (mkvdup info). */
struct recipe_section {
  uint32_t type;  /* four letters, first one lowest */
  uint32_t flags; /* RECIPE_SECTION_* */
  uint64_t offset, len;
  uint64_t checksum;
};

#define RECIPE_SECTION_REQUIRED 1u     /* a reader that does not know it must refuse */
#define RECIPE_SECTION_SELF_CHECKED 2u /* carries its own checksums; `checksum` is 0 */
#define RECIPE_SECTION_KNOWN_FLAGS 3u  /* with any other, a recipe is refused */

#define RECIPE_ZLIB_MAX 64 /* the version of a zlib, with its end */

/* Of a file that may be written to while it is open: recipe_state.c. */
struct recipe_state {
  _Atomic int64_t ctime;    /* when it was last known to be this recipe */
  _Atomic uint64_t written; /* its other time, and its size, by then */
  _Atomic uint64_t changes; /* so often it, or a segment, has been found to be another */
  uint64_t header,
    table; /* XXH3 of its header, and its section table, as it was opened */
  _Atomic (_Atomic uint64_t *)
    segments; /* hashes of those that were read; 0: of none; owned */
};

struct recipe {
  char *path; /* as opened, for messages */
  int fd;
  struct recipe_state *state; /* of the file; owned */
  uint64_t file_size;
  uint64_t image_size; /* bytes of the image */
  unsigned span_log2;  /* of the segments */
  uint32_t n_segments;
  uint32_t n_sources;
  struct recipe_source *sources;
  uint64_t *source_sizes; /* the same sizes once more, as segment_decode wants them */
  uint64_t table_at;
  uint32_t n_sections;
  struct recipe_section *sections;
  uint64_t segments_at, segments_len; /* the section of coded segments */
  uint64_t index_at;                  /* the section of their offsets */
  uint64_t merkle_at, merkle_len;     /* the section of Merkle levels */
  char zlib[RECIPE_ZLIB_MAX];         /* the one that deflated, "" if none did; ASCII */
  struct recipe_old *old;             /* NULL: ours; else there are no sections */
};

/* Open and check.  NULL with `err` set, naming the file. */
struct recipe *recipe_open (const char *path, struct error *err);

/* The same of an open file, which is taken over, also where this fails. */
struct recipe *recipe_open_fd (int fd, const char *path, struct error *err);

/* No more than the header: bytes of the image, and what the file is. */
int recipe_peek (const char *path, uint64_t *image_size, struct stat *st,
                 struct error *err);

/* What a file says that it is, by its first bytes alone: also one of a later version, or
 * damaged, which somebody may want to save.  RECIPE_NONE if there is no file; -1 with `err` set if
 * it cannot be read, and may be anything.
 */
enum recipe_kind {
  RECIPE_NONE,
  RECIPE_OURS,
  RECIPE_OF_GO, /* of the Go program */
};
int recipe_kind_of (const char *path, struct error *err);

void recipe_close (struct recipe *r);

/* Read and decode segment `number` < n_segments.  The caller owns the result. */
struct segment *recipe_segment (const struct recipe *r, uint32_t number,
                                struct error *err);

/* Asked after something of the file was read: fails, with errnum ESTALE, if it was written to and
 * is another recipe now.  r->state->changes has moved if something happened to it at all: then
 * nothing that was known of what it gives counts any more.  recipe_segment asks.
 */
int recipe_check_state (const struct recipe *r, struct error *err);

/* From now on a segment that is read again, and is another than it was, counts as a change, too:
 * before anybody has what is decoded of it.  Takes 8 bytes for each.
 */
int recipe_remember_segments (const struct recipe *r, struct error *err);
void recipe_note_segment (const struct recipe *r, uint32_t number, const uint8_t *coded,
                          size_t len);

/* For who opens it: before anything of it is read, and at last. */
void recipe_state_init (const struct recipe *r, const struct stat *st);
void recipe_state_free (struct recipe_state *state);

/* The coded bytes of a segment (the caller frees *data) and what its decoder needs.  Not of a
 * file of the Go program, where segments are not coded; nor is the next.
 */
int recipe_segment_coded (const struct recipe *r, uint32_t number, uint8_t **data,
                          size_t *len, struct segment_context *ctx, struct error *err);

/* Coded length in bytes of segment `number`, with its checksum. */
int recipe_segment_len (const struct recipe *r, uint32_t number, uint64_t *len,
                        struct error *err);

/* Read a checksummed section whole; the caller frees *data.  Fails if the
 * checksum is wrong.  `type` that is not there gives *data NULL and *len 0.
 */
int recipe_read_section (const struct recipe *r, uint32_t type, uint8_t **data,
                         size_t *len, struct error *err);

/* The notes, in the order written.  Free with recipe_notes_free. */
int recipe_notes (const struct recipe *r, struct recipe_note **notes, size_t *n,
                  struct error *err);
void recipe_notes_free (struct recipe_note *notes, size_t n);

/* The value of the first note of that key; the caller frees *value.  NULL: there is none. */
int recipe_note_value (const struct recipe *r, const char *key, char **value,
                       struct error *err);

/* Is that its value?  False as well if the notes cannot be read. */
bool recipe_has_note (const struct recipe *r, const char *key, const char *value);

/* Read every section and check its checksum, and the checksum of every segment
 * by decoding it: the whole file is then known to be as it was written.
 */
int recipe_check (const struct recipe *r, struct error *err);

/* All checksums, without decoding anything: a hundredth of the time, against accidents alone. */
int recipe_check_sums (const struct recipe *r, struct error *err);

/* The Merkle levels: their checksum, and that each follows from the one below. */
int recipe_check_merkle (const struct recipe *r, struct error *err);

/* What tells the image from all others: its Merkle root; of a file of the Go program its
 * XXH64, and zeros.
 */
int recipe_identity (const struct recipe *r, uint8_t *identity, struct error *err);

/* `n` digests of those on record (merkle.h), from number `first` on: those of groups come
 * first, the root is the last.
 */
int recipe_digests (const struct recipe *r, uint64_t first, size_t n, uint8_t *digests,
                    struct error *err);

/* The last of them. */
int recipe_root (const struct recipe *r, uint8_t *root, struct error *err);

/* Is this relative path one that may be opened below a source directory: not
 * empty, not absolute, no "." or ".." part, no empty part?
 */
bool recipe_path_is_safe (const char *path);

#endif /* MKVDUP_RECIPE_H */
