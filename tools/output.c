/* SPDX-License-Identifier: BSD-3-Clause */
/* What no output replaces: see output.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "file_id.h"
#include "output.h"
#include "recipe.h"
#include "sidecar.h"
#include "utf8.h"
#include "whole_io.h"

int
output_check (const char *path, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };
  struct error why = ERROR_INIT;
  int kind = recipe_kind_of (path, err);

  if (kind == -1)
    return -1;
  if (kind != RECIPE_NONE)
    return error_set (err, 0, "%s: is a recipe: not replaced", path);
  if (sidecar_read (&sidecar, path, &why) == 0)
    return error_set (err, 0, "%s: is the sidecar of a recipe: not replaced", path);
  if (why.errnum == 0 || why.errnum == ENOENT)
    return 0;
  *err = why;
  return -1;
}

/* What is there, for who puts text or a picture: it is of such kinds, or empty. */
static int
check_kind (const char *path, struct error *err)
{
  static const char png[] = "\x89PNG\r\n\x1a\n";
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  char start[UTF8_LOOK];
  struct stat st;
  ssize_t n;

  if (fd == -1 && errno == ENOENT)
    return 0;
  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  n = S_ISREG (st.st_mode) ? read_patiently (fd, start, sizeof start, 0) : 0;
  if (n == -1)
    return error_set (err, errno, "%s", path);
  if (is_text (start, (size_t) n) ||
      (n >= (ssize_t) strlen (png) && memcmp (start, png, strlen (png)) == 0))
    return 0;
  return error_set (err, 0, "%s: is no text and no picture: not replaced", path);
}

int
output_check_text (const char *path, struct error *err)
{
  if (strcmp (path, "-") == 0)
    return error_set (err, 0, "-: a file of that name is \"./-\"");
  return output_check (path, err) == -1 ? -1 : check_kind (path, err);
}

int
output_check_apart (const char *path, const struct options *options, struct error *err)
{
  for (size_t i = 0; i < options->n_args; i++)
    if (same_file (path, options->args[i]))
      return error_set (err, 0, "%s: is what the library is read from: not replaced",
                        path);
  return 0;
}

int
output_put (const char *path, const void *data, size_t len, bool force, struct error *err)
{
  if (output_check_text (path, err) == -1)
    return -1;
  return (force ? atomic_file_put : atomic_file_put_new) (path, data, len, err);
}
