/* SPDX-License-Identifier: BSD-3-Clause */
/* Time that only goes forward. */
#ifndef MKVDUP_CLOCK_H
#define MKVDUP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds; never 0. */
static inline int64_t
clock_ms (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000 + 1;
}

#endif /* MKVDUP_CLOCK_H */
