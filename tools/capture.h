/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a short program says: its standard output and error, and how it ended.  No shell has a
 * part in it.
 */
#ifndef MKVDUP_CAPTURE_H
#define MKVDUP_CAPTURE_H

#include <stddef.h>

/* The program is killed if it has not ended by then. */
#define CAPTURE_SECONDS 20

/*
 * Run argv[0], a path, and wait for its end.  `text` gets as much of what it writes as fits,
 * and an end.  Returns its exit status; -1 if it could not be run, took too long, or died.
 */
int capture (const char *const *argv, char *text, size_t size);

#endif /* MKVDUP_CAPTURE_H */
