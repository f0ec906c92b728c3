/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup batch: recipes of many MKVs, of a manifest or of folders.
 *
 * Originals are deleted one by one as their recipes are made, if --yes says so: that is what
 * makes room for the next.  Otherwise they are asked about once, when all is done.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch_names.h"
#include "batch_run.h"
#include "cleanup.h"
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "recipe_warnings.h"

static const char *const result_names[] = { "waits", "made", "there", "failed" };

struct sum {
  size_t n[4]; /* by result */
  size_t deleted, not_deleted;
  uint64_t mkv_bytes, recipe_bytes; /* of those that were made */
};

static void
print_made (const struct batch_job *job)
{
  const struct create_report *r = &job->report;
  char recipe[AMOUNT_MAX], mkv[AMOUNT_MAX];

  print_safe (stdout, job->entry->recipe);
  printf (": %s for %s, %.3f %% saved\n", amount_bytes (r->recipe_bytes, recipe),
          amount_bytes (r->mkv_bytes, mkv),
          percent_saved (r->recipe_bytes, r->mkv_bytes));
  fflush (stdout);
}

static void
delete_original (struct batch *b, struct batch_job *job, struct sum *sum)
{
  struct error err = ERROR_INIT;

  /* Who cannot be told what was made has not heard what would replace it. */
  if (fflush (stdout) != 0 || ferror (stdout)) {
    sum->not_deleted++;
    message ("standard output: %m; %s: is kept", job->entry->mkv);
    return;
  }
  if (original_delete (&job->original, job->entry->recipe, &job->report, true, &err) ==
      ORIGINAL_DELETED) {
    sum->deleted++;
    if (!b->options->quiet)
      message ("%s: deleted", job->entry->mkv);
    return;
  }
  sum->not_deleted++;
  message ("%s", err.text);
}

/* A job is done. */
static void
tell_done (void *opaque, struct batch *b, struct batch_job *job)
{
  struct sum *sum = opaque;

  if (job->result == BATCH_FAILED) {
    message ("%s", job->err.text);
    return;
  }
  recipe_warnings (job->entry->mkv, &job->report);
  if (!b->options->quiet && !b->options->json)
    print_made (job);
  if (b->options->delete_original && b->options->yes)
    delete_original (b, job, sum);
}

static void
add_up (const struct batch *b, struct sum *sum)
{
  for (size_t i = 0; i < b->n; i++) {
    const struct batch_job *job = &b->jobs[i];

    sum->n[job->result]++;
    if (job->result != BATCH_MADE)
      continue;
    sum->mkv_bytes += job->report.mkv_bytes;
    sum->recipe_bytes += job->report.recipe_bytes;
  }
}

/* One question for all of them. */
static void
ask_and_delete (struct batch *b, struct sum *sum)
{
  char size[AMOUNT_MAX];

  fprintf (stderr,
           "mkvdup: delete the %zu MKVs (%s) whose recipes were made and verified now?",
           sum->n[BATCH_MADE], amount_bytes (sum->mkv_bytes, size));
  if (!original_confirmed ()) {
    message ("all are kept");
    return;
  }
  for (size_t i = 0; i < b->n; i++)
    if (b->jobs[i].result == BATCH_MADE)
      delete_original (b, &b->jobs[i], sum);
}

/* ---- The result */

static void
print_sum (const struct batch *b, const struct sum *sum)
{
  char mkv[AMOUNT_MAX], recipe[AMOUNT_MAX];

  printf ("%zu %s: %zu made, %zu there already, %zu failed", b->n,
          b->n == 1 ? "MKV" : "MKVs", sum->n[BATCH_MADE], sum->n[BATCH_THERE],
          sum->n[BATCH_FAILED]);
  if (sum->n[BATCH_WAITS] > 0)
    printf (", %zu not done", sum->n[BATCH_WAITS]);
  if (sum->n[BATCH_MADE] > 0)
    printf ("; %s for %s, %.3f %% saved", amount_bytes (sum->recipe_bytes, recipe),
            amount_bytes (sum->mkv_bytes, mkv),
            percent_saved (sum->recipe_bytes, sum->mkv_bytes));
  putchar ('\n');
  for (size_t i = 0; i < b->n; i++)
    if (b->jobs[i].result == BATCH_FAILED) {
      fputs ("failed: ", stdout);
      print_safe (stdout, b->jobs[i].entry->mkv);
      putchar ('\n');
    }
}

