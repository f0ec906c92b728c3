/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/watch.c: changes are noticed, soon where the kernel tells of them.
 *
 * Machines may be busy: what has to come is waited for long, and that something does not
 * come is only told by something later that did.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "scratch.h"
#include "watch.h"

#define PATIENCE_SECONDS 60

/* How often `changed` was called. */
struct calls {
  pthread_mutex_t lock;
  pthread_cond_t called;
  unsigned n;          /* guarded by the lock, as is the next */
  unsigned failing;    /* so many calls fail */
  struct watch *watch; /* what `folder` is added to, at each call */
  const char *folder;  /* or NULL */
};

#define CALLS_INIT                                                        \
  {                                                                       \
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, NULL, NULL \
  }

static bool
changed (void *opaque)
{
  struct calls *c = opaque;
  LOCK_FOR_SCOPE (&c->lock);

  if (c->folder)
    watch_folder (c->watch, c->folder);
  c->n++;
  pthread_cond_signal (&c->called);
  if (c->failing == 0)
    return true;
  c->failing--;
  return false;
}

static unsigned
count (struct calls *c)
{
  LOCK_FOR_SCOPE (&c->lock);

  return c->n;
}

/* Wait until there were `n` calls. */
static void
wait_for (struct calls *c, unsigned n)
{
  struct timespec end;
  int r = 0;
  LOCK_FOR_SCOPE (&c->lock);

  clock_gettime (CLOCK_REALTIME, &end);
  end.tv_sec += PATIENCE_SECONDS;
  while (r == 0 && c->n < n)
    r = pthread_cond_timedwait (&c->called, &c->lock, &end);
  if (c->n < n)
    fail_msg ("%u calls and not %u", c->n, n);
}

static struct watch *
start (struct calls *c, const char *folder, unsigned poll)
{
  struct watch *w = watch_new (poll);
  struct error err = ERROR_INIT;

  assert_non_null (w);
  watch_folder (w, folder);
  c->watch = w;
  if (watch_start (w, changed, NULL, c, &err) == -1)
    fail_msg ("%s", err.text);
  return w;
}

static void
nap (long ms)
{
  const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

  nanosleep (&t, NULL);
}

/* ---- What counts */

static void
make_file (void)
{
  put_text ("made/x", "");
}

static void
write_file (void)
{
  put_text ("written/a", "more");
}

static void
change_mode (void)
{
  assert_int_equal (chmod ("mode/a", 0600), 0);
}

static void
rename_file (void)
{
  assert_int_equal (rename ("renamed/a", "renamed/b"), 0);
}

static void
move_in (void)
{
  put_text ("elsewhere", "");
  assert_int_equal (rename ("elsewhere", "entered/x"), 0);
}

static void
move_out (void)
{
  assert_int_equal (rename ("left/a", "left.a"), 0);
}

static void
show_hidden (void)
{
  put_text ("shown/.new", "");
  assert_int_equal (rename ("shown/.new", "shown/new"), 0);
}

static void
remove_file (void)
{
  assert_int_equal (unlink ("removed/a"), 0);
}

static void
make_folder (void)
{
  assert_int_equal (mkdir ("folder/x", 0777), 0);
}

static void
rename_folder (void)
{
  assert_int_equal (rename ("moved", "moved.x"), 0);
}

static void
remove_folder (void)
{
  assert_int_equal (unlink ("gone/a"), 0);
  assert_int_equal (rmdir ("gone"), 0);
}

/* What is done, and the folder it is done in: there is a file "a". */
static const struct {
  const char *file;
  void (*change) (void);
} changes[] = {
  { "made/a", make_file },      { "written/a", write_file },  { "mode/a", change_mode },
  { "renamed/a", rename_file }, { "entered/a", move_in },     { "left/a", move_out },
  { "shown/a", show_hidden },   { "removed/a", remove_file }, { "folder/a", make_folder },
  { "moved/a", rename_folder }, { "gone/a", remove_folder },
};

#define N_CHANGES (sizeof changes / sizeof changes[0])

static void
test_changes (void **state)
{
  struct calls calls[N_CHANGES];
  struct watch *watches[N_CHANGES];

  (void) state;
  for (size_t i = 0; i < N_CHANGES; i++) {
    char folder[32];

    put_text (changes[i].file, "");
    snprintf (folder, sizeof folder, "%.*s", (int) (strlen (changes[i].file) - 2),
              changes[i].file);
    calls[i] = (struct calls) CALLS_INIT;
    watches[i] = start (&calls[i], folder, 0);
  }
  for (size_t i = 0; i < N_CHANGES; i++)
    changes[i].change ();
  for (size_t i = 0; i < N_CHANGES; i++) {
    wait_for (&calls[i], 1);
    watch_free (watches[i]);
  }
}

