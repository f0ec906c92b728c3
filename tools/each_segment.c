/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments in order, decoded by many: see each_segment.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cleanup.h"
#include "each_segment.h"
#include "thread.h"

/* A thread may be so many segments ahead of who takes them: bounds memory. */
#define AHEAD 2u
#define MAX_DECODERS 64u

struct slot {
  bool is_done;
  struct segment *segment; /* NULL: `err` */
  struct error err;
};

struct decoding {
  const struct recipe *recipe;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Guarded by the lock: */
  uint32_t begun, taken; /* segments, so far */
  bool is_over;
  struct slot *slots; /* n_slots; segment i has number i % n_slots; owned */
  uint32_t n_slots;
};

/* The next segment to be decoded, when there is room for it. */
static bool
begin (struct decoding *d, uint32_t *number)
{
  LOCK_FOR_SCOPE (&d->lock);

  while (!d->is_over && d->begun < d->recipe->n_segments &&
         d->begun - d->taken >= d->n_slots)
    pthread_cond_wait (&d->changed, &d->lock);
  if (d->is_over || d->begun == d->recipe->n_segments)
    return false;
  *number = d->begun++;
  return true;
}

static void *
decode (void *opaque)
{
  struct decoding *d = opaque;
  uint32_t number;

  while (begin (d, &number)) {
    struct slot *slot = &d->slots[number % d->n_slots];

    slot->segment = recipe_segment (d->recipe, number, &slot->err);
    LOCK_FOR_SCOPE (&d->lock);
    slot->is_done = true;
    pthread_cond_broadcast (&d->changed);
  }
  return NULL;
}

/* Segment `number`, whoever decodes it; the caller's. */
static struct segment *
take (struct decoding *d, uint32_t number, struct error *err)
{
  struct slot *slot = &d->slots[number % d->n_slots];
  struct segment *segment;

  LOCK_FOR_SCOPE (&d->lock);
  while (!slot->is_done)
    pthread_cond_wait (&d->changed, &d->lock);
  segment = slot->segment;
  if (!segment)
    *err = slot->err;
  slot->segment = NULL;
  slot->is_done = false;
  d->taken++;
  pthread_cond_broadcast (&d->changed);
  return segment;
}

static int
hand_out (struct decoding *d, each_segment_fn *fn, void *opaque, struct error *err)
{
  int r = 0;

  for (uint32_t i = 0; i < d->recipe->n_segments && r == 0; i++) {
    struct segment *segment =
      d->n_slots ? take (d, i, err) : recipe_segment (d->recipe, i, err);

    if (!segment)
      return -1;
    r = fn (opaque, i, segment, err);
    segment_free (segment);
  }
  return r;
}

/* As many as can be started. */
static unsigned
start (struct decoding *d, pthread_t *threads, unsigned n)
{
  unsigned started = 0;

  while (started < n && thread_start (&threads[started], "mkvdup-decode", decode, d) == 0)
    started++;
  return started;
}

static void
finish (struct decoding *d, const pthread_t *threads, unsigned n)
{
  pthread_mutex_lock (&d->lock);
  d->is_over = true;
  pthread_cond_broadcast (&d->changed);
  pthread_mutex_unlock (&d->lock);
  for (unsigned i = 0; i < n; i++)
    pthread_join (threads[i], NULL);
  for (uint32_t i = 0; i < d->n_slots; i++)
    if (d->slots[i].segment)
      segment_free (d->slots[i].segment);
}

int
each_segment (const struct recipe *recipe, unsigned threads, each_segment_fn *fn,
              void *opaque, struct error *err)
{
  struct decoding d = { .recipe = recipe,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER };
  pthread_t ids[MAX_DECODERS];
  unsigned n = threads < MAX_DECODERS ? threads : MAX_DECODERS;
  CLEANUP_FREE struct slot *slots = NULL;
  int r;

  if (n > recipe->n_segments)
    n = recipe->n_segments;
  if (n <= 1)
    return hand_out (&d, fn, opaque, err);
  slots = d.slots = calloc ((size_t) n * AHEAD, sizeof *slots);
  if (!slots)
    return error_set (err, ENOMEM, "%s", recipe->path);
  d.n_slots = n * AHEAD;
  n = start (&d, ids, n);
  if (n == 0)
    d.n_slots = 0;
  r = hand_out (&d, fn, opaque, err);
  finish (&d, ids, n);
  return r;
}
