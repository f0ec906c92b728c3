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

#include "cleanup.h"
#include "command.h"
#include "create.h"
#include "discs.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "phases.h"
#include "recipe.h"
#include "recipe_old.h"
#include "sidecar.h"

/* Saving less than this is hardly worth keeping a disc image for; most likely it is
 * the wrong disc, or the MKV was coded anew.
 */
#define WORTH_PERCENT 75.0

static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash ? slash + 1 : path;
}

/* The recipe's name: as given, or the MKV's with another extension.  Malloced. */
static char *
recipe_name (const struct options *options)
{
  const char *mkv = options->args[0];
  const char *base = base_name (mkv);
  const char *dot = strrchr (base, '.');
  size_t len = dot && dot != base ? (size_t) (dot - mkv) : strlen (mkv);
  char *name;

  if (options->output)
    return strdup (options->output);
  return asprintf (&name, "%.*s.mkvdup", (int) len, mkv) == -1 ? NULL : name;
}

/* Are these two paths one file? */
static bool
same_file (const char *a, const char *b)
{
  struct stat sa, sb;

  return stat (a, &sa) == 0 && stat (b, &sb) == 0 && sa.st_dev == sb.st_dev &&
         sa.st_ino == sb.st_ino;
}

/* What a recipe is made of. */
struct input {
  const struct options *options;
  const char *mkv;
  const char **sources; /* n of them, owned, but not what they are */
  size_t n;
  struct discs discs; /* that were asked, if no source was given */
};

static void
input_free (struct input *in)
{
  free (in->sources);
  discs_close (&in->discs);
}

/* `path` is about to be replaced: it may not be the MKV or a source. */
static int
check_not_input (const char *path, const struct input *in, struct error *err)
{
  bool is = same_file (path, in->mkv);

  for (size_t i = 0; i < in->n; i++)
    is = is || same_file (path, in->sources[i]);
  return is ? error_set (err, 0, "%s: is what the recipe is to be made of: not replaced",
                         path)
            : 0;
}

static int
check_names (const char *out, const char *sidecar, const struct input *in,
             struct error *err)
{
  const struct options *options = in->options;
  struct error ignored;
  struct recipe *old;
  bool is_ours;

  /* Such a recipe would be tiny, and worth nothing once the MKV is deleted. */
  for (size_t i = 0; i < in->n; i++)
    if (same_file (in->mkv, in->sources[i]))
      return error_set (err, 0, "%s: is given as its own source", in->mkv);
  if (check_not_input (out, in, err) == -1 || check_not_input (sidecar, in, err) == -1)
    return -1;
  if (options->force || access (out, F_OK) == -1)
    return 0;
  old = recipe_open (out, &ignored);
  /* One of the Go program is perhaps all that is left of an MKV. */
  is_ours = old && !recipe_old_facts (old);
  recipe_close (old);
  if (!is_ours)
    return error_set (err, 0,
                      "%s: exists and is no recipe of this program: not replaced without "
                      "--force",
                      out);
  return 0;
}

/* ---- Discs that are known */

/* Why none of the discs can be taken. */
static int
no_disc (const struct input *in, const struct disc_answers *answers, const char *library,
         struct error *err)
{
  const struct disc_answer *best = answers->list;

  if (answers->verdict == VERDICT_NONE)
    return error_set (err, 0,
                      "%s: is of none of the %zu discs that %s knows: scan the folder "
                      "where its disc is, or give the disc",
                      in->mkv, in->discs.library.n, library);
  if (answers->verdict == VERDICT_PART)
    return error_set (err, 0,
                      "%s: only %.0f %% of it is on %s, and no more on any disc that %s "
                      "knows: give its disc",
                      in->mkv, 100.0 * best->found / (best->asked ? best->asked : 1),
                      in->discs.library.discs[best->disc].path, library);
  return error_set (err, 0, "%s: is of %s, which is not there any more", in->mkv,
                    in->discs.library.discs[best->disc].path);
}

/* The discs that answer become the sources, but for those that are gone. */
static int
take_answers (struct input *in, const struct disc_answers *answers, const char *library,
              struct error *err)
{
  in->sources = calloc (answers->n_needed + 1, sizeof *in->sources);
  if (!in->sources)
    return error_set (err, ENOMEM, "%s", library);
  for (size_t i = 0; i < answers->n_needed; i++) {
    const struct disc_answer *a = &answers->list[i];
    const char *path = in->discs.library.discs[a->disc].path;

    if (!in->discs.gone[a->disc])
      in->sources[in->n++] = path;
    else if (answers->n_needed > 1)
      message ("warning: a part of %s is of %s, which is not there any more", in->mkv,
               path);
  }
  return in->n > 0 ? 0 : no_disc (in, answers, library, err);
}

