/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disc that is ready to be matched against: its files found and indexed, and what is
 * scrambled in them counted.  Made for one recipe, or once for many rips of it.
 *
 * Immutable once made; any number of threads may use it.
 */
#ifndef MKVDUP_INDEXED_DISC_H
#define MKVDUP_INDEXED_DISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "disc.h"
#include "error.h"
#include "index.h"

/* What cannot be found, as it was copied without being decrypted. */
struct scrambled {
  char *source; /* the file, or the folder of several; NULL: nothing; owned */
  uint64_t packets,
    of_them;      /* of streams that are kept; and scrambled ones among these */
  const char *by; /* static: "CSS", … */
};

struct indexed_disc {
  struct disc disc;
  struct disc_index index;
  struct scrambled scrambled;
  bool was_kept;        /* the index, from another time */
  struct error keeping; /* why it could not be kept; "": it could, or was not to be */
};

#define CLEANUP_INDEXED_DISC __attribute__ ((cleanup (indexed_disc_free)))

struct indexed_disc_options {
  const char *const *sources; /* discs: images or folders */
  size_t n_sources;
  const struct stat *mkv;      /* never taken for a source; may be NULL */
  const char *keep;            /* folder of indexes (index_file.h); NULL: not kept */
  unsigned threads;            /* >= 1 */
  index_progress_fn *progress; /* may be NULL */
  void *opaque;
};

/* Find what is to be indexed; index it, or take the index that was kept.  Both to be released by indexed_disc_free, also when
 * they fail.  Not while another thread writes to stderr (disc.h).
 */
int indexed_disc_find (struct indexed_disc *d, const struct indexed_disc_options *o,
                       struct error *err);
int indexed_disc_build (struct indexed_disc *d, const struct indexed_disc_options *o,
                        struct error *err);
void indexed_disc_free (struct indexed_disc *d);

/* For who fills in the index otherwise (index_file.h): count what is scrambled. */
int indexed_disc_count (struct indexed_disc *d, struct error *err);

/* Bytes of all its files. */
uint64_t indexed_disc_bytes (const struct indexed_disc *d);

/* Are its files what they were when they were read?  Else an error that names one. */
int indexed_disc_check (const struct indexed_disc *d, struct error *err);

#endif /* MKVDUP_INDEXED_DISC_H */
