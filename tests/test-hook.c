/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/hook.c, hook_facts.c, run_program.c, kinds.c: a program is told what is wrong, once,
 * with values that are nothing but data, and is ended if it hangs.
 *
 * The programs are this one: called with "--hook KIND ARGUMENT..." it does as KIND says,
 * beginning with a report of itself in the file KIND.N, which is complete when it is there.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"
#include "hook.h"
#include "hook_facts.h"
#include "kinds.h"
#include "run_program.h"
#include "scratch.h"

#define PATIENCE_MS 60000
#define HOUR_MS (60 * 60 * 1000)

static char self[4096]; /* this program */

static void
rest (void)
{
  const struct timespec ms = { 0, 10 * 1000 * 1000 };

  nanosleep (&ms, NULL);
}

/* ---- What is called */

/* Descriptors, as bits; of the first 64. */
static uint64_t
open_files (void)
{
  uint64_t open = 0;

  for (int fd = 0; fd < 64; fd++)
    if (fcntl (fd, F_GETFD) != -1)
      open |= UINT64_C (1) << fd;
  return open;
}

/* Signals that are blocked or ignored; those of sanitizers are handled, and count not. */
static unsigned
disturbed_signals (void)
{
  struct sigaction action;
  sigset_t blocked;
  unsigned n = 0;

  sigprocmask (SIG_SETMASK, NULL, &blocked);
  for (int s = 1; s < NSIG; s++)
    if (sigaction (s, NULL, &action) == 0)
      n += sigismember (&blocked, s) == 1 || action.sa_handler == SIG_IGN;
  return n;
}

/* Whoever reads it finds it whole. */
static void
write_report (const char *kind, char **arguments)
{
  char name[64], temporary[72];
  FILE *out;
  int n = 0;

  do
    snprintf (name, sizeof name, "%s.%d", kind, n++);
  while (access (name, F_OK) == 0);
  snprintf (temporary, sizeof temporary, "%s.part", name);
  out = fopen (temporary, "we");
  if (!out)
    _exit (99);
  fprintf (out, "pid %d\nfiles %llx\nsignals %u\nleader %d\ninput %d\n", (int) getpid (),
           (unsigned long long) (open_files () & ~(UINT64_C (1) << fileno (out))),
           disturbed_signals (), getsid (0) == getpid (), getchar ());
  for (; *arguments; arguments++)
    fprintf (out, "<%s>\n", *arguments);
  fprintf (out, "S<%s>\nF<%s>\nE<%s>\n", getenv ("MKVDUP_SOURCE"),
           getenv ("MKVDUP_FILES"), getenv ("MKVDUP_EVENT"));
  fclose (out);
  rename (temporary, name);
}

static int
be_called (char **arguments)
{
  const char *kind = arguments[0];

  if (strcmp (kind, "hang") == 0 && fork () == 0)
    kind = "child";
  if (strcmp (kind, "deaf") == 0)
    signal (SIGTERM, SIG_IGN);
  write_report (kind, arguments + 1);
  while (strcmp (kind, "good") != 0 && strcmp (kind, "bad") != 0)
    pause ();
  return strcmp (kind, "bad") == 0 ? 3 : 0;
}

/* ---- Who calls */

/* A hook, and what it said of itself. */
struct fixture {
  struct hook *hook;
  pthread_mutex_t lock;
  char problem[1024]; /* the last; guarded by the lock, as the next */
  unsigned problems;
};

static void
on_problem (void *opaque, const char *text)
{
  struct fixture *f = opaque;
  LOCK_FOR_SCOPE (&f->lock);

  snprintf (f->problem, sizeof f->problem, "%s", text);
  f->problems++;
}

static void
release (struct fixture *f)
{
  hook_free (f->hook);
  pthread_mutex_destroy (&f->lock);
}

#define FIXTURE(name)                                                          \
  __attribute__ ((cleanup (release))) struct fixture name = { .problems = 0 }; \
  pthread_mutex_init (&name.lock, NULL);                                       \
  name.hook = hook_new (on_problem, &name);                                    \
  assert_non_null (name.hook)

