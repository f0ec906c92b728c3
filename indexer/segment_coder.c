/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of segments being coded: see segment_coder.h.
 *
 * Slots are filled, coded and written in the ring's order; only coding is
 * done by many threads, and it depends on nothing but the slot.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "merkle.h"
#include "segment_coder.h"
#include "whole_io.h"

enum slot_state {
  SLOT_FREE, /* the submitting thread's */
  SLOT_READY,
  SLOT_RUNNING, /* the thread's that took it */
  SLOT_DONE,
};

struct slot {
  enum slot_state state; /* guarded by the coder's lock; the rest by the state */
  uint32_t number;
  uint32_t n_sources;
  struct segment_plan plan;
  uint8_t *image; /* a span of bytes */
  struct buffer coded;
  bool failed;
  struct error err;
};

struct segment_coder {
  struct coder_setup setup;
  struct slot *slots;
  size_t n_slots;
  size_t filling; /* the slot whose plan was given out last */
  size_t oldest;  /* the first that is not written yet */
  pthread_t *threads;
  unsigned n_threads;

  pthread_mutex_t lock; /* guards the states and what follows */
  pthread_cond_t changed;
  bool stop;
};

static void
slot_free (struct slot *s)
{
  segment_plan_free (&s->plan);
  free (s->image);
  buffer_free (&s->coded);
}

/* ---- coding one segment ---- */

static int
hash_groups (const struct coder_setup *setup, const struct slot *s, uint32_t len,
             struct error *err)
{
  uint64_t first = ((uint64_t) s->number << setup->span_log2) / MERKLE_GROUP;

  for (uint32_t at = 0; at < len; at += MERKLE_GROUP, first++) {
    uint32_t n = len - at < MERKLE_GROUP ? len - at : MERKLE_GROUP;

    if (merkle_group_digest (s->image + at, n, setup->size,
                             setup->merkle + first * MERKLE_DIGEST, err) == -1)
      return -1;
  }
  return 0;
}

static int
code (const struct coder_setup *setup, struct slot *s, struct error *err)
{
  uint64_t start = (uint64_t) s->number << setup->span_log2;
  uint64_t span = UINT64_C (1) << setup->span_log2, left = setup->size - start;
  struct segment_context ctx = { .number = s->number,
                                 .len = (uint32_t) (left < span ? left : span),
                                 .n_sources = s->n_sources,
                                 .source_sizes = setup->source_sizes };

  s->coded.len = 0;
  if (read_all (setup->fd, s->image, ctx.len, start, setup->path, err) == -1 ||
      hash_groups (setup, s, ctx.len, err) == -1)
    return -1;
  return segment_encode (&s->plan, s->image, &ctx, &s->coded, err);
}

static void
run_slot (struct segment_coder *c, struct slot *s)
{
  s->failed = code (&c->setup, s, &s->err) == -1;
  LOCK_FOR_SCOPE (&c->lock);
  s->state = SLOT_DONE;
  pthread_cond_broadcast (&c->changed);
}

/* The oldest slot that is ready, now running; NULL if there is none.  The lock is held.
 */
static struct slot *
take_ready (struct segment_coder *c)
{
  for (size_t i = 0; i < c->n_slots; i++) {
    struct slot *s = &c->slots[(c->oldest + i) % c->n_slots];

    if (s->state == SLOT_READY) {
      s->state = SLOT_RUNNING;
      return s;
    }
  }
  return NULL;
}

static void *
work (void *opaque)
{
  struct segment_coder *c = opaque;

  for (;;) {
    struct slot *s;

    {
      LOCK_FOR_SCOPE (&c->lock);
      while (!(s = take_ready (c)) && !c->stop)
        pthread_cond_wait (&c->changed, &c->lock);
    }
    if (!s)
      return NULL;
    run_slot (c, s);
  }
}

/* ---- the submitting thread ---- */

