/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup relocate: the discs have moved; tell the sidecars where they are now.
 *
 * A folder is believed only if each source of the recipe is there, with its size and sample, or
 * with --sources with its whole hash.  Tried are, in this order: the folder given; the same with
 * the last part of the old one below it, the last two, and so on; and the folder from which the
 * name of the first source starts where that is found by content, anywhere below.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "library_config.h"
#include "message.h"
#include "options.h"
#include "path.h"
#include "recipe.h"
#include "sidecar.h"
#include "sidecar_edit.h"
#include "source_hash.h"
#include "source_search.h"

struct relocation {
  const struct options *options;
  struct source_search *search;
  struct json json;
  size_t n_changed, n_same, n_failed;
};

/* ---- Is it there? */

static int
check_source (const struct relocation *r, const struct recipe_source *id,
              const char *folder, struct error *err)
{
  struct source source = SOURCE_INIT;
  int result;

  if (source_open (id, &folder, 1, false, &source, err) == -1)
    return -1;
  /* Of those of the Go program there is no sample that tells a wrong one. */
  result = r->options->hash_sources || id->has_xxh64
             ? source_check_hash (&source, id, NULL, NULL, err)
             : 0;
  source_close (&source);
  return result;
}

static bool
has_sources (const struct relocation *r, const struct recipe *recipe, const char *folder,
             struct error *why)
{
  for (uint32_t i = 0; i < recipe->n_sources; i++)
    if (check_source (r, &recipe->sources[i], folder, why) == -1)
      return false;
  return true;
}

/* ---- Where is it? */

/* Below `base`, what of `old` is from its last `n` parts on; NULL if it has not so many. */
static char *
below (const char *base, const char *old, unsigned n)
{
  const char *at = old + strlen (old);
  char *path;

  for (unsigned i = 0; i < n; i++) {
    while (at > old && at[-1] == '/')
      at--;
    if (at == old)
      return NULL;
    while (at > old && at[-1] != '/')
      at--;
  }
  if (asprintf (&path, "%s/%s", base, at) == -1)
    return NULL;
  return path;
}

/* The folder that a source's name starts from, by where the source was found. */
static char *
by_content (const struct relocation *r, const struct recipe *recipe)
{
  const struct recipe_source *id = &recipe->sources[0];
  struct source source = SOURCE_INIT;
  struct error ignored = ERROR_INIT;
  size_t len, name_len = strlen (id->path);
  char *folder = NULL;

  if (source_search_open (r->search, id, false, NULL, &source, &ignored) == -1)
    return NULL;
  len = strlen (source.path);
  if (len > name_len + 1 && source.path[len - name_len - 1] == '/' &&
      strcmp (source.path + len - name_len, id->path) == 0) {
    source.path[len - name_len - 1] = '\0';
    folder = realpath (source.path, NULL);
  }
  source_close (&source);
  return folder;
}

/* The folder below `base` that has all sources; NULL with `err` set, which says what was wrong
 * with `base` itself.
 */
static char *
find_below (const struct relocation *r, const struct recipe *recipe, const char *base,
            const char *old, struct error *err)
{
  struct error ignored = ERROR_INIT;
  char *folder;

  if (has_sources (r, recipe, base, err))
    return strdup (base);
  for (unsigned n = 1; (folder = below (base, old, n)); n++) {
    if (has_sources (r, recipe, folder, &ignored))
      return folder;
    free (folder);
  }
  folder = by_content (r, recipe);
  if (folder && has_sources (r, recipe, folder, &ignored))
    return folder;
  free (folder);
  return NULL;
}

static char *
find_folder (const struct relocation *r, const struct recipe *recipe, const char *old,
             struct error *err)
{
  for (size_t i = 0; i < r->options->n_sources; i++) {
    CLEANUP_FREE char *base = realpath (r->options->sources[i], NULL);
    char *folder;

    if (!base) {
      error_set (err, errno, "%s", r->options->sources[i]);
      continue;
    }
    folder = find_below (r, recipe, base, old, err);
    if (folder)
      return folder;
  }
  return NULL;
}

/* ---- One sidecar */

static void
tell (struct relocation *r, const char *path, const char *old, const char *new,
      const char *error)
{
  bool is_same = new &&strcmp (old, new) == 0;

  r->n_failed += error != NULL;
  r->n_same += !error && is_same;
  r->n_changed += !error && !is_same;
  if (r->options->json) {
    json_object (&r->json, NULL);
    json_string (&r->json, "sidecar", path);
    if (old)
      json_string (&r->json, "old", old);
    if (error)
      json_string (&r->json, "error", error);
    else
      json_string (&r->json, "new", new);
    json_bool (&r->json, "changed", !error && !is_same);
    json_end_object (&r->json);
    return;
  }
  if (error) {
    message ("%s", error);
    return;
  }
  if (r->options->quiet)
    return;
  print_safe (stdout, path);
  fputs (is_same ? ": stays " : ": ", stdout);
  print_safe (stdout, new);
  putchar ('\n');
}

