/* SPDX-License-Identifier: BSD-3-Clause */
/* What does not answer is not waited for by more and more. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pulse.h"

#define PATIENCE_MS 50

static void
sleep_ms (long ms)
{
  nanosleep (&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static int
impatient (void **state)
{
  (void) state;
  pulse_set_patience (PATIENCE_MS);
  return 0;
}

static int
patient (void **state)
{
  (void) state;
  pulse_set_patience (0);
  return 0;
}

static void
answering_is_waited_for (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned life, other;

  (void) state;
  for (int i = 0; i < 3; i++) {
    assert_true (pulse_begin (&p, &life));
    assert_true (pulse_begin (&p, &other));
    sleep_ms (PATIENCE_MS * 2 / 3);
    pulse_end (&p, other);
    /* One has waited for longer, but others were answered meanwhile. */
    assert_true (pulse_begin (&p, &other));
    sleep_ms (PATIENCE_MS * 2 / 3);
    assert_true (pulse_begin (&p, &other));
    pulse_end (&p, other);
    pulse_end (&p, other);
    pulse_end (&p, life);
  }
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

static void
silent_is_refused (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned life, ignored;

  (void) state;
  assert_true (pulse_begin (&p, &life));
  assert_false (pulse_is_silent (&p));
  sleep_ms (PATIENCE_MS + 10);
  assert_true (pulse_is_silent (&p));
  for (int i = 0; i < 5; i++)
    assert_false (pulse_begin (&p, &ignored));
  sleep_ms (4 * PATIENCE_MS);
  assert_true (pulse_begin (&p, &ignored)); /* to find out */
  assert_false (pulse_begin (&p, &ignored));
  /* The first is answered. */
  pulse_end (&p, life);
  assert_false (pulse_is_silent (&p));
  assert_true (pulse_begin (&p, &life));
  pulse_destroy (&p);
}

static void
renewed_is_another (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned before, now;

  (void) state;
  assert_true (pulse_begin (&p, &before));
  sleep_ms (PATIENCE_MS + 10);
  assert_true (pulse_is_silent (&p));
  pulse_renew (&p);
  assert_false (pulse_is_silent (&p));
  assert_true (pulse_begin (&p, &now));
  pulse_end (&p, before); /* at last: says nothing of the new one */
  sleep_ms (PATIENCE_MS + 10);
  assert_true (pulse_is_silent (&p));
  pulse_end (&p, now);
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

static void
without_patience_nothing_is_refused (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned life;

  (void) state;
  assert_true (pulse_begin (&p, &life));
  sleep_ms (PATIENCE_MS + 10);
  for (int i = 0; i < 5; i++)
    assert_true (pulse_begin (&p, &life));
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

static void
error_names_it (void **state)
{
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (pulse_error ("/discs/film.iso", &err), -1);
  assert_int_equal (err.errnum, ETIMEDOUT);
  assert_non_null (strstr (err.text, "/discs/film.iso: does not answer"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup (answering_is_waited_for, impatient),
    cmocka_unit_test_setup (silent_is_refused, impatient),
    cmocka_unit_test_setup (renewed_is_another, impatient),
    cmocka_unit_test_setup (without_patience_nothing_is_refused, patient),
    cmocka_unit_test (error_names_it),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