/* Wait for a slot to be done, coding whatever is ready meanwhile. */
static void
wait_for (struct segment_coder *c, const struct slot *s)
{
  for (;;) {
    struct slot *ready = NULL;

    {
      LOCK_FOR_SCOPE (&c->lock);
      while (s->state != SLOT_DONE && !(ready = take_ready (c)))
        pthread_cond_wait (&c->changed, &c->lock);
      if (s->state == SLOT_DONE)
        return;
    }
    run_slot (c, ready);
  }
}

/* Write the oldest slot, which is not free. */
static int
write_oldest (struct segment_coder *c, struct error *err)
{
  struct slot *s = &c->slots[c->oldest];

  wait_for (c, s);
  if (s->failed) {
    *err = s->err;
    return -1;
  }
  if (recipe_writer_segment (c->setup.writer, s->coded.data, s->coded.len, err) == -1)
    return -1;
  segment_plan_clear (&s->plan);
  LOCK_FOR_SCOPE (&c->lock);
  s->state = SLOT_FREE;
  c->oldest = (c->oldest + 1) % c->n_slots;
  return 0;
}

struct segment_plan *
segment_coder_next (void *opaque, uint32_t number, struct error *err)
{
  struct segment_coder *c = opaque;
  struct slot *s = &c->slots[c->filling];

  if (number == UINT32_MAX)
    return &s->plan;
  s->number = number;
  s->n_sources = *c->setup.n_sources;
  {
    LOCK_FOR_SCOPE (&c->lock);
    s->state = SLOT_READY;
    pthread_cond_broadcast (&c->changed);
  }
  c->filling = (c->filling + 1) % c->n_slots;
  if (c->filling == c->oldest && write_oldest (c, err) == -1)
    return NULL;
  return &c->slots[c->filling].plan;
}

int
segment_coder_finish (struct segment_coder *c, struct error *err)
{
  while (c->oldest != c->filling)
    if (write_oldest (c, err) == -1)
      return -1;
  return 0;
}

/* ---- life ---- */

static int
init_slots (struct segment_coder *c)
{
  c->n_slots = c->setup.threads + 2;
  c->slots = calloc (c->n_slots, sizeof *c->slots);
  if (!c->slots)
    return -1;
  for (size_t i = 0; i < c->n_slots; i++) {
    c->slots[i].image = malloc ((size_t) 1 << c->setup.span_log2);
    if (!c->slots[i].image)
      return -1;
  }
  return 0;
}

struct segment_coder *
segment_coder_new (const struct coder_setup *setup, struct error *err)
{
  struct segment_coder *c = calloc (1, sizeof *c);

  if (c) {
    c->setup = *setup;
    pthread_mutex_init (&c->lock, NULL);
    pthread_cond_init (&c->changed, NULL);
    c->threads = calloc (setup->threads, sizeof *c->threads);
  }
  if (!c || !c->threads || init_slots (c) == -1) {
    error_set (err, ENOMEM, "matching");
    segment_coder_free (c);
    return NULL;
  }
  /* Fewer threads than asked for only take longer. */
  while (c->n_threads + 1 < setup->threads &&
         pthread_create (&c->threads[c->n_threads], NULL, work, c) == 0)
    c->n_threads++;
  return c;
}

void
segment_coder_free (struct segment_coder *c)
{
  if (!c)
    return;
  {
    LOCK_FOR_SCOPE (&c->lock);
    c->stop = true;
    for (size_t i = 0; c->slots && i < c->n_slots; i++)
      if (c->slots[i].state == SLOT_READY)
        c->slots[i].state = SLOT_FREE; /* after a failure: nobody wants it */
    pthread_cond_broadcast (&c->changed);
  }
  while (c->n_threads > 0)
    pthread_join (c->threads[--c->n_threads], NULL);
  for (size_t i = 0; c->slots && i < c->n_slots; i++)
    slot_free (&c->slots[i]);
  free (c->slots);
  free (c->threads);
  pthread_mutex_destroy (&c->lock);
  pthread_cond_destroy (&c->changed);
  free (c);
}
