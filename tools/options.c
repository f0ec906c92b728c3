/* SPDX-License-Identifier: BSD-3-Clause */
/* Command line options with getopt_long: see options.h. */
#include "config.h"

#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "options.h"

/* More than any machine gains from; bounds what a typing error can start. */
#define MAX_THREADS 256

/* Each takes the memory of a create. */
#define MAX_JOBS 64

/* A century; more is a typing error. */
#define MAX_DAYS 36500

/* Where the value of an option goes. */
enum option_kind {
  IS_FLAG,
  IS_TEXT,
  IS_NUMBER, /* 1 … max */
  IS_SOURCE, /* one more of them */
  IS_HELP,
  IS_VERSION,
};

struct option_entry {
  const char *name;
  int letter;           /* of the short form; 0: it has none */
  uint64_t accepted_by; /* enum option_bit; 0: by all */
  const char *help;
  enum option_kind kind;
  unsigned max;         /* of a number */
  size_t at;            /* in struct options */
  const char *argument; /* NULL: takes none */
};

#define FLAG(field) .kind = IS_FLAG, .at = offsetof (struct options, field)
#define TEXT(what, field) \
  .kind = IS_TEXT, .argument = what, .at = offsetof (struct options, field)
#define NUMBER(what, field, most) \
  .kind = IS_NUMBER, .argument = what, .at = offsetof (struct options, field), .max = most

/* An option that means something else to some commands has an entry for these. */
static const struct option_entry entries[] = {
  { "output", 'o', ACCEPT_OUTPUT, "write to FILE", TEXT ("FILE", output) },
  { "output", 'o', ACCEPT_BATCH, "the folder for recipes; by default that of each MKV",
    TEXT ("FILE", output) },
  { "library", 0, ACCEPT_LIBRARY,
    "convert all that each LIBRARY names, into the folder FILE", FLAG (library) },
  { "force", 'f', ACCEPT_FORCE, "replace the output whatever it is", FLAG (force) },
  { "source", 's', ACCEPT_SOURCE,
    "where sources are: below a folder, or one itself (may be repeated)",
    .kind = IS_SOURCE, .argument = "PATH" },
  { "source", 's', ACCEPT_PLACE,
    "the folder that names in the recipe start from, or a source itself\n"
    "(may be repeated); by default what FILE.mkvdup.yaml says",
    .kind = IS_SOURCE, .argument = "PATH" },
  { "source", 's', ACCEPT_LIBRARY,
    "where sources are, too (with --library; may be repeated)", .kind = IS_SOURCE,
    .argument = "PATH" },
  { "source", 's', ACCEPT_BATCH,
    "a disc of each MKV, image or folder (may be repeated);\n"
    "by default those that \"mkvdup scan\" has found",
    .kind = IS_SOURCE, .argument = "PATH" },
  { "sources", 'S', ACCEPT_SOURCES, "hash each source whole, too", FLAG (hash_sources) },
  { "source-index", 'i', ACCEPT_SOURCE_INDEX, "remember there where sources were found",
    TEXT ("FILE", source_index) },
  { "state", 'r', ACCEPT_STATE, "remember there what is done, and go on from there",
    TEXT ("FILE", state) },
  { "max-age", 'a', ACCEPT_STATE, "skip what was good so many days ago and is unchanged",
    NUMBER ("DAYS", max_age, MAX_DAYS) },
  { "discs", 0, ACCEPT_DISCS, "the library of discs", TEXT ("FILE", discs) },
  { "prune", 0, ACCEPT_PRUNE, "forget discs that are not there any more", FLAG (prune) },
  { "name", 0, ACCEPT_NAME, "what the image is called; by default as MKV",
    TEXT ("NAME", name) },
  { "keep-index", 0, ACCEPT_KEEP_INDEX, "keep the index of the disc for its next rip",
    FLAG (keep_index) },
  { "delete-original", 0, ACCEPT_DELETE,
    "delete MKV when all is verified and on the disks, if you say yes",
    FLAG (delete_original) },
  { "yes", 'y', ACCEPT_DELETE, "do not ask: delete it", FLAG (yes) },
  { "jobs", 'J', ACCEPT_BATCH, "make N recipes at a time", NUMBER ("N", jobs, MAX_JOBS) },
  { "order", 0, ACCEPT_BATCH, "begin with the smallest, the largest, or by priority",
    TEXT ("HOW", order) },
  { "threads", 't', ACCEPT_THREADS, "use N threads; by default one a processor",
    NUMBER ("N", threads, MAX_THREADS) },
  { "threads", 't', ACCEPT_FEW_THREADS,
    "use N threads; by default one a processor, 8 at most",
    NUMBER ("N", threads, MAX_THREADS) },
  { "quiet", 'q', ACCEPT_QUIET, "show no progress, and no result that is good",
    FLAG (quiet) },
  { "log-file", 0, ACCEPT_QUIET, "write messages and progress to the end of FILE, too",
    TEXT ("FILE", log_file) },
  { "html", 0, ACCEPT_HTML, "write a page with all of it to FILE, too",
    TEXT ("FILE", html) },
  { "no-maps", 0, ACCEPT_HTML, "a page without maps: no segment is decoded for it",
    FLAG (no_maps) },
  { "svg", 0, ACCEPT_PICTURE, "write an SVG picture to FILE", TEXT ("FILE", svg) },
  { "png", 0, ACCEPT_PICTURE, "write a PNG picture to FILE", TEXT ("FILE", png) },
  { "verbose", 'v', ACCEPT_VERBOSE, "say more about the result", FLAG (verbose) },
  { "json", 'j', ACCEPT_JSON, "give the result as JSON", FLAG (json) },
  { "help", 'h', 0, "show this help and exit", .kind = IS_HELP },
  { "version", 'V', 0, "show the version and exit", .kind = IS_VERSION },
};

