/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `mkvdup doctor` finds: lines, each of which is good, could be better, or is a problem,
 * with what to do about it; told as they come.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_DIAGNOSIS_H
#define MKVDUP_DIAGNOSIS_H

#include <stdbool.h>

#include "json.h"

enum finding {
  FINDING_OK,
  FINDING_WARNING, /* it works, but not as well as it might, or not all of it */
  FINDING_PROBLEM,
  FINDINGS,
};

struct diagnosis {
  bool as_json, quiet; /* quiet: what is good is not told as text */
  struct json json;
  unsigned n[FINDINGS];
};

void diagnosis_begin (struct diagnosis *d);
/* `what` is looked at, and is `detail`; `advice` says what to do, NULL: nothing.  All may be
 * anything.
 */
void diagnosis_tell (struct diagnosis *d, enum finding finding, const char *what,
                     const char *advice, const char *fmt, ...)
  __attribute__ ((format (printf, 5, 6)));
void diagnosis_end (struct diagnosis *d);

/* ---- What can be looked at */

/* doctor_server.c: nbdkit and the plugin. */
void doctor_server (struct diagnosis *d);
/* doctor_system.c: the kernel, its limits, the libraries. */
void doctor_system (struct diagnosis *d);
/* A device that holds sources. */
void doctor_device (struct diagnosis *d, unsigned major, unsigned minor);

#endif /* MKVDUP_DIAGNOSIS_H */
