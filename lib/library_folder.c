/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder of a library: every recipe below it, and what YAML files there name.  A recipe
 * that a YAML file names, its sidecar or another, is not taken once more by its own name.
 *
 * A title has the name that its sidecar gives, in the folder that the sidecar lies in,
 * so that the library looks like the folder; a name with "/" is taken as it is.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "library_parts.h"
#include "path.h"

/* Files below a folder. */
struct folder_reading {
  struct library_reading *all;
  const char *root;
  const struct library_look *look;
  char **recipes; /* paths; owned */
  size_t n, cap;
};

/* What of `path` is below the root. */
static const char *
below (const struct folder_reading *f, const char *path)
{
  path += strlen (f->root);
  while (*path == '/')
    path++;
  return path;
}

/* The folder that a file is in, below the root: "" or "DIR/". */
static char *
folder_below (const struct folder_reading *f, const char *path)
{
  return path_prefix (below (f, path));
}

/* "Films/A.mkvdup" is the recipe of "Films/A.mkv". */
static char *
name_below (const struct folder_reading *f, const char *path)
{
  const char *name = below (f, path);
  int len = (int) path_without (name, ".mkvdup");
  char *title;

  return asprintf (&title, "%.*s.mkv", len, name) == -1 ? NULL : title;
}

static int
read_yaml_below (struct folder_reading *f, const char *path, struct error *err)
{
  bool is_sidecar = path_without (path, ".mkvdup.yaml") > 0, is_library;
  CLEANUP_FREE char *prefix = is_sidecar ? folder_below (f, path) : strdup ("");
  struct error why = ERROR_INIT;

  if (!prefix)
    return error_set (err, ENOMEM, "%s", path);
  if (library_read_yaml (f->all, path, prefix, f->look, 1, &is_library, &why) == 0)
    return 0;
  return library_leave_out (f->all, &why, err);
}

static int
take_file (void *opaque, const char *path, struct error *err)
{
  struct folder_reading *f = opaque;

  if (path_without (path, ".yaml") > 0 || path_without (path, ".yml") > 0)
    return read_yaml_below (f, path, err);
  if (path_without (path, ".mkvdup") == 0)
    return 0;
  if (f->n == f->cap) {
    size_t cap = f->cap ? f->cap * 2 : 16;
    char **recipes = realloc (f->recipes, cap * sizeof *recipes);

    if (!recipes)
      return error_set (err, ENOMEM, "%s", path);
    f->recipes = recipes;
    f->cap = cap;
  }
  f->recipes[f->n] = strdup (path);
  if (!f->recipes[f->n])
    return error_set (err, ENOMEM, "%s", path);
  f->n++;
  return 0;
}

/* A recipe without sidecar: named as its file, its sources beside it. */
static int
take_recipe (struct folder_reading *f, const char *path, struct error *err)
{
  struct title title = {
    .name = name_below (f, path),
    .recipe = strdup (path),
    .source_dir = path_folder (path),
    .stat = { .mode = f->look->file_mode, .uid = f->look->uid, .gid = f->look->gid },
  };
  struct error why = ERROR_INIT;
  int r = 0;

  if (!title.name || !title.recipe || !title.source_dir)
    r = error_set (err, ENOMEM, "%s", path);
  else if (tree_check_name (title.name, &why) == -1)
    library_config_problem (f->all->config, "%s: %s", path, why.text);
  else
    r = library_add_title (f->all->config, &title, err);
  free (title.name);
  free (title.recipe);
  free (title.source_dir);
  return r;
}

int
library_read_folder (struct library_reading *all, const char *path,
                     const struct library_look *look, struct error *err)
{
  struct folder_reading f = { .all = all, .root = path, .look = look };
  const struct globs_calls calls = library_globs_calls (all, take_file, &f);
  int r = globs_below (path, &calls, err);

  for (size_t i = 0; i < f.n; i++) {
    int is_first = r == 0 ? library_is_new (&all->recipes, f.recipes[i], err) : 0;

    if (is_first == 1)
      r = take_recipe (&f, f.recipes[i], err);
    else if (is_first == -1)
      r = -1;
    free (f.recipes[i]);
  }
  free (f.recipes);
  return r;
}
