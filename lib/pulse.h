/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does what others wait for still answer?  A pulse stands for one thing that may hang: a
 * source, a recipe, the search for either.  Who is about to wait for it says so, and is
 * refused when others have waited for longer than patience lasts and none has been answered:
 * who would wait in vain then fails at once, and no thread more is lost to it.
 *
 * Now and then, and when something was mounted, one is let through all the same, to find out
 * whether it answers again, or is something else by now.  If it is answered, whoever waits
 * since before says nothing more of it: a read of a bad sector may never come back, and all
 * others do.
 *
 * Nothing is refused unless pulse_set_patience was called: commands wait, as users can
 * interrupt them.
 *
 * Thread safety: any number of threads, but for init and destroy.
 */
#ifndef MKVDUP_PULSE_H
#define MKVDUP_PULSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct pulse {
  pthread_mutex_t lock;
  /* Guarded by the lock: */
  unsigned waiting; /* with those that never come back */
  unsigned life;    /* counts pulse_renew */
  int64_t began;    /* when the last one began to wait; clock_ms, as all here */
  int64_t asked;    /* when the first one did since one was answered; 0: none has */
  int64_t probed;   /* when one was let through */
  int64_t apart;    /* until the next one is; milliseconds */
  unsigned mounts;  /* mounts_changes by then; 0: none was refused so far */
};

#define PULSE_INIT                                 \
  {                                                \
    PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 0, 0, 0, 0 \
  }

/* Of all pulses; milliseconds, 0: for ever.  Before there are threads. */
void pulse_set_patience (int64_t ms);

void pulse_init (struct pulse *p);
void pulse_destroy (struct pulse *p);

/* Going to wait for it.  False: it does not answer; else *life is for pulse_end. */
bool pulse_begin (struct pulse *p, unsigned *life);

/* Would pulse_begin refuse, or let one through to find out? */
bool pulse_is_silent (struct pulse *p);

/* Since when somebody has been waiting for it in vain (clock_ms); 0: nobody waits, or for so
 * long that others have given it up.
 */
int64_t pulse_waited_since (struct pulse *p);

/* It has answered, with whatever. */
void pulse_end (struct pulse *p, unsigned life);

/* Done without an answer, as what was asked need not have come from it: that says nothing. */
void pulse_leave (struct pulse *p, unsigned life);

/* It is another thing now: who still waits, waits for the old one. */
void pulse_renew (struct pulse *p);

/* Is it (clock_ms) longer ago than patience lasts? */
bool pulse_is_late (int64_t since);

/* The error of who was refused: ETIMEDOUT.  Always returns -1. */
int pulse_error (const char *what, struct error *err);

#endif /* MKVDUP_PULSE_H */
