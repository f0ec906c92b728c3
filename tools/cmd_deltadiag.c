/* SPDX-License-Identifier: BSD-3-Clause */
/* mkvdup deltadiag: what the bytes are that are on no source. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "delta.h"
#include "delta_input.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "progress.h"

static double
percent (uint64_t part, uint64_t whole)
{
  return whole > 0 ? 100 * (double) part / (double) whole : 0;
}

static uint64_t
literal_of (const struct delta_track *t)
{
  uint64_t bytes = 0;

  for (unsigned i = 0; i < DELTA_KINDS; i++)
    bytes += t->counts[i].bytes;
  return bytes;
}

/* ---- JSON */

static void
json_track (struct json *j, const struct delta_track *t)
{
  json_object (j, NULL);
  json_number (j, "track", t->number);
  if (t->codec[0])
    json_string (j, "codec", t->codec);
  json_number (j, "frames", t->frames);
  json_number (j, "payload", t->payload);
  json_number (j, "literal", literal_of (t));
  json_array (j, "kinds");
  for (unsigned i = 0; i < DELTA_KINDS; i++) {
    if (t->counts[i].runs == 0)
      continue;
    json_object (j, NULL);
    json_string (j, "kind", delta_kind_name (i));
    json_number (j, "bytes", t->counts[i].bytes);
    json_number (j, "runs", t->counts[i].runs);
    json_end_object (j);
  }
  json_end_array (j);
  json_end_object (j);
}

static void
json_run (struct json *j, const struct delta_run *run)
{
  json_object (j, NULL);
  json_number (j, "offset", run->at);
  json_number (j, "length", run->len);
  json_decimal (j, "seconds", (double) run->time / 1e9);
  json_number (j, "track", run->track);
  json_string (j, "kind", delta_kind_name (run->kind));
  json_end_object (j);
}

static void
print_json (const struct delta_input *in, const struct delta *d)
{
  struct json j = json_start (stdout);

  json_string (&j, "recipe", in->image.recipe->path);
  json_string (&j, "read_from", in->of);
  json_bool (&j, "matroska", d->is_matroska);
  json_number (&j, "image_size", in->image.recipe->image_size);
  json_number (&j, "literal", d->literal);
  json_number (&j, "runs", d->n_runs);
  json_array (&j, "tracks");
  for (size_t i = 0; i < d->n_tracks; i++)
    json_track (&j, &d->tracks[i]);
  json_end_array (&j);
  json_array (&j, "longest");
  for (unsigned i = 0; i < d->n_longest; i++)
    json_run (&j, &d->longest[i]);
  json_end_array (&j);
  json_finish (&j);
}

/* ---- Text */

static void
print_track (const struct delta_track *t)
{
  if (t->number == 0)
    printf ("no track\n");
  else {
    printf ("track %" PRIu64 " ", t->number);
    print_safe (stdout, t->codec[0] ? t->codec : "?");
    printf (": %" PRIu64 " frames, %" PRIu64 " bytes, of these %" PRIu64
            " on no source (%.4f %%)\n",
            t->frames, t->payload,
            literal_of (t) - t->counts[REGION_BLOCK].bytes -
              t->counts[REGION_CODEC_PRIVATE].bytes,
            percent (literal_of (t) - t->counts[REGION_BLOCK].bytes -
                       t->counts[REGION_CODEC_PRIVATE].bytes,
                     t->payload));
  }
  for (unsigned i = 0; i < DELTA_KINDS; i++)
    if (t->counts[i].runs > 0)
      printf ("  %-16s  %12" PRIu64 " bytes in %" PRIu64 " run%s\n", delta_kind_name (i),
              t->counts[i].bytes, t->counts[i].runs, t->counts[i].runs == 1 ? "" : "s");
}

/* "1:02:03.456" */
static void
print_time (uint64_t ns)
{
  uint64_t ms = ns / 1000000;

  printf ("%" PRIu64 ":%02u:%02u.%03u", ms / 3600000, (unsigned) (ms / 60000 % 60),
          (unsigned) (ms / 1000 % 60), (unsigned) (ms % 1000));
}

static void
print_longest (const struct delta *d)
{
  if (d->n_longest > 0)
    puts ("the longest runs");
  for (unsigned i = 0; i < d->n_longest; i++) {
    const struct delta_run *run = &d->longest[i];

    printf ("  %12" PRIu64 " bytes at 0x%010" PRIx64 ", ", run->len, run->at);
    print_time (run->time);
    printf (", %s", delta_kind_name (run->kind));
    if (run->track > 0)
      printf (" of track %" PRIu64, run->track);
    putchar ('\n');
  }
}

static void
print_text (const struct delta_input *in, const struct delta *d)
{
  const struct recipe *recipe = in->image.recipe;

  print_safe (stdout, recipe->path);
  printf (": %" PRIu64 " of %" PRIu64 " bytes are on no source (%.4f %%), in %" PRIu64
          " runs; told by %s\n",
          d->literal, recipe->image_size, percent (d->literal, recipe->image_size),
          d->n_runs, in->of);
  if (!d->is_matroska)
    puts ("this is no Matroska file");
  for (size_t i = 0; i < d->n_tracks; i++)
    print_track (&d->tracks[i]);
  print_longest (d);
}

/* ---- Both */

static bool
tell_progress (void *opaque, uint64_t done)
{
  progress_update (opaque, done);
  return !interrupted ();
}

static int
make (struct delta *d, struct delta_input *in, const struct options *options,
      struct error *err)
{
  struct progress progress;
  int r;

  progress_start (&progress, "deltadiag", in->input.size, options->quiet);
  r = delta_make (d, in->image.recipe, &in->input, options_threads (options),
                  tell_progress, &progress, err);
  progress_end (&progress);
  if (r == -1 && interrupted ())
    return error_set (err, 0, "interrupted");
  if (r == -1 && in->err.text[0])
    *err = in->err; /* it says more */
  return r;
}

static enum exit_status
run (const struct options *options)
{
  struct delta_input in;
  CLEANUP_DELTA struct delta d = { .literal = 0 };
  struct error err = ERROR_INIT;
  int r;

  interrupt_catch ();
  r = delta_input_open (&in, options->args[0],
                        options->n_args > 1 ? options->args[1] : NULL, options->sources,
                        options->n_sources, &err);
  if (r == 0) {
    r = make (&d, &in, options, &err);
    if (r == 0 && options->json)
      print_json (&in, &d);
    else if (r == 0)
      print_text (&in, &d);
    delta_input_close (&in);
  }
  if (r == -1)
    message ("%s", err.text);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_deltadiag = {
  .name = "deltadiag",
  .operands = "FILE.mkvdup [MKV]",
  .min_args = 1,
  .max_args = 2,
  .accepts = ACCEPT_PLACE | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "tell what the bytes are that are on no source",
  .description =
    "Tell what the bytes of the image of FILE.mkvdup are that are on no source: headers\n"
    "of the MKV, lengths, parts of frames, whole frames; by track, and with the times "
    "of\n"
    "the longest runs.  The structure is read from MKV, or from the image if its\n"
    "sources are there, or else from the recipe alone.\n",
  .run = run,
};
