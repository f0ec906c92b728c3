/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup stats: what a library saves, title by title, and what its sources are good for: a
 * table, JSON, and a page of HTML with maps.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "merkle.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "stats.h"
#include "stats_html.h"

/* ---- JSON */

static void
json_bytes (struct json *j, const uint64_t bytes[MAP_KINDS])
{
  json_object (j, "image_bytes");
  for (unsigned i = 0; i < MAP_KINDS; i++)
    json_number (j, map_kind_name ((enum map_kind) i), bytes[i]);
  json_end_object (j);
}

static void
json_title (struct json *j, const struct stats *s, const struct stats_title *t)
{
  json_object (j, NULL);
  json_string (j, "title", t->title->name);
  json_string (j, "recipe", t->title->recipe);
  json_number (j, "image_size", t->title->size);
  if (t->error) {
    json_string (j, "error", t->error);
    json_end_object (j);
    return;
  }
  json_number (j, "recipe_size", t->recipe_size);
  json_decimal (j, "saved_percent", percent_saved (t->recipe_size, t->title->size));
  json_number (j, "payload", t->payload);
  json_number (j, "payload_found", t->found);
  if (s->depth != STATS_SIZES) {
    json_bytes (j, t->bytes);
    json_number (j, "literal_runs", t->n_runs);
  }
  json_array (j, "sources");
  for (size_t i = 0; i < t->n_uses; i++) {
    json_object (j, NULL);
    json_number (j, "source", t->uses[i].source);
    if (s->depth != STATS_SIZES)
      json_number (j, "image_bytes", t->uses[i].bytes);
    json_end_object (j);
  }
  json_end_array (j);
  json_end_object (j);
}

static void
json_source (struct json *j, const struct stats *s, size_t number)
{
  const struct stats_source *source = &s->sources[number];
  char hex[2 * RECIPE_HASH_SIZE + 1];

  merkle_hex (source->id->hash,
              source->id->has_xxh64 ? sizeof (uint64_t) : RECIPE_HASH_SIZE, hex);
  json_object (j, NULL);
  json_number (j, "source", number);
  json_string (j, "path", source->id->path);
  json_number (j, "size", source->id->size);
  json_string (j, source->id->has_xxh64 ? "xxh64" : "xxh3_128", hex);
  if (source->folder)
    json_string (j, "folder", source->folder);
  json_bool (j, "found", source->found != NULL);
  json_string (j, source->found ? "at" : "error",
               source->found ? source->found : source->why_not);
  json_number (j, "titles", source->n_uses);
  if (s->depth != STATS_SIZES)
    json_number (j, "image_bytes", source->image_bytes);
  json_end_object (j);
}

static void
json_sum (struct json *j, const struct stats *s)
{
  json_object (j, "summary");
  json_number (j, "titles", s->n_titles);
  json_number (j, "good", s->n_good);
  json_number (j, "problems", s->library.n_problems);
  json_number (j, "image_size", s->image_bytes);
  json_number (j, "recipe_size", s->recipe_bytes);
  json_decimal (j, "saved_percent", percent_saved (s->recipe_bytes, s->image_bytes));
  json_number (j, "payload", s->payload);
  json_number (j, "payload_found", s->found);
  if (s->depth != STATS_SIZES)
    json_bytes (j, s->bytes);
  json_number (j, "sources", s->n_sources);
  json_number (j, "source_size", s->source_bytes);
  json_number (j, "shared_sources", s->n_shared);
  json_number (j, "missing_sources", s->n_missing);
  json_end_object (j);
}

static void
print_json (const struct stats *s)
{
  struct json j = json_start (stdout);

  json_array (&j, "problems");
  for (size_t i = 0; i < s->library.n_problems; i++)
    json_string (&j, NULL, s->library.problems[i]);
  json_end_array (&j);
  json_array (&j, "titles");
  for (size_t i = 0; i < s->n_titles; i++)
    json_title (&j, s, &s->titles[i]);
  json_end_array (&j);
  json_array (&j, "sources");
  for (size_t i = 0; i < s->n_sources; i++)
    json_source (&j, s, i);
  json_end_array (&j);
  json_sum (&j, s);
  json_finish (&j);
}

/* ---- Text */

/* "99.976 %  ", or a dash. */
static void
print_percent (bool is_known, double percent)
{
  if (is_known)
    printf ("%7.3f %%  ", percent);
  else
    printf ("%9s  ", "-");
}

