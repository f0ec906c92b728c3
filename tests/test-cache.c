/* SPDX-License-Identifier: BSD-3-Clause */
/* The segment cache, with segments that say which one they are. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "fake-recipe.h"

static struct recipe one, other;
static atomic_int decoded;
static atomic_bool broken;
static atomic_uint awaited; /* threads that decoding waits for */
static useconds_t decoding_takes;
static size_t footprint = 1000;

static struct segment *
make_segment (const struct recipe *r, uint32_t number, struct error *err)
{
  struct op op = { .kind = OP_FILL };
  struct segment model = {
    .len = number + (r == &other ? 1000000 : 0),
    .n_ops = 1,
    .ops = &op,
    .footprint = footprint,
  };

  atomic_fetch_add (&decoded, 1);
  while (atomic_load (&awaited) > 0)
    usleep (100);
  usleep (decoding_takes);
  if (atomic_load (&broken)) {
    error_set (err, EIO, "segment %u is broken", number);
    return NULL;
  }
  return fake_segment (&model);
}

static int
setup (void **state)
{
  (void) state;
  fake_recipe_segment = make_segment;
  atomic_store (&decoded, 0);
  atomic_store (&broken, false);
  decoding_takes = 0;
  footprint = 1000;
  return 0;
}

static const struct cached_segment *
get (struct segment_cache *cache, const struct recipe *r, uint32_t number)
{
  struct error err = ERROR_INIT;
  const struct cached_segment *got = segment_cache_get (cache, r, number, &err);

  assert_non_null (got);
  assert_int_equal (got->segment->len, number + (r == &other ? 1000000 : 0));
  return got;
}

static void
touch (struct segment_cache *cache, const struct recipe *r, uint32_t number)
{
  segment_cache_put (cache, get (cache, r, number));
}

static struct segment_cache_stats
stats_of (struct segment_cache *cache)
{
  struct segment_cache_stats stats;

  segment_cache_get_stats (cache, &stats);
  return stats;
}

static void
test_hits (void **state)
{
  struct segment_cache *cache = segment_cache_new (1 << 20);

  (void) state;
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < 100; ++i) {
      touch (cache, &one, i);
      touch (cache, &other, i);
    }
  }
  assert_int_equal (atomic_load (&decoded), 200);
  assert_int_equal (stats_of (cache).misses, 200);
  assert_int_equal (stats_of (cache).hits, 400);
  assert_int_equal (stats_of (cache).entries, 200);
  assert_int_equal (stats_of (cache).evictions, 0);
  segment_cache_free (cache);
  assert_int_equal (atomic_load (&fake_segments), 0);
}

/* The bound holds, and the one not used for longest goes. */
static void
test_least_recently_used (void **state)
{
  struct segment_cache *cache = segment_cache_new (10 * 1500);

  (void) state;
  for (uint32_t i = 0; i < 1000; ++i) {
    touch (cache, &one, i);
    touch (cache, &one, 0);
    assert_true (stats_of (cache).bytes <= 10 * 1500);
  }
  assert_true (stats_of (cache).entries >= 5);
  atomic_store (&decoded, 0);
  touch (cache, &one, 0);
  touch (cache, &one, 999);
  touch (cache, &one, 998);
  assert_int_equal (atomic_load (&decoded), 0);
  touch (cache, &one, 500);
  assert_int_equal (atomic_load (&decoded), 1);
  segment_cache_free (cache);
  assert_int_equal (atomic_load (&fake_segments), 0);
}

/* What is in use stays, beyond the bound if need be, and counts once put back. */
static void
test_in_use (void **state)
{
  struct segment_cache *cache = segment_cache_new (3000);
  const struct cached_segment *got[10], *again;

  (void) state;
  for (uint32_t i = 0; i < 10; ++i)
    got[i] = get (cache, &one, i);
  assert_int_equal (stats_of (cache).entries, 10);
  again = get (cache, &one, 5);
  assert_ptr_equal (again, got[5]);
  for (uint32_t i = 0; i < 10; ++i) {
    assert_int_equal (got[i]->segment->len, i);
    segment_cache_put (cache, got[i]);
  }
  assert_int_equal (again->segment->len, 5);
  assert_true (stats_of (cache).bytes <= 3000);
  segment_cache_put (cache, again);
  assert_true (stats_of (cache).entries >= 1);
  segment_cache_free (cache);
  assert_int_equal (atomic_load (&fake_segments), 0);
}

/* A segment larger than the whole cache is served all the same. */
static void
test_too_large (void **state)
{
  struct segment_cache *cache = segment_cache_new (5000);

  (void) state;
  touch (cache, &one, 1);
  footprint = 100000;
  touch (cache, &one, 2);
  touch (cache, &one, 2);
  assert_int_equal (atomic_load (&decoded), 3);
  assert_true (stats_of (cache).bytes <= 5000);
  segment_cache_free (cache);
}

