/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup probe: which discs were these MKVs made of?  The library of discs is asked
 * (cmd_scan.c) or, behind "--", discs that are read for it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "command.h"
#include "disc_search.h"
#include "discs.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "progress.h"

struct probe {
  const struct options *options;
  char **mkvs; /* borrowed; n of them */
  size_t n;
  struct discs discs;
  struct json json;
  struct progress progress;
  bool is_reading; /* there is progress */
  unsigned counts[VERDICT_GOOD + 1];
  unsigned failed; /* sources and MKVs that cannot be read */
};

static const char *const verdicts[] = {
  [VERDICT_NONE] = "none",
  [VERDICT_PART] = "part",
  [VERDICT_GOOD] = "found",
};

static const char *const kinds[] = {
  [ANSWER_NEEDED] = "needed",
  [ANSWER_COPY] = "copy",
  [ANSWER_SHARES] = "shares",
};

static void
tell_failed (struct probe *p, const char *why)
{
  if (p->is_reading)
    progress_clear (&p->progress);
  p->failed++;
  message ("%s", why);
}

/* ---- sources */

static void
tell_unreadable (void *opaque, const struct error *why)
{
  tell_failed (opaque, why->text);
}

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct probe *p = opaque;

  progress_update (&p->progress, done);
  return !interrupted ();
}

/* A disc that was read becomes one of the library in memory. */
static int
add_disc (struct probe *p, const char *path, const struct fingerprint *f,
          struct error *err)
{
  struct disc_addition a = discs_entry (path, f);

  if (discs_scrambled (&a.disc))
    message ("%s: is scrambled (%s): little will be found there", path,
             discs_scrambled (&a.disc));
  return disc_library_change (&p->discs.library, &a, 1, NULL, NULL, err);
}

/* What cannot be read is told, and left out. */
static int
read_disc (struct probe *p, const char *path, struct error *err)
{
  uint8_t identity[IDENTITY_SIZE];
  struct error why = ERROR_INIT;
  struct fingerprint f;
  uint64_t bytes;
  bool is_disc;
  int r;

  if (identity_of_files (path, identity, &bytes, &why) == -1 ||
      disc_search_is_disc (path, &is_disc, &why) == -1) {
    tell_failed (p, why.text);
    return 0;
  }
  if (!is_disc)
    return 0;
  progress_start (&p->progress, "read", bytes, p->options->quiet);
  p->is_reading = true;
  r = discs_read (&f, path, options_threads (p->options), tell_progress, p, &why);
  progress_end (&p->progress);
  if (r == -1) {
    if (!interrupted ())
      tell_failed (p, why.text);
    return 0;
  }
  r = add_disc (p, path, &f, err);
  fingerprint_free (&f);
  return r;
}

static int
read_sources (struct probe *p, char **sources, size_t n, struct error *err)
{
  struct disc_search search = { 0 };
  int r = 0;

  for (size_t i = 0; r == 0 && i < n; i++)
    r = disc_search_add (&search, sources[i], tell_unreadable, p, err);
  disc_search_sort (&search);
  for (size_t i = 0; r == 0 && i < search.n && !interrupted (); i++)
    r = read_disc (p, search.paths[i], err);
  disc_search_free (&search);
  if (r == 0 && p->discs.library.n == 0 && p->failed == 0)
    r = error_set (err, 0, "%s: no disc there", sources[0]);
  return r;
}

static int
open_library (struct probe *p, struct error *err)
{
  CLEANUP_FREE char *path = discs_path (p->options, err);

  if (!path || discs_open (&p->discs, path, err) == -1)
    return -1;
  return p->discs.library.n > 0
           ? 0
           : error_set (err, 0, "%s: no disc is known: mkvdup scan finds them", path);
}

/* ---- MKVs */

static bool
is_gone (const struct probe *p, const struct disc_answer *a)
{
  return p->discs.gone && p->discs.gone[a->disc];
}

static double
percent (const struct disc_answer *a)
{
  return a->asked ? 100.0 * a->found / a->asked : 0;
}

static void
json_answer (struct probe *p, const struct disc_answer *a)
{
  struct json *j = &p->json;

  json_object (j, NULL);
  json_string (j, "path", p->discs.library.discs[a->disc].path);
  json_string (j, "kind", kinds[a->kind]);
  json_number (j, "asked", a->asked);
  json_number (j, "found", a->found);
  json_decimal (j, "share_percent", percent (a));
  json_bool (j, "gone", is_gone (p, a));
  json_end_object (j);
}