static void
print_row (const struct stats *s, const struct stats_title *t)
{
  char image[AMOUNT_MAX], recipe[AMOUNT_MAX];

  printf ("%10s  %10s  ", amount_bytes (t->title->size, image),
          t->error ? "-" : amount_bytes (t->recipe_size, recipe));
  print_percent (!t->error, percent_saved (t->recipe_size, t->title->size));
  print_percent (t->payload > 0, 100 - percent_saved (t->found, t->payload));
  if (s->depth != STATS_SIZES)
    print_percent (!t->error,
                   100 - percent_saved (t->bytes[MAP_LITERAL], t->title->size));
  print_safe (stdout, t->title->name);
  if (t->error) {
    fputs (": ", stdout);
    print_safe (stdout, t->error);
  }
  putchar ('\n');
}

/* The titles that are made of it: some of them. */
static void
print_users (const struct stats *s, const struct stats_source *source)
{
  const size_t most = 3;

  for (size_t i = 0; i < source->n_uses && i < most; i++) {
    fputs (i == 0 ? " (of " : ", ", stdout);
    print_safe (stdout, s->titles[source->uses[i]->title].title->name);
  }
  if (source->n_uses > most)
    printf (" and %zu more", source->n_uses - most);
  puts (")");
}

static void
print_sources (const struct stats *s)
{
  char size[AMOUNT_MAX];

  printf ("%zu source%s of %s, %zu of several titles, %zu missing\n", s->n_sources,
          s->n_sources == 1 ? "" : "s", amount_bytes (s->source_bytes, size), s->n_shared,
          s->n_missing);
  for (size_t i = 0; i < s->n_sources; i++) {
    if (s->sources[i].found)
      continue;
    fputs ("missing: ", stdout);
    print_safe (stdout, s->sources[i].why_not);
    print_users (s, &s->sources[i]);
  }
}

static void
print_text (const struct stats *s)
{
  char image[AMOUNT_MAX], recipe[AMOUNT_MAX], literal[AMOUNT_MAX];

  printf ("%10s  %10s  %9s  %9s  ", "image", "recipe", "saved", "found");
  printf (s->depth != STATS_SIZES ? "%9s  title\n" : "title\n", "literal");
  for (size_t i = 0; i < s->n_titles; i++)
    print_row (s, &s->titles[i]);
  printf ("%zu title%s of %s in recipes of %s: %.3f %% saved", s->n_titles,
          s->n_titles == 1 ? "" : "s", amount_bytes (s->image_bytes, image),
          amount_bytes (s->recipe_bytes, recipe),
          percent_saved (s->recipe_bytes, s->image_bytes));
  if (s->depth != STATS_SIZES)
    printf (", %s on no source", amount_bytes (s->bytes[MAP_LITERAL], literal));
  putchar ('\n');
  print_sources (s);
}

/* ---- Both */

static bool
tell_progress (void *opaque, uint64_t done, uint64_t of)
{
  struct progress *p = opaque;

  p->total = of;
  progress_update (p, done);
  return !interrupted ();
}

/* Before the work, too: what the page will not replace. */
static int
check_page (const struct options *options, struct error *err)
{
  if (!options->html)
    return 0;
  return output_check_apart (options->html, options, err) == -1
           ? -1
           : output_check_text (options->html, err);
}

static int
make (struct stats *s, const struct options *options, struct error *err)
{
  enum stats_depth depth = options->html && !options->no_maps ? STATS_MAPS
                           : options->verbose                 ? STATS_BYTES
                                                              : STATS_SIZES;
  struct progress progress;
  int r;

  if (check_page (options, err) == -1)
    return -1;
  progress_start (&progress, "stats", 1, options->quiet);
  r = stats_make (s, options, depth, tell_progress, &progress, err);
  progress_end (&progress);
  if (r == 0 && options->html)
    r = stats_html_write (s, options->html, options->force, err);
  return r == -1 && interrupted () ? error_set (err, 0, "interrupted") : r;
}

static enum exit_status
run (const struct options *options)
{
  CLEANUP_STATS struct stats stats = { .n_titles = 0 };
  struct error err = ERROR_INIT;

  if (!options->html && (options->no_maps || options->force))
    return options_refuse (&command_stats, "--no-maps and --force are for --html=FILE");
  interrupt_catch ();
  if (make (&stats, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  if (options->json)
    print_json (&stats);
  else if (!options->quiet)
    print_text (&stats);
  for (size_t i = 0; !options->json && i < stats.library.n_problems; i++)
    message ("%s", stats.library.problems[i]);
  return stats_is_good (&stats) ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_stats = {
  .name = "stats",
  .operands = "LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_SOURCE | ACCEPT_SOURCE_INDEX | ACCEPT_HTML | ACCEPT_FORCE |
             ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_VERBOSE | ACCEPT_JSON,
  .summary = "tell what a library saves",
  .description =
    "Tell of each title of LIBRARY, a folder of recipes or a YAML file, its sizes and\n"
    "how much of it was found; of its sources how many titles share them, and which are\n"
    "missing.  --verbose also tells what is on no source, for which all segments are\n"
    "decoded.  With --html a page with a map of each title is written.\n",
  .run = run,
};