static void
print_job_json (struct json *j, const struct batch_job *job)
{
  json_object (j, NULL);
  json_string (j, "mkv", job->entry->mkv);
  json_string (j, "recipe", job->entry->recipe);
  json_string (j, "result", result_names[job->result]);
  if (job->result == BATCH_FAILED)
    json_string (j, "error", job->err.text);
  if (job->result == BATCH_MADE) {
    json_string (j, "source_dir", job->report.base);
    json_number (j, "mkv_size", job->report.mkv_bytes);
    json_number (j, "recipe_size", job->report.recipe_bytes);
    json_number (j, "literal_bytes", job->report.literal_bytes);
  }
  json_end_object (j);
}

static void
print_json (struct json *j, const struct batch *b, const struct sum *sum)
{
  for (size_t i = 0; i < b->n; i++)
    print_job_json (j, &b->jobs[i]);
  json_end_array (j);
  json_object (j, "summary");
  json_number (j, "files", b->n);
  json_number (j, "made", sum->n[BATCH_MADE]);
  json_number (j, "there", sum->n[BATCH_THERE]);
  json_number (j, "failed", sum->n[BATCH_FAILED]);
  json_number (j, "waits", sum->n[BATCH_WAITS]);
  json_number (j, "deleted", sum->deleted);
  json_number (j, "not_deleted", sum->not_deleted);
  json_number (j, "mkv_bytes", sum->mkv_bytes);
  json_number (j, "recipe_bytes", sum->recipe_bytes);
  json_bool (j, "interrupted", interrupted ());
  json_end_object (j);
  json_finish (j);
}

/* ---- The command */

static int
read_list (struct batch_list *list, const struct options *options, struct error *err)
{
  for (size_t i = 0; i < options->n_args; i++)
    if (batch_list_add (list, options->args[i], options->output, err) == -1)
      return -1;
  return batch_names_check (list, err);
}

static int
check_options (const struct options *o, struct error *err)
{
  if (o->order && strcmp (o->order, "smallest") != 0 &&
      strcmp (o->order, "largest") != 0 && strcmp (o->order, "priority") != 0)
    return error_set (err, 0, "--order: \"%s\" is none of smallest, largest, priority",
                      o->order);
  if (o->yes && !o->delete_original)
    return error_set (err, 0, "--yes is of no use without --delete-original");
  return o->delete_original ? original_can_ask (o->yes, err) : 0;
}

static enum exit_status
do_batch (const struct options *options, const struct batch_list *list)
{
  CLEANUP_BATCH struct batch batch;
  struct error err = ERROR_INIT;
  struct sum sum = { .deleted = 0 };
  struct json json;

  if (batch_plan (&batch, list, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  batch.done = tell_done;
  batch.opaque = &sum;
  for (size_t i = 0; i < batch.n; i++)
    if (batch.jobs[i].result == BATCH_FAILED)
      message ("%s", batch.jobs[i].err.text);
  /* Begun now, so that it shows whether it can be written before anything is deleted. */
  if (options->json) {
    json = json_start (stdout);
    json_array (&json, "files");
  }
  batch_run (&batch);
  add_up (&batch, &sum);
  if (interrupted ())
    message ("interrupted");
  else if (options->delete_original && !options->yes && sum.n[BATCH_MADE] > 0)
    ask_and_delete (&batch, &sum);
  if (options->json)
    print_json (&json, &batch, &sum);
  else if (!options->quiet || sum.n[BATCH_FAILED] > 0)
    print_sum (&batch, &sum);
  return sum.n[BATCH_FAILED] + sum.n[BATCH_WAITS] + sum.not_deleted > 0 ? EXIT_FAILED
                                                                        : EXIT_GOOD;
}

static enum exit_status
run (const struct options *options)
{
  CLEANUP_BATCH_LIST struct batch_list list = { 0 };
  struct error err = ERROR_INIT;

  if (check_options (options, &err) == -1)
    return options_refuse (&command_batch, err.text);
  if (read_list (&list, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  interrupt_catch ();
  return do_batch (options, &list);
}

const struct command command_batch = {
  .name = "batch",
  .operands = "MANIFEST.yaml|DIR|MKV...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_FORCE | ACCEPT_DISCS | ACCEPT_BATCH | ACCEPT_KEEP_INDEX |
             ACCEPT_DELETE | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "make the recipes of many MKVs",
  .description =
    "Make the recipes of all MKVs that a manifest names, or that are below a folder.  "
    "Every\n"
    "disc is read once for all its rips.  Discs are those that the manifest or --source\n"
    "names, or else those that \"mkvdup scan\" has found.  One that fails stops no "
    "other;\n"
    "what is there already is not made again.\n",
  .run = run,
};
