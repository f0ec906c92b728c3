/* SPDX-License-Identifier: BSD-3-Clause */
/* What mkvdup check says: see check_report.h. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "check_report.h"
#include "message.h"

static const char *const results[] = {
  [CHECK_GOOD] = "good",
  [CHECK_BAD] = "bad",
  [CHECK_SKIPPED] = "skipped",
};

enum stage {
  IN_PROBLEMS,
  IN_TITLES,
  IN_SOURCES,
  AT_END,
};

/* Begin the arrays up to that of `stage`, those without members too. */
static void
go_to (struct check_report *r, enum stage stage)
{
  static const char *const names[] = { "problems", "titles", "sources" };

  for (; r->as_json && r->stage < (int) stage; r->stage++) {
    json_end_array (&r->json);
    if (r->stage + 1 < AT_END)
      json_array (&r->json, names[r->stage + 1]);
  }
}

void
report_begin (struct check_report *r, const struct options *options)
{
  *r = (struct check_report){ .as_json = options->json,
                              .quiet = options->quiet,
                              .has_sources = options->hash_sources };
  if (!r->as_json)
    return;
  r->json = json_start (stdout);
  json_array (&r->json, "problems");
}

void
report_problem (struct check_report *r, const char *text)
{
  r->problems++;
  if (r->as_json) {
    json_string (&r->json, NULL, text);
    return;
  }
  fputs ("problem: ", stdout);
  print_safe (stdout, text);
  putchar ('\n');
}

/* A folder may be away with thousands. */
#define MAX_TOLD_GONE 10u

void
report_gone (struct check_report *r, const struct check_state *state)
{
  for (size_t i = 0; i < state->n; i++) {
    const struct check_record *record = &state->records[i];

    if (record->kind == CHECK_TITLE && !record->is_wanted && ++r->gone <= MAX_TOLD_GONE)
      message ("warning: %s: was checked before, and is not in the library any more",
               record->name);
  }
  if (r->gone > MAX_TOLD_GONE)
    message ("warning: and %u more", r->gone - MAX_TOLD_GONE);
}

/* ---- Titles */

static void
json_fault (struct json *j, const struct check_finding *finding, const struct fault *f)
{
  json_object (j, NULL);
  json_string (j, "title", finding->title->name);
  json_string (j, "kind", fault_kind_name (f->kind));
  json_string (j, "cause", f->cause);
  json_number (j, "offset", f->from);
  json_number (j, "length", f->end - f->from);
  json_array (j, "sources");
  for (size_t i = 0; i < f->n_blames; i++) {
    const struct image_blame *b = &f->blames[i];

    json_object (j, NULL);
    json_string (j, "path", image_source_path (finding->image, b->source));
    json_number (j, "offset", b->from);
    json_number (j, "length", b->end - b->from);
    json_end_object (j);
  }
  json_end_array (j);
  json_end_object (j);
}

static void
json_title (struct json *j, const struct check_finding *finding)
{
  json_object (j, NULL);
  json_string (j, "title", finding->title->name);
  json_string (j, "recipe", finding->title->recipe);
  json_number (j, "size", finding->title->size);
  json_string (j, "result", results[finding->result]);
  json_decimal (j, "seconds", finding->seconds);
  json_array (j, "faults");
  for (size_t i = 0; finding->faults && i < finding->faults->n; i++)
    json_fault (j, finding, &finding->faults->list[i]);
  json_end_array (j);
  json_end_object (j);
}

static void
print_fault (const struct check_finding *finding, const struct fault *f)
{
  printf ("  %s: ", fault_kind_name (f->kind));
  if (f->end > f->from)
    printf ("bytes %" PRIu64 " to %" PRIu64 " of ", f->from, f->end - 1);
  print_safe (stdout, finding->title->name);
  for (size_t i = 0; i < f->n_blames; i++) {
    fputs (i == 0 ? ", made of " : " and ", stdout);
    print_safe (stdout, image_source_path (finding->image, f->blames[i].source));
    printf (", bytes %" PRIu64 " to %" PRIu64, f->blames[i].from, f->blames[i].end - 1);
  }
  fputs (": ", stdout);
  print_safe (stdout, f->cause);
  putchar ('\n');
}

