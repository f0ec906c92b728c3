/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errands and the threads that do them: see errands.h.
 *
 * A thread that has nothing to do waits on top of a stack, so that the one that is asked is
 * the one that worked last, and those at the bottom go after a while.  There are as many
 * threads as errands at one moment: one that waited for a free thread would wait for what
 * hangs.
 *
 * Invariant: an errand is released by its sender if it had ended when the sender stopped
 * waiting, else by its thread.
 *
 * Decided against: io_uring's timeouts, which leave the buffer with the kernel, and know
 * nothing of a directory on a dead server; signals, which do not wake who waits for a disk.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "errands.h"
#include "thread.h"

/* A thread without work ends after so long. */
#define IDLE_MS 30000

/* How often the sender asks whether it is over. */
#define ASK_MS 100

/* On its own stack; guarded by the lock while it is among the idle. */
struct runner {
  struct errand *errand; /* NULL: nothing to do */
  pthread_cond_t wake;
  struct runner *below;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static struct runner *idle; /* the top */
static unsigned n_runners, n_left;
static bool is_ending;

/* Until it is signalled or `ms` from now, clock_ms's time. */
static void
wait_until (pthread_cond_t *cond, int64_t ms)
{
  struct timespec at = { (ms - 1) / 1000, (ms - 1) % 1000 * 1000000 };

  pthread_cond_timedwait (cond, &lock, &at);
}

/* ---- A thread; with the lock held */

static void
leave_idle (const struct runner *r)
{
  struct runner **p = &idle;

  while (*p != r)
    p = &(*p)->below;
  *p = r->below;
}

/* Its next errand; NULL: it is to end. */
static struct errand *
await_errand (struct runner *r)
{
  int64_t end = clock_ms () + IDLE_MS;

  r->below = idle;
  idle = r;
  while (!r->errand && !is_ending && clock_ms () < end)
    wait_until (&r->wake, end);
  if (!r->errand)
    leave_idle (r);
  return r->errand;
}

static void
do_errand (struct errand *e)
{
  pthread_mutex_unlock (&lock);
  e->run (e);
  pthread_mutex_lock (&lock);
  e->has_ended = true;
  if (!e->is_left) {
    pthread_cond_signal (&e->ended);
    return;
  }
  pthread_mutex_unlock (&lock);
  pthread_cond_destroy (&e->ended);
  e->release (e);
  pthread_mutex_lock (&lock);
  n_left--;
}

static void *
run (void *first)
{
  struct runner me = { .errand = first };
  LOCK_FOR_SCOPE (&lock);

  thread_cond_init (&me.wake);
  do {
    do_errand (me.errand);
    me.errand = NULL;
  } while (await_errand (&me));
  pthread_cond_destroy (&me.wake);
  n_runners--;
  return NULL;
}

/* ---- Who sends it */

/* With the lock held. */
static int
hand_over (struct errand *e, struct error *err)
{
  struct runner *r = idle;
  pthread_t thread;
  int errnum;

  if (n_left >= ERRANDS_MAX_LEFT)
    return error_set (err, EAGAIN, "%u reads that do not answer are waited for already",
                      n_left);
  if (r) {
    idle = r->below;
    r->errand = e;
    pthread_cond_signal (&r->wake);
    return 0;
  }
  errnum = thread_start (&thread, "errand", run, e);
  if (errnum != 0)
    return error_set (err, errnum, "starting a thread");
  pthread_detach (thread);
  n_runners++;
  return 0;
}

/* With the lock held.  0: it has ended; else why it is not waited for any more. */
static int
await_end (struct errand *e, int64_t ms, errand_over_fn *is_over)
{
  int64_t end = clock_ms () + ms;

  while (!e->has_ended) {
    int64_t now = clock_ms ();
    bool over;

    if (now >= end)
      return ETIMEDOUT;
    wait_until (&e->ended, now + ASK_MS < end ? now + ASK_MS : end);
    if (e->has_ended || !is_over)
      continue;
    pthread_mutex_unlock (&lock);
    over = is_over ();
    pthread_mutex_lock (&lock);
    if (over && !e->has_ended)
      return ECANCELED;
  }
  return 0;
}

int
errand_send (struct errand *e, int64_t ms, errand_over_fn *is_over, struct error *err)
{
  int64_t begin = clock_ms ();
  int why;

  thread_cond_init (&e->ended);
  pthread_mutex_lock (&lock);
  if (hand_over (e, err) == -1) {
    pthread_mutex_unlock (&lock);
    pthread_cond_destroy (&e->ended);
    e->release (e);
    return -1;
  }
  why = await_end (e, ms, is_over);
  e->is_left = why != 0;
  n_left += why != 0;
  pthread_mutex_unlock (&lock);
  if (why == 0) {
    pthread_cond_destroy (&e->ended);
    return 0;
  }
  return error_set (err, why, "no answer within %lld ms",
                    (long long) (clock_ms () - begin));
}

bool
errands_end (int64_t ms)
{
  int64_t end = clock_ms () + ms;
  LOCK_FOR_SCOPE (&lock);

  is_ending = true;
  for (struct runner *r = idle; r; r = r->below)
    pthread_cond_signal (&r->wake);
  while (n_runners > 0 && clock_ms () < end) {
    pthread_mutex_unlock (&lock);
    nanosleep (&(struct timespec){ 0, 1000000 }, NULL);
    pthread_mutex_lock (&lock);
  }
  is_ending = false;
  return n_runners == 0;
}
