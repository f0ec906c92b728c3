/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a library's configuration: see library_config.h.  Its folders are read by
 * library_folder.c.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "library_parts.h"
#include "library_yaml.h"
#include "path.h"
#include "recipe.h"

/* Includes of includes; each takes the memory of a file. */
#define MAX_INCLUDE_DEPTH 16u

/* Patterns of all files together, folders that are looked at for them, and bytes that are
 * included: each pattern may walk over all that the machine has, and at every change once more.
 */
#define MAX_PATTERNS 1000u
#define MAX_PATTERN_FOLDERS 1000000u
#define MAX_INCLUDED_BYTES (UINT64_C (1) << 30)

static size_t max_pattern_folders = MAX_PATTERN_FOLDERS;
static uint64_t max_included_bytes = MAX_INCLUDED_BYTES;

void
library_limit_includes (size_t folders, uint64_t bytes)
{
  max_pattern_folders = folders;
  max_included_bytes = bytes;
}

/* One YAML file being read. */
struct yaml_reading {
  struct library_reading *all;
  const char *path;
  const char *prefix; /* what goes in front of names without "/": "" or "DIR/" */
  const struct library_look *look; /* of what is included */
  unsigned depth;
};

/* ---- What is found */

void
library_config_problem (struct library_config *config, const char *fmt, ...)
{
  char **problems, *text;
  va_list args;
  int len;

  if (config->n_problems == LIBRARY_MAX_PROBLEMS)
    return;
  va_start (args, fmt);
  len = vasprintf (&text, fmt, args);
  va_end (args);
  if (len == -1)
    return;
  /* An item that aliases name again and again is wrong once. */
  if (config->n_problems > 0 &&
      strcmp (config->problems[config->n_problems - 1], text) == 0) {
    free (text);
    return;
  }
  problems = realloc (config->problems, (config->n_problems + 1) * sizeof *problems);
  if (!problems) {
    free (text);
    return;
  }
  config->problems = problems;
  problems[config->n_problems++] = text;
}

static void
add_problem (void *opaque, const struct error *why)
{
  const struct yaml_reading *r = opaque;

  library_config_problem (r->all->config, "%s", why->text);
}

int
library_add_title (struct library_config *config, struct title *title, struct error *err)
{
  if (config->n == LIBRARY_MAX_TITLES)
    return error_set (err, 0, "%s: more than %u titles", title->recipe,
                      LIBRARY_MAX_TITLES);
  if (config->n == config->cap) {
    size_t cap = config->cap ? config->cap * 2 : 16;
    struct title *titles = realloc (config->titles, cap * sizeof *titles);

    if (!titles)
      return error_set (err, ENOMEM, "%s", title->recipe);
    config->titles = titles;
    config->cap = cap;
  }
  config->titles[config->n++] = *title;
  *title = (struct title){ 0 };
  return 0;
}

void
library_config_free (struct library_config *config)
{
  for (size_t i = 0; i < config->n; i++) {
    free (config->titles[i].name);
    free (config->titles[i].recipe);
    free (config->titles[i].source_dir);
    free (config->titles[i].yaml);
  }
  free (config->titles);
  for (size_t i = 0; i < config->n_problems; i++)
    free (config->problems[i]);
  free (config->problems);
  hook_settings_free (&config->hook);
  *config = (struct library_config){ 0 };
}

static int
tell_of_folder (void *watcher, const char *path, struct error *err)
{
  const struct library_reading *all = watcher;

  (void) err;
  if (all->folder)
    all->folder (all->opaque, path);
  return 0;
}

/* What it has is not known.  That one may read it now is seen as a change, mostly. */
static void
note_unread (struct library_config *config, const struct error *why)
{
  if (!config->unread.text[0])
    config->unread = *why;
  if (why->errnum != 0 && why->errnum != EACCES && why->errnum != EPERM)
    config->may_pass = true;
}

static int
unreadable (void *watcher, const struct error *why)
{
  const struct library_reading *all = watcher;

  note_unread (all->config, why);
  library_config_problem (all->config, "%s", why->text);
  return 0;
}

struct globs_calls
library_globs_calls (struct library_reading *all, library_file_fn *file, void *opaque)
{
  return (struct globs_calls){ file, opaque, tell_of_folder, unreadable, all, false };
}

/* A file that was not named by the user is left out if it is wrong.  Of one that is not there, as a
 * link leads nowhere, it is known that it has nothing.
 */
