/* SPDX-License-Identifier: BSD-3-Clause */
/* The user's folders: see user_folders.h. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user_folders.h"

char *
user_path (const char *variable, const char *fallback, const char *name,
           struct error *err)
{
  const char *folder = getenv (variable), *home = getenv ("HOME");
  char *path = NULL;
  int r;

  /* A relative one is to be ignored, says the specification. */
  if (folder && folder[0] == '/')
    r = asprintf (&path, "%s/%s", folder, name);
  else if (home && home[0] == '/')
    r = asprintf (&path, "%s/%s/%s", home, fallback, name);
  else {
    error_set (err, 0, "neither HOME nor %s says where %s is to be", variable, name);
    return NULL;
  }
  if (r != -1)
    return path;
  error_set (err, ENOMEM, "%s", name);
  return NULL;
}

char *
index_folder (struct error *err)
{
  return user_path ("XDG_CACHE_HOME", ".cache", "mkvdup/indexes", err);
}
