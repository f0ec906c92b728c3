/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hook: a program of the administrator's that is called when something is wrong.
 *
 * The first trouble begins a batch; what is told until its interval is over goes into one
 * call, and one call is made at a time.  The same trouble of the same title (kinds.h) is told
 * once in a longer interval, however often clients run into it.
 *
 * Who tells waits for nothing but a lock that is held for as long as memory is copied: the
 * program is run by a thread of the hook's own, which there is only once a program is
 * configured.  What has not been told when the hook ends is not told: the log has it.
 *
 * That a title can be read again is not told: what can be read of it now says nothing about
 * the rest.
 *
 * Thread safety: hook_tell, hook_tell_change and hook_configure by any number of threads;
 * the others by the owner.
 */
#ifndef MKVDUP_HOOK_H
#define MKVDUP_HOOK_H

#include <stdint.h>

#include "error.h"

struct hook_settings {
  char **command;     /* program and arguments, NULL behind them; owned.  NULL: no hook */
  int64_t timeout_ms; /* for one call */
  int64_t batch_ms;
  int64_t repeat_ms; /* until the same is told again */
};

#define HOOK_DEFAULTS                                           \
  {                                                             \
    .timeout_ms = 30000, .batch_ms = 5000, .repeat_ms = 3600000 \
  }

void hook_settings_free (struct hook_settings *settings);

#define CLEANUP_HOOK_SETTINGS __attribute__ ((cleanup (hook_settings_free)))

/* Is the command within the bounds of hook_facts.h? */
int hook_settings_check (const struct hook_settings *settings, struct error *err);

struct hook; /* internally locked */

/* What is wrong with the hook itself; called by its thread, and by hook_configure. */
typedef void hook_problem_fn (void *opaque, const char *text);

/* Without a program.  NULL when out of memory or descriptors. */
struct hook *hook_new (hook_problem_fn *problem, void *opaque);

/* From now on; takes over the strings of `settings`.  A call that is running is not changed.
 * Another command is told again what the last one was told; without one, what was not told
 * yet is forgotten.
 */
void hook_configure (struct hook *hook, struct hook_settings *settings);

/* Now there may be a thread: what was told before is told by it. */
void hook_start (struct hook *hook);

/* `title` may be NULL: none in particular. */
void hook_tell (struct hook *hook, const char *title, const char *text);

/* The same, however soon after the last time: for what is only told when it changes. */
void hook_tell_change (struct hook *hook, const char *text);

/* Ends a program that is running: see run_program.h for how long that may take.  What is told
 * after this is not told.
 */
void hook_stop (struct hook *hook);

/* Stopped, and nobody may be telling any more. */
void hook_free (struct hook *hook);

#endif /* MKVDUP_HOOK_H */
