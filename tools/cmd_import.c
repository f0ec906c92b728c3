/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup import: recipes of the Go program, as recipes of this one.
 *
 * One at a time (import_title.h), or with --library all that a configuration names
 * (import_library.h).
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "command.h"
#include "import_library.h"
#include "import_title.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "open_image.h"
#include "options.h"
#include "path.h"
#include "recipe_old.h"

/* What its sidecar calls the MKV, or else the file is called.  Malloced; NULL with `err` set. */
static char *
find_name (const char *old, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar s = { 0 };
  CLEANUP_FREE char *path = sidecar_path (old);
  struct error ignored = ERROR_INIT;
  const char *base = path_base (old);
  const char *dot = strrchr (base, '.');
  char *name;

  if (path && sidecar_read (&s, path, &ignored) == 0)
    name = take_ptr (&s.name);
  else if (asprintf (&name, "%.*s.mkv",
                     (int) (dot && dot != base ? dot - base : (long) strlen (base)),
                     base) == -1)
    name = NULL;
  if (!name)
    error_set (err, ENOMEM, "%s", old);
  return name;
}

static int
import_one (const struct options *options, struct import_result *result,
            struct error *err)
{
  CLEANUP_OPEN_IMAGE struct open_image subject = { 0 };
  const char *const *sources = (const char *const *) options->args + 1;
  size_t n = options->n_args - 1;
  CLEANUP_FREE char *name = find_name (options->args[0], err);

  if (!name || open_image_open (&subject, options->args[0], sources, n, err) == -1)
    return -1;
  return import_title (&(struct import){ .image = subject.image,
                                         .name = name,
                                         .out = options->output,
                                         .sources = sources,
                                         .n_sources = n,
                                         .threads = options->threads,
                                         .force = options->force,
                                         .quiet = options->quiet },
                       result, err);
}

void
import_json_result (struct json *j, const struct import_result *result)
{
  json_number (j, "image_size", result->image_size);
  json_number (j, "old_size", result->old_size);
  json_number (j, "recipe_size", result->new_size);
  json_decimal (j, "saved_percent", percent_saved (result->new_size, result->image_size));
  json_decimal (j, "seconds", result->seconds);
}

void
import_print_result (const char *out, const struct import_result *result)
{
  char mkv[AMOUNT_MAX], old[AMOUNT_MAX], new[AMOUNT_MAX];

  print_safe (stdout, out);
  printf (": %s for %s, %.3f %% saved (it was %s), every byte verified (%.1f s)\n",
          amount_bytes (result->new_size, new), amount_bytes (result->image_size, mkv),
          percent_saved (result->new_size, result->image_size),
          amount_bytes (result->old_size, old), result->seconds);
}

static void
print_json (const struct options *options, const char *error,
            const struct import_result *result)
{
  struct json j = json_start (stdout);

  json_string (&j, "old", options->args[0]);
  json_string (&j, "recipe", options->output);
  json_bool (&j, "good", !error);
  if (error)
    json_string (&j, "error", error);
  else
    import_json_result (&j, result);
  json_finish (&j);
}

static enum exit_status
run_one (const struct options *options)
{
  struct import_result result = { 0 };
  struct error err = ERROR_INIT;
  int r;

  if (options->n_sources > 0 || options->source_index)
    return options_refuse (&command_import, "--source and --source-index are for "
                                            "--library: name sources behind FILE");
  interrupt_catch ();
  r = import_one (options, &result, &err);
  if (options->json)
    print_json (options, r == -1 ? err.text : NULL, &result);
  else if (r == 0 && !options->quiet)
    import_print_result (options->output, &result);
  if (r == -1)
    message ("%s", err.text);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

static enum exit_status
run (const struct options *options)
{
  if (!options->output)
    return options_refuse (&command_import, options->library
                                              ? "--output=FOLDER is missing"
                                              : "--output=FILE is missing");
  return options->library ? import_library (options) : run_one (options);
}

const struct command command_import = {
  .name = "import",
  .operands = "FILE.mkvdup [SOURCE]... | --library LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_OUTPUT | ACCEPT_FORCE | ACCEPT_SOURCE_INDEX | ACCEPT_FEW_THREADS |
             ACCEPT_QUIET | ACCEPT_JSON | ACCEPT_LIBRARY,
  .summary = "convert recipes of the Go program",
  .description =
    "Make a recipe of the recipe FILE.mkvdup that the Go program of this name made\n"
    "(V3 to V8), and of the disc it is of: the MKV is rebuilt, compared with the hash\n"
    "that FILE.mkvdup has of it, and matched anew.  A SOURCE is a disc image or a "
    "folder\n"
    "with a disc's files; by default they are where the sidecar says.  FILE.mkvdup "
    "stays.\n"
    "With --library all of each LIBRARY, a folder or a YAML file, is converted into the\n"
    "folder that --output names; what is there already is not made again.\n",
  .run = run,
};