static unsigned
problems (struct fixture *f)
{
  LOCK_FOR_SCOPE (&f->lock);

  return f->problems;
}

/* "--hook KIND" of `program`, and three more arguments. */
static void
configure (struct hook *hook, const char *program, const char *kind, int64_t timeout_ms,
           int64_t batch_ms)
{
  const char *const command[] = { program,   "--hook",     kind,
                                  "%event%", "-%files%%%", "%source%" };
  size_t n = sizeof command / sizeof command[0];
  struct hook_settings s = { .timeout_ms = timeout_ms,
                             .batch_ms = batch_ms,
                             .repeat_ms = HOUR_MS };
  struct error err = ERROR_INIT;

  s.command = calloc (n + 1, sizeof *s.command);
  assert_non_null (s.command);
  for (size_t i = 0; i < n; i++)
    assert_non_null (s.command[i] = strdup (command[i]));
  assert_int_equal (hook_settings_check (&s, &err), 0);
  hook_configure (hook, &s);
  assert_null (s.command);
}

/* Wait for a report, and return it; malloced. */
static char *
take_report (const char *name)
{
  char *text = calloc (1, 1 << 16);
  FILE *in = NULL;
  size_t n;

  assert_non_null (text);
  for (int64_t end = clock_ms () + PATIENCE_MS; !in; rest ()) {
    in = fopen (name, "re");
    if (!in && clock_ms () > end)
      fail_msg ("no %s", name);
  }
  n = fread (text, 1, (1 << 16) - 1, in);
  text[n] = '\0';
  fclose (in);
  return text;
}

static void
expect_in (const char *report, const char *want)
{
  if (!strstr (report, want))
    fail_msg ("no \"%s\" in: %s", want, report);
}

static pid_t
pid_in (const char *report)
{
  return (pid_t) strtol (report + strlen ("pid "), NULL, 10);
}

/* Until there were so many, which are all. */
static void
wait_for_problem (struct fixture *f, unsigned n, const char *want)
{
  for (int64_t end = clock_ms () + PATIENCE_MS; problems (f) < n; rest ())
    if (clock_ms () > end)
      fail_msg ("%u problems, and not: %s", problems (f), want);
  assert_int_equal (problems (f), n);
  LOCK_FOR_SCOPE (&f->lock);
  expect_in (f->problem, want);
}

/* Of a process that is not our child: zombies count as gone. */
static void
expect_gone (pid_t pid)
{
  char path[32], text[256];

  snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
  for (int64_t end = clock_ms () + PATIENCE_MS;; rest ()) {
    FILE *in = fopen (path, "re");
    size_t n = in ? fread (text, 1, sizeof text - 1, in) : 0;

    if (in)
      fclose (in);
    text[n] = '\0';
    if (n == 0 || strstr (text, ") Z "))
      return;
    if (clock_ms () > end)
      fail_msg ("process %d is still there", (int) pid);
  }
}

/* ---- Facts */

static struct hook_facts facts;

/* What "[X]" becomes. */
static void
expect_filled (const char *argument, const char *want)
{
  char program[] = "p", text[64];
  char *command[] = { program, text, NULL };
  struct hook_call call;

  snprintf (text, sizeof text, "%s", argument);
  assert_true (hook_call_make (&call, command, &facts));
  assert_string_equal (call.argv[0], "p");
  assert_string_equal (call.argv[1], want);
  assert_null (call.argv[2]);
  hook_call_free (&call);
}

static void
test_facts (void **state)
{
  (void) state;
  hook_facts_clear (&facts);
  assert_true (hook_facts_are_none (&facts));
  hook_facts_add (&facts, "A, B.mkv", "/d/a b: is 5 bytes long");
  hook_facts_add (&facts, "A", "/d/a b: is 5 bytes long");
  hook_facts_add (&facts, "A", "source x was not found: /e/x: No such file; /f/x: No");
  hook_facts_add (&facts, NULL, "nothing to name");
  assert_false (hook_facts_are_none (&facts));
  expect_filled ("%source%", "/d/a b\n/e/x");
  expect_filled ("%files%", "A, B.mkv, A");
  expect_filled ("%event%", "/d/a b: is 5 bytes long\nsource x was not found: /e/x: No "
                            "such file; /f/x: No\nnothing to name");
  expect_filled ("%%files%%", "%A, B.mkv, A%");
  expect_filled ("%file% %", "%file% %");
  expect_filled ("", "");
}

