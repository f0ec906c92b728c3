/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup validate: would a server take this library as it is?  Its configuration parses, its
 * recipes and sources can be opened, no two titles have one name.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "json.h"
#include "library.h"
#include "message.h"
#include "options.h"
#include "run_program.h"
#include "stats.h"

/* Tells one thing that is wrong. */
struct teller {
  bool as_json;
  struct json json;
  size_t n;
};

static void
tell (struct teller *t, const char *kind, const char *title, const char *what)
{
  t->n++;
  if (t->as_json) {
    json_object (&t->json, NULL);
    json_string (&t->json, "kind", kind);
    if (title)
      json_string (&t->json, "title", title);
    json_string (&t->json, "problem", what);
    json_end_object (&t->json);
    return;
  }
  printf ("%s: ", kind);
  if (title) {
    print_safe (stdout, title);
    fputs (": ", stdout);
  }
  print_safe (stdout, what);
  putchar ('\n');
}

/* A source that is missing is told for each title that needs it. */
static void
tell_source (struct teller *t, const struct stats *s, const struct stats_source *source)
{
  for (size_t i = 0; i < source->n_uses; i++)
    tell (t, "source", s->titles[source->uses[i]->title].title->name, source->why_not);
}

/* Who is to be told when something is wrong would not be. */
static void
tell_hook (struct teller *t, const char *path)
{
  const struct library_look look = { 0 };
  CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
  struct error why = ERROR_INIT;
  struct stat st;

  /* Folders have none; and what cannot be read was told. */
  if (stat (path, &st) == -1 || S_ISDIR (st.st_mode) ||
      library_config_read (&config, &path, 1, &look, NULL, NULL, &why) == -1 ||
      !config.hook.command || run_program_look (config.hook.command[0], &why) == 0)
    return;
  error_context (&why, "%s: on_error_command", path);
  tell (t, "configuration", NULL, why.text);
}

static void
tell_all (struct teller *t, const struct stats *s)
{
  for (size_t i = 0; i < s->library.n_problems; i++)
    tell (t, "configuration", NULL, s->library.problems[i]);
  for (size_t i = 0; i < s->n_titles; i++) {
    const char *name = s->titles[i].title->name;

    if (s->titles[i].error)
      tell (t, "title", name, s->titles[i].error);
    if (strcmp (name, LIBRARY_DISK) == 0)
      tell (t, "title", name, "is the name of the disk, unless disk= gives it another");
  }
  for (size_t i = 0; i < s->n_sources; i++)
    if (!s->sources[i].found)
      tell_source (t, s, &s->sources[i]);
}

static void
print (const struct stats *s, const struct options *options, size_t *problems)
{
  struct teller t = { .as_json = options->json };

  if (t.as_json) {
    t.json = json_start (stdout);
    json_array (&t.json, "problems");
  }
  tell_all (&t, s);
  for (size_t i = 0; i < options->n_args; i++)
    tell_hook (&t, options->args[i]);
  *problems = t.n;
  if (t.as_json) {
    json_end_array (&t.json);
    json_bool (&t.json, "good", t.n == 0);
    json_number (&t.json, "titles", s->n_titles);
    json_number (&t.json, "sources", s->n_sources);
    json_finish (&t.json);
  }
  else if (!options->quiet)
    printf ("%zu title%s, %zu source%s, %zu problem%s\n", s->n_titles,
            s->n_titles == 1 ? "" : "s", s->n_sources, s->n_sources == 1 ? "" : "s", t.n,
            t.n == 1 ? "" : "s");
}

static enum exit_status
run (const struct options *options)
{
  CLEANUP_STATS struct stats stats = { .n_titles = 0 };
  struct error err = ERROR_INIT;
  size_t problems;

  if (stats_make (&stats, options, STATS_SIZES, NULL, NULL, &err) == -1 ||
      check_library_want_titles (&stats.library, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  print (&stats, options, &problems);
  return problems == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_validate = {
  .name = "validate",
  .operands = "LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts =
    ACCEPT_SOURCE | ACCEPT_SOURCE_INDEX | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "look whether a library can be served as it is",
  .description =
    "Look whether a server would take each LIBRARY, a folder of recipes or a YAML file:\n"
    "its configuration, recipes and sources, and that no two titles have one name.\n",
  .run = run,
};
