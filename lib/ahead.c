/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading ahead: see ahead.h.  What to fetch waits in a short queue; when that is full
 * the source cannot keep up anyway, and what comes next is dropped.
 *
 * Decided against: fetching from the thread that serves the request, whose reply would
 * wait for it (decoding a segment alone takes half a millisecond), and one thread for all
 * images, which one source that hangs would stop.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "ahead.h"
#include "cleanup.h"
#include "streams.h"
#include "thread.h"

/* A fetch for each stream, and as many again while they are being asked for. */
#define MAX_QUEUED (2 * STREAMS_MAX)

/* How long the thread waits for work before it ends. */
#define IDLE_SECONDS 60

/* Look so often, in reads, whether streams have ended. */
#define EXPIRE_EVERY 1024

enum thread_state {
  NONE,
  RUNNING,
  ENDED, /* to be joined */
};

struct ahead {
  uint64_t size;
  ahead_fetch_fn *fetch;
  void *opaque;
  atomic_bool watching; /* there are streams */
  pthread_mutex_t lock; /* guards everything below */
  pthread_cond_t work;
  pthread_t thread;
  enum thread_state state;
  bool stop;
  bool is_fetching;
  unsigned notes;
  unsigned first, n_queued;
  struct stream_range queue[MAX_QUEUED];
  struct streams streams;
};

static time_t
seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec;
}

struct ahead *
ahead_new (uint64_t size, ahead_fetch_fn *fetch, void *opaque)
{
  struct ahead *a = calloc (1, sizeof *a);

  if (!a)
    return NULL;
  a->size = size;
  a->fetch = fetch;
  a->opaque = opaque;
  streams_init (&a->streams);
  pthread_mutex_init (&a->lock, NULL);
  thread_cond_init (&a->work);
  return a;
}

/* ---- The thread */

/* Wait until there is something to do; not for ever.  Called with the lock held. */
static void
wait_for_work (struct ahead *a)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += IDLE_SECONDS;
  while (!a->stop && a->n_queued == 0) {
    if (pthread_cond_timedwait (&a->work, &a->lock, &until) == ETIMEDOUT)
      return;
  }
}

static void *
run (void *opaque)
{
  struct ahead *a = opaque;
  struct stream_range range;
  LOCK_FOR_SCOPE (&a->lock);

  for (;;) {
    wait_for_work (a);
    if (a->stop || a->n_queued == 0)
      break;
    range = a->queue[a->first];
    a->first = (a->first + 1) % MAX_QUEUED;
    --a->n_queued;
    a->is_fetching = true;
    pthread_mutex_unlock (&a->lock);
    a->fetch (a->opaque, range.from, range.to);
    pthread_mutex_lock (&a->lock);
    a->is_fetching = false;
  }
  a->state = ENDED;
  return NULL;
}

/* Called with the lock held. */
static void
start (struct ahead *a)
{
  if (a->state == RUNNING)
    return;
  if (a->state == ENDED)
    pthread_join (a->thread, NULL);
  a->state = thread_start (&a->thread, "read-ahead", run, a) == 0 ? RUNNING : NONE;
}

bool
ahead_is_busy (struct ahead *a)
{
  LOCK_FOR_SCOPE (&a->lock);

  return a->is_fetching;
}

void
ahead_free (struct ahead *a)
{
  bool was_started;

  if (!a)
    return;
  pthread_mutex_lock (&a->lock);
  a->stop = true;
  was_started = a->state != NONE;
  pthread_cond_signal (&a->work);
  pthread_mutex_unlock (&a->lock);
  if (was_started)
    pthread_join (a->thread, NULL);
  pthread_cond_destroy (&a->work);
  pthread_mutex_destroy (&a->lock);
  free (a);
}

/* ---- Requests */

bool
ahead_is_watching (const struct ahead *a)
{
  return atomic_load_explicit (&a->watching, memory_order_relaxed);
}

/* Called with the lock held. */
static void
enqueue (struct ahead *a, struct stream_range range)
{
  if (a->n_queued == MAX_QUEUED)
    return;
  start (a);
  if (a->state != RUNNING)
    return;
  a->queue[(a->first + a->n_queued++) % MAX_QUEUED] = range;
  pthread_cond_signal (&a->work);
}

void
ahead_note (struct ahead *a, uint64_t offset, uint64_t count, bool waits)
{
  struct stream_range range;
  time_t now = seconds ();
  LOCK_FOR_SCOPE (&a->lock);

  range = streams_note (&a->streams, offset, count, a->size, waits, now);
  if (range.from < range.to)
    enqueue (a, range);
  if (++a->notes % EXPIRE_EVERY == 0)
    streams_expire (&a->streams, now);
  atomic_store_explicit (&a->watching, a->streams.n > 0, memory_order_relaxed);
}