static void
json_answers (struct probe *p, const char *mkv, const struct disc_answers *answers,
              const char *why)
{
  struct json *j = &p->json;

  json_object (j, NULL);
  json_string (j, "mkv", mkv);
  json_string (j, "verdict", why ? "failed" : verdicts[answers->verdict]);
  if (why)
    json_string (j, "cause", why);
  json_decimal (j, "explained_percent", 100 * answers->explained);
  json_array (j, "discs");
  for (size_t i = 0; i < answers->n; i++)
    json_answer (p, &answers->list[i]);
  json_end_array (j);
  json_end_object (j);
}

static void
print_answer (struct probe *p, const struct disc_answer *a)
{
  printf ("  %5.1f %%  ", percent (a));
  print_safe (stdout, p->discs.library.discs[a->disc].path);
  printf (" (%u of %u pictures%s%s)\n", a->found, a->asked,
          a->kind == ANSWER_COPY ? "; another copy" : "",
          is_gone (p, a) ? "; not there any more" : "");
}

static void
print_answers (struct probe *p, const char *mkv, const struct disc_answers *answers)
{
  print_safe (stdout, mkv);
  if (answers->verdict == VERDICT_NONE)
    puts (": of no disc that is known");
  else if (answers->verdict == VERDICT_PART)
    puts (": a little of it is on these, but its own disc is not known");
  else
    printf (": of %zu disc%s\n", answers->n_needed, answers->n_needed == 1 ? "" : "s");
  for (size_t i = 0; i < answers->n; i++)
    if (answers->verdict == VERDICT_PART || answers->list[i].kind != ANSWER_SHARES)
      print_answer (p, &answers->list[i]);
}

static void
probe_mkv (struct probe *p, const char *mkv)
{
  CLEANUP_DISC_ANSWERS struct disc_answers answers = { 0 };
  struct error why = ERROR_INIT;
  int r = discs_ask (&answers, &p->discs, mkv, &why);

  if (interrupted ())
    return;
  if (r == 0)
    p->counts[answers.verdict]++;
  if (p->options->json)
    json_answers (p, mkv, &answers, r == -1 ? why.text : NULL);
  else if (r == 0 && (!p->options->quiet || answers.verdict != VERDICT_GOOD))
    print_answers (p, mkv, &answers);
  if (r == -1)
    tell_failed (p, why.text);
}

static void
probe_all (struct probe *p)
{
  if (p->options->json) {
    p->json = json_start (stdout);
    json_array (&p->json, "mkvs");
  }
  for (size_t i = 0; i < p->n && !interrupted (); i++)
    probe_mkv (p, p->mkvs[i]);
  if (!p->options->json)
    return;
  json_end_array (&p->json);
  json_number (&p->json, "discs", p->discs.library.n);
  json_number (&p->json, "failed", p->failed);
  json_bool (&p->json, "interrupted", interrupted ());
  json_finish (&p->json);
}

static enum exit_status
run (const struct options *options)
{
  struct probe p = { .options = options,
                     .mkvs = options->args,
                     .n = options->n_args - options->n_behind };
  struct error err = ERROR_INIT;
  bool good;
  int r;

  if (p.n == 0)
    return options_refuse (&command_probe, "no MKV is given");
  if (options->n_behind > 0 && options->discs)
    return options_refuse (&command_probe, "--discs=FILE or sources, not both");
  interrupt_catch ();
  r = options->n_behind > 0 ? read_sources (&p, p.mkvs + p.n, options->n_behind, &err)
                            : open_library (&p, &err);
  if (r == 0 && !interrupted ())
    probe_all (&p);
  if (r == -1)
    message ("%s", err.text);
  if (interrupted ())
    message ("interrupted");
  good = r == 0 && !interrupted () && p.failed == 0 && p.counts[VERDICT_GOOD] == p.n;
  interrupt_forget ();
  discs_close (&p.discs);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_probe = {
  .name = "probe",
  .operands = "MKV... [-- SOURCE...]",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_DISCS | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "tell which discs MKVs were made of",
  .description =
    "Tell which of the discs that \"mkvdup scan\" has found each MKV was made of, and "
    "how\n"
    "much of it is on them.  With SOURCEs, discs or folders of discs, these are read "
    "and\n"
    "asked instead.\n",
  .run = run,
};
