/* SPDX-License-Identifier: BSD-3-Clause */
/* Another of a recipe's name: see namesake.h. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_id.h"
#include "namesake.h"
#include "path.h"
#include "sidecar.h"
#include "whole_io.h"

/* Two sidecars of one recipe are no two images. */
static bool
is_sidecar_of_name (const char *path, const struct sidecar *own)
{
  CLEANUP_SIDECAR struct sidecar other = { .name = NULL };
  struct error ignored = ERROR_INIT;

  return sidecar_read (&other, path, &ignored) == 0 &&
         strcmp (other.name, own->name) == 0 &&
         !same_file (other.dedup_file, own->dedup_file);
}

/* "Film.mkvdup" is the recipe of "Film.mkv", if no sidecar says otherwise. */
static bool
is_recipe_of_name (const char *path, size_t len, const struct sidecar *own)
{
  CLEANUP_FREE char *sidecar = sidecar_path (path);
  const char *base = path_base (path);

  return sidecar && strncmp (base, own->name, len) == 0 &&
         strcmp (own->name + len, ".mkv") == 0 && is_absent (sidecar) &&
         !same_file (path, own->dedup_file);
}

static bool
has_name (const char *path, const struct sidecar *own)
{
  const char *base = path_base (path);
  size_t len = path_without (base, ".mkvdup");

  if (len > 0)
    return is_recipe_of_name (path, len, own);
  return path_without (base, ".mkvdup.yaml") > 0 && is_sidecar_of_name (path, own);
}

static int
check_file (const char *prefix, const char *base, const char *sidecar,
            const struct sidecar *own, struct error *err)
{
  CLEANUP_FREE char *path = NULL;

  if (asprintf (&path, "%s%s", prefix, base) == -1)
    return error_set (err, ENOMEM, "%s", sidecar);
  if (!has_name (path, own))
    return 0;
  return error_set (err, 0,
                    "%s: \"%s\" is the name of the image of %s, too: a server has one of "
                    "them: one needs another name",
                    sidecar, own->name, path);
}

static void
close_folder (DIR **folder)
{
  if (*folder)
    closedir (*folder);
}

static int
check_folder (const char *sidecar, const struct sidecar *own, struct error *err)
{
  CLEANUP_FREE char *prefix = path_prefix (sidecar), *folder = path_folder (sidecar);
  __attribute__ ((cleanup (close_folder))) DIR *dir = NULL;

  if (!prefix || !folder)
    return error_set (err, ENOMEM, "%s", sidecar);
  dir = opendir (folder);
  if (!dir)
    return error_set (err, errno, "%s", folder);
  for (;;) {
    const struct dirent *e;

    errno = 0;
    e = readdir (dir);
    if (!e)
      return errno == 0 ? 0 : error_set (err, errno, "%s", folder);
    if (check_file (prefix, e->d_name, sidecar, own, err) == -1)
      return -1;
  }
}

int
namesake_check (const char *recipe, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar own = { .name = NULL };
  CLEANUP_FREE char *sidecar = sidecar_path (recipe);

  if (!sidecar)
    return error_set (err, ENOMEM, "%s", recipe);
  return sidecar_read (&own, sidecar, err) == -1 ? -1 : check_folder (sidecar, &own, err);
}
