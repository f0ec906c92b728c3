/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pulse for each place that sources are looked for in, for all who look there: one that
 * does not answer is not to hold up what lies elsewhere.
 *
 * Thread safety: any number of threads.
 */
#ifndef MKVDUP_PLACE_PULSE_H
#define MKVDUP_PLACE_PULSE_H

#include <stddef.h>

#include "pulse.h"

/* The pulse of a path, always the same one; it stays.  NULL when out of memory. */
struct pulse *place_pulse (const char *path);

/* The same of the folder that a file is in. */
struct pulse *folder_pulse (const char *file);

/* How many there are, for tests. */
size_t place_pulses (void);

#endif /* MKVDUP_PLACE_PULSE_H */
