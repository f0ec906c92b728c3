/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often a test does at random what it does at random.  Under sanitizers and valgrind
 * each time takes ten to a hundred times as long, and what they look for shows in the
 * first few: there it is an eighth, unless MKVDUP_LONG is set.  Only for what is drawn
 * anew in each round, and for how many of the same there are; cases that are written down are
 * all run everywhere.
 */
#ifndef MKVDUP_TEST_ROUNDS_H
#define MKVDUP_TEST_ROUNDS_H

#include <stdlib.h>
#include <string.h>

/* What this build is checked with, as ./run says; NULL if nothing, or all is to be tried. */
static inline const char *
brief_check (void)
{
  const char *san = getenv ("SAN"), *is_long = getenv ("MKVDUP_LONG");

  return !san || strcmp (san, "none") == 0 || (is_long && *is_long) ? NULL : san;
}

/* `n`, or an eighth of it, and 1 at least. */
static inline unsigned
rounds (unsigned n)
{
  if (!brief_check ())
    return n;
  return n < 8 ? 1 : n / 8;
}

/* For the tests that ThreadSanitizer can say something of, where the others have one thread:
 * a pattern for cmocka_set_test_filter, NULL for all.
 */
static inline const char *
tests_with_threads (void)
{
  const char *check = brief_check ();

  return check && strcmp (check, "tsan") == 0 ? "test_threads" : NULL;
}

#endif /* MKVDUP_TEST_ROUNDS_H */
