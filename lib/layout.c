/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is expected of the next piece of a lane: see layout.h.  Coding what happens instead
 * is in layout_event.c.
 */
#include "config.h"

#include <stdlib.h>

#include "layout.h"

/* How sure one can be of where a template is left. */
#define TRUST_MOST 3

/* Off by more than this (in 1/256 pieces) the steady pace starts anew. */
#define STEADY_MOST INT64_C (512)

bool
layout_walk_begin (struct layout_walk *w)
{
  w->lanes = calloc (w->n_lanes + 1, sizeof *w->lanes);
  w->lane = w->lead;
  w->leading = true;
  return w->lanes != NULL;
}

void
layout_walk_free (struct layout_walk *w)
{
  free (w->lanes);
}

/* Does a frame end in what the longest piece would take? */
static bool
end_in_reach (const struct layout_lane *l)
{
  return l->at_end < l->n_ends && l->end[l->at_end] <= l->pos + l->reach;
}

/* … which is the one, counted from the first piece that has the template, at which that was
 * left last time?
 */
static bool
last_end_in_reach (const struct layout_lane *l)
{
  return end_in_reach (l) && l->ends + 1 >= l->templates[l->last].ends;
}

bool
layout_predict (const struct layout_lane *l, uint32_t *template)
{
  const struct layout_template *t = &l->templates[l->last];
  bool leaves = t->trust > 0 ? last_end_in_reach (l) : l->repeats == t->repeats;

  *template = leaves ? t->next : l->last;
  return l->n_templates > 0;
}

/* Of two ends, since a packet may stop a little ahead of the first: the length up to the one
 * that `offset` puts behind pos; 0: neither, or too long.
 */
static uint32_t
len_to_end (const struct layout_lane *l, int32_t offset)
{
  for (size_t i = l->at_end; i < l->n_ends && i < l->at_end + 2; i++) {
    int64_t len = (int64_t) (l->end[i] - l->pos) + offset;

    if (len > 0)
      return len <= LAYOUT_MAX_PIECE ? (uint32_t) len : 0;
  }
  return 0;
}

bool
layout_locate (const struct layout_walk *w, const struct layout_lane *l,
               const struct layout_template *t, struct layout_piece *piece)
{
  int64_t from = (int64_t) w->pos + t->gap;

  piece->len = t->to_end ? len_to_end (l, t->len) : (uint32_t) t->len;
  if (t->to_end)
    from -= piece->len;
  piece->from = (uint64_t) from;
  return piece->len > 0 && from >= 0;
}

uint64_t
layout_steady (const struct layout_lane *l, uint32_t template)
{
  const struct layout_template *t = &l->templates[template];
  uint64_t n = UINT64_MAX;

  if (template != l->last || t->to_end || end_in_reach (l))
    return 1;
  if (l->at_end < l->n_ends)
    n = (l->end[l->at_end] - l->pos - l->reach - 1) / (uint32_t) t->len + 1;
  if (t->trust <= 0 && t->repeats > l->repeats && t->repeats - l->repeats < n)
    n = t->repeats - l->repeats;
  return n;
}

/* `n` more pieces have the template: learn where it is left, and for which. */
static void
learn (struct layout_lane *l, uint32_t template, uint64_t n)
{
  struct layout_template *t = &l->templates[l->last];
  bool end = last_end_in_reach (l), leaves = template != l->last;

  if (end && leaves)
    t->trust = (int8_t) (t->trust + (t->trust < TRUST_MOST));
  else if (end || leaves)
    t->trust = (int8_t) (t->trust - (t->trust > -TRUST_MOST));
  if (leaves) {
    t->next = (uint16_t) template;
    t->repeats = l->repeats;
    t->ends = l->ends + end_in_reach (l);
    l->repeats = l->ends = 0;
  }
  l->last = (uint16_t) template;
  l->repeats += n;
}

/* A piece comes, or a hole, at that time of the lead. */
static void
keep_pace (struct layout_pace *p, uint64_t time)
{
  int64_t expected = p->steady_last + p->steady_interval;
  int64_t late = (int64_t) (time << 8) - expected;

  p->interval = time - p->last;
  p->last = time;
  if (late > STEADY_MOST || late < -STEADY_MOST || p->steady_interval == 0) {
    p->steady_last = (int64_t) (time << 8);
    p->steady_interval = (int64_t) (p->interval << 8);
  }
  else {
    p->steady_last = expected + late / 4;
    p->steady_interval += late / 16;
  }
}

void
layout_place (struct layout_walk *w, uint32_t template, struct layout_piece piece,
              uint64_t n)
{
  struct layout_lane *l = &w->lanes[w->lane];
  uint64_t period = piece.from + piece.len - w->pos;

  learn (l, template, n);
  w->pos += period * n;
  l->pos += n * piece.len;
  if (piece.len > l->reach)
    l->reach = piece.len;
  for (; l->at_end < l->n_ends && l->end[l->at_end] <= l->pos; l->at_end++)
    l->ends++;
  if (w->lane == w->lead)
    w->time += n;
  else
    while (n-- > 0)
      keep_pace (&l->pace, w->time);
}

void
layout_pass_hole (struct layout_walk *w, uint64_t packets)
{
  keep_pace (&w->lanes[w->n_lanes].pace, w->time);
  w->pos += packets * w->grid;
  w->time += w->leading ? packets : 0;
}
