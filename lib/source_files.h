/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All files below some folders, by size: where source_search.c looks.
 *
 * Links are not followed: nothing behind one could be opened (source.h), and one to "/"
 * would lead everywhere.
 *
 * Thread safety: none; source_search.c has a lock.
 */
#ifndef MKVDUP_SOURCE_FILES_H
#define MKVDUP_SOURCE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* More files, below all folders, are an error. */
#define SOURCE_FILES_MAX 1000000u

struct source_file {
  uint64_t size; /* bytes */
  size_t number; /* in the order in which they were found */
  size_t place;  /* index of the folder */
  char *path;    /* below it; owned */
};

struct source_files {
  struct source_file *files; /* sorted by size and number; owned */
  size_t n, cap;
};

/* Find them anew.  -1 with `err` set: too many, or out of memory; what was found until then
 * is there.
 */
int source_files_find (struct source_files *all, char *const *places, size_t n_places,
                       struct error *err);
void source_files_free (struct source_files *all);

/* The first file of this size, or of more; all->n if there is none. */
size_t source_files_first (const struct source_files *all, uint64_t size);

/* What of `path` is below `place`; NULL if it is not. */
const char *source_files_below (const char *place, const char *path);

#endif /* MKVDUP_SOURCE_FILES_H */
