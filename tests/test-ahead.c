/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that fetches: what it is told arrives there, and nobody waits for it. */
#include "config.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "ahead.h"
#include "streams.h"

#define SIZE (UINT64_C (1) << 32)
#define READ 65536

/* A source that can hang. */
struct source {
  sem_t hangs;   /* taken by each fetch */
  sem_t fetched; /* given by each */
  pthread_t by;  /* who did the last one */
  uint64_t last_to;
  unsigned n;
};

static void
fetch (void *opaque, uint64_t from, uint64_t to)
{
  struct source *s = opaque;

  assert_true (from < to && to <= SIZE);
  sem_wait (&s->hangs);
  s->by = pthread_self ();
  s->last_to = to;
  s->n++;
  sem_post (&s->fetched);
}

/* One that does so many fetches before it hangs. */
static void
source_init (struct source *s, unsigned fetches)
{
  *s = (struct source){ .n = 0 };
  sem_init (&s->hangs, 0, fetches);
  sem_init (&s->fetched, 0, 0);
}

/* Of such a source. */
static struct ahead *
ahead_of (struct source *s, unsigned fetches)
{
  struct ahead *a;

  source_init (s, fetches);
  a = ahead_new (SIZE, fetch, s);
  assert_non_null (a);
  return a;
}

static void
test_fetches (void **state)
{
  struct source s;
  struct ahead *a = ahead_of (&s, 1000);

  (void) state;
  assert_false (ahead_is_watching (a));
  ahead_note (a, 0, READ, false);
  assert_false (ahead_is_watching (a));
  ahead_note (a, 0, READ, true);
  assert_true (ahead_is_watching (a));
  sem_wait (&s.fetched);
  assert_int_equal (s.last_to, READ + STREAM_WINDOW_FIRST);
  assert_false (pthread_equal (s.by, pthread_self ()));
  /* It goes on in order, and soon needs more. */
  for (uint64_t at = READ; at < STREAM_WINDOW_FIRST; at += READ)
    ahead_note (a, at, READ, false);
  sem_wait (&s.fetched);
  assert_true (s.last_to > READ + STREAM_WINDOW_FIRST);
  ahead_free (a);
}

/* A fetch that hangs holds up no note, and what cannot be fetched is forgotten. */
static void
test_hangs (void **state)
{
  struct source s;
  struct ahead *a = ahead_of (&s, 0);

  (void) state;
  for (uint64_t at = 0; at < 64 << 20; at += READ)
    ahead_note (a, at, READ, true);
  for (uint64_t i = 1; i < 100; ++i)
    ahead_note (a, i << 25, READ, true);
  for (int i = 0; i < 1000; ++i)
    sem_post (&s.hangs);
  sem_wait (&s.fetched);
  ahead_free (a);
  assert_true (s.n < 100);
}

/* Who frees it waits while something is fetched, and not when there is no more to do. */
static void
test_busy (void **state)
{
  struct source s;
  struct ahead *a = ahead_of (&s, 0);
  int tries = 0;

  (void) state;
  assert_false (ahead_is_busy (a));
  ahead_note (a, 0, READ, true);
  while (!ahead_is_busy (a)) {
    assert_true (++tries < 10000);
    nanosleep (&(struct timespec){ 0, 1000000 }, NULL);
  }
  tries = 0;
  sem_post (&s.hangs);
  sem_wait (&s.fetched);
  while (ahead_is_busy (a)) {
    assert_true (++tries < 10000);
    nanosleep (&(struct timespec){ 0, 1000000 }, NULL);
  }
  ahead_free (a);
}

static void
test_end (void **state)
{
  struct source s;

  (void) state;
  source_init (&s, 1000);
  ahead_free (NULL);
  for (int i = 0; i < 200; ++i) {
    struct ahead *a = ahead_new (SIZE, fetch, &s);

    if (i % 3)
      ahead_note (a, (uint64_t) i * READ, READ, true);
    ahead_free (a);
  }
}

static void *
reader (void *ahead)
{
  for (uint64_t at = 0; at < 64 << 20; at += READ) {
    if (ahead_is_watching (ahead) || at % (1 << 20) == 0)
      ahead_note (ahead, at, READ, at % (1 << 20) == 0);
  }
  return NULL;
}

static void
test_threads (void **state)
{
  struct source s;
  struct ahead *a = ahead_of (&s, 100000);
  pthread_t threads[6];

  (void) state;
  for (int i = 0; i < 6; ++i)
    assert_int_equal (pthread_create (&threads[i], NULL, reader, a), 0);
  for (int i = 0; i < 6; ++i)
    pthread_join (threads[i], NULL);
  /* Whoever frees at once may be before the first fetch. */
  sem_wait (&s.fetched);
  ahead_free (a);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_fetches), cmocka_unit_test (test_hangs),
    cmocka_unit_test (test_busy),    cmocka_unit_test (test_end),
    cmocka_unit_test (test_threads),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
