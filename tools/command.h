/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a subcommand is: its words for `--help`, the options it takes, and what it does.
 */
#ifndef MKVDUP_COMMAND_H
#define MKVDUP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_status {
  EXIT_GOOD = 0,
  EXIT_FAILED = 1, /* it was understood, and did not work or is not so */
  EXIT_USAGE = 2,  /* it was not understood */
};

/* The options there are; each command accepts some of them. */
enum option_bit {
  ACCEPT_OUTPUT = 1 << 0,
  ACCEPT_FORCE = 1 << 1,
  ACCEPT_SOURCE = 1 << 2,
  ACCEPT_THREADS = 1 << 3,
  ACCEPT_QUIET = 1 << 4,
  ACCEPT_VERBOSE = 1 << 5,
  ACCEPT_JSON = 1 << 6,
  ACCEPT_SOURCES = 1 << 7,
  ACCEPT_SOURCE_INDEX = 1 << 8,
  ACCEPT_STATE = 1 << 9, /* and --max-age */
  ACCEPT_DISCS = 1 << 10,
  ACCEPT_PRUNE = 1 << 11,
  ACCEPT_KEEP_INDEX = 1 << 12,
  ACCEPT_DELETE = 1 << 13, /* --delete-original and --yes */
  ACCEPT_NAME = 1 << 14,
  ACCEPT_BATCH = 1 << 15,   /* --jobs, --order, --output and --source */
  ACCEPT_LIBRARY = 1 << 16, /* and --source */
  ACCEPT_HTML = 1 << 17,    /* and --no-maps */
  ACCEPT_PICTURE = 1 << 18, /* --svg and --png */
  ACCEPT_PLACE = 1 << 19,   /* --source, in place of what the sidecar says */
  ACCEPT_FEW_THREADS = 1 << 20,
};

struct options;

struct command {
  const char *name;
  const char *operands;      /* "FILE [MKV]" */
  size_t min_args, max_args; /* how many operands */
  uint64_t accepts;          /* enum option_bit */
  const char *summary;       /* one line, for the list of commands */
  const char *description;   /* lines, for its own --help */

  /* Returns an exit status.  Reports its own errors. */
  enum exit_status (*run) (const struct options *options);
};

extern const struct command command_batch, command_check, command_create,
  command_deltadiag, command_doctor, command_expand_config, command_explain,
  command_extract, command_import, command_index_source, command_info, command_map,
  command_parse_mkv, command_probe, command_relocate, command_scan, command_stats,
  command_validate, command_verify;

#endif /* MKVDUP_COMMAND_H */
