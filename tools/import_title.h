/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Converting one recipe of the Go program: the MKV is rebuilt into a file without a name, and
 * has to have the XXH64 that the old recipe has on record; of that file a recipe is made as
 * "mkvdup create" makes one, compared byte by byte.  Neither the old recipe nor anything it is
 * made of is ever replaced.
 *
 * The file is as long as the MKV, and lies where the new recipe is to be.  Reading the image
 * a second time in its place was decided against: the indexer reads in any order, and what it
 * reads has to be what was hashed.
 */
#ifndef MKVDUP_IMPORT_TITLE_H
#define MKVDUP_IMPORT_TITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"

struct import {
  struct image *image;        /* of the old recipe */
  const char *name;           /* what the sidecar is to call the MKV */
  const char *out;            /* the new recipe */
  const char *const *sources; /* discs; */
  size_t n_sources;           /* 0: where the old recipe's were found */
  unsigned threads;
  bool force; /* replace what is no recipe, too */
  bool quiet;
};

struct import_result {
  uint64_t image_size, old_size, new_size; /* bytes */
  double seconds;
};

/* "Movie.mkv" becomes "Movie", and `suffix` is added; malloced. */
char *import_name (const char *name, const char *suffix);

/* -1 with `err` set: nothing is written. */
int import_title (const struct import *import, struct import_result *result,
                  struct error *err);

/* Is `out` what import_title makes, of the same MKV, and sound?  Its sources are opened.  What it
 * is called may have been edited since.
 */
bool import_is_done (const struct import *import, struct import_result *result);

#endif /* MKVDUP_IMPORT_TITLE_H */
