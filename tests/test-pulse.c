/* SPDX-License-Identifier: BSD-3-Clause */
/* What does not answer is not waited for by more and more. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"
#include "place_pulse.h"

#define PATIENCE_MS 50

static bool can_mount;

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

/* One has waited for longer than patience lasts, but others were answered meanwhile.  False:
 * the machine was too busy to say so.
 */
static bool
is_waited_for (void)
{
  struct pulse p = PULSE_INIT;
  unsigned life, other;
  int64_t answered;
  bool was_let_in;

  assert_true (pulse_begin (&p, &life));
  for (int i = 0; i < 3; i++) {
    answered = clock_ms ();
    sleep_ms (PATIENCE_MS / 2);
    was_let_in = pulse_begin (&p, &other);
    if (clock_ms () - answered > PATIENCE_MS)
      return false;
    assert_true (was_let_in);
    pulse_end (&p, other);
  }
  pulse_end (&p, life);
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
  return true;
}

static void
answering_is_waited_for (void **state)
{
  (void) state;
  for (int tries = 0; !is_waited_for (); tries++)
    assert_true (tries < 1000);
}

static void
silent_is_refused (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned life, ignored;
  int64_t began = clock_ms ();
  bool was_refused;

  (void) state;
  assert_true (pulse_begin (&p, &life));
  sleep_ms (PATIENCE_MS + 10);
  assert_true (pulse_is_silent (&p));
  was_refused = !pulse_begin (&p, &ignored);
  assert_true (was_refused || clock_ms () - began > 4 * PATIENCE_MS);
  sleep_ms (4 * PATIENCE_MS);
  /* Two to find out, in 4 and 8 times as long. */
  for (int i = 0, let_in = 0; i < 100; i++)
    if (pulse_begin (&p, &ignored))
      assert_true (++let_in <= 2);
  /* The first is answered. */
  pulse_end (&p, life);
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

/* One never comes back.  The one that found out was answered, and nobody came for a while: who
 * comes then is not to pay for the one that is lost.
 */
static void
lost_says_nothing_of_others (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned lost, life;
  int64_t began = clock_ms ();

  (void) state;
  assert_true (pulse_begin (&p, &lost));
  sleep_ms (5 * PATIENCE_MS);
  assert_true (pulse_is_silent (&p));
  for (int i = 0; i < 3; i++) {
    assert_true (pulse_begin (&p, &life));
    pulse_end (&p, life);
    sleep_ms (PATIENCE_MS + 10);
    assert_false (pulse_is_silent (&p));
  }
  /* If all hangs, that shows; if the lost one comes back, too. */
  assert_true (pulse_begin (&p, &life));
  sleep_ms (PATIENCE_MS + 10);
  assert_true (pulse_is_silent (&p));
  assert_true (pulse_waited_since (&p) > began);
  pulse_end (&p, lost);
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

/* Who waits is known, also when others were answered that came later; not who is lost. */
static void
waited_for_is_told (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned lost, life;
  int64_t began = clock_ms ();
  bool is_told;

  (void) state;
  assert_true (pulse_waited_since (&p) == 0);
  assert_true (pulse_begin (&p, &lost));
  assert_true (pulse_waited_since (&p) >= began);
  if (pulse_begin (&p, &life))
    pulse_end (&p, life);
  is_told = pulse_waited_since (&p) != 0;
  assert_true (is_told || clock_ms () - began > PATIENCE_MS);
  sleep_ms (5 * PATIENCE_MS);
  assert_true (pulse_begin (&p, &life));
  pulse_end (&p, life);
  sleep_ms (2 * PATIENCE_MS + 10);
  assert_true (pulse_waited_since (&p) == 0);
  pulse_destroy (&p);
}

/* Who leaves without an answer proves nothing, and is not missed. */
static void
leaving_says_nothing (void **state)
{
  struct pulse p = PULSE_INIT;
  unsigned life, other;

  (void) state;
  assert_true (pulse_begin (&p, &other));
  pulse_leave (&p, other);
  sleep_ms (PATIENCE_MS + 10);
  assert_false (pulse_is_silent (&p));
  assert_true (pulse_begin (&p, &life));
  sleep_ms (5);
  if (pulse_begin (&p, &other))
    pulse_leave (&p, other);
  sleep_ms (PATIENCE_MS);
  assert_true (pulse_is_silent (&p));
  pulse_end (&p, life);
  assert_false (pulse_is_silent (&p));
  pulse_destroy (&p);
}

/* Somebody mounts something: the next one finds out at once whether it is there. */
static void
mounted_is_tried (void **state)
{
  struct pulse p = PULSE_INIT;
  int64_t began = clock_ms ();
  bool was_refused;
  unsigned life;

  (void) state;
  if (!can_mount)
    skip ();
  assert_true (pulse_begin (&p, &life));
  sleep_ms (PATIENCE_MS + 10);
  was_refused = !pulse_begin (&p, &life);
  assert_int_equal (mount (".", ".", "none", MS_BIND, NULL), 0);
  if (clock_ms () - began > 4 * PATIENCE_MS)
    was_refused = false; /* the machine is too busy */
  if (was_refused) {
    assert_true (pulse_begin (&p, &life));
    assert_true (!pulse_begin (&p, &life) || clock_ms () - began > 4 * PATIENCE_MS);
  }
  pulse_end (&p, life);
  assert_int_equal (umount2 (".", MNT_DETACH), 0);
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

/* Of each place one, however many there are: the same whenever it is asked for. */
static void
places_have_one_each (void **state)
{
  enum {
    PLACES = 5000
  };
  static struct pulse *pulses[PLACES];
  char path[32];

  (void) state;
  for (int again = 0; again < 2; again++)
    for (int i = 0; i < PLACES; i++) {
      struct pulse *p;

      snprintf (path, sizeof path, "/places/%d/x", i);
      p = folder_pulse (path);
      assert_non_null (p);
      assert_true (!again || p == pulses[i]);
      pulses[i] = p;
    }
  assert_int_equal (place_pulses (), PLACES);
}

/* Where nobody else sees it. */
static void
allow_mounts (void)
{
  can_mount =
    (unshare (CLONE_NEWNS) == 0 || unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
    mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup (answering_is_waited_for, impatient),
    cmocka_unit_test_setup (silent_is_refused, impatient),
    cmocka_unit_test_setup (lost_says_nothing_of_others, impatient),
    cmocka_unit_test_setup (waited_for_is_told, impatient),
    cmocka_unit_test_setup (leaving_says_nothing, impatient),
    cmocka_unit_test_setup (mounted_is_tried, impatient),
    cmocka_unit_test_setup (renewed_is_another, impatient),
    cmocka_unit_test_setup (without_patience_nothing_is_refused, patient),
    cmocka_unit_test (error_names_it),
    cmocka_unit_test (places_have_one_each),
  };

  allow_mounts ();
  return cmocka_run_group_tests (tests, NULL, NULL);
}
