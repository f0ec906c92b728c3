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

/* Options without a short form. */
enum {
  OPTION_LOG_FILE = UCHAR_MAX + 1,
  OPTION_DISCS,
  OPTION_PRUNE,
  OPTION_KEEP_INDEX,
  OPTION_DELETE_ORIGINAL,
  OPTION_NAME,
  OPTION_JOBS,
  OPTION_ORDER,
  OPTION_LIBRARY,
  OPTION_HTML,
  OPTION_NO_MAPS,
  OPTION_SVG,
  OPTION_PNG,
};

struct option_entry {
  const char *name;
  int key;              /* the letter of the short form, or OPTION_... */
  uint64_t accepted_by; /* enum option_bit; 0: by all */
  const char *argument; /* NULL: takes none */
  const char *help;
};

static const struct option_entry entries[] = {
  { "output", 'o', ACCEPT_OUTPUT, "FILE", "write to FILE" },
  { "library", OPTION_LIBRARY, ACCEPT_LIBRARY, NULL,
    "convert all that each LIBRARY names, into the folder FILE" },
  { "force", 'f', ACCEPT_FORCE, NULL, "replace the output whatever it is" },
  { "source", 's', ACCEPT_SOURCE, "PATH",
    "where a source is: its directory, or itself (may be repeated);\n"
    "by default what FILE.mkvdup.yaml says" },
  { "sources", 'S', ACCEPT_SOURCES, NULL, "hash each source whole, too" },
  { "source-index", 'i', ACCEPT_SOURCE_INDEX, "FILE",
    "remember there where sources were found" },
  { "state", 'r', ACCEPT_STATE, "FILE",
    "remember there what is done, and go on from there" },
  { "max-age", 'a', ACCEPT_STATE, "DAYS",
    "skip what was good so many days ago and is unchanged" },
  { "discs", OPTION_DISCS, ACCEPT_DISCS, "FILE", "the library of discs" },
  { "prune", OPTION_PRUNE, ACCEPT_PRUNE, NULL,
    "forget discs that are not there any more" },
  { "name", OPTION_NAME, ACCEPT_NAME, "NAME",
    "what the image is called; by default as MKV" },
  { "keep-index", OPTION_KEEP_INDEX, ACCEPT_KEEP_INDEX, NULL,
    "keep the index of the disc for its next rip" },
  { "delete-original", OPTION_DELETE_ORIGINAL, ACCEPT_DELETE, NULL,
    "delete MKV when all is verified and on the disks, if you say yes" },
  { "yes", 'y', ACCEPT_DELETE, NULL, "do not ask: delete it" },
  { "jobs", 'J', ACCEPT_BATCH, "N", "make N recipes at a time" },
  { "order", OPTION_ORDER, ACCEPT_BATCH, "HOW",
    "begin with the smallest, the largest, or by priority" },
  { "threads", 't', ACCEPT_THREADS, "N", "use N threads; by default one a processor" },
  { "quiet", 'q', ACCEPT_QUIET, NULL, "show no progress, and no result that is good" },
  { "log-file", OPTION_LOG_FILE, ACCEPT_QUIET, "FILE",
    "write messages and progress to the end of FILE, too" },
  { "html", OPTION_HTML, ACCEPT_HTML, "FILE",
    "write a page with all of it to FILE, too" },
  { "no-maps", OPTION_NO_MAPS, ACCEPT_HTML, NULL,
    "a page without maps: no segment is decoded for it" },
  { "svg", OPTION_SVG, ACCEPT_PICTURE, "FILE", "write an SVG picture to FILE" },
  { "png", OPTION_PNG, ACCEPT_PICTURE, "FILE", "write a PNG picture to FILE" },
  { "verbose", 'v', ACCEPT_VERBOSE, NULL, "say more about the result" },
  { "json", 'j', ACCEPT_JSON, NULL, "give the result as JSON" },
  { "help", 'h', 0, NULL, "show this help and exit" },
  { "version", 'V', 0, NULL, "show the version and exit" },
};

#define N_ENTRIES (sizeof entries / sizeof entries[0])
#define ACCEPT_ALL UINT64_MAX

static bool
is_accepted (const struct option_entry *e, uint64_t accepts)
{
  return e->accepted_by == 0 || (accepts & e->accepted_by) != 0;
}

static bool
has_letter (const struct option_entry *e)
{
  return e->key <= UCHAR_MAX;
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
                       e->key };
    if (!has_letter (e))
      continue;
    *letter++ = (char) e->key;
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

/* Put one option where it belongs. */
static enum options_result
take_option (struct options *o, int key)
{
  switch (key) {
  case 'o':
    o->output = optarg;
    break;
  case 'f':
    o->force = true;
    break;
  case 's':
    o->sources[o->n_sources++] = optarg;
    break;
  case 't':
    return parse_number ("threads", optarg, MAX_THREADS, &o->threads);
  case 'S':
    o->hash_sources = true;
    break;
  case 'i':
    o->source_index = optarg;
    break;
  case 'r':
    o->state = optarg;
    break;
  case 'a':
    return parse_number ("max-age", optarg, MAX_DAYS, &o->max_age);
  case 'q':
    o->quiet = true;
    break;
  case 'v':
    o->verbose = true;
    break;
  case 'j':
    o->json = true;
    break;
  case OPTION_LIBRARY:
    o->library = true;
    break;
  case OPTION_DISCS:
    o->discs = optarg;
    break;
  case OPTION_PRUNE:
    o->prune = true;
    break;
  case OPTION_KEEP_INDEX:
    o->keep_index = true;
    break;
  case OPTION_DELETE_ORIGINAL:
    o->delete_original = true;
    break;
  case 'y':
    o->yes = true;
    break;
  case OPTION_NAME:
    o->name = optarg;
    break;
  case 'J':
    return parse_number ("jobs", optarg, MAX_JOBS, &o->jobs);
  case OPTION_ORDER:
    o->order = optarg;
    break;
  case OPTION_LOG_FILE:
    o->log_file = optarg;
    break;
  case OPTION_HTML:
    o->html = optarg;
    break;
  case OPTION_NO_MAPS:
    o->no_maps = true;
    break;
  case OPTION_SVG:
    o->svg = optarg;
    break;
  case OPTION_PNG:
    o->png = optarg;
    break;
  case 'h':
    return OPTIONS_HELP;
  case 'V':
    return OPTIONS_VERSION;
  default:
    return OPTIONS_WRONG; /* getopt_long has said why */
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
  int width = has_letter (e) ? fprintf (out, "  -%c, ", e->key) : fprintf (out, "      ");

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
