/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library of discs: a file that holds the fingerprint of each disc there is, a few
 * kilobytes, to find the one that something is of.  A fingerprint is a set of numbers, of which
 * nothing is known here but that equal ones are of equal content.
 *
 * docs/format-discs.md defines the file.  Its table of all hashes is sorted by hash, with the
 * disc in each entry, so that looking one up is a binary search however many discs there are.
 *
 * It is read whole, by pread: 5 MB for a thousand discs.  Mapping it was decided against.  It is
 * only ever replaced, by rename, and so would not shrink under us; but somebody may cut
 * any file, and one search does not touch less than most pages of it anyway.
 *
 * Thread safety: none; a library that is not changed may be asked by many.
 */
#ifndef MKVDUP_DISC_LIBRARY_H
#define MKVDUP_DISC_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "identity.h"

/* More discs, or hashes of one, or a larger file, is an error. */
#define DISC_LIBRARY_MAX_DISCS 65535u
#define DISC_LIBRARY_MAX_HASHES 4096u
#define DISC_LIBRARY_MAX_FILE (UINT64_C (1) << 30)

/* Hashes have so many bits; the rest of an entry is the disc's number. */
#define DISC_HASH_BITS 48
#define DISC_HASH_MAX ((UINT64_C (1) << DISC_HASH_BITS) - 1)

struct library_disc {
  char *path;                      /* absolute: an image or a folder; owned */
  uint8_t identity[IDENTITY_SIZE]; /* of its files; all zeros: to be read again */
  uint64_t bytes;                  /* of its files */
  uint64_t limit;                  /* of its hashes, those up to here are known */
  uint32_t n_hashes;
  uint32_t damage; /* what is wrong with it, as whoever reads discs has it; 0: nothing */
};

struct disc_library {
  struct library_disc *discs; /* sorted by path, no two the same; owned */
  size_t n;
  uint64_t *entries; /* hash << 16 | number of the disc; ascending, distinct; owned */
  size_t n_entries;
};

#define CLEANUP_DISC_LIBRARY __attribute__ ((cleanup (disc_library_free)))

static inline uint64_t
disc_entry_hash (uint64_t entry)
{
  return entry >> (64 - DISC_HASH_BITS);
}

static inline size_t
disc_entry_disc (uint64_t entry)
{
  return entry & UINT16_MAX;
}

/* The library in a file; there being none, an empty one.  -1 with `err` set and an
 * empty library: it cannot be read, is damaged, or is no library.
 */
int disc_library_read (struct disc_library *library, const char *path, struct error *err);
void disc_library_free (struct disc_library *library);

/* The same of bytes in memory; `err` does not name a file. */
int disc_library_parse (struct disc_library *library, const void *data, size_t len,
                        struct error *err);
/* out->failed when out of memory. */
void disc_library_format (const struct disc_library *library, struct buffer *out);

/* NULL if it is not there. */
const struct library_disc *disc_library_find (const struct disc_library *library,
                                              const char *path);

/* All entries with this hash: the first, and how many. */
const uint64_t *disc_library_lookup (const struct disc_library *library, uint64_t hash,
                                     size_t *n);

/* A disc to be added; everything is borrowed. */
struct disc_addition {
  struct library_disc disc;
  const uint64_t
    *hashes; /* ascending, distinct, up to disc.limit; disc.n_hashes of them */
};

/* Is this disc to be kept? */
typedef bool disc_library_keep_fn (void *opaque, const struct library_disc *disc);

/*
 * Drop what `keep` (may be NULL) says, and add discs, each in place of one with its path.  Of
 * several additions with one path the last counts.  On failure nothing has changed.
 */
int disc_library_change (struct disc_library *library, const struct disc_addition *added,
                         size_t n, disc_library_keep_fn *keep, void *opaque,
                         struct error *err);

/*
 * The same to a file, as it is by now: whoever else changes it comes before or after, and
 * nothing of his is lost.  Its folders are made if need be.  A file that is damaged, or no
 * library, is left as it is.
 */
int disc_library_update (const char *path, const struct disc_addition *added, size_t n,
                         disc_library_keep_fn *keep, void *opaque, struct error *err);

#endif /* MKVDUP_DISC_LIBRARY_H */
