/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a path: see path.h. */
#include "config.h"

#include <string.h>

#include "path.h"

const char *
path_base (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash ? slash + 1 : path;
}

char *
path_prefix (const char *path)
{
  return strndup (path, (size_t) (path_base (path) - path));
}

char *
path_folder (const char *path)
{
  return path_base (path) == path ? strdup (".") : path_prefix (path);
}

size_t
path_without (const char *path, const char *ending)
{
  size_t len = strlen (path), n = strlen (ending);

  return len > n && strcmp (path + len - n, ending) == 0 ? len - n : 0;
}
