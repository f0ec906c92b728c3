/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command line options.  One table says what each option is called, what its
 * help is and where its value goes, so that all commands spell them alike.
 * Options may stand anywhere, also before the command's name; "--" ends them.
 */
#ifndef MKVDUP_OPTIONS_H
#define MKVDUP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "command.h"

struct options {
  const char *output;   /* NULL if not given */
  const char **sources; /* of --source; owned, the strings are argv's */
  size_t n_sources;
  const char *source_index; /* NULL if not given, as are the next */
  const char *state;
  const char *log_file;
  const char *html, *svg, *png;
  const char *discs;
  const char *name;
  const char *order;
  unsigned threads; /* 0: as many as is good */
  unsigned max_age; /* days; 0 if not given */
  unsigned jobs;    /* 0 if not given */
  bool force, quiet, verbose, json, hash_sources, library, prune;
  bool keep_index, delete_original, yes, no_maps;
  char **args; /* the operands; argv's, n_args of them */
  size_t n_args;
  size_t n_behind; /* of these, the last ones: behind "--" */
};

enum options_result {
  OPTIONS_OK,
  OPTIONS_HELP, /* --help or --version are all that is wanted */
  OPTIONS_VERSION,
  OPTIONS_WRONG, /* a message has been given */
};

/* The index in argv of the command's name, past any options that stand before
 * it; argc if there is none.  --help and --version before it are answered here,
 * as is an error.
 */
enum options_result options_find_command (int argc, char **argv, int *index);

/* The options and operands of `command`; argv[0] is skipped, and argv reordered. */
enum options_result options_parse (struct options *options, const struct command *command,
                                   int argc, char **argv);
void options_free (struct options *options);

/* How many threads were asked for, or by default one a processor: at least 1. */
unsigned options_threads (const struct options *options);

/* For what a command finds wrong itself: tell it, and where help is. */
enum exit_status options_refuse (const struct command *command, const char *why);

/* The help text of one command. */
void options_print_help (FILE *out, const struct command *command);

#endif /* MKVDUP_OPTIONS_H */
