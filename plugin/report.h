/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors of the library, told to nbdkit where they arrive: each kind at once, and then no
 * more than every ten seconds, however often clients try again.  kinds.h says what a kind is.
 *
 * Thread safety: any number at once.
 */
#ifndef MKVDUP_REPORT_H
#define MKVDUP_REPORT_H

#include "error.h"

/* A request cannot be answered.  Returns -1, and has told nbdkit what clients are to be told,
 * and the hook (notify.h).
 */
int report (const struct error *err);

/* What only the log is told: nothing is wrong with what is served. */
void report_text (const char *text);

/* Told each time.  Who names files may be anyone: nothing that holds names is told otherwise. */
void report_now (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));

#endif /* MKVDUP_REPORT_H */
