/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup create: a recipe and its sidecar from an MKV and its disc.
 *
 * The work is the indexer's; here is what has to do with names, and the
 * report.  Nothing that the recipe is made of is ever replaced by it, and without
 * --force nothing but an older recipe is.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch_list.h"
#include "cleanup.h"
#include "command.h"
#include "create.h"
#include "input.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "original.h"
#include "phases.h"
#include "recipe_warnings.h"
#include "served.h"
#include "sidecar.h"
#include "tree.h"
#include "user_folders.h"

/* ---- The work */

static int
make_recipe (const struct options *options, const struct input *in, const char *out,
             const char *sidecar, struct create_report *report, struct error *err)
{
  CLEANUP_FREE char *keep = options->keep_index ? index_folder (err) : NULL;
  struct phases phases = { .quiet = options->quiet };
  struct create_options create = {
    .mkv = in->mkv,
    .sources = in->sources,
    .n_sources = in->n,
    .out = out,
    .sidecar = sidecar,
    .name = options->name,
    .keep = keep,
    .threads = options->threads,
    .replaces_any = options->force,
    .progress = phases_tell,
    .opaque = &phases,
  };
  int r;

  if (options->keep_index && !keep)
    return -1;
  r = create_recipe (&create, report, err);
  return phases_end (&phases, r, err);
}

static int
find_input (struct input *in, const struct options *options, struct error *err)
{
  if (options->n_args == 1)
    return input_ask_library (in, options->args[0], options, err);
  return input_give (in, options->args[0], (const char *const *) options->args + 1,
                     options->n_args - 1, err);
}

static int
create (const struct options *options, const char *out, struct create_report *report,
        struct error *err)
{
  CLEANUP_INPUT struct input in = { .n = 0 };
  CLEANUP_FREE char *sidecar = sidecar_path (out);

  if (!sidecar)
    return error_set (err, ENOMEM, "%s", out);
  if (find_input (&in, options, err) == -1 ||
      input_check_names (&in, out, sidecar, options->force, err) == -1)
    return -1;
  return make_recipe (options, &in, out, sidecar, report, err);
}

static double
total_seconds (const struct create_report *report)
{
  double sum = 0;

  for (size_t i = 0; i < PHASES; i++)
    sum += report->seconds[i];
  return sum;
}

/* After the result has been told. */
static int
original_end (const struct original *original, const char *out,
              const struct create_report *report, const struct options *options,
              struct error *err)
{
  if (fflush (stdout) != 0 || ferror (stdout)) {
    message ("standard output: %m; the MKV is kept");
    return -1;
  }
  switch (original_delete (original, out, report, options->yes, err)) {
  case ORIGINAL_DELETED:
    if (!options->quiet)
      message ("%s: deleted", original->path);
    return 0;
  case ORIGINAL_KEPT:
    message ("%s: kept", original->path);
    return 0;
  case ORIGINAL_FAILED:
    break;
  }
  message ("%s", err->text);
  return -1;
}

static void
print_track (const struct create_track *t)
{
  char bytes[AMOUNT_MAX];

  if (t->number == 0)
    fputs ("  outside of blocks", stdout);
  else {
    printf ("  track %llu ", (unsigned long long) t->number);
    print_safe (stdout, t->codec);
    printf (": %llu blocks", (unsigned long long) t->frames);
  }
  printf (", %s, %.4f %% of it found\n", amount_bytes (t->bytes, bytes),
          100 - percent_saved (t->found, t->bytes));
}

/* What was found, and what went into the recipe as it is. */
static void
print_found (const struct create_report *report)
{
  char literal[AMOUNT_MAX];

  for (size_t i = 0; i < report->n_tracks; i++)
    print_track (&report->tracks[i]);
  printf ("  not on the sources: %s\n", amount_bytes (report->literal_bytes, literal));
}

static void
print_seconds (const struct create_report *report)
{
  for (size_t i = 0; i < PHASES; i++)
    printf ("  %s: %.1f s\n", phase_name (i), report->seconds[i]);
}

static void
print_good (const struct options *options, const char *out,
            const struct create_report *report)
{
  char recipe[AMOUNT_MAX], mkv[AMOUNT_MAX];

  print_safe (stdout, out);
  printf (
    ": %s for %s, %.3f %% saved, every byte verified (%.1f s)\n",
    amount_bytes (report->recipe_bytes, recipe), amount_bytes (report->mkv_bytes, mkv),
    percent_saved (report->recipe_bytes, report->mkv_bytes), total_seconds (report));
  print_found (report);
  if (options->verbose)
    print_seconds (report);
}

