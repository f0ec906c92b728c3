/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into nbdkit: the time of day is CLOCK_AHEAD seconds later than it is.  To a file
 * that was written to just now nobody has written for as long, and no test has to wait.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int
clock_gettime (clockid_t clock_id, struct timespec *tp)
{
  static __typeof__ (&clock_gettime) next;
  const char *ahead = getenv ("CLOCK_AHEAD");
  int r;

  if (!next)
    next = (__typeof__ (&clock_gettime)) dlsym (RTLD_NEXT, "clock_gettime");
  r = next (clock_id, tp);
  if (r == 0 && clock_id == CLOCK_REALTIME && ahead)
    tp->tv_sec += atol (ahead);
  return r;
}
