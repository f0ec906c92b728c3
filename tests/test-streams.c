/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is taken for reading in order, and what is fetched for him. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rng.h"
#include "streams.h"

#define KIB UINT64_C (1024)
#define MIB (KIB * KIB)
#define GIB (MIB * KIB)
#define FILM (4 * GIB)
#define READ (128 * KIB)

/* A player that checks what is fetched for it. */
struct player {
  uint64_t next;  /* its next read */
  uint64_t ahead; /* what has been fetched */
};

/* One read.  What is fetched begins where the last fetch ended. */
static void
play (struct streams *all, struct player *p, bool waits)
{
  struct stream_range r = streams_note (all, p->next, READ, FILM, waits, 0);

  p->next += READ;
  if (r.from == r.to)
    return;
  assert_true (r.from < r.to && r.to <= FILM);
  assert_int_equal (r.from, p->ahead > p->next ? p->ahead : p->next);
  assert_true (r.to - p->next <= STREAM_WINDOW_MAX);
  p->ahead = r.to;
}

static void
test_player (void **state)
{
  struct streams all;
  struct player p = { 0, 0 };

  (void) state;
  streams_init (&all);
  play (&all, &p, true);
  while (p.next < FILM) {
    assert_true (p.ahead >= p.next + READ);
    play (&all, &p, false);
  }
  assert_int_equal (p.ahead, FILM);
  assert_int_equal (all.n, 1);
}

/* It grows to its full length, and is asked for in large parts. */
static void
test_window (void **state)
{
  struct streams all;
  struct player p = { GIB, 0 };
  unsigned fetches = 0;

  (void) state;
  streams_init (&all);
  for (unsigned i = 0; i < 1000; ++i) {
    uint64_t before = p.ahead;

    play (&all, &p, i == 0);
    fetches += p.ahead != before;
  }
  assert_true (p.ahead >= p.next + STREAM_WINDOW_MAX / 2);
  assert_true (fetches < 1000 * READ / (STREAM_WINDOW_MAX / 2) + 10);
}

/* Nothing has to wait: nothing is noted. */
static void
test_in_memory (void **state)
{
  struct streams all;
  struct player p = { 0, 0 };

  (void) state;
  streams_init (&all);
  for (int i = 0; i < 1000; ++i)
    play (&all, &p, false);
  assert_int_equal (p.ahead, 0);
  assert_int_equal (all.n, 0);
}

static uint64_t
read_at_random (struct streams *all, uint64_t *rng)
{
  struct stream_range r =
    streams_note (all, rng_next (rng) % (FILM - READ), READ, FILM, true, 0);

  return r.to - r.from;
}

/* What is fetched in vain has an end; an order found later counts all the same. */
static void
test_random (void **state)
{
  struct streams all;
  struct player p = { GIB, 0 };
  uint64_t fetched = 0, rng = 7;

  (void) state;
  streams_init (&all);
  for (int i = 0; i < 20; ++i)
    fetched += read_at_random (&all, &rng);
  assert_true (fetched > 0);
  fetched = 0;
  /* Now and then two lie together by chance. */
  for (int i = 0; i < 10000; ++i)
    fetched += read_at_random (&all, &rng);
  assert_true (fetched < 10000 * READ / 10);

  for (int i = 0; i < 20; ++i)
    read_at_random (&all, &rng);
  play (&all, &p, true);
  play (&all, &p, true);
  for (int i = 0; i < 100; ++i) {
    assert_true (p.ahead >= p.next + READ);
    play (&all, &p, false);
  }
}

/* A client with many requests under way: they overtake each other. */
static void
test_disorder (void **state)
{
  struct streams all;
  uint64_t fetched = 0, rng = 3;

  (void) state;
  streams_init (&all);
  for (uint64_t i = 0; i < 1000; i += 4) {
    uint64_t shift = rng_next (&rng);

    for (uint64_t k = 0; k < 4; ++k) {
      uint64_t at = (i + ((k + shift) & 3)) * 64 * KIB;
      struct stream_range r = streams_note (&all, at, 64 * KIB, FILM, i == 0, 0);

      fetched += r.to - r.from;
    }
  }
  assert_true (all.n <= 4);
  assert_true (fetched > 900 * 64 * KIB && fetched < 1100 * 64 * KIB + 3 * MIB * 4);
}

/* As many as there is room for; then the one that has been still for longest goes. */
static void
test_many (void **state)
{
  struct streams all;
  struct player p[STREAMS_MAX];
  struct stream_range r;

  (void) state;
  streams_init (&all);
  for (unsigned i = 0; i < STREAMS_MAX; ++i)
    p[i] = (struct player){ i * (FILM / STREAMS_MAX), 0 };
  for (unsigned round = 0; round < 50; ++round)
    for (unsigned i = 0; i < STREAMS_MAX; ++i) {
      play (&all, &p[i], round < 2);
      assert_true (round < 2 || p[i].ahead >= p[i].next + READ);
    }
  assert_int_equal (all.n, STREAMS_MAX);

  for (unsigned i = 1; i < STREAMS_MAX; ++i)
    streams_note (&all, p[i].next, READ, FILM, false, 5);
  r = streams_note (&all, 200 * MIB, READ, FILM, true, 6);
  assert_true (r.from < r.to);
  assert_int_equal (all.n, STREAMS_MAX);
  r = streams_note (&all, p[0].next, READ, FILM, false, 7);
  assert_true (r.from == r.to);
}

/* The same places again, as by a second client: that is no order. */
static void
test_again (void **state)
{
  struct streams all;

  (void) state;
  streams_init (&all);
  for (int round = 0; round < 3; ++round)
    for (uint64_t i = 0; i < 10; ++i) {
      struct stream_range r = streams_note (&all, i * 100 * MIB, READ, FILM, true, 0);

      assert_true (round == 0 || r.from == r.to);
    }
  assert_int_equal (all.n, 10);
}

static void
test_expire (void **state)
{
  struct streams all;

  (void) state;
  streams_init (&all);
  for (uint64_t i = 0; i < 3; ++i)
    streams_note (&all, i * GIB, READ, FILM, true, 10 * (int64_t) i);
  assert_int_equal (streams_expire (&all, 20), 3);
  assert_int_equal (streams_expire (&all, 11 + STREAM_IDLE_SECONDS), 1);
  assert_int_equal (all.streams[0].next, 2 * GIB + READ);
  assert_int_equal (streams_expire (&all, 21 + STREAM_IDLE_SECONDS), 0);
}

/* Whatever is read: never beyond the end, never more than a window. */
static void
test_bounds (void **state)
{
  uint64_t rng = 11;

  (void) state;
  for (int image = 0; image < 200; ++image) {
    uint64_t size = 1 + rng_next (&rng) % (image % 2 ? 20 * MIB : 300 * KIB);
    struct streams all;

    streams_init (&all);
    for (int i = 0; i < 500; ++i) {
      uint64_t offset = rng_next (&rng) % size;
      uint64_t count = 1 + rng_next (&rng) % (size - offset);
      struct stream_range r =
        streams_note (&all, offset, count, size, rng_next (&rng) % 2, i / 10);

      assert_true (r.from <= r.to && r.to <= size);
      assert_true (r.to - r.from <= STREAM_WINDOW_MAX);
    }
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_player),    cmocka_unit_test (test_window),
    cmocka_unit_test (test_in_memory), cmocka_unit_test (test_random),
    cmocka_unit_test (test_disorder),  cmocka_unit_test (test_many),
    cmocka_unit_test (test_again),     cmocka_unit_test (test_expire),
    cmocka_unit_test (test_bounds),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
