/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often a test does at random what it does at random.  Under sanitizers and valgrind
 * each time takes ten to a hundred times as long, and what they look for shows in the
 * first few: there it is an eighth, unless MKVDUP_LONG is set.  Only for what is drawn
 * anew in each round; cases that are written down are all run everywhere.
 */
#ifndef MKVDUP_TEST_ROUNDS_H
#define MKVDUP_TEST_ROUNDS_H

#include <stdlib.h>
#include <string.h>

/* `n`, or an eighth of it, and 1 at least.  SAN is ./run's: what this build checks with. */
static inline unsigned
rounds (unsigned n)
{
  const char *san = getenv ("SAN"), *is_long = getenv ("MKVDUP_LONG");

  if (!san || strcmp (san, "none") == 0 || (is_long && *is_long))
    return n;
  return n < 8 ? 1 : n / 8;
}

#endif /* MKVDUP_TEST_ROUNDS_H */
