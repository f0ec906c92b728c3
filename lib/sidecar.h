/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sidecar `X.mkvdup.yaml`: where a recipe and its sources are, with the same
 * keys as the Go mkvdup's: `name`, `dedup_file`, `source_dir`; and one of our own,
 * `image_size`, which may be missing: so that a recipe that has replaced the one that it
 * was written for, by a create that was cut off, is not taken for that.
 * Relative paths in it are relative to the directory that holds it.
 */
#ifndef MKVDUP_SIDECAR_H
#define MKVDUP_SIDECAR_H

#include <stdint.h>

#include "atomic_file.h"
#include "error.h"

/* Three paths of PATH_MAX, every byte escaped, and comments. */
#define SIDECAR_MAX_FILE 65536

struct sidecar { /* owns its strings */
  char *name;    /* of the image; may hold "/" */
  char *
    dedup_file; /* the recipe; resolved: absolute, or relative to the current directory */
  char *source_dir;    /* directory the sources' paths start from; resolved likewise */
  uint64_t image_size; /* bytes; 0: not said */
};

#define CLEANUP_SIDECAR __attribute__ ((cleanup (sidecar_free)))

/* Read and resolve.  Unknown keys are ignored.  An error naming file and line is: a key
 * that is missing or given twice; a value that is empty, null or no scalar (a plain 1917
 * is taken as the text "1917", as Go's yaml does); anything but one document of one
 * mapping; a file of more than 64 KiB.  On failure nothing is left in *s.
 */
int sidecar_read (struct sidecar *s, const char *path, struct error *err);

/* The same of a text that stands in `path`, or is to. */
int sidecar_parse (struct sidecar *s, const char *path, const char *text, size_t len,
                   struct error *err);

/* Write it to `f`, which will be `path`; atomic_file_commit and atomic_file_drop are the
 * caller's.  `dedup_file` and `source_dir` are written as given here: he decides between
 * relative and absolute.  Strings are quoted as YAML needs; one that is not UTF-8 is an
 * error (EILSEQ), as YAML cannot hold it.
 */
int sidecar_write (struct atomic_file *f, const char *path, const struct sidecar *s,
                   struct error *err);

void sidecar_free (struct sidecar *s);

/* May what is at `path` be replaced by the sidecar of `recipe`, which need not be there?  -1
 * with `err` set unless it is nothing, or a sidecar that names this recipe.
 */
int sidecar_check_place (const char *path, const char *recipe, struct error *err);

/* "X.mkvdup" -> "X.mkvdup.yaml", malloced; NULL when out of memory. */
char *sidecar_path (const char *recipe_path);

#endif /* MKVDUP_SIDECAR_H */