/* Placeholders in values, and what shells and terminals would take for theirs. */
static void
test_values_are_data (void **state)
{
  (void) state;
  hook_facts_clear (&facts);
  hook_facts_add (&facts, "--%event%", "/d/$(id)\n`x` '\"\\\033[2J;\xc3\xa9: gone");
  expect_filled ("%files%", "--%event%");
  expect_filled ("%source%", "/d/$(id)?`x` '\"\\?[2J;\xc3\xa9");
  expect_filled ("%event%", "/d/$(id)?`x` '\"\\?[2J;\xc3\xa9: gone");
}

/* However much is told, the most that may be asked for can be run. */
static void
test_bounds (void **state)
{
  char text[1000], argument[HOOK_MAX_COMMAND] = "";
  char program[] = "true";
  char *command[] = { program, argument, NULL };
  struct hook_call call;
  struct error err = ERROR_INIT;

  (void) state;
  hook_facts_clear (&facts);
  for (int i = 0; i < 5000; i++) {
    snprintf (text, sizeof text, "/%d", i);
    hook_facts_add (&facts, text, text);
  }
  memset (argument, 'x', sizeof argument - 200);
  for (unsigned i = 0; i < HOOK_MAX_PLACEHOLDERS; i++)
    strcat (argument, "%files%");
  assert_int_equal (
    hook_settings_check (&(struct hook_settings){ .command = command }, &err), 0);
  assert_true (hook_call_make (&call, command, &facts));
  assert_true (strlen (call.argv[1]) < 128 * 1024 - 1);
  expect_in (call.argv[1], "/0, /1, /2, ");
  expect_in (call.argv[1], " more");
  assert_int_equal (run_program (call.argv, call.envp, PATIENCE_MS, -1, &err), 0);
  hook_call_free (&call);
  strcat (argument, "%files%");
  assert_int_equal (
    hook_settings_check (&(struct hook_settings){ .command = command }, &err), -1);
}

/* ---- Kinds */

static uint64_t
kind (const char *text)
{
  return kind_of_text (KIND_SEED, text);
}

static void
test_kinds (void **state)
{
  (void) state;
  assert_true (kind ("at 17: x1") == kind ("at 99: x1"));
  assert_true (kind ("at 17: x1") != kind ("at 17: x2"));
  /* Numbers in paths tell files apart, wherever the path stands; those behind it do not. */
  assert_true (kind ("/d/Season 1 Disc/x: at 5") == kind ("/d/Season 1 Disc/x: at 6"));
  assert_true (kind ("of /d/1 Disc/x (bytes 5 to 6)") ==
               kind ("of /d/1 Disc/x (bytes 7 to 9)"));
  assert_true (kind ("/d/Season 1 Disc/x: at 5") != kind ("/d/Season 2 Disc/x: at 5"));
  assert_true (kind ("/f: /d/Part 1: gone") != kind ("/f: /d/Part 2: gone"));
  assert_true (kind ("/f: as of /d/Part 1") != kind ("/f: as of /d/Part 2"));
  assert_true (kind ("no 1/2, but 1 of /f: 3") == kind ("no 1/2, but 2 of /f: 4"));
}