static int
find_sources (struct input *in, struct error *err)
{
  CLEANUP_DISC_ANSWERS struct disc_answers answers = { 0 };
  CLEANUP_FREE char *library = discs_path (in->options, err);

  if (!library || discs_open (&in->discs, library, err) == -1)
    return -1;
  if (in->discs.library.n == 0)
    return error_set (
      err, 0, "%s: no disc is known: give one, or let mkvdup scan find them", library);
  if (discs_ask (&answers, &in->discs, in->mkv, err) == -1 ||
      take_answers (in, &answers, library, err) == -1)
    return -1;
  for (size_t i = 0; i < in->n && !in->options->quiet; i++)
    message ("%s: is of %s", in->mkv, in->sources[i]);
  return 0;
}

/* The sources that are given, or else the discs that answer. */
static int
input_init (struct input *in, const struct options *options, struct error *err)
{
  *in = (struct input){ .options = options, .mkv = options->args[0] };
  if (options->n_args == 1)
    return find_sources (in, err);
  in->n = options->n_args - 1;
  in->sources = calloc (in->n, sizeof *in->sources);
  if (!in->sources)
    return error_set (err, ENOMEM, "%s", in->mkv);
  for (size_t i = 0; i < in->n; i++)
    in->sources[i] = options->args[1 + i];
  return 0;
}

/* ---- The work */

static int
make_recipe (const struct input *in, const char *out, const char *sidecar,
             struct create_report *report, struct error *err)
{
  const struct options *options = in->options;
  struct phases phases = { .quiet = options->quiet };
  struct create_options create = {
    .mkv = in->mkv,
    .sources = in->sources,
    .n_sources = in->n,
    .out = out,
    .sidecar = sidecar,
    .threads = options->threads,
    .progress = phases_tell,
    .opaque = &phases,
  };
  int r = create_recipe (&create, report, err);

  return phases_end (&phases, r, err);
}

static int
create (const struct options *options, const char *out, struct create_report *report,
        struct error *err)
{
  __attribute__ ((cleanup (input_free))) struct input in = { .n = 0 };
  CLEANUP_FREE char *sidecar = sidecar_path (out);

  if (!sidecar)
    return error_set (err, ENOMEM, "%s", out);
  if (input_init (&in, options, err) == -1 || check_names (out, sidecar, &in, err) == -1)
    return -1;
  return make_recipe (&in, out, sidecar, report, err);
}

static double
total_seconds (const struct create_report *report)
{
  double sum = 0;

  for (size_t i = 0; i < PHASES; i++)
    sum += report->seconds[i];
  return sum;
}

static void
warn (const struct create_report *report)
{
  double saved = percent_saved (report->recipe_bytes, report->mkv_bytes);

  if (report->scrambled_source)
    message ("warning: %s: %.1f %% of its packets are scrambled (%s): what is in them "
             "cannot be found",
             report->scrambled_source,
             100.0 * (double) report->scrambled / (double) report->packets,
             report->scrambling);
  if (saved < WORTH_PERCENT)
    message ("warning: only %.1f %% is saved: is this the right disc?", saved);
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

static enum exit_status
run (const struct options *options)
{
  __attribute__ ((cleanup (create_report_free))) struct create_report report = { 0 };
  CLEANUP_FREE char *out = recipe_name (options);
  struct error err = ERROR_INIT;
  int r;

  if (!out) {
    message ("out of memory");
    return EXIT_FAILED;
  }
  interrupt_catch ();
  r = create (options, out, &report, &err);
  if (options->json)
    print_json (options, out, r == -1 ? err.text : NULL, &report);
  else if (r == 0 && !options->quiet)
    print_good (options, out, &report);
  if (r == -1)
    message ("%s", err.text);
  else
    warn (&report);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_create = {
  .name = "create",
  .operands = "MKV [SOURCE...]",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_OUTPUT | ACCEPT_FORCE | ACCEPT_DISCS | ACCEPT_THREADS | ACCEPT_QUIET |
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
