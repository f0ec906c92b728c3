/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a recipe: the disc is indexed, the MKV is matched against it and coded segment
 * by segment, and what was written is read back through the server's own code and
 * compared with the MKV, byte by byte, before it gets its name.
 *
 * The result depends on the MKV, the sources and this program's version only, not on
 * the number of threads.
 */
#ifndef MKVDUP_CREATE_H
#define MKVDUP_CREATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "file_id.h"
#include "merkle.h"

enum create_phase {
  CREATE_INDEX,  /* reading the sources: bytes of all of them */
  CREATE_MATCH,  /* reading and coding the MKV: bytes of it */
  CREATE_VERIFY, /* reading back: bytes of it */
};

struct indexed_disc;

/* Told now and then, by one thread at a time, how far a phase is, in bytes.  To stop,
 * return false: create_recipe then fails with errnum ECANCELED and leaves nothing
 * behind.
 */
typedef bool create_progress_fn (void *opaque, enum create_phase phase, uint64_t done,
                                 uint64_t total);

/* Asked when all is verified, with the folder locked, of the recipe and then of its sidecar: may
 * `fd`, which is complete, replace what is at `path`?  0 or -1 with `err` set.
 */
typedef int create_claim_fn (void *opaque, const char *path, int fd, struct error *err);

struct recipe_note;

struct create_options {
  const char *mkv; /* for messages only, if it is open: */
  bool is_open;    /* as `fd`, which is borrowed */
  int fd;
  const struct recipe_note *note; /* one more for people; NULL: none */
  const char *const *sources;     /* discs: images or directories */
  size_t n_sources;
  const struct indexed_disc *indexed; /* the same, indexed already; or NULL; borrowed */
  const char *keep;                   /* folder for their index; NULL: it is not kept */
  const char *out;                    /* the recipe; its directory has to exist */
  const char *sidecar; /* its sidecar, in that directory too; may be NULL */
  /* Of the image, in both.  NULL: as the MKV's, or what an older sidecar of the same image has,
   * whose text stays but for where the disc is.
   */
  const char *name;
  bool name_is_default;         /* an older sidecar's stays all the same */
  unsigned threads;             /* 0: as many as there are processors, 8 at most */
  create_progress_fn *progress; /* may be NULL */
  bool replaces_any;            /* also the recipe of another image, and other files */
  create_claim_fn *claim;       /* may be NULL */
  void *opaque;
};

/* What became of one track of the MKV. */
struct create_track {
  uint64_t
    number; /* Matroska's; 0 for bytes in no block that were searched all the same */
  char codec[32];  /* "V_MPEG2", …; "" if unknown */
  uint64_t frames; /* blocks */
  uint64_t bytes;  /* of payload, less the prefixes of NAL units, which follow from it */
  uint64_t found;  /* of these, on a source */
};

struct create_report {
  uint8_t root[MERKLE_DIGEST]; /* of the image's Merkle tree */
  char *base; /* absolute directory that the recipe's source paths start from; owned */
  struct file_id mkv_id; /* of the MKV when it was verified */
  uint64_t mkv_bytes, source_bytes, recipe_bytes;
  uint64_t
    literal_bytes;    /* of the MKV, that were found nowhere: stored in the recipe (before
                    * compression), modelled, or made by fills */
  uint64_t n_sources; /* that the recipe refers to */
  struct file_id *source_ids;  /* of these when they were verified; owned */
  struct create_track *tracks; /* owned; in the order of the file */
  size_t n_tracks;
  double seconds[3];    /* of each phase */
  struct error keeping; /* why the index could not be kept; "" */

  /* The source with scrambled packets, or the folder of several; NULL if there is none.
   * Owned.  And how many of its packets are scrambled, and by what (static: "CSS", …).
   */
  char *scrambled_source;
  uint64_t packets, scrambled;
  const char *scrambling;
};

/* Make a recipe.  Unless `replaces_any`, what is at `out` when it gets its name may be nothing
 * or a recipe of the same image; another's may be all that is left of an MKV; and a sidecar
 * that of `out`.  A file of the sources is never replaced.  On success `report` is filled in (free with create_report_free); on
 * failure there is no new file, unless `err` says that it is written.  One is that a source is scrambled
 * and little of the MKV was found.
 */
int create_recipe (const struct create_options *options, struct create_report *report,
                   struct error *err);
void create_report_free (struct create_report *report);

#endif /* MKVDUP_CREATE_H */