int
library_leave_out (struct library_reading *all, const struct error *why,
                   struct error *err)
{
  if (error_is_shortage (why->errnum)) {
    *err = *why;
    return -1;
  }
  if (why->errnum != 0 && why->errnum != ENOENT && why->errnum != ELOOP)
    note_unread (all->config, why);
  library_config_problem (all->config, "%s", why->text);
  return 0;
}

int
library_is_new (struct id_set *seen, const char *path, struct error *err)
{
  struct stat st;
  int r = stat (path, &st) == 0 ? id_set_add (seen, st.st_dev, st.st_ino, 0) : 1;

  return r == -1 ? error_set (err, ENOMEM, "%s", path) : r;
}

/* A file that is replaced shows in its folder. */
static int
tell_of_folder_of (struct library_reading *all, const char *path, struct error *err)
{
  CLEANUP_FREE char *folder = path_folder (path);

  if (!folder)
    return error_set (err, ENOMEM, "%s", path);
  /* Those of one file are often in one folder. */
  if (all->told && strcmp (all->told, folder) == 0)
    return 0;
  free (all->told);
  all->told = take_ptr (&folder);
  return tell_of_folder (all, all->told, err);
}

/* ---- YAML files */

static int
take_title (void *opaque, struct title *title, struct error *err)
{
  const struct yaml_reading *r = opaque;

  if (r->prefix[0] && !strchr (title->name, '/')) {
    char *name;

    if (asprintf (&name, "%s%s", r->prefix, title->name) == -1)
      return error_set (err, ENOMEM, "%s", title->recipe);
    free (title->name);
    title->name = name;
  }
  if (tell_of_folder_of (r->all, title->recipe, err) == -1 ||
      library_is_new (&r->all->recipes, title->recipe, err) == -1)
    return -1;
  title->yaml = strdup (r->path);
  if (!title->yaml)
    return error_set (err, ENOMEM, "%s", title->recipe);
  return library_add_title (r->all->config, title, err);
}

/* Of several the first one counts. */
static void
take_hook (void *opaque, struct hook_settings *hook)
{
  const struct yaml_reading *r = opaque;
  struct hook_settings *to = &r->all->config->hook;

  if (to->command) {
    library_config_problem (
      r->all->config, "%s: another file has an \"on_error_command\" already", r->path);
    return;
  }
  *to = *hook;
  hook->command = NULL;
}

/* What ends the expansion of a pattern, and of all that come later. */
#define ENOUGH 1

/* What is too large to be read counts as little as what is no file, or was read. */
static bool
is_too_much (struct library_reading *all, const char *path)
{
  struct stat st;

  if (stat (path, &st) == 0 && S_ISREG (st.st_mode) &&
      (uint64_t) st.st_size <= LIBRARY_MAX_YAML &&
      !id_set_has (&all->yaml_files, st.st_dev, st.st_ino, 0))
    all->n_included_bytes += (uint64_t) st.st_size;
  return all->n_included_bytes > max_included_bytes;
}

/* A file that a pattern has matched. */
static int
include_file (void *opaque, const char *path, struct error *err)
{
  const struct yaml_reading *r = opaque;
  struct error why = ERROR_INIT;
  bool is_library;

  r->all->n_included++;
  if (r->depth == MAX_INCLUDE_DEPTH) {
    library_config_problem (r->all->config, "%s: included more than %u deep", path,
                            MAX_INCLUDE_DEPTH);
    return 0;
  }
  if (is_too_much (r->all, path))
    return ENOUGH;
  if (library_read_yaml (r->all, path, "", r->look, r->depth + 1, &is_library, &why) == 0)
    return 0;
  return library_leave_out (r->all, &why, err);
}

/* One that names a file, and none is there.  That nothing matches a pattern is no mistake. */
static void
want_match (const struct yaml_reading *r, const char *pattern)
{
  if (!strpbrk (pattern, "*?["))
    library_config_problem (r->all->config,
                            "%s: includes \"%s\": there is no such file (a pattern may "
                            "match none)",
                            r->path, pattern);
}

static int
look_for_pattern (void *watcher, const char *path, struct error *err)
{
  struct library_reading *all = watcher;

  if (all->n_pattern_folders >= max_pattern_folders)
    return ENOUGH;
  all->n_pattern_folders++;
  return tell_of_folder (watcher, path, err);
}

/* Told once: what is left out is left out of all files. */
static int
leave_out_patterns (const struct yaml_reading *r)
{
  const struct error unread = { 0, "not all that \"includes\" name was read" };

  if (!r->all->has_enough)
    library_config_problem (
      r->all->config,
      "%s: \"includes\" of more than %u patterns, or that look at "
      "more than %zu folders or read more than %" PRIu64 " bytes: the rest is left out",
      r->path, MAX_PATTERNS, max_pattern_folders, max_included_bytes);
  note_unread (r->all->config, &unread);
  r->all->has_enough = true;
  return 0;
}