#define N_ENTRIES (sizeof entries / sizeof entries[0])
#define ACCEPT_ALL UINT64_MAX

static bool
is_accepted (const struct option_entry *e, uint64_t accepts)
{
  return e->accepted_by == 0 || (accepts & e->accepted_by) != 0;
}

/* What getopt_long calls entry `i`, or by its letter. */
static int
key_of (size_t i)
{
  return entries[i].letter ? entries[i].letter : UCHAR_MAX + 1 + (int) i;
}

static bool
has_letter (const struct option_entry *e)
{
  return e->letter != 0;
}

/* What getopt_long wants to know of the options accepted. */
struct getopt_tables {
  struct option longs[N_ENTRIES + 1];
  char shorts[2 * N_ENTRIES + 2];
};

/* `mode`: "+" to stop at the first operand, "" to find options anywhere. */
static void
fill_tables (struct getopt_tables *t, const char *mode, uint64_t accepts)
{
  char *letter = stpcpy (t->shorts, mode);
  size_t n = 0;

  for (size_t i = 0; i < N_ENTRIES; i++) {
    const struct option_entry *e = &entries[i];

    if (!is_accepted (e, accepts))
      continue;
    t->longs[n++] =
      (struct option){ e->name, e->argument ? required_argument : no_argument, NULL,
                       key_of (i) };
    if (!has_letter (e))
      continue;
    *letter++ = (char) e->letter;
    if (e->argument)
      *letter++ = ':';
  }
  t->longs[n] = (struct option){ 0 };
  *letter = '\0';
}

static enum options_result
advise (const char *command)
{
  fprintf (stderr, "Try \"mkvdup %s%s--help\".\n", command, *command ? " " : "");
  return OPTIONS_WRONG;
}

enum options_result
options_find_command (int argc, char **argv, int *index)
{
  struct getopt_tables t;
  int c;

  fill_tables (&t, "+", ACCEPT_ALL);
  optind = 0; /* GNU: start afresh */
  while ((c = getopt_long (argc, argv, t.shorts, t.longs, NULL)) != -1) {
    if (c == 'h')
      return OPTIONS_HELP;
    if (c == 'V')
      return OPTIONS_VERSION;
    if (c == '?')
      return advise ("");
  }
  *index = optind;
  return OPTIONS_OK;
}

unsigned
options_threads (const struct options *options)
{
  cpu_set_t set;
  int n = sched_getaffinity (0, sizeof set, &set) == 0 ? CPU_COUNT (&set) : 1;

  if (options->threads > 0)
    return options->threads;
  return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (unsigned) n;
}

static enum options_result
parse_number (const char *option, const char *text, unsigned max, unsigned *number)
{
  char *end;
  unsigned long n = strtoul (text, &end, 10);

  if (*text < '0' || *text > '9' || *end != '\0' || n < 1 || n > max) {
    message ("--%s: \"%s\" is not a number from 1 to %u", option, text, max);
    return OPTIONS_WRONG;
  }
  *number = (unsigned) n;
  return OPTIONS_OK;
}

