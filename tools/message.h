/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands say to people, and how amounts are written.
 *
 * Messages go to stderr as "mkvdup: ...", results to stdout.  Names come from
 * files that anyone may have made, so control characters are shown as "\ooo"
 * and never reach the terminal.
 *
 * Thread safety: message may be called by any thread.
 */
#ifndef MKVDUP_MESSAGE_H
#define MKVDUP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

/* One line on stderr, "mkvdup: " in front. */
void message (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));

/* From now on what is said is written to the end of the file at `path`, too, each line with
 * date and time.  To be called before there are threads; `path` is borrowed.  -1 with `err` set: it cannot be opened,
 * or is there and no log.
 */
int message_log_to (const char *path, struct error *err);

/* No more is written there.  -1 with `err` set: not all that was said is in it. */
int message_log_end (struct error *err);

/* Is there such a file?  A line for it alone. */
bool message_has_log (void);
void message_log (const char *text);

/* Print `text` with what is not printable made visible. */
void print_safe (FILE *out, const char *text);

/* Room for any of the texts below. */
#define AMOUNT_MAX 32

/* "763.1 MB": powers of 1000, as disks and discs are sold. */
const char *amount_bytes (uint64_t bytes, char text[AMOUNT_MAX]);

/* "512.3 MB/s"; "-" when no time has passed. */
const char *amount_rate (uint64_t bytes, double seconds, char text[AMOUNT_MAX]);

/* "0:07", "1:02:03". */
const char *amount_time (double seconds, char text[AMOUNT_MAX]);

/* How much of `whole` is saved by keeping `part`: 99.98; negative if that is larger. */
double percent_saved (uint64_t part, uint64_t whole);

/* Seconds on a clock that only goes forward. */
double now (void);

#endif /* MKVDUP_MESSAGE_H */