/* What is told and what is not are all there was. */
static void
test_kinds_are_counted (void **state)
{
  struct kind kinds[2] = { { 0, 0, 0 } };
  struct untold untold = { 7, 0 };
  uint64_t a = kind ("a"), b = kind ("b"), c = kind ("c"), d = kind ("d");

  (void) state;
  assert_true (kinds_is_due (kinds, 2, a, HOUR_MS, &untold));
  assert_int_equal (untold.like_it, 0);
  assert_false (kinds_is_due (kinds, 2, a, HOUR_MS, &untold));
  assert_true (kinds_is_due (kinds, 2, b, HOUR_MS, &untold));
  assert_true (kinds_is_due (kinds, 2, a, 0, &untold));
  assert_int_equal (untold.like_it, 1);
  assert_int_equal (untold.others, 0);
  /* Two that have no place, of which no other kind is to say that they are like it. */
  assert_false (kinds_is_due (kinds, 2, c, HOUR_MS, &untold));
  assert_false (kinds_is_due (kinds, 2, d, HOUR_MS, &untold));
  assert_int_equal (untold.others, 2);
  assert_false (kinds_is_due (kinds, 2, a, HOUR_MS, &untold));
  assert_false (kinds_is_due (kinds, 2, b, HOUR_MS, &untold));
  assert_true (kinds_is_due (kinds, 2, b, 0, &untold));
  assert_int_equal (untold.like_it, 1);
  assert_int_equal (untold.others, 2);
  /* One takes a place, of whose kind one was not told. */
  rest ();
  assert_true (kinds_is_due (kinds, 2, b, 0, &untold));
  assert_true (kinds_is_due (kinds, 2, c, 0, &untold));
  assert_int_equal (untold.like_it, 0);
  assert_int_equal (untold.others, 3);
}

/* ---- Calls */

/* What is told many times, and of several titles, is one call; what was told before the
 * start is in it.
 */
static void
test_one_call (void **state)
{
  CLEANUP_FREE char *report = NULL;
  FIXTURE (f);

  (void) state;
  hook_tell (f.hook, "early", "/nobody: is there to be told");
  configure (f.hook, self, "good", PATIENCE_MS, 1000);
  hook_tell (f.hook, "A", "/d: read at offset 1");
  hook_start (f.hook);
  for (int i = 0; i < 1000; i++)
    hook_tell (f.hook, "A", "/d: read at offset 2");
  hook_tell (f.hook, "B", "/d: read at offset 3");
  hook_tell (f.hook, "B", "/d 2: read at offset 3");
  report = take_report ("good.0");
  expect_in (report,
             "</d: read at offset 1\n/d: read at offset 3\n/d 2: read at offset 3>\n"
             "<-A, B%%>\n</d\n/d 2>\n");
  expect_in (report, "S</d\n/d 2>\nF<A, B>\nE</d: read at offset 1\n");
  /* Of what is told now only what is new is in another call. */
  hook_tell (f.hook, "B", "/d: read at offset 4");
  hook_tell_change (f.hook, "one");
  free (report);
  report = take_report ("good.1");
  expect_in (report, "<one>\n<-%%>\n<>\n");
  assert_int_equal (problems (&f), 0);
}

/* What it inherits: nothing. */
static void
test_inherits_nothing (void **state)
{
  CLEANUP_FREE char *report = NULL;
  int leak = dup (STDIN_FILENO);
  sigset_t some;
  FIXTURE (f);

  (void) state;
  assert_true (leak > STDERR_FILENO);
  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&some);
  sigaddset (&some, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &some, NULL);
  setenv ("MKVDUP_EVENT", "not this", 1);
  configure (f.hook, self, "good", PATIENCE_MS, 0);
  hook_start (f.hook);
  hook_tell_change (f.hook, "x");
  report = take_report ("good.0");
  expect_in (report, "files 7\nsignals 0\nleader 1\ninput -1\n");
  expect_in (report, "E<x>\n");
  close (leak);
  unsetenv ("MKVDUP_EVENT");
  signal (SIGPIPE, SIG_DFL);
  pthread_sigmask (SIG_UNBLOCK, &some, NULL);
}

