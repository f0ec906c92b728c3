/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `mkvdup check` says on standard output, as it comes to know it: text for people, which
 * has only what is bad and a last line with the sum, or one JSON document, which has all.
 *
 * The order of calls: begin, problems, titles, sources, end.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_CHECK_REPORT_H
#define MKVDUP_CHECK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "check_state.h"
#include "image_check.h"
#include "json.h"
#include "options.h"
#include "source_list.h"
#include "titles.h"

enum check_result {
  CHECK_GOOD,
  CHECK_BAD,
  CHECK_SKIPPED, /* was good, a short while ago or in this round */
  CHECK_RESULTS,
};

struct check_report {
  bool as_json, quiet;
  struct json json;
  int stage;        /* which array is open: check_report.c's */
  bool has_sources; /* they are checked, too */
  unsigned titles[CHECK_RESULTS], sources[CHECK_RESULTS];
  unsigned problems;
  unsigned gone; /* titles that the state knew and that are no more; told by messages */
  bool is_interrupted;
  uint64_t bytes; /* read */
  double seconds;
};

/* A title that was looked at. */
struct check_finding {
  const struct title *title;
  enum check_result result;
  const struct faults *faults; /* of one that is bad, */
  const struct image *image;   /* and its image; NULL if there was none */
  double seconds;
};

void report_begin (struct check_report *r, const struct options *options);
void report_problem (struct check_report *r, const char *text);

/* Titles that `state` knows and does not want any more: somebody may have lost them.  Messages
 * only, as it may be just as well.
 */
void report_gone (struct check_report *r, const struct check_state *state);
void report_title (struct check_report *r, const struct check_finding *finding);
void report_source (struct check_report *r, const struct listed_source *source);

/* Was anything bad, or not come to? */
bool report_is_good (const struct check_report *r);

void report_end (struct check_report *r);

#endif /* MKVDUP_CHECK_REPORT_H */
