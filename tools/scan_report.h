/* SPDX-License-Identifier: BSD-3-Clause */
/* What mkvdup scan says: for people, or as JSON, as discs are done. */
#ifndef MKVDUP_SCAN_REPORT_H
#define MKVDUP_SCAN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "options.h"

enum scan_result {
  SCAN_NEW,
  SCAN_CHANGED,   /* it was known as another one */
  SCAN_UNCHANGED, /* it was not read */
  SCAN_SCRAMBLED, /* `why`: by what */
  SCAN_FAILED,    /* `why` */
  SCAN_RESULTS,
};

struct scan_report {
  const struct options *options;
  struct json json;
  unsigned counts[SCAN_RESULTS];
  unsigned forgotten, gone; /* discs that are not there any more */
  uint64_t bytes;           /* read */
  double seconds;
  bool is_interrupted;
};

void scan_report_begin (struct scan_report *r, const struct options *options);

/* One disc, or what could not be looked at (hashes 0). */
void scan_report_disc (struct scan_report *r, const char *path, enum scan_result result,
                       uint64_t bytes, unsigned hashes, const char *why);
void scan_report_end (struct scan_report *r, const char *library);
bool scan_report_is_good (const struct scan_report *r);

#endif /* MKVDUP_SCAN_REPORT_H */
