/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into mkvdup: the time that it writes into files is always the same, so that two
 * runs write the same.  What it measures, and compares files' times with, goes on.
 */
#include "config.h"

#include <time.h>

#define ALWAYS 1800000000

time_t
time (time_t *timer)
{
  if (timer)
    *timer = ALWAYS;
  return ALWAYS;
}
