/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup check: do all recipes of a library, with their sources, still give their MKVs?
 *
 * First all titles are looked at, which reads little: what has been proven already, and is
 * of the same files, is skipped; the rest is read, what was proven longest ago first.
 *
 * Titles are read one after the other, each by all threads, which take its parts in order:
 * so a disk reads one disc nearly in sequence.  Titles side by side were decided against:
 * with one thread each, a disk would have to seek between as many discs; and one title keeps
 * all processors as busy.  Sources are hashed after that (source_list.h).
 *
 * Invariant: what the state calls good was read, and found to be right, while its files had
 * the identity that stands there.  It is written after each title.  What was bad is read again
 * in each run, so that each report has it until it is mended.  Other checks may write to the same
 * state meanwhile: what they found is left in it (check_state_update).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check_library.h"
#include "check_report.h"
#include "check_state.h"
#include "cleanup.h"
#include "command.h"
#include "folders.h"
#include "interrupt.h"
#include "message.h"
#include "progress.h"

#define SECONDS_A_DAY 86400

/* A round may be left alone for so long, if nothing is said. */
#define ROUND_DAYS 30

struct item {
  const struct title *title; /* the library's */
  int64_t when;              /* it was last checked; 0: never */
  bool skip;
};

struct check {
  const struct options *options;
  struct check_library library;
  struct check_state state; /* as this run found it; empty without --state */
  bool state_failed;        /* it could not be written, which was told */
  int64_t left;       /* when the open round was last gone on with; seconds since 1970 */
  struct item *items; /* owned */
  size_t n;
  struct source_list sources;
  struct progress progress;
  uint64_t done; /* bytes of the progress, before what is being read now */
  struct check_report report;
};

/* ---- What is known already */

static bool
is_within (int64_t days, int64_t when, int64_t now)
{
  return when <= now && now - when <= days * SECONDS_A_DAY;
}

/* In an open round, too, what was good is not believed for ever: nobody may have gone on with it
 * for a year.  But of a large library a round may take long.
 */
static bool
is_recent (const struct check *c, const struct check_record *r, int64_t now)
{
  if (c->options->max_age > 0)
    return is_within (c->options->max_age, r->when, now);
  return c->state.is_open && r->round == c->state.round && r->when <= now &&
         is_within (ROUND_DAYS, c->left, now);
}

static int64_t
round_left (const struct check_state *state)
{
  int64_t last = 0;

  for (size_t i = 0; i < state->n; i++)
    if (state->records[i].round == state->round && state->records[i].when > last)
      last = state->records[i].when;
  return last;
}

/* Its record, if there is one; *skip: it says enough. */
static const struct check_record *
look_up (const struct check *c, enum check_kind kind, const char *name,
         const uint8_t identity[IDENTITY_SIZE], bool *skip)
{
  struct check_record *r = check_state_find (&c->state, kind, name);

  *skip = r && r->good && identity_same (r->identity, identity) &&
          is_recent (c, r, (int64_t) time (NULL));
  if (r)
    r->is_wanted = true;
  return r;
}

/* Written at once: nothing is to be done twice.  NULL: the round is done. */
static void
update_state (struct check *c, const struct check_record *record)
{
  struct error err = ERROR_INIT;

  if (!c->options->state || c->state_failed ||
      check_state_update (&c->state, record, c->options->state, &err) == 0)
    return;
  c->state_failed = true;
  message ("%s (what is checked from now on is not remembered)", err.text);
}

static void
remember (struct check *c, const struct check_record *what)
{
  struct check_record record = *what;

  record.round = c->state.round;
  update_state (c, &record);
}

/* What was not looked for, or perhaps could not be found, is not forgotten. */
static void
end_round (struct check *c)
{
  for (size_t i = 0; i < c->state.n; i++)
    if (c->report.problems > 0 ||
        (c->state.records[i].kind == CHECK_SOURCE && !c->options->hash_sources))
      c->state.records[i].is_wanted = true;
  update_state (c, NULL);
}

/* ---- Looking at all */

