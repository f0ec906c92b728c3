/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/ration.c: never more at once than there is, and everybody gets theirs. */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ration.h"
#include "rng.h"

enum {
  MOST = 100,
  THREADS = 8,
  TURNS = 500,
};

static struct ration ration = RATION_INIT (MOST);
static atomic_size_t taken, largest;
static atomic_uint together;

static void *
take_often (void *opaque)
{
  uint64_t rng = (uint64_t) (uintptr_t) opaque;

  for (int i = 0; i < TURNS; i++) {
    /* Mostly some of it; sometimes more than there is, which is all. */
    size_t n = (size_t) rng_between (&rng, 1, 110), share = n < MOST ? n : MOST;
    size_t now;

    ration_take (&ration, n);
    now = atomic_fetch_add (&taken, share) + share;
    if (now > atomic_load (&largest))
      atomic_store (&largest, now);
    if (now > share)
      atomic_fetch_add (&together, 1);
    sched_yield ();
    atomic_fetch_sub (&taken, share);
    ration_give_back (&ration, n);
  }
  return NULL;
}

static void
test_most (void **state)
{
  pthread_t threads[THREADS];

  (void) state;
  for (uintptr_t i = 0; i < THREADS; i++)
    assert_int_equal (pthread_create (&threads[i], NULL, take_often, (void *) (i + 1)),
                      0);
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal (pthread_join (threads[i], NULL), 0);
  assert_true (atomic_load (&largest) <= MOST);
  assert_true (atomic_load (&together) > 0);
  assert_int_equal (ration.taken, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_most),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
