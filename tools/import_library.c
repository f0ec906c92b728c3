/* SPDX-License-Identifier: BSD-3-Clause */
/* Converting a library: see import_library.h. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_library.h"
#include "cleanup.h"
#include "folders.h"
#include "import_library.h"
#include "interrupt.h"
#include "message.h"
#include "path.h"
#include "recipe_old.h"
#include "sidecar.h"

enum outcome {
  OUTCOME_CONVERTED,
  OUTCOME_THERE, /* it had been */
  OUTCOME_OURS,  /* it is no recipe of the Go program */
  OUTCOME_FAILED,
  OUTCOMES,
};

static const char *const outcome_names[OUTCOMES] = { "converted", "there already",
                                                     "of this program already",
                                                     "failed" };
static const char *const outcome_keys[OUTCOMES] = { "converted", "there", "ours",
                                                    "failed" };

struct importing {
  const struct options *options;
  struct check_library library;
  struct json json;
  unsigned counts[OUTCOMES];
  uint64_t old_bytes, new_bytes; /* of what is converted */
};

/* ---- Where it goes */

/* "FOLDER/Films/Movie.mkvdup"; malloced. */
static char *
output_of (const struct importing *all, const struct title *title, struct error *err)
{
  CLEANUP_FREE char *relative = import_name (title->name, ".mkvdup");
  char *out;

  if (!relative || asprintf (&out, "%s/%s", all->options->output, relative) == -1) {
    error_set (err, ENOMEM, "%s", title->name);
    return NULL;
  }
  if (recipe_path_is_safe (relative))
    return out;
  error_set (err, 0, "%s: a name that cannot be a file's", title->name);
  free (out);
  return NULL;
}

/* What it is called in its folder: whoever serves the new ones puts the folders in front. */
static const char *
name_of (const struct title *title)
{
  return path_base (title->name);
}

/* Two titles may lead to one file, as "Movie" and "Movie.mkv" do. */
static int
check_other (const char *out, const struct title *title, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar s = { 0 };
  CLEANUP_FREE char *path = sidecar_path (out);
  struct error ignored = ERROR_INIT;

  if (!path)
    return error_set (err, ENOMEM, "%s", out);
  if (sidecar_read (&s, path, &ignored) == -1 || strcmp (s.name, name_of (title)) == 0)
    return 0;
  return error_set (err, 0, "%s: is there already, of the title \"%s\"", out, s.name);
}

/* ---- One title */

static int
convert (struct importing *all, struct image *image, const struct title *title,
         const char *out, enum outcome *outcome, struct import_result *result,
         struct error *err)
{
  const struct import import = { .image = image,
                                 .name = name_of (title),
                                 .out = out,
                                 .threads = all->options->threads,
                                 .force = all->options->force,
                                 .quiet = all->options->quiet };

  *outcome = OUTCOME_THERE;
  if (import_is_done (&import, result))
    return 0;
  *outcome = OUTCOME_CONVERTED;
  return check_other (out, title, err) == -1 || folders_make (out, err) == -1
           ? -1
           : import_title (&import, result, err);
}

static enum outcome
import (struct importing *all, const struct title *title, char **out,
        struct import_result *result, struct error *err)
{
  CLEANUP_VISIT struct visit v = { 0 };
  enum outcome outcome = OUTCOME_FAILED;

  *out = output_of (all, title, err);
  if (!*out || visit_begin (&v, &all->library, title, err) == -1)
    return OUTCOME_FAILED;
  if (!recipe_old_facts (image_recipe (v.image)))
    return OUTCOME_OURS;
  return convert (all, v.image, title, *out, &outcome, result, err) == -1 ? OUTCOME_FAILED
                                                                          : outcome;
}

/* ---- Telling */

static void
json_title (struct json *j, const struct title *title, const char *out,
            enum outcome outcome, const struct import_result *result,
            const struct error *err)
{
  json_object (j, NULL);
  json_string (j, "title", title->name);
  json_string (j, "old", title->recipe);
  json_string (j, "result", outcome_keys[outcome]);
  if (outcome == OUTCOME_FAILED)
    json_string (j, "error", err->text);
  else if (outcome != OUTCOME_OURS) {
    json_string (j, "recipe", out);
    import_json_result (j, result);
  }
  json_end_object (j);
}

static void
tell (struct importing *all, const struct title *title, const char *out,
      enum outcome outcome, const struct import_result *result, const struct error *err)
{
  if (all->options->json)
    json_title (&all->json, title, out, outcome, result, err);
  else if (outcome == OUTCOME_CONVERTED && !all->options->quiet)
    import_print_result (out, result);
  if (outcome == OUTCOME_FAILED)
    message ("%s: %s", title->name, err->text);
  all->counts[outcome]++;
  if (outcome <= OUTCOME_THERE) {
    all->old_bytes += result->old_size;
    all->new_bytes += result->new_size;
  }
}

static void
tell_sum (struct importing *all)
{
  char old[AMOUNT_MAX], new[AMOUNT_MAX];
  const char *separator = "";

  if (all->options->json) {
    json_end_array (&all->json);
    json_object (&all->json, "summary");
    for (unsigned i = 0; i < OUTCOMES; i++)
      json_number (&all->json, outcome_keys[i], all->counts[i]);
    json_number (&all->json, "problems", all->library.n_problems);
    json_number (&all->json, "old_size", all->old_bytes);
    json_number (&all->json, "recipe_size", all->new_bytes);
    json_bool (&all->json, "interrupted", interrupted ());
    json_end_object (&all->json);
    json_finish (&all->json);
  }
  else if (!all->options->quiet) {
    for (unsigned i = 0; i < OUTCOMES; i++) {
      if (all->counts[i] > 0 || i == OUTCOME_CONVERTED) {
        printf ("%s%u %s", separator, all->counts[i], outcome_names[i]);
        separator = ", ";
      }
    }
    printf ("; recipes of %s instead of %s\n", amount_bytes (all->new_bytes, new),
            amount_bytes (all->old_bytes, old));
  }
}

/* ---- All */

static void
import_all (struct importing *all)
{
  const struct snapshot *s = all->library.snapshot;

  for (size_t i = 0; i < all->library.n_problems; i++)
    message ("%s", all->library.problems[i]);
  for (uint32_t i = 0; i < s->n && !interrupted (); i++) {
    struct import_result result = { 0 };
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *out = NULL;
    enum outcome outcome = import (all, s->titles[i], &out, &result, &err);

    /* What was cut off is neither. */
    if (outcome != OUTCOME_FAILED || !interrupted ())
      tell (all, s->titles[i], out, outcome, &result, &err);
  }
}

enum exit_status
import_library (const struct options *options)
{
  struct importing all = { .options = options };
  struct error err = ERROR_INIT;
  bool good;

  interrupt_catch ();
  if (check_library_open (&all.library, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  if (check_library_want_titles (&all.library, options, &err) == -1) {
    message ("%s", err.text);
    check_library_close (&all.library);
    return EXIT_FAILED;
  }
  if (options->json) {
    all.json = json_start (stdout);
    json_array (&all.json, "titles");
  }
  import_all (&all);
  tell_sum (&all);
  if (interrupted ())
    message ("interrupted: the same command goes on where this ended");
  good =
    all.counts[OUTCOME_FAILED] == 0 && all.library.n_problems == 0 && !interrupted ();
  check_library_close (&all.library);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