static void
relocate (struct relocation *r, const char *path)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { 0 };
  CLEANUP_FREE char *folder = NULL;
  struct error err = ERROR_INIT;
  struct recipe *recipe = NULL;

  if (sidecar_read (&sidecar, path, &err) == 0)
    recipe = recipe_open (sidecar.dedup_file, &err);
  if (recipe && recipe->n_sources == 0)
    folder = strdup (sidecar.source_dir);
  else if (recipe) {
    folder = find_folder (r, recipe, sidecar.source_dir, &err);
    if (!folder)
      error_context (&err, "%s", path);
  }
  if (folder && strcmp (folder, sidecar.source_dir) != 0 &&
      sidecar_set_source_dir (path, &sidecar, recipe, folder, &err) == -1)
    free (take_ptr (&folder));
  recipe_close (recipe);
  tell (r, path, sidecar.source_dir, folder, folder ? NULL : err.text);
}

/* ---- All */

static void
relocate_recipe (struct relocation *r, const char *path)
{
  CLEANUP_FREE char *sidecar = sidecar_path (path);

  if (sidecar)
    relocate (r, sidecar);
}

/* Has the library this title from the sidecar of its recipe, or would have it from one? */
static bool
is_from_sidecar (const struct title *t)
{
  CLEANUP_FREE char *path = sidecar_path (t->recipe);

  return !path || !t->yaml || same_file (t->yaml, path);
}

/* The file that names it is its author's: it is not changed, but it is not right either. */
static void
look_at_named (struct relocation *r, const struct title *t)
{
  struct error err = ERROR_INIT;
  struct recipe *recipe = recipe_open (t->recipe, &err);
  bool is_right = recipe && has_sources (r, recipe, t->source_dir, &err);

  recipe_close (recipe);
  if (!is_right)
    error_context (&err,
                   "%s: \"%s\" is named by a YAML file that is not its sidecar, with the "
                   "source_dir %s: change that there",
                   t->recipe, t->name, t->source_dir);
  tell (r, t->yaml, t->source_dir, is_right ? t->source_dir : NULL,
        is_right ? NULL : err.text);
}

static void
relocate_library (struct relocation *r, const char *path)
{
  const struct library_look look = { 0 };
  CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
  struct error err = ERROR_INIT;

  if (library_config_read (&config, &path, 1, &look, NULL, NULL, &err) == -1) {
    message ("%s", err.text);
    r->n_failed++;
    return;
  }
  for (size_t i = 0; i < config.n_problems; i++)
    message ("%s", config.problems[i]);
  r->n_failed += config.n_problems;
  for (size_t i = 0; i < config.n && !interrupted (); i++)
    if (is_from_sidecar (&config.titles[i]))
      relocate_recipe (r, config.titles[i].recipe);
    else
      look_at_named (r, &config.titles[i]);
}

static int
relocate_all (struct relocation *r, struct error *err)
{
  for (size_t i = 0; i < r->options->n_args && !interrupted (); i++) {
    const char *path = r->options->args[i];
    struct stat st;

    if (path_without (path, ".mkvdup") > 0 && stat (path, &st) == 0 &&
        !S_ISDIR (st.st_mode))
      relocate_recipe (r, path);
    else
      relocate_library (r, path);
  }
  return interrupted () ? error_set (err, 0, "interrupted") : 0;
}

static void
finish (struct relocation *r)
{
  if (r->options->json) {
    json_end_array (&r->json);
    json_number (&r->json, "changed", r->n_changed);
    json_number (&r->json, "same", r->n_same);
    json_number (&r->json, "failed", r->n_failed);
    json_finish (&r->json);
  }
  else if (!r->options->quiet)
    printf ("%zu changed, %zu as before, %zu failed\n", r->n_changed, r->n_same,
            r->n_failed);
}

static enum exit_status
run (const struct options *options)
{
  struct relocation r = { .options = options };
  struct error err = ERROR_INIT;
  int result;

  if (options->n_sources == 0)
    return options_refuse (&command_relocate, "--source=PATH is missing");
  interrupt_catch ();
  r.search = source_search_new (options->sources, options->n_sources, NULL);
  if (!r.search) {
    message ("out of memory");
    return EXIT_FAILED;
  }
  if (options->json) {
    r.json = json_start (stdout);
    json_array (&r.json, "sidecars");
  }
  result = relocate_all (&r, &err);
  finish (&r);
  source_search_free (r.search);
  if (result == -1)
    message ("%s", err.text);
  return result == 0 && r.n_failed == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_relocate = {
  .name = "relocate",
  .operands = "FILE.mkvdup|LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_SOURCE | ACCEPT_SOURCES | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "tell sidecars where the discs are now",
  .description =
    "Write into the sidecars of recipes, or of all recipes of a LIBRARY, that their\n"
    "sources are at or below --source, once it has been seen that they are.\n",
  .run = run,
};
