/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A temporary folder that is the current one during a group of tests, and files in it.
 * To be included behind cmocka.h.
 */
#ifndef MKVDUP_TESTS_SCRATCH_H
#define MKVDUP_TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static char scratch[] = "/tmp/mkvdup-unit.XXXXXX";

static inline int
scratch_remove_one (const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  (void) st, (void) kind;
  return ftw->level ? remove (path) : 0;
}

/* What cmocka calls before and after a group, and after a test. */
static inline int
scratch_enter (void **state)
{
  (void) state;
  return mkdtemp (scratch) && chdir (scratch) == 0 ? 0 : -1;
}

static inline int
scratch_empty (void **state)
{
  (void) state;
  return nftw (scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int
scratch_leave (void **state)
{
  return scratch_empty (state) == 0 && chdir ("/") == 0 && rmdir (scratch) == 0 ? 0 : -1;
}

/* The folders that are to hold `path`. */
static inline void
put_folders (const char *path)
{
  CLEANUP_FREE char *copy = strdup (path);

  assert_non_null (copy);
  for (char *slash = strchr (copy + 1, '/'); slash; slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    mkdir (copy, 0777);
    *slash = '/';
  }
}

static inline void
put_file (const char *path, const void *data, size_t len)
{
  CLEANUP_CLOSE int fd = -1;

  put_folders (path);
  fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  assert_true (fd >= 0);
  assert_true (write (fd, data, len) == (ssize_t) len);
}

static inline void
put_text (const char *path, const char *text)
{
  put_file (path, text, strlen (text));
}

static inline void
put_link (const char *to, const char *path)
{
  put_folders (path);
  assert_int_equal (symlink (to, path), 0);
}

#endif /* MKVDUP_TESTS_SCRATCH_H */
