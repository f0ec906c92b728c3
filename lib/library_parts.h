/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the readers of a library's configuration share: library_config.c (YAML files) and
 * library_folder.c.  Private to lib/.
 */
#ifndef MKVDUP_LIBRARY_PARTS_H
#define MKVDUP_LIBRARY_PARTS_H

#include <stdbool.h>

#include "globs.h"
#include "id_set.h"
#include "library_config.h"

/* A configuration being read. */
struct library_reading {
  struct library_config *config;
  library_folder_fn *folder;
  void *opaque;
  char *told;               /* the last folder of a file that was told; owned */
  struct id_set yaml_files; /* that were read */
  struct id_set recipes;    /* that a YAML file named */
  size_t n_patterns;        /* of `includes`, so far */
  size_t n_pattern_folders; /* looked at for them */
  size_t n_included;        /* files that they match, so far */
  uint64_t n_included_bytes;
  bool has_enough; /* of these: no more are taken */
};

/* For tests: look at so many folders for patterns, and include so many bytes. */
void library_limit_includes (size_t folders, uint64_t bytes);

/* Read the YAML file `path`, unless that was done.  `prefix` goes in front of names
 * without "/"; `depth` counts the files that included it, and is 0 for what the user named.
 */
int library_read_yaml (struct library_reading *all, const char *path, const char *prefix,
                       const struct library_look *look, unsigned depth, bool *is_library,
                       struct error *err);

/* Read all that is below a folder. */
int library_read_folder (struct library_reading *all, const char *path,
                         const struct library_look *look, struct error *err);

/* The title's strings are taken over. */
int library_add_title (struct library_config *config, struct title *title,
                       struct error *err);

/* 1 if this file was not in the set, and now is; 0 if it was.  What cannot be looked at is
 * new.
 */
int library_is_new (struct id_set *seen, const char *path, struct error *err);

/* A file that nobody named is wrong: make a problem of it, or -1 if memory or descriptors ran
 * out.
 */
int library_leave_out (struct library_reading *all, const struct error *why,
                       struct error *err);

typedef int library_file_fn (void *opaque, const char *path, struct error *err);
struct globs_calls library_globs_calls (struct library_reading *all,
                                        library_file_fn *file, void *opaque);

#endif /* MKVDUP_LIBRARY_PARTS_H */