static const struct option_entry *
find_entry (int key)
{
  for (size_t i = 0; i < N_ENTRIES; i++)
    if (key_of (i) == key)
      return &entries[i];
  return NULL;
}

/* Put one option where it belongs. */
static enum options_result
take_option (struct options *o, int key)
{
  const struct option_entry *e = find_entry (key);
  void *to;

  if (!e)
    return OPTIONS_WRONG; /* getopt_long has said why */
  to = (char *) o + e->at;
  switch (e->kind) {
  case IS_FLAG:
    *(bool *) to = true;
    break;
  case IS_TEXT:
    *(const char **) to = optarg;
    break;
  case IS_NUMBER:
    return parse_number (e->name, optarg, e->max, to);
  case IS_SOURCE:
    o->sources[o->n_sources++] = optarg;
    break;
  case IS_HELP:
    return OPTIONS_HELP;
  case IS_VERSION:
    return OPTIONS_VERSION;
  }
  return OPTIONS_OK;
}

static enum options_result
check_operands (const struct options *o, const struct command *command)
{
  if (o->n_args < command->min_args)
    message ("%s: too few operands: it takes %s", command->name, command->operands);
  else if (o->n_args > command->max_args)
    message ("%s: too many operands: \"%s\"", command->name, o->args[command->max_args]);
  else
    return OPTIONS_OK;
  return advise (command->name);
}

/* Operands behind the first "--" of argv, before that is reordered. */
static size_t
count_behind (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (strcmp (argv[i], "--") == 0)
      return (size_t) (argc - i - 1);
  return 0;
}

enum options_result
options_parse (struct options *options, const struct command *command, int argc,
               char **argv)
{
  struct getopt_tables t;
  size_t n_behind = count_behind (argc, argv);
  enum options_result r;
  int c;

  *options = (struct options){ .threads = 0 };
  options->sources = calloc ((size_t) argc, sizeof *options->sources);
  if (!options->sources) {
    message ("out of memory");
    return OPTIONS_WRONG;
  }
  fill_tables (&t, "", command->accepts);
  optind = 0;
  while ((c = getopt_long (argc, argv, t.shorts, t.longs, NULL)) != -1) {
    r = take_option (options, c);
    if (r == OPTIONS_WRONG)
      return advise (command->name);
    if (r != OPTIONS_OK)
      return r;
  }
  options->args = argv + optind;
  options->n_args = (size_t) (argc - optind);
  /* Where getopt has put it; elsewhere it was an option's argument. */
  if (optind > 1 && strcmp (argv[optind - 1], "--") == 0 && n_behind <= options->n_args)
    options->n_behind = n_behind;
  return check_operands (options, command);
}

enum exit_status
options_refuse (const struct command *command, const char *why)
{
  message ("%s: %s", command->name, why);
  advise (command->name);
  return EXIT_USAGE;
}

void
options_free (struct options *options)
{
  free (options->sources);
  *options = (struct options){ 0 };
}

#define HELP_COLUMN 26

/* "  -o, --output=FILE"; how wide that is. */
static int
print_names (FILE *out, const struct option_entry *e)
{
  int width =
    has_letter (e) ? fprintf (out, "  -%c, ", e->letter) : fprintf (out, "      ");

  return width + fprintf (out, "--%s%s%s", e->name, e->argument ? "=" : "",
                          e->argument ? e->argument : "");
}

/* One option; further lines of its text are indented like the first. */
static void
print_entry (FILE *out, const struct option_entry *e)
{
  int width = print_names (out, e);
  const char *line = e->help;
  size_t len;

  do {
    len = strcspn (line, "\n");
    fprintf (out, "%*s%.*s\n", HELP_COLUMN - width, "", (int) len, line);
    width = 0;
    line += len;
  } while (*line++ == '\n');
}

void
options_print_help (FILE *out, const struct command *command)
{
  fprintf (out, "Usage: mkvdup %s [OPTION]... %s\n\n%s\nOptions:\n", command->name,
           command->operands, command->description);
  for (size_t i = 0; i < N_ENTRIES; i++)
    if (is_accepted (&entries[i], command->accepts))
      print_entry (out, &entries[i]);
}
