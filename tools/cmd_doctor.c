/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup doctor: is this machine fit to serve, and are the libraries whole?  What a server would
 * meet at its start and at the first read of each title, told at once.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "command.h"
#include "diagnosis.h"
#include "message.h"
#include "options.h"
#include "recipe_format.h"
#include "stats.h"

/* More lines of a kind help nobody. */
#define MOST_LINES 50u

static void
tell_problems (struct diagnosis *d, const struct stats *s)
{
  for (size_t i = 0; i < s->library.n_problems && i < MOST_LINES; i++)
    diagnosis_tell (d, FINDING_PROBLEM, "library", NULL, "%s", s->library.problems[i]);
  if (s->library.n_problems > MOST_LINES)
    diagnosis_tell (d, FINDING_PROBLEM, "library", "mkvdup validate tells all",
                    "and %zu more", s->library.n_problems - MOST_LINES);
}

static void
tell_titles (struct diagnosis *d, const struct stats *s)
{
  size_t told = 0;

  for (size_t i = 0; i < s->n_titles && told < MOST_LINES; i++)
    if (s->titles[i].error) {
      diagnosis_tell (d, FINDING_PROBLEM, "title", NULL, "%s: %s",
                      s->titles[i].title->name, s->titles[i].error);
      told++;
    }
  if (s->n_titles - s->n_good > told)
    diagnosis_tell (d, FINDING_PROBLEM, "title", NULL, "and %zu more",
                    s->n_titles - s->n_good - told);
}

static void
tell_missing (struct diagnosis *d, const struct stats *s)
{
  size_t told = 0;

  for (size_t i = 0; i < s->n_sources && told < MOST_LINES; i++) {
    const struct stats_source *source = &s->sources[i];

    if (source->found)
      continue;
    diagnosis_tell (d, FINDING_PROBLEM, "source",
                    "mount it, or say where it is with --source or mkvdup relocate",
                    "%s (needed by %zu title%s, one is %s)", source->why_not,
                    source->n_uses, source->n_uses == 1 ? "" : "s",
                    s->titles[source->uses[0]->title].title->name);
    told++;
  }
  if (s->n_missing > told)
    diagnosis_tell (d, FINDING_PROBLEM, "source", "mkvdup stats tells all",
                    "and %zu more", s->n_missing - told);
}

/* Devices that hold sources, each once. */
static void
tell_devices (struct diagnosis *d, const struct stats *s)
{
  dev_t devices[MOST_LINES];
  size_t n = 0;

  for (size_t i = 0; i < s->n_sources && n < MOST_LINES; i++) {
    struct stat st;
    bool is_new = true;

    if (!s->sources[i].found || stat (s->sources[i].found, &st) == -1)
      continue;
    for (size_t k = 0; k < n; k++)
      is_new = is_new && devices[k] != st.st_dev;
    if (!is_new)
      continue;
    devices[n++] = st.st_dev;
    doctor_device (d, major (st.st_dev), minor (st.st_dev));
  }
}

static int
look_at_library (struct diagnosis *d, const struct options *options, struct error *err)
{
  CLEANUP_STATS struct stats s = { .n_titles = 0 };

  if (stats_make (&s, options, STATS_SIZES, NULL, NULL, err) == -1)
    return -1;
  tell_problems (d, &s);
  tell_titles (d, &s);
  tell_missing (d, &s);
  if (s.n_good > 0)
    diagnosis_tell (
      d, s.n_good == s.n_titles && s.n_missing == 0 ? FINDING_OK : FINDING_WARNING,
      "library", NULL, "%zu of %zu titles can be opened, %zu of %zu sources are there",
      s.n_good, s.n_titles, s.n_sources - s.n_missing, s.n_sources);
  else
    diagnosis_tell (d, FINDING_WARNING, "library", "is this the right folder?",
                    "there is no title");
  tell_devices (d, &s);
  return 0;
}

static enum exit_status
run (const struct options *options)
{
  struct diagnosis d = { .as_json = options->json, .quiet = options->quiet };
  struct error err = ERROR_INIT;
  int r = 0;

  diagnosis_begin (&d);
  diagnosis_tell (&d, FINDING_OK, "mkvdup", NULL, "%s, recipes of format %d",
                  PACKAGE_VERSION, RECIPE_VERSION);
  doctor_server (&d);
  doctor_system (&d);
  if (options->n_args > 0)
    r = look_at_library (&d, options, &err);
  diagnosis_end (&d);
  if (r == -1)
    message ("%s", err.text);
  return r == 0 && d.n[FINDING_PROBLEM] == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_doctor = {
  .name = "doctor",
  .operands = "[LIBRARY]...",
  .min_args = 0,
  .max_args = SIZE_MAX,
  .accepts =
    ACCEPT_SOURCE | ACCEPT_SOURCE_INDEX | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "look whether this machine is fit to serve",
  .description =
    "Look for nbdkit and the plugin, at what the kernel allows, and whether all titles\n"
    "and sources of each LIBRARY can be opened; tell what is wrong and what to do.\n",
  .run = run,
};