/* Those before the thread is there count too. */
static void
test_before_start (void **state)
{
  struct calls c = CALLS_INIT;
  struct watch *w = watch_new (0);
  struct error err = ERROR_INIT;

  (void) state;
  put_folders ("made/");
  watch_folder (w, "made");
  make_file ();
  assert_int_equal (watch_start (w, changed, NULL, &c, &err), 0);
  wait_for (&c, 1);
  watch_free (w);
}

/* Hidden names do not count, nor does reading. */
static void
test_hidden (void **state)
{
  struct calls c = CALLS_INIT;
  struct watch *w;
  char byte;

  (void) state;
  put_text ("seen/a", "text");
  w = start (&c, "seen", 0);
  for (int i = 0; i < 20; i++) {
    CLEANUP_CLOSE int fd = open ("seen/a", O_RDONLY);

    assert_int_equal (read (fd, &byte, 1), 1);
    put_text ("seen/.b", "");
    assert_int_equal (unlink ("seen/.b"), 0);
  }
  nap (300);
  assert_int_equal (count (&c), 0);
  put_text ("seen/c", "");
  wait_for (&c, 1);
  watch_free (w);
}

/* Many at once are few. */
static void
test_coalesce (void **state)
{
  struct calls c = CALLS_INIT;
  struct watch *w;

  (void) state;
  put_folders ("seen/");
  w = start (&c, "seen", 0);
  for (int i = 0; i < 2000; i++) {
    char path[32];

    snprintf (path, sizeof path, "seen/%d", i % 50);
    put_text (path, "");
  }
  wait_for (&c, 1);
  /* Not in pieces, unless the machine is so busy that there were pauses. */
  assert_true (count (&c) < 100);
  watch_free (w);
}

/* Changes that never end are seen, too. */
static void *
change_on (void *opaque)
{
  _Atomic bool *stop = opaque;

  for (unsigned i = 0; !*stop; i++) {
    write_file ();
    nap (20);
  }
  return NULL;
}

static void
test_no_pause (void **state)
{
  struct calls c = CALLS_INIT;
  _Atomic bool stop = false;
  struct watch *w;
  pthread_t thread;

  (void) state;
  put_folders ("written/");
  w = start (&c, "written", 0);
  assert_int_equal (pthread_create (&thread, NULL, change_on, &stop), 0);
  wait_for (&c, 1);
  stop = true;
  pthread_join (thread, NULL);
  watch_free (w);
}

/* `changed` may add some, and add them again. */
static void
test_more_folders (void **state)
{
  struct calls c = CALLS_INIT;
  struct watch *w;

  (void) state;
  put_folders ("made/");
  put_folders ("later/");
  c.folder = "later";
  w = start (&c, "made", 0);
  make_file ();
  wait_for (&c, 1);
  put_text ("later/x", "");
  wait_for (&c, 2);
  watch_free (w);
}

/* ---- Polling */

/* What cannot be watched is looked at every second, what failed once more, what can be
 * watched never; nor is anything if nobody wants it.
 */
static void
test_polling (void **state)
{
  struct calls gone = CALLS_INIT, file = CALLS_INIT, seeing = CALLS_INIT,
               never = CALLS_INIT, failing = CALLS_INIT;
  struct watch *w[5];

  (void) state;
  put_text ("seen/a", "");
  put_folders ("folder/");
  failing.failing = 1;
  file.folder = "seen/a";
  w[0] = start (&failing, "folder", 1);
  make_folder ();
  w[1] = start (&seeing, "seen", 1);
  w[2] = start (&never, "gone", 0);
  w[3] = start (&file, "seen/a", 1);
  wait_for (&failing, 2);
  w[4] = start (&gone, "gone", 1);
  wait_for (&gone, 1);
  wait_for (&file, 2);
  assert_int_equal (count (&seeing), 0);
  assert_int_equal (count (&never), 0);
  assert_int_equal (count (&failing), 2);
  for (int i = 0; i < 5; i++)
    watch_free (w[i]);
}

/* ---- Ends */

static void
test_ends (void **state)
{
  struct calls c = CALLS_INIT;
  struct watch *never_started = watch_new (1000), *w;

  (void) state;
  assert_non_null (never_started);
  watch_folder (never_started, ".");
  watch_free (never_started);
  watch_free (NULL);
  /* While it waits for ever, for a time, or for a pause. */
  put_folders ("made/");
  watch_free (start (&c, "made", 0));
  watch_free (start (&c, "gone", 100000));
  watch_free (start (&c, "gone", 4294968)); /* more milliseconds than an int holds */
  w = start (&c, "made", 0);
  make_file ();
  watch_free (w);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_changes, scratch_empty),
    cmocka_unit_test_teardown (test_before_start, scratch_empty),
    cmocka_unit_test_teardown (test_hidden, scratch_empty),
    cmocka_unit_test_teardown (test_coalesce, scratch_empty),
    cmocka_unit_test_teardown (test_no_pause, scratch_empty),
    cmocka_unit_test_teardown (test_more_folders, scratch_empty),
    cmocka_unit_test_teardown (test_polling, scratch_empty),
    cmocka_unit_test_teardown (test_ends, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
