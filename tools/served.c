/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Would a server have it: see served.h.
 *
 * The library's own reader is asked.  Looking at sidecars was decided against: YAML files of
 * other names give titles, too, and sidecars that cannot be read none, or others.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_id.h"
#include "library.h"
#include "library_config.h"
#include "path.h"
#include "served.h"
#include "sidecar.h"
#include "titles.h"
#include "tree.h"

/* The title that the sidecar makes of the recipe. */
static const struct title *
find_own (const struct library_config *library, const char *recipe,
          const struct sidecar *own)
{
  for (size_t i = 0; i < library->n; i++) {
    const struct title *t = &library->titles[i];

    if (strcmp (t->name, own->name) == 0 && same_place (t->recipe, recipe) &&
        same_file (t->source_dir, own->source_dir))
      return t;
  }
  return NULL;
}

/* Two names for one image do no harm. */
static bool
is_in_the_way (const struct title *t, const struct title *own)
{
  return !tree_names_agree (t->name, own->name) &&
         !(same_file (t->recipe, own->recipe) &&
           same_file (t->source_dir, own->source_dir));
}

/* A folder that is no part of a name is passed over by who serves one above it. */
static int
check_folder (const char *folder, struct error *err)
{
  CLEANUP_FREE char *real = realpath (folder, NULL);
  struct error why = ERROR_INIT;

  if (!real)
    return error_set (err, errno, "%s", folder);
  return real[1] == '\0' || tree_check_name (real + 1, &why) == 0
           ? 0
           : error_set (err, 0, "%s: a server of a folder above would not have it: %s",
                        folder, why.text);
}

/* All below the folder, as a server reads it. */
static int
read_library (struct library_config *library, const char *folder, struct error *err)
{
  const struct library_look look = { 0 };

  if (check_folder (folder, err) == -1 ||
      library_config_read (library, &folder, 1, &look, NULL, NULL, err) == -1)
    return -1;
  return !library->unread.text[0]
           ? 0
           : error_set (err, 0, "%s: what a server would have cannot be told: %s", folder,
                        library->unread.text);
}

/* Why a server would not have the title, by this one. */
static int
tell_in_the_way (const struct title *t, const struct title *own, struct error *err)
{
  if (strcmp (t->name, own->name) == 0 && same_file (t->recipe, own->recipe))
    return error_set (err, 0,
                      "%s: a server would look for the disc of \"%s\" in %s, as %s says, "
                      "and not in %s: one has to go",
                      own->recipe, t->name, t->source_dir, t->yaml ? t->yaml : t->recipe,
                      own->source_dir);
  return error_set (err, 0,
                    "%s: a server would have \"%s\" of %s%s, and not \"%s\": one needs "
                    "another name",
                    own->recipe, t->name, t->recipe,
                    is_absent (t->recipe) ? " (which is not there now)" : "", own->name);
}

static int
check (const struct library_config *library, const char *folder, const char *recipe,
       const struct sidecar *own, struct error *err)
{
  const struct title *title = find_own (library, recipe, own);

  if (!title || strcmp (own->name, LIBRARY_DISK) == 0)
    return error_set (err, 0,
                      "%s: a server would not have it as \"%s\": \"mkvdup validate %s\" "
                      "may tell why",
                      recipe, own->name, folder);
  for (size_t i = 0; i < library->n; i++)
    if (is_in_the_way (&library->titles[i], title))
      return tell_in_the_way (&library->titles[i], title, err);
  return 0;
}

int
served_check (const char *recipe, struct error *err)
{
  CLEANUP_LIBRARY_CONFIG struct library_config library = { 0 };
  CLEANUP_SIDECAR struct sidecar own = { .name = NULL };
  CLEANUP_FREE char *sidecar = sidecar_path (recipe);
  CLEANUP_FREE char *folder = path_folder (recipe);

  if (!sidecar || !folder)
    return error_set (err, ENOMEM, "%s", recipe);
  if (sidecar_read (&own, sidecar, err) == -1 ||
      read_library (&library, folder, err) == -1)
    return -1;
  return check (&library, folder, recipe, &own, err);
}

int
served_can_tell (const char *recipe, struct error *err)
{
  CLEANUP_LIBRARY_CONFIG struct library_config library = { 0 };
  CLEANUP_FREE char *folder = path_folder (recipe);

  if (!folder)
    return error_set (err, ENOMEM, "%s", recipe);
  return is_absent (folder) ? 0 : read_library (&library, folder, err);
}
