/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/disc_answer.c: the discs that something is of answer, and no others, whatever content discs
 * share and however different they are in size.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "disc_answer.h"
#include "rng.h"

#define KEPT 600 /* hashes of a disc */

/* A set of hashes: content `what`, parts [from, end) of it. */
struct set {
  uint64_t *hashes;
  size_t n;
};

static void
add (struct set *s, uint64_t what, unsigned from, unsigned end)
{
  s->hashes = realloc (s->hashes, (s->n + end - from) * sizeof *s->hashes);
  assert_non_null (s->hashes);
  for (unsigned i = from; i < end; i++) {
    uint64_t seed = what << 32 | i;

    s->hashes[s->n++] = rng_next (&seed) >> 16;
  }
}

static int
by_value (const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

static void
settle (struct set *s)
{
  if (s->n > 0)
    qsort (s->hashes, s->n, sizeof *s->hashes, by_value);
}

/* Put a disc of it into the library, and forget the set. */
static void
put (struct disc_library *l, const char *path, struct set *s)
{
  CLEANUP_FREE char *copy = strdup (path);
  struct error err = ERROR_INIT;
  struct disc_addition a = { .disc = { .path = copy, .limit = DISC_HASH_MAX } };

  settle (s);
  a.disc.n_hashes = (uint32_t) s->n;
  if (s->n > KEPT) {
    a.disc.n_hashes = KEPT;
    a.disc.limit = s->hashes[KEPT - 1];
  }
  a.hashes = s->hashes;
  assert_int_equal (disc_library_change (l, &a, 1, NULL, NULL, &err), 0);
  free (s->hashes);
  *s = (struct set){ 0 };
}

/* Ask, and forget the set; "VERDICT PATH PATH …" of those needed, a copy with "=" in front. */
static const char *
ask (const struct disc_library *l, const bool *gone, struct set *s)
{
  CLEANUP_DISC_ANSWERS struct disc_answers answers = { 0 };
  static const char *const verdicts[] = { "none", "part", "good" };
  static char text[1000];
  struct error err = ERROR_INIT;

  settle (s);
  assert_int_equal (disc_answers_find (&answers, l, gone, s->hashes, s->n, &err), 0);
  strcpy (text, verdicts[answers.verdict]);
  for (size_t i = 0; i < answers.n; i++)
    if (answers.list[i].kind != ANSWER_SHARES) {
      strcat (text, answers.list[i].kind == ANSWER_COPY ? " =" : " ");
      strcat (text, l->discs[answers.list[i].disc].path + 1);
    }
  free (s->hashes);
  *s = (struct set){ 0 };
  return text;
}

/* What content has which number. */
enum {
  LOGO = 1,
  OPENING,
  FILM = 100,
};

/* Films with a logo, and an opening that the first seven have; of all sizes. */
static void
put_films (struct disc_library *l, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    struct set s = { 0 };
    char path[32];

    add (&s, LOGO, 0, 10);
    if (i < 7)
      add (&s, OPENING, 0, 60);
    add (&s, FILM + i, 0, 300u << i % 7);
    snprintf (path, sizeof path, "/%02u", i);
    put (l, path, &s);
  }
}

static void
test_one (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct set s = { 0 };

  (void) state;
  put_films (&l, 30);
  for (unsigned i = 0; i < 30; i++) {
    char want[32];

    add (&s, LOGO, 0, 10);
    if (i < 7)
      add (&s, OPENING, 0, 60);
    add (&s, FILM + i, 0, 300u << i % 7);
    snprintf (want, sizeof want, "good %02u", i);
    assert_string_equal (ask (&l, NULL, &s), want);
  }
}

/* A short title of the disc with the longest; a third of its hashes were read. */
static void
test_title (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct set s = { 0 };

  (void) state;
  put_films (&l, 30);
  add (&s, FILM + 13, 5000, 5600);
  assert_string_equal (ask (&l, NULL, &s), "good 13");
}

/* Of two discs of different sizes, one of which has a tenth of it. */
static void
test_joined (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct set s = { 0 };

  (void) state;
  put_films (&l, 30);
  add (&s, FILM + 6, 0, 1800);
  add (&s, FILM + 4, 0, 1800);
  assert_string_equal (ask (&l, NULL, &s), "good 04 06");
  add (&s, FILM + 4, 0, 1800);
  add (&s, FILM + 15, 0, 200);
  assert_string_equal (ask (&l, NULL, &s), "good 04 15");
}

/* Nothing but what all discs have; another film of the series, or of no disc. */
static void
test_none (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct set s = { 0 };

  (void) state;
  put_films (&l, 30);
  add (&s, LOGO, 0, 10);
  assert_string_equal (ask (&l, NULL, &s), "none");
  add (&s, LOGO, 0, 10);
  add (&s, OPENING, 0, 60);
  add (&s, 50, 0, 500);
  assert_string_equal (ask (&l, NULL, &s), "part");
  add (&s, 51, 0, 500);
  assert_string_equal (ask (&l, NULL, &s), "none");
  assert_string_equal (ask (&l, NULL, &s), "none");
}

/* Of copies the one answers that is there. */
static void
test_copies (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct set s = { 0 };
  bool gone[3] = { false };

  (void) state;
  add (&s, FILM, 0, 1000);
  put (&l, "/a", &s);
  add (&s, FILM, 0, 1000);
  add (&s, FILM + 1, 0, 3000);
  put (&l, "/b", &s);
  add (&s, FILM, 500, 1000);
  put (&l, "/c", &s);
  add (&s, FILM, 0, 1000);
  assert_string_equal (ask (&l, gone, &s), "good a =b =c");
  gone[0] = true;
  add (&s, FILM, 0, 1000);
  assert_string_equal (ask (&l, gone, &s), "good b =a =c");
  gone[1] = true; /* what is there has a half, what is gone the rest */
  add (&s, FILM, 0, 1000);
  assert_string_equal (ask (&l, gone, &s), "good a c =b");
}

/* Is it known when enough has been read? */
static void
test_enough (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct disc_answers answers;
  struct error err = ERROR_INIT;

  (void) state;
  put_films (&l, 7);
  for (unsigned n = 100; n <= 12800; n *= 2) {
    struct set s = { 0 };

    add (&s, FILM + 6, 0, n);
    settle (&s);
    assert_int_equal (disc_answers_find (&answers, &l, NULL, s.hashes, s.n, &err), 0);
    /* The disc has 19,000, of which 600 are kept. */
    assert_int_equal (answers.is_enough, n >= 1600);
    disc_answers_free (&answers);
    free (s.hashes);
    s = (struct set){ 0 };
    add (&s, 50, 0, n);
    settle (&s);
    assert_int_equal (disc_answers_find (&answers, &l, NULL, s.hashes, s.n, &err), 0);
    assert_int_equal (answers.is_enough, n >= 3200);
    disc_answers_free (&answers);
    free (s.hashes);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_one),    cmocka_unit_test (test_title),
    cmocka_unit_test (test_joined), cmocka_unit_test (test_none),
    cmocka_unit_test (test_copies), cmocka_unit_test (test_enough),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