static void
test_forget (void **state)
{
  struct segment_cache *cache = segment_cache_new (1 << 20);

  (void) state;
  for (uint32_t i = 0; i < 10; ++i) {
    touch (cache, &one, i);
    touch (cache, &other, i);
  }
  segment_cache_forget (cache, &one);
  assert_int_equal (stats_of (cache).entries, 10);
  assert_int_equal (atomic_load (&fake_segments), 10);
  atomic_store (&decoded, 0);
  touch (cache, &other, 3);
  assert_int_equal (atomic_load (&decoded), 0);
  touch (cache, &one, 3);
  assert_int_equal (atomic_load (&decoded), 1);
  segment_cache_free (cache);
}

static void
test_error_is_not_kept (void **state)
{
  struct segment_cache *cache = segment_cache_new (1 << 20);
  struct error err = ERROR_INIT;

  (void) state;
  atomic_store (&broken, true);
  for (int i = 0; i < 2; ++i) {
    assert_null (segment_cache_get (cache, &one, 7, &err));
    assert_string_equal (err.text, "segment 7 is broken: Input/output error");
    assert_int_equal (err.errnum, EIO);
  }
  assert_int_equal (atomic_load (&decoded), 2);
  assert_int_equal (stats_of (cache).entries, 0);
  atomic_store (&broken, false);
  touch (cache, &one, 7);
  segment_cache_free (cache);
}

/* ---- Threads */

#define THREADS 8

static void
run_threads (void *(*fn) (void *), struct segment_cache *cache, void *results[THREADS])
{
  pthread_t threads[THREADS];

  for (int i = 0; i < THREADS; ++i)
    assert_int_equal (pthread_create (&threads[i], NULL, fn, cache), 0);
  for (int i = 0; i < THREADS; ++i)
    pthread_join (threads[i], &results[i]);
}

static void *
get_the_same (void *cache)
{
  struct error err = ERROR_INIT;
  const struct cached_segment *got;

  atomic_fetch_sub (&awaited, 1);
  got = segment_cache_get (cache, &one, 3, &err);
  if (got)
    segment_cache_put (cache, got);
  else
    assert_string_equal (err.text, "segment 3 is broken: Input/output error");
  return (void *) (uintptr_t) (got != NULL);
}

/* Who comes while it is being decoded waits for it, and gets the error if there is one. */
static void
test_decoded_once (void **state)
{
  struct segment_cache *cache = segment_cache_new (1 << 20);
  void *results[THREADS];

  (void) state;
  /* All are about to ask when it goes on, and then have so long. */
  decoding_takes = 300000;
  atomic_store (&awaited, THREADS);
  run_threads (get_the_same, cache, results);
  assert_int_equal (atomic_load (&decoded), 1);
  for (int i = 0; i < THREADS; ++i)
    assert_ptr_equal (results[i], (void *) 1);

  segment_cache_forget (cache, &one);
  atomic_store (&decoded, 0);
  atomic_store (&broken, true);
  atomic_store (&awaited, THREADS);
  run_threads (get_the_same, cache, results);
  assert_int_equal (atomic_load (&decoded), 1);
  for (int i = 0; i < THREADS; ++i)
    assert_null (results[i]);
  segment_cache_free (cache);
  assert_int_equal (atomic_load (&fake_segments), 0);
}

static void *
get_many (void *cache)
{
  unsigned seed = (unsigned) (uintptr_t) &seed;

  for (int i = 0; i < 3000; ++i) {
    const struct recipe *r = rand_r (&seed) % 2 ? &one : &other;
    uint32_t a = (uint32_t) rand_r (&seed) % 50, b = (uint32_t) rand_r (&seed) % 50;
    const struct cached_segment *first, *second;
    struct error err = ERROR_INIT;

    first = segment_cache_get (cache, r, a, &err);
    second = segment_cache_get (cache, &one, b, &err);
    if (first) {
      assert_int_equal (first->segment->len, a + (r == &other ? 1000000 : 0));
      segment_cache_put (cache, first);
    }
    if (second) {
      assert_int_equal (second->segment->len, b);
      segment_cache_put (cache, second);
    }
    if (rand_r (&seed) % 100 == 0)
      atomic_store (&broken, rand_r (&seed) % 4 == 0);
  }
  return NULL;
}

static void
test_many_threads (void **state)
{
  struct segment_cache *cache = segment_cache_new (20 * 1500);
  void *results[THREADS];

  (void) state;
  run_threads (get_many, cache, results);
  assert_true (stats_of (cache).bytes <= 20 * 1500);
  assert_true (stats_of (cache).evictions > 0);
  assert_int_equal (stats_of (cache).entries, atomic_load (&fake_segments));
  segment_cache_free (cache);
  assert_int_equal (atomic_load (&fake_segments), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup (test_hits, setup),
    cmocka_unit_test_setup (test_least_recently_used, setup),
    cmocka_unit_test_setup (test_in_use, setup),
    cmocka_unit_test_setup (test_too_large, setup),
    cmocka_unit_test_setup (test_forget, setup),
    cmocka_unit_test_setup (test_error_is_not_kept, setup),
    cmocka_unit_test_setup (test_decoded_once, setup),
    cmocka_unit_test_setup (test_many_threads, setup),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