static int
take_include (void *opaque, const char *pattern, const struct library_look *look,
              struct error *err)
{
  struct yaml_reading r = *(const struct yaml_reading *) opaque;
  struct globs_calls calls = library_globs_calls (r.all, include_file, &r);
  CLEANUP_FREE char *folder = path_prefix (r.path);
  size_t included, problems;
  int result;

  if (!folder)
    return error_set (err, ENOMEM, "%s", r.path);
  if (r.all->has_enough || r.all->n_patterns++ == MAX_PATTERNS)
    return leave_out_patterns (&r);
  r.look = look;
  calls.folder = look_for_pattern;
  included = r.all->n_included;
  problems = r.all->config->n_problems;
  result = globs_expand (folder, pattern, &calls, err);
  if (result == 0 && r.all->n_included == included &&
      r.all->config->n_problems == problems)
    want_match (&r, pattern);
  return result == ENOUGH ? leave_out_patterns (&r) : result;
}

int
library_read_yaml (struct library_reading *all, const char *path, const char *prefix,
                   const struct library_look *look, unsigned depth, bool *is_library,
                   struct error *err)
{
  struct yaml_reading r = { .all = all, .path = path, .prefix = prefix, .depth = depth };
  const struct library_yaml_calls calls = { take_title, take_include, add_problem,
                                            depth == 0 ? take_hook : NULL, &r };
  struct library_look own = *look;
  int is_first = library_is_new (&all->yaml_files, path, err);

  /* If it was none, that was told or passed over the first time. */
  *is_library = is_first == 0;
  if (is_first != 1)
    return is_first;
  if (library_yaml_read (path, &own, &calls, is_library, err) == -1)
    return -1;
  if (depth == 0)
    all->config->look = own;
  return 0;
}

/* ---- All */

/* What is often given in the place of a library. */
static int
check_no_recipe (const char *path, struct error *err)
{
  int kind = recipe_kind_of (path, err);

  if (kind == -1)
    return -1;
  return kind == RECIPE_NONE
           ? 0
           : error_set (err, 0,
                        "%s: is a recipe; a library is a folder of them, or a YAML file, "
                        "as the recipe's sidecar",
                        path);
}

static int
read_named (struct library_reading *all, const char *path,
            const struct library_look *look, struct error *err)
{
  bool is_library = false;

  if (check_no_recipe (path, err) == -1 || tell_of_folder_of (all, path, err) == -1 ||
      library_read_yaml (all, path, "", look, 0, &is_library, err) == -1)
    return -1;
  return is_library ? 0 : error_set (err, 0, "%s: names no titles", path);
}

/* One that the user named is not passed over if it cannot be read, as those below are. */
static int
read_folder (struct library_reading *all, const char *path,
             const struct library_look *look, struct error *err)
{
  DIR *dir = opendir (path);
  int errnum = 0;

  if (!dir)
    return error_set (err, errno, "%s", path);
  errno = 0;
  if (!readdir (dir))
    errnum = errno;
  closedir (dir);
  return errnum ? error_set (err, errnum, "%s", path)
                : library_read_folder (all, path, look, err);
}

/* Files come first: recipes that they name are not taken once more from folders. */
static int
read_paths (struct library_reading *all, const char *const *paths, size_t n_paths,
            bool folders, const struct library_look *look, struct error *err)
{
  struct stat st;
  int r = 0;

  for (size_t i = 0; r == 0 && i < n_paths; i++) {
    if (stat (paths[i], &st) == -1)
      return error_set (err, errno, "%s", paths[i]);
    if (S_ISDIR (st.st_mode) != folders)
      continue;
    r = folders ? read_folder (all, paths[i], look, err)
                : read_named (all, paths[i], look, err);
  }
  return r;
}

int
library_config_read (struct library_config *config, const char *const *paths,
                     size_t n_paths, const struct library_look *look,
                     library_folder_fn *folder, void *opaque, struct error *err)
{
  struct library_reading all = { .config = config, .folder = folder, .opaque = opaque };
  int r;

  *config = (struct library_config){ .look = *look };
  r = read_paths (&all, paths, n_paths, false, look, err);
  if (r == 0)
    r = read_paths (&all, paths, n_paths, true, look, err);
  id_set_free (&all.yaml_files);
  id_set_free (&all.recipes);
  free (all.told);
  if (r == -1)
    library_config_free (config);
  return r;
}