void
report_title (struct check_report *r, const struct check_finding *finding)
{
  r->titles[finding->result]++;
  go_to (r, IN_TITLES);
  if (r->as_json) {
    json_title (&r->json, finding);
    return;
  }
  if (finding->result != CHECK_BAD)
    return;
  print_safe (stdout, finding->title->name);
  fputs (": bad\n", stdout);
  for (size_t i = 0; i < finding->faults->n; i++)
    print_fault (finding, &finding->faults->list[i]);
}

/* ---- Sources */

static enum check_result
result_of_source (const struct listed_source *s)
{
  return s->result == SOURCE_GOOD  ? CHECK_GOOD
         : s->result == SOURCE_BAD ? CHECK_BAD
                                   : CHECK_SKIPPED;
}

void
report_source (struct check_report *r, const struct listed_source *source)
{
  enum check_result result = result_of_source (source);
  const char *cause = source->why ? source->why->text : "out of memory";

  r->sources[result]++;
  go_to (r, IN_SOURCES);
  if (r->as_json) {
    json_object (&r->json, NULL);
    json_string (&r->json, "path", source->id.path);
    json_number (&r->json, "size", source->id.size);
    json_string (&r->json, "result", results[result]);
    if (result == CHECK_BAD)
      json_string (&r->json, "cause", cause);
    json_end_object (&r->json);
  }
  else if (result == CHECK_BAD) {
    fputs ("bad source: ", stdout);
    print_safe (stdout, cause);
    putchar ('\n');
  }
}

/* ---- The sum */

static unsigned
total (const unsigned counts[CHECK_RESULTS])
{
  return counts[CHECK_GOOD] + counts[CHECK_BAD] + counts[CHECK_SKIPPED];
}

bool
report_is_good (const struct check_report *r)
{
  return r->titles[CHECK_BAD] == 0 && r->sources[CHECK_BAD] == 0 && r->problems == 0 &&
         !r->is_interrupted;
}

static void
json_counts (struct json *j, const unsigned counts[CHECK_RESULTS])
{
  for (int i = 0; i < CHECK_RESULTS; i++)
    json_number (j, results[i], counts[i]);
}

static void
print_counts (const char *what, const unsigned counts[CHECK_RESULTS])
{
  printf ("%u %s%s: %u good, %u bad, %u skipped; ", total (counts), what,
          total (counts) == 1 ? "" : "s", counts[CHECK_GOOD], counts[CHECK_BAD],
          counts[CHECK_SKIPPED]);
}

static void
print_sum (const struct check_report *r)
{
  char bytes[AMOUNT_MAX], rate[AMOUNT_MAX];

  print_counts ("title", r->titles);
  if (r->has_sources)
    print_counts ("source", r->sources);
  if (r->problems > 0)
    printf ("%u problem%s; ", r->problems, r->problems == 1 ? "" : "s");
  if (r->gone > 0)
    printf ("%u gone; ", r->gone);
  printf ("%s%s in %.1f s, %s\n", r->is_interrupted ? "interrupted; " : "",
          amount_bytes (r->bytes, bytes), r->seconds,
          amount_rate (r->bytes, r->seconds, rate));
}

void
report_end (struct check_report *r)
{
  struct json *j = &r->json;

  go_to (r, AT_END);
  if (!r->as_json) {
    if (!r->quiet || !report_is_good (r))
      print_sum (r);
    return;
  }
  json_object (j, "summary");
  json_number (j, "titles", total (r->titles));
  json_counts (j, r->titles);
  json_object (j, "sources");
  json_counts (j, r->sources);
  json_end_object (j);
  json_number (j, "problems", r->problems);
  json_number (j, "gone", r->gone);
  json_number (j, "bytes", r->bytes);
  json_decimal (j, "seconds", r->seconds);
  json_bool (j, "interrupted", r->is_interrupted);
  json_end_object (j);
  json_finish (j);
}