static void
print_tracks_json (struct json *j, const struct create_report *report)
{
  json_array (j, "tracks");
  for (size_t i = 0; i < report->n_tracks; i++) {
    const struct create_track *t = &report->tracks[i];

    json_object (j, NULL);
    json_number (j, "number", t->number);
    json_string (j, "codec", t->codec);
    json_number (j, "frames", t->frames);
    json_number (j, "bytes", t->bytes);
    json_number (j, "found", t->found);
    json_end_object (j);
  }
  json_end_array (j);
}

static void
print_report_json (struct json *j, const struct create_report *report)
{
  json_string (j, "source_dir", report->base);
  json_number (j, "mkv_size", report->mkv_bytes);
  json_number (j, "source_size", report->source_bytes);
  json_number (j, "recipe_size", report->recipe_bytes);
  json_decimal (j, "saved_percent",
                percent_saved (report->recipe_bytes, report->mkv_bytes));
  json_number (j, "literal_bytes", report->literal_bytes);
  json_number (j, "sources_used", report->n_sources);
  json_bool (j, "scrambled", report->scrambled_source);
  if (report->scrambled_source) {
    json_string (j, "scrambled_source", report->scrambled_source);
    json_string (j, "scrambling", report->scrambling);
    json_number (j, "packets", report->packets);
    json_number (j, "scrambled_packets", report->scrambled);
  }
  print_tracks_json (j, report);
  json_object (j, "seconds");
  for (size_t i = 0; i < PHASES; i++)
    json_decimal (j, phase_name (i), report->seconds[i]);
  json_end_object (j);
}

static void
print_json (const struct options *options, const char *out, const char *error,
            const struct create_report *report)
{
  struct json j = json_start (stdout);

  json_string (&j, "mkv", options->args[0]);
  json_string (&j, "recipe", out);
  json_bool (&j, "good", !error);
  if (error)
    json_string (&j, "error", error);
  else
    print_report_json (&j, report);
  json_finish (&j);
}

/* Whether the original can be deleted, and who is to be asked, is to be known before the work
 * is done.
 */
static int
look_at_original (const struct options *options, const char *out,
                  struct original *original, struct error *err)
{
  if (!options->delete_original)
    return 0;
  if (original_can_ask (options->yes, err) == -1 ||
      original_look (original, options->args[0], err) == -1)
    return -1;
  return served_can_tell (out, err) == 0
           ? 0
           : error_context (err, "%s: is kept", options->args[0]);
}

static enum exit_status
run (const struct options *options)
{
  __attribute__ ((cleanup (create_report_free))) struct create_report report = { 0 };
  CLEANUP_FREE char *out =
    options->output ? strdup (options->output) : recipe_name_of (options->args[0]);
  struct error err = ERROR_INIT;
  struct original original;
  int r;

  if (!out) {
    message ("out of memory");
    return EXIT_FAILED;
  }
  if (options->yes && !options->delete_original)
    return options_refuse (&command_create,
                           "--yes is of no use without --delete-original");
  if (options->discs && options->n_args > 1)
    return options_refuse (&command_create, "--discs=FILE or sources, not both");
  if (options->name && tree_check_name (options->name, &err) == -1) {
    message ("--name: %s", err.text);
    return EXIT_USAGE;
  }
  interrupt_catch ();
  r = look_at_original (options, out, &original, &err);
  if (r == 0)
    r = create (options, out, &report, &err);
  if (options->json)
    print_json (options, out, r == -1 ? err.text : NULL, &report);
  else if (r == 0 && !options->quiet)
    print_good (options, out, &report);
  if (r == -1)
    message ("%s", err.text);
  else
    recipe_warnings (options->args[0], &report);
  if (r == 0 && options->delete_original)
    r = original_end (&original, out, &report, options, &err);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_create = {
  .name = "create",
  .operands = "MKV [SOURCE...]",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_KEEP_INDEX | ACCEPT_DELETE | ACCEPT_NAME | ACCEPT_OUTPUT |
             ACCEPT_FORCE | ACCEPT_DISCS | ACCEPT_FEW_THREADS | ACCEPT_QUIET |
             ACCEPT_VERBOSE | ACCEPT_JSON,
  .summary = "make a recipe of an MKV and the disc it was made of",
  .description =
    "Compare MKV with the disc it was made of, and write a recipe: where on the disc "
    "each\n"
    "byte of it lies, and the few bytes that lie nowhere.  A SOURCE is a disc image or "
    "a\n"
    "folder with a disc's files; without one, the discs that \"mkvdup scan\" found are\n"
    "asked.  The recipe is read back and compared with MKV, byte "
    "by\n"
    "byte, before it gets its name: that of MKV with the extension .mkvdup, beside it, "
    "or\n"
    "what --output says.  A sidecar, FILE.mkvdup.yaml, tells where the sources are.\n",
  .run = run,
};