static int
plan_title (struct check *c, struct item *item, struct error *err)
{
  CLEANUP_VISIT struct visit v = { 0 };
  uint8_t identity[IDENTITY_SIZE] = { 0 };
  struct error ignored = ERROR_INIT;
  const struct check_record *record;

  if (visit_begin (&v, &c->library, item->title, &ignored) == 0) {
    identity_of_image (v.image, &v.title->id, identity, &ignored);
    if (c->options->hash_sources && source_list_add (&c->sources, v.image, err) == -1)
      return -1;
  }
  record = look_up (c, CHECK_TITLE, item->title->name, identity, &item->skip);
  item->when = record ? record->when : 0;
  return 0;
}

static int
oldest_first (const void *a, const void *b)
{
  const struct item *x = a, *y = b;

  if (x->when != y->when)
    return x->when < y->when ? -1 : 1;
  return tree_compare_names (x->title->name, y->title->name);
}

static int
plan (struct check *c, struct error *err)
{
  const struct snapshot *s = c->library.snapshot;

  c->items = calloc ((size_t) s->n + 1, sizeof *c->items);
  if (!c->items)
    return error_set (err, ENOMEM, "the library");
  for (; c->n < s->n && !interrupted (); c->n++) {
    c->items[c->n].title = s->titles[c->n];
    if (plan_title (c, &c->items[c->n], err) == -1)
      return -1;
  }
  qsort (c->items, c->n, sizeof *c->items, oldest_first);
  source_list_sort (&c->sources);
  for (size_t i = 0; i < c->sources.n; i++) {
    struct listed_source *source = &c->sources.list[i];
    bool skip;

    look_up (c, CHECK_SOURCE, source->id.path, source->identity, &skip);
    source->result = skip ? SOURCE_SKIPPED : SOURCE_WAITS;
  }
  return 0;
}

static uint64_t
bytes_to_do (const struct check *c)
{
  uint64_t bytes = source_list_bytes (&c->sources);

  for (size_t i = 0; i < c->n; i++)
    if (!c->items[i].skip)
      bytes += c->items[i].title->size;
  return bytes;
}

/* ---- Titles */

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct check *c = opaque;

  progress_update (&c->progress, c->done + done);
  return !interrupted ();
}

static uint64_t
bytes_not_read (const struct faults *faults)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < faults->n; i++)
    if (faults->list[i].kind == FAULT_UNREADABLE || faults->list[i].kind == FAULT_MISSING)
      bytes += faults->list[i].end - faults->list[i].from;
  return bytes;
}

/* The image of a title whose recipe is sound; the identity is that of before and after. */
static int
check_image (struct check *c, const struct visit *v, struct faults *faults,
             uint8_t identity[IDENTITY_SIZE], struct error *err)
{
  uint8_t after[IDENTITY_SIZE];
  struct error ignored = ERROR_INIT;

  identity_of_image (v->image, &v->title->id, identity, &ignored);
  if (image_check (v->image, options_threads (c->options), tell_progress, c, faults,
                   err) == -1)
    return -1;
  c->report.bytes += v->title->size - bytes_not_read (faults);
  identity_of_image (v->image, &v->title->id, after, &ignored);
  if (!identity_same (identity, after))
    memset (identity, 0, IDENTITY_SIZE);
  return 0;
}

static void
tell_title (struct check *c, const struct check_finding *finding)
{
  progress_clear (&c->progress);
  report_title (&c->report, finding);
}

static int
check_title (struct check *c, const struct title *title, struct error *err)
{
  CLEANUP_VISIT struct visit v = { 0 };
  CLEANUP_FAULTS struct faults faults = { 0 };
  struct check_record record = { .kind = CHECK_TITLE,
                                 .name = title->name,
                                 .when = (int64_t) time (NULL) };
  struct check_finding finding = { .title = title, .faults = &faults };
  struct error why = ERROR_INIT;
  double begun = now ();
  int r;

  if (visit_begin (&v, &c->library, title, &why) == -1 ||
      recipe_check (image_recipe (v.image), &why) == -1)
    r = faults_add_recipe (&faults, title->size, &why, err);
  else
    r = check_image (c, &v, &faults, record.identity, err);
  if (r == -1)
    return -1;
  record.good = faults.n == 0;
  finding.result = record.good ? CHECK_GOOD : CHECK_BAD;
  finding.image = v.image;
  finding.seconds = now () - begun;
  tell_title (c, &finding);
  remember (c, &record);
  c->done += title->size;
  return 0;
}

