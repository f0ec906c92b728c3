/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors of the library, told to nbdkit where they arrive: each kind at once, and then no
 * more than every ten seconds, however often clients try again.  A kind is a text without
 * the numbers in it: what differs in an offset only is one.
 *
 * Thread safety: any number at once.
 */
#ifndef MKVDUP_REPORT_H
#define MKVDUP_REPORT_H

#include "error.h"

/* Returns -1, and has told nbdkit what clients are to be told. */
int report (const struct error *err);

/* What only the log is told. */
void report_text (const char *text);

#endif /* MKVDUP_REPORT_H */
