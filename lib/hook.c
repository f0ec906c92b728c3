/* SPDX-License-Identifier: BSD-3-Clause */
/* Hooks: see hook.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "cleanup.h"
#include "clock.h"
#include "hook.h"
#include "hook_facts.h"
#include "kinds.h"
#include "run_program.h"
#include "thread.h"

/* More troubles than this at a time are not told. */
#define KINDS 256u

struct hook {
  hook_problem_fn *problem; /* fixed, as the next two */
  void *opaque;
  int stop; /* an eventfd */
  pthread_t thread;
  pthread_mutex_t lock;   /* guards all below */
  pthread_cond_t changed; /* of them, for the thread */
  struct hook_settings settings;
  struct hook_facts facts; /* to be told in the next call ... */
  int64_t due;             /* ... at this time */
  struct kind kinds[KINDS];
  bool may_run, is_running, is_stopping; /* the thread */
};

/* ---- Settings */

void
hook_settings_free (struct hook_settings *s)
{
  for (size_t i = 0; s->command && s->command[i]; i++)
    free (s->command[i]);
  free (s->command);
  s->command = NULL;
}

int
hook_settings_check (const struct hook_settings *s, struct error *err)
{
  unsigned n = 0, placeholders = 0;
  size_t len = 0;

  for (; s->command[n]; n++) {
    len += strlen (s->command[n]);
    placeholders += hook_placeholders (s->command[n]);
  }
  if (n > HOOK_MAX_ARGUMENTS)
    return error_set (err, 0, "a command of more than %u arguments", HOOK_MAX_ARGUMENTS);
  if (len > HOOK_MAX_COMMAND)
    return error_set (err, 0, "a command of more than %u bytes", HOOK_MAX_COMMAND);
  if (placeholders > HOOK_MAX_PLACEHOLDERS)
    return error_set (err, 0, "a command with more than %u placeholders",
                      HOOK_MAX_PLACEHOLDERS);
  return 0;
}

/* ---- The thread */

static struct timespec
time_of (int64_t ms)
{
  return (struct timespec){ ms / 1000, (long) (ms % 1000) * 1000000 };
}

/* False: it is to end.  Called with the lock held. */
static bool
wait_for_batch (struct hook *h)
{
  while (!h->is_stopping) {
    struct timespec due = time_of (h->due);

    if (hook_facts_are_none (&h->facts))
      pthread_cond_wait (&h->changed, &h->lock);
    else if (clock_ms () >= h->due)
      return true;
    else
      pthread_cond_timedwait (&h->changed, &h->lock, &due);
  }
  return false;
}

/* Wait for a call that is to be made.  False: there will be none. */
static bool
next_call (struct hook *h, struct hook_call *call, int64_t *timeout)
{
  LOCK_FOR_SCOPE (&h->lock);

  if (!wait_for_batch (h))
    return false;
  if (!hook_call_make (call, h->settings.command, &h->facts))
    h->problem (h->opaque, "on_error_command: out of memory");
  *timeout = h->settings.timeout_ms;
  hook_facts_clear (&h->facts);
  return true;
}

static void *
run (void *opaque)
{
  struct hook *h = opaque;
  struct hook_call call;
  int64_t timeout;

  while (next_call (h, &call, &timeout)) {
    struct error err = ERROR_INIT;

    if (call.argv && run_program (call.argv, call.envp, timeout, h->stop, &err) == -1) {
      error_context (&err, "on_error_command");
      h->problem (h->opaque, err.text);
    }
    hook_call_free (&call);
  }
  return NULL;
}

/* If there is need of it.  Called with the lock held. */
static void
start_thread (struct hook *h)
{
  struct error err;
  int r;

  if (!h->may_run || h->is_running || h->is_stopping || !h->settings.command)
    return;
  r = thread_start (&h->thread, "hook", run, h);
  h->is_running = r == 0;
  if (r == 0)
    return;
  error_set (&err, r, "on_error_command: starting a thread");
  h->problem (h->opaque, err.text);
}

/* ---- Telling */

/* Called with the lock held. */
static void
add (struct hook *h, const char *title, const char *text)
{
  if (hook_facts_are_none (&h->facts)) {
    h->due = clock_ms () + h->settings.batch_ms;
    pthread_cond_signal (&h->changed);
  }
  hook_facts_add (&h->facts, title, text);
}

/* Names may have numbers that tell them apart. */
static uint64_t
kind_of (const char *title, const char *text)
{
  uint64_t hash = kind_of_text (KIND_SEED, text);

  return title ? kind_of_bytes (hash, title, strlen (title)) : hash;
}

void
hook_tell (struct hook *h, const char *title, const char *text)
{
  struct untold untold = { 0, 0 }; /* the log tells that */
  LOCK_FOR_SCOPE (&h->lock);

  if (h->settings.command && kinds_is_due (h->kinds, KINDS, kind_of (title, text),
                                           h->settings.repeat_ms, &untold))
    add (h, title, text);
}

void
hook_tell_change (struct hook *h, const char *text)
{
  LOCK_FOR_SCOPE (&h->lock);

  if (h->settings.command)
    add (h, NULL, text);
}

/* ---- Hooks */

struct hook *
hook_new (hook_problem_fn *problem, void *opaque)
{
  struct hook *h = calloc (1, sizeof *h);

  if (!h)
    return NULL;
  h->problem = problem;
  h->opaque = opaque;
  h->stop = eventfd (0, EFD_CLOEXEC);
  if (h->stop == -1) {
    free (h);
    return NULL;
  }
  pthread_mutex_init (&h->lock, NULL);
  thread_cond_init (&h->changed);
  return h;
}

static bool
is_same_command (char *const *a, char *const *b)
{
  size_t i = 0;

  while (a && b && a[i] && b[i] && strcmp (a[i], b[i]) == 0)
    i++;
  return a && b ? !a[i] && !b[i] : a == b;
}

/* Now, and not when something is wrong. */
static void
look_for_program (const struct hook *h, const struct hook_settings *settings)
{
  struct error why = ERROR_INIT;

  if (!settings->command || run_program_look (settings->command[0], &why) == 0)
    return;
  error_context (&why, "on_error_command");
  h->problem (h->opaque, why.text);
}

void
hook_configure (struct hook *h, struct hook_settings *settings)
{
  /* Nobody else changes them; and without the lock, as looking may hang. */
  bool is_new = !is_same_command (h->settings.command, settings->command);

  if (is_new)
    look_for_program (h, settings);
  LOCK_FOR_SCOPE (&h->lock);
  if (is_new)
    memset (h->kinds, 0, sizeof h->kinds);
  hook_settings_free (&h->settings);
  h->settings = *settings;
  settings->command = NULL;
  if (!h->settings.command)
    hook_facts_clear (&h->facts);
  start_thread (h);
}

void
hook_start (struct hook *h)
{
  LOCK_FOR_SCOPE (&h->lock);

  h->may_run = true;
  start_thread (h);
}

void
hook_stop (struct hook *h)
{
  bool is_running;

  {
    LOCK_FOR_SCOPE (&h->lock);
    h->is_stopping = true;
    is_running = h->is_running;
    h->is_running = false;
    pthread_cond_signal (&h->changed);
  }
  eventfd_write (h->stop, 1);
  if (is_running)
    pthread_join (h->thread, NULL);
}

void
hook_free (struct hook *h)
{
  if (!h)
    return;
  hook_stop (h);
  hook_settings_free (&h->settings);
  close (h->stop);
  pthread_cond_destroy (&h->changed);
  pthread_mutex_destroy (&h->lock);
  free (h);
}
