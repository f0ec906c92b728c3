/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a library is configured to hold: the titles that folders and YAML files name, not
 * yet looked at.  mkvdup-library(5) describes the files.
 *
 * A title that is configured wrongly is a problem, told once and left out; so is a file
 * that cannot be read, but for those that were named by the user.
 *
 * Thread safety: a configuration belongs to one thread while it is read.
 */
#ifndef MKVDUP_LIBRARY_CONFIG_H
#define MKVDUP_LIBRARY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "hook.h"
#include "titles.h"

/* YAML files larger than this are refused: some 100,000 titles. */
#define LIBRARY_MAX_YAML (UINT64_C (32) << 20)

/* More titles, or more problems, are not taken. */
#define LIBRARY_MAX_TITLES 1000000u
#define LIBRARY_MAX_PROBLEMS 1000u

/* What files on the disk look like where nothing else is said. */
struct library_look {
  uint32_t uid, gid, file_mode, folder_mode;
};

struct library_config {
  struct title *titles; /* name, recipe, source_dir and stat are set; owned */
  size_t n, cap;
  struct library_look look;  /* of folders */
  struct hook_settings hook; /* its command is NULL if no file has one */
  char **problems;           /* owned */
  size_t n_problems;
  struct error unread; /* the first that could not be looked at; without text: nothing */
  bool may_pass; /* what could not: looking again may help, though nothing changes */
};

#define CLEANUP_LIBRARY_CONFIG __attribute__ ((cleanup (library_config_free)))

/* Called with each folder before it is read, so that it can be watched; may be NULL. */
typedef void library_folder_fn (void *opaque, const char *path);

/*
 * Read what `paths` name: folders (every X.mkvdup below, with its sidecar, and what other
 * YAML files there name) and YAML files.  -1 with `err` set, and nothing to free, if one of
 * `paths` cannot be read or is no such file, or memory or descriptors ran out.
 */
int library_config_read (struct library_config *config, const char *const *paths,
                         size_t n_paths, const struct library_look *look,
                         library_folder_fn *folder, void *opaque, struct error *err);
void library_config_free (struct library_config *config);

/* Add a problem; the last one once more, too many, or one too many for the memory, are dropped. */
void library_config_problem (struct library_config *config, const char *fmt, ...)
  __attribute__ ((format (printf, 2, 3)));

#endif /* MKVDUP_LIBRARY_CONFIG_H */
