/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources to be hashed whole: those of one image or of many, each once, and what came of it.
 *
 * One thread reads one source from its first to its last byte, and of one file system one
 * source at a time, so that a disk reads in sequence; hashing is faster than disks are.
 * Those of several file systems are read at once.
 */
#ifndef MKVDUP_SOURCE_LIST_H
#define MKVDUP_SOURCE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "identity.h"
#include "image.h"

enum source_result {
  SOURCE_WAITS, /* to be hashed, or that was not come to */
  SOURCE_GOOD,
  SOURCE_BAD,     /* `why` */
  SOURCE_SKIPPED, /* not to be hashed */
};

struct listed_source {
  struct recipe_source id; /* its path is where the file was found; owned */
  uint64_t dev, ino;
  enum source_result result;
  struct error *why;               /* owned */
  int64_t begun;                   /* seconds since 1970 */
  uint8_t identity[IDENTITY_SIZE]; /* all zeros if nothing can be told by it */
  bool is_taken, is_done;          /* by a thread that hashes */
};

struct source_list {
  struct listed_source *list; /* owned */
  size_t n, cap;
};

/* Add all sources of an image that can be opened. */
int source_list_add (struct source_list *all, struct image *img, struct error *err);

/* All have been added: what is there twice goes, and the rest is sorted by path. */
void source_list_sort (struct source_list *all);

/* Bytes of those that wait. */
uint64_t source_list_bytes (const struct source_list *all);

/* By one thread at a time: `more` bytes were read; false to stop. */
typedef bool source_list_progress_fn (void *opaque, uint64_t more);
/* By one thread at a time: this one is done. */
typedef void source_list_done_fn (void *opaque, const struct listed_source *source);

/* Hash those that wait.  Returns when all are done or `progress` says to stop; either may be
 * NULL.
 */
void source_list_hash (struct source_list *all, unsigned threads,
                       source_list_progress_fn *progress, source_list_done_fn *done,
                       void *opaque);
void source_list_free (struct source_list *all);

#endif /* MKVDUP_SOURCE_LIST_H */
