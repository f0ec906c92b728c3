/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files by pattern: what a library's `includes` name, and all files below a folder.
 *
 * A pattern is a path whose parts may hold "*", "?" and "[...]" (fnmatch (3), POSIX), or be
 * "**", which stands for any number of folders, none included.  Names that begin with "."
 * are only matched by a part that begins so too, and folders called "lost+found" not by "**".
 * Links are followed, unless that is not wanted; a folder that is reached again, by a link or
 * otherwise, is not entered again, so that no cycle is endless.
 *
 * glob (3) was decided against: it has no "**", and cannot say which folders it looked at.
 *
 * Thread safety: any number at once.
 */
#ifndef MKVDUP_GLOBS_H
#define MKVDUP_GLOBS_H

#include <stdbool.h>

#include "error.h"

/* More folders are an error; those deeper than this below the pattern's start are left out, as
 * unreadable.
 */
#define GLOBS_MAX_FOLDERS 1000000u
#define GLOBS_MAX_DEPTH 64u

/* A pattern of more parts is left out, as unreadable: each is looked for from the start of the
 * path, so that the time is the square of them.
 */
#define GLOBS_MAX_PARTS 256u

/* What is called while patterns are expanded.  Any return but 0 ends it. */
struct globs_calls {
  /* A file (anything but a folder) that matches.  In the order of names' bytes in each
   * folder.
   */
  int (*file) (void *opaque, const char *path, struct error *err);
  void *opaque;
  /* A folder is about to be read, or looked at for a name.  May be NULL. */
  int (*folder) (void *watcher, const char *path, struct error *err);
  /* A folder cannot be read, and is left out. */
  int (*unreadable) (void *watcher, const struct error *why);
  void *watcher;
  bool skip_links; /* whose ends are not to be looked at */
};

/*
 * Expand `pattern`, which is relative to `base` ("": the current directory) unless it begins
 * with "/"; what is special in a pattern is not in `base`.  That nothing matches is no
 * error.  -1 with `err` set: out of memory or descriptors, too many folders; or what a call
 * returned.
 */
int globs_expand (const char *base, const char *pattern, const struct globs_calls *calls,
                  struct error *err);

/* All files below `folder`, whatever special characters its name holds. */
int globs_below (const char *folder, const struct globs_calls *calls, struct error *err);

#endif /* MKVDUP_GLOBS_H */
