/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments, clocks and medians, for the programs of the bench. */
#ifndef MKVDUP_BENCH_TIMES_H
#define MKVDUP_BENCH_TIMES_H

#include <err.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* An argument from 1 to `most`, or the end of the program. */
static inline unsigned long
number (const char *text, unsigned long most)
{
  unsigned long n = strtoul (text, NULL, 10);

  if (n < 1 || n > most)
    errx (2, "%s: not from 1 to %lu", text, most);
  return n;
}

/* Microseconds of a clock, which may be another process's. */
static inline double
clock_us (clockid_t clock)
{
  struct timespec t;

  if (clock_gettime (clock, &t) == -1)
    err (1, "clock_gettime");
  return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

/* For qsort. */
static inline int
compare_numbers (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

/* Sorts them. */
static inline double
median (double *numbers, size_t n)
{
  qsort (numbers, n, sizeof *numbers, compare_numbers);
  return numbers[n / 2];
}

#endif /* MKVDUP_BENCH_TIMES_H */