/* A hanging program is ended, and what it started. */
static void
test_timeout (void **state)
{
  CLEANUP_FREE char *report = NULL, *child = NULL;
  FIXTURE (f);

  (void) state;
  /* Long enough for both to begin. */
  configure (f.hook, self, "hang", 3000, 0);
  hook_start (f.hook);
  hook_tell_change (f.hook, "x");
  report = take_report ("hang.0");
  child = take_report ("child.0");
  assert_int_equal (problems (&f), 0);
  wait_for_problem (&f, 1, "took longer than 3000 ms and was ended");
  expect_gone (pid_in (report));
  expect_gone (pid_in (child));
  /* The next call is made. */
  configure (f.hook, self, "good", PATIENCE_MS, 0);
  hook_tell_change (f.hook, "y");
  free (report);
  report = take_report ("good.0");
  expect_in (report, "<y>\n");
}

/* One that does not listen keeps nobody waiting for long. */
static void
test_stop (void **state)
{
  CLEANUP_FREE char *report = NULL;
  int64_t begin;

  (void) state;
  {
    FIXTURE (f);
    configure (f.hook, self, "deaf", HOUR_MS, 0);
    hook_start (f.hook);
    hook_tell_change (f.hook, "x");
    report = take_report ("deaf.0");
    begin = clock_ms ();
  }
  assert_true (clock_ms () - begin < 2 * RUN_PROGRAM_GRACE_MS + PATIENCE_MS / 4);
  expect_gone (pid_in (report));
}

static void
test_failures (void **state)
{
  FIXTURE (none);
  FIXTURE (bad);

  (void) state;
  /* Told at once, and when it is needed. */
  configure (none.hook, "/nowhere/at all", "good", PATIENCE_MS, 0);
  wait_for_problem (&none, 1, "on_error_command: /nowhere/at all: No such file");
  configure (none.hook, "/nowhere/at all", "good", PATIENCE_MS, 0);
  hook_start (none.hook);
  hook_tell_change (none.hook, "x");
  wait_for_problem (&none, 2, "on_error_command: /nowhere/at all: No such file");
  configure (bad.hook, self, "bad", PATIENCE_MS, 0);
  hook_start (bad.hook);
  hook_tell_change (bad.hook, "x");
  wait_for_problem (&bad, 1, ": exit status 3");
}

/* Programs come and go while it runs: what waits for one that goes is not told, and what
 * another one was told is.  The same one is not told the same again.
 */
static void
test_reconfigured (void **state)
{
  CLEANUP_FREE char *report = NULL, *second = NULL;
  struct hook_settings none = HOOK_DEFAULTS;
  FIXTURE (f);

  (void) state;
  hook_start (f.hook);
  configure (f.hook, self, "bad", PATIENCE_MS, HOUR_MS);
  hook_tell (f.hook, "A", "forgotten");
  hook_configure (f.hook, &none);
  hook_tell (f.hook, "A", "nobody is told");
  configure (f.hook, self, "good", PATIENCE_MS, 0);
  hook_tell (f.hook, "A", "forgotten");
  report = take_report ("good.0");
  expect_in (report, "<forgotten>\n");
  configure (f.hook, self, "good", PATIENCE_MS, 100);
  hook_tell (f.hook, "A", "forgotten");
  hook_tell (f.hook, "B", "forgotten");
  second = take_report ("good.1");
  expect_in (second, "<forgotten>\n<-B%%>\n");
  assert_int_equal (problems (&f), 0);
}

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_facts),
    cmocka_unit_test (test_values_are_data),
    cmocka_unit_test (test_bounds),
    cmocka_unit_test (test_kinds),
    cmocka_unit_test (test_kinds_are_counted),
    cmocka_unit_test_teardown (test_one_call, scratch_empty),
    cmocka_unit_test_teardown (test_inherits_nothing, scratch_empty),
    cmocka_unit_test_teardown (test_timeout, scratch_empty),
    cmocka_unit_test_teardown (test_stop, scratch_empty),
    cmocka_unit_test_teardown (test_failures, scratch_empty),
    cmocka_unit_test_teardown (test_reconfigured, scratch_empty),
  };
  ssize_t len = readlink ("/proc/self/exe", self, sizeof self - 1);

  if (argc > 2 && strcmp (argv[1], "--hook") == 0)
    return be_called (argv + 2);
  if (len <= 0)
    return 1;
  self[len] = '\0';
  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