static int
check_titles (struct check *c, struct error *err)
{
  for (size_t i = 0; i < c->n && !interrupted (); i++) {
    const struct item *item = &c->items[i];

    if (item->skip)
      tell_title (
        c, &(struct check_finding){ .title = item->title, .result = CHECK_SKIPPED });
    else if (check_title (c, item->title, err) == -1)
      return -1;
  }
  return 0;
}

/* ---- Sources */

static bool
tell_hashed (void *opaque, uint64_t more)
{
  struct check *c = opaque;

  c->done += more;
  c->report.bytes += more;
  return tell_progress (c, 0);
}

static void
source_done (void *opaque, const struct listed_source *source)
{
  struct check *c = opaque;
  struct check_record record = { .kind = CHECK_SOURCE,
                                 .name = source->id.path,
                                 .good = source->result == SOURCE_GOOD,
                                 .when = source->begun };

  memcpy (record.identity, source->identity, sizeof record.identity);
  progress_clear (&c->progress);
  report_source (&c->report, source);
  remember (c, &record);
}

static void
check_sources (struct check *c)
{
  for (size_t i = 0; i < c->sources.n; i++)
    if (c->sources.list[i].result == SOURCE_SKIPPED)
      report_source (&c->report, &c->sources.list[i]);
  source_list_hash (&c->sources, options_threads (c->options), tell_hashed, source_done,
                    c);
}

/* ---- All */

/* What is found is in the report; -1 with `err` set if not all could be looked at. */
static int
check_all (struct check *c, struct error *err)
{
  int r;

  for (size_t i = 0; i < c->library.n_problems; i++)
    report_problem (&c->report, c->library.problems[i]);
  r = plan (c, err);
  if (r == 0 && !interrupted ())
    report_gone (&c->report, &c->state);
  check_state_begin (&c->state);
  progress_start (&c->progress, "check", bytes_to_do (c), c->options->quiet);
  if (r == 0)
    r = check_titles (c, err);
  if (r == 0 && !interrupted ())
    check_sources (c);
  if (r == 0 && !interrupted ())
    end_round (c);
  c->report.seconds = progress_end (&c->progress);
  c->report.is_interrupted = interrupted ();
  return interrupted () ? 0 : r;
}

/* Nothing was begun: a state or a library that is not there costs no report. */
static int
prepare (struct check *c, struct error *err)
{
  struct error ignored = ERROR_INIT;

  /* If it cannot be made, that is told when there is something to remember. */
  if (c->options->state)
    folders_make (c->options->state, &ignored);
  if (c->options->state && check_state_read (&c->state, c->options->state, err) == -1)
    return -1;
  c->left = round_left (&c->state);
  return check_library_open (&c->library, c->options, err) == -1
           ? -1
           : check_library_want_titles (&c->library, c->options, err);
}

static void
release (struct check *c)
{
  check_library_close (&c->library);
  check_state_free (&c->state);
  source_list_free (&c->sources);
  free (c->items);
}

static enum exit_status
run (const struct options *options)
{
  struct check c = { .options = options };
  struct error err = ERROR_INIT;
  bool good;
  int r;

  if (options->max_age > 0 && !options->state)
    return options_refuse (&command_check, "--max-age=DAYS needs --state=FILE");
  interrupt_catch ();
  r = prepare (&c, &err);
  if (r == 0) {
    report_begin (&c.report, options);
    r = check_all (&c, &err);
    report_end (&c.report);
  }
  if (r == -1)
    message ("%s", err.text);
  if (interrupted ())
    message (options->state ? "interrupted: the same command goes on where this ended"
                            : "interrupted");
  interrupt_forget ();
  good = r == 0 && report_is_good (&c.report) && !c.state_failed;
  release (&c);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_check = {
  .name = "check",
  .operands = "LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_SOURCE | ACCEPT_SOURCE_INDEX | ACCEPT_SOURCES | ACCEPT_THREADS |
             ACCEPT_STATE | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "check that all recipes of a library still give their MKVs",
  .description =
    "Read every image of each LIBRARY, a folder of recipes or a YAML file, and check\n"
    "it against the digests in its recipe.  All that is wrong is told, with the bytes\n"
    "of the image and of the source.  With --state an interrupted check is gone on "
    "with.\n",
  .run = run,
};
