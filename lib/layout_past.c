/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What followed the same events last time: see layout.h, struct layout_past.
 *
 * A multiplexer that works at constant rates comes to the same order of packets again, after
 * hundreds of events perhaps.  So where the last few events have been before, in that order,
 * the next one is expected to be what it was then; and as long as that holds, so is the one
 * after it.  Nothing is compared when such a place is looked up: what is expected wrongly
 * costs a fraction of a bit.
 *
 * Decided against: coding first whether an event is the expected one.  It is so half of the
 * time in most streams, and then that bit is lost.
 */
#include "config.h"

#include "layout.h"

/* So many events make a place. */
#define ORDER 4

/* An odd number without a pattern: 2^64 divided by the golden ratio. */
#define MIX UINT64_C (0x9E3779B97F4A7C15)

/* An event packed: of a surprise the template, else the lane, above the number of pieces. */
#define SURPRISE (UINT64_C (1) << 63)
#define WHAT_SHIFT 40
#define N_MASK ((UINT64_C (1) << WHAT_SHIFT) - 1)

static uint64_t
pack (const struct layout_event *ev)
{
  uint64_t what = ev->surprise ? ev->template : ev->lane;

  return (ev->surprise ? SURPRISE : 0) | what << WHAT_SHIFT | ev->n;
}

bool
layout_expect (const struct layout_walk *w, struct layout_event *ev)
{
  const struct layout_past *p = &w->past;
  uint64_t packed = p->events[(p->at - 1) % LAYOUT_PAST_EVENTS];
  uint32_t what = (uint32_t) (packed >> WHAT_SHIFT & 0xffff);

  *ev = (struct layout_event){
    .surprise = packed & SURPRISE, .n = packed & N_MASK, .lane = what, .template = what
  };
  return p->at > 0;
}

/* Where what followed the last events is noted. */
static uint32_t *
place (struct layout_past *p)
{
  uint64_t hash = 0;

  for (uint32_t i = 1; i <= ORDER; i++)
    hash = (hash ^ p->events[(p->n - i) % LAYOUT_PAST_EVENTS]) * MIX;
  return &p->places[hash >> (64 - LAYOUT_PAST_PLACES_LOG2)];
}

void
layout_remember (struct layout_walk *w, const struct layout_event *ev)
{
  struct layout_past *p = &w->past;
  uint64_t packed = pack (ev);
  bool expected = p->at > 0 && p->events[(p->at - 1) % LAYOUT_PAST_EVENTS] == packed;
  uint32_t *known;

  p->events[p->n++ % LAYOUT_PAST_EVENTS] = packed;
  p->at = expected ? p->at + 1 : 0;
  p->length = expected ? p->length + 1 : 0;
  if (p->n < ORDER)
    return;
  known = place (p);
  if (p->at == 0 && p->n - *known < LAYOUT_PAST_EVENTS)
    p->at = *known;
  *known = p->n + 1;
}
