/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errands: those that end in time are their sender's, those that hang are left behind and
 * released when they end, once, and never by two.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"
#include "errands.h"

#define LONG_MS 60000

/* Ends at once, or when the gate is opened. */
struct job {
  struct errand errand;
  bool hangs;
  int result;
};

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static bool gate_is_open; /* guarded by gate_lock */

static atomic_uint released;
static atomic_uint ran;

static void
set_gate (bool is_open)
{
  pthread_mutex_lock (&gate_lock);
  gate_is_open = is_open;
  pthread_cond_broadcast (&gate_opened);
  pthread_mutex_unlock (&gate_lock);
}

static void
run (struct errand *e)
{
  struct job *job = (struct job *) (void *) e;

  pthread_mutex_lock (&gate_lock);
  while (job->hangs && !gate_is_open)
    pthread_cond_wait (&gate_opened, &gate_lock);
  pthread_mutex_unlock (&gate_lock);
  job->result = 42;
  atomic_fetch_add (&ran, 1);
}

static void
release (struct errand *e)
{
  atomic_fetch_add (&released, 1);
  free (e);
}

static struct job *
job_new (bool hangs)
{
  struct job *job = calloc (1, sizeof *job);

  assert_non_null (job);
  job->errand.run = run;
  job->errand.release = release;
  job->hangs = hangs;
  return job;
}

static int
begin (void **state)
{
  (void) state;
  set_gate (false);
  atomic_store (&released, 0);
  atomic_store (&ran, 0);
  return 0;
}

static int
end (void **state)
{
  (void) state;
  set_gate (true);
  assert_true (errands_end (LONG_MS));
  return 0;
}

static void
do_one (void)
{
  struct job *job = job_new (false);
  struct error err = ERROR_INIT;

  assert_int_equal (errand_send (&job->errand, LONG_MS, NULL, &err), 0);
  assert_int_equal (job->result, 42);
  release (&job->errand);
}

static void
one_that_ends_is_the_senders (void **state)
{
  (void) state;
  for (int i = 0; i < 100; i++)
    do_one ();
  assert_int_equal (atomic_load (&released), 100);
}

static void
one_that_hangs_is_left_behind (void **state)
{
  struct job *job = job_new (true);
  struct error err = ERROR_INIT;
  int64_t began = clock_ms ();

  (void) state;
  assert_int_equal (errand_send (&job->errand, 50, NULL, &err), -1);
  assert_int_equal (err.errnum, ETIMEDOUT);
  assert_true (clock_ms () - began >= 50);
  assert_true (clock_ms () - began < LONG_MS);
  assert_int_equal (atomic_load (&released), 0);
  do_one (); /* others go on */
  assert_false (errands_end (50));
  set_gate (true);
  assert_true (errands_end (LONG_MS));
  assert_int_equal (atomic_load (&released), 2);
  assert_int_equal (atomic_load (&ran), 2);
  do_one (); /* after an end, too */
}

static bool
say_over (void)
{
  return true;
}

static void
over_is_over (void **state)
{
  struct job *job = job_new (true);
  struct error err = ERROR_INIT;
  int64_t began = clock_ms ();

  (void) state;
  assert_int_equal (errand_send (&job->errand, LONG_MS, say_over, &err), -1);
  assert_true (clock_ms () - began < LONG_MS / 2);
}

static void
so_many_are_left_and_no_more (void **state)
{
  struct error err = ERROR_INIT;

  (void) state;
  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++)
    assert_int_equal (errand_send (&job_new (true)->errand, 0, NULL, &err), -1);
  assert_int_equal (atomic_load (&released), 0);
  assert_int_equal (errand_send (&job_new (false)->errand, LONG_MS, NULL, &err), -1);
  assert_int_equal (err.errnum, EAGAIN);
  assert_int_equal (atomic_load (&released), 1);
  assert_int_equal (atomic_load (&ran), 0);
  set_gate (true);
  assert_true (errands_end (LONG_MS));
  assert_int_equal (atomic_load (&released), ERRANDS_MAX_LEFT + 1);
  do_one ();
}

/* Some end just when they are given up. */
static void *
race (void *opaque)
{
  struct error err = ERROR_INIT;

  for (int i = 0; i < 300; i++) {
    struct job *job = job_new (i % 3 == 0);

    if (errand_send (&job->errand, i % 2, NULL, &err) == 0) {
      assert_int_equal (job->result, 42);
      release (&job->errand);
    }
    if (i % 10 == 0)
      set_gate (i % 20 == 0);
  }
  return opaque;
}

static void
each_is_released_once (void **state)
{
  pthread_t threads[4];

  (void) state;
  for (size_t i = 0; i < 4; i++)
    assert_int_equal (pthread_create (&threads[i], NULL, race, NULL), 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  set_gate (true);
  assert_true (errands_end (LONG_MS));
  assert_int_equal (atomic_load (&released), 4 * 300);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (one_that_ends_is_the_senders, begin, end),
    cmocka_unit_test_setup_teardown (one_that_hangs_is_left_behind, begin, end),
    cmocka_unit_test_setup_teardown (over_is_over, begin, end),
    cmocka_unit_test_setup_teardown (so_many_are_left_and_no_more, begin, end),
    cmocka_unit_test_setup_teardown (each_is_released_once, begin, end),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
