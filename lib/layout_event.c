/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coding events of a walk, in either direction: see layout.h.
 *
 * As a rule the lane which is due first has its turn, about when it is due, and then it is the
 * lead's again.  How sure that is depends on how near it is to what else might be, which
 * chooses among a few models of the same bit.
 */
#include "config.h"

#include "layout.h"

/* A lane so late, and an interval, is not expected before those that are in time. */
#define OVERDUE 16
#define FAR (UINT64_C (1) << 40)

/* When the lane is due, in pieces of the lead. */
static uint64_t
due (const struct layout_walk *w, uint32_t lane)
{
  const struct layout_pace *p = &w->lanes[lane].pace;
  uint64_t time = p->last + p->interval;

  return w->event_time > time + p->interval + OVERDUE ? time + FAR : time;
}

/* Of the lanes that may follow, but for the lead's, the two that are due first; of equal ones
 * the lower.  Where there is none, one that cannot be.
 */
struct candidates {
  uint32_t lane[2];
  uint64_t due[2];
};

static struct candidates
find_candidates (const struct layout_walk *w)
{
  uint32_t end = w->n_lanes + (w->grid > 0);
  struct candidates c = { { UINT32_MAX, UINT32_MAX }, { UINT64_MAX, UINT64_MAX } };

  for (uint32_t i = 0; i < end; i++) {
    uint64_t time;

    if (i == w->lane || i == w->lead)
      continue;
    time = due (w, i);
    if (time < c.due[0]) {
      c.lane[1] = c.lane[0];
      c.due[1] = c.due[0];
      c.lane[0] = i;
      c.due[0] = time;
    }
    else if (time < c.due[1]) {
      c.lane[1] = i;
      c.due[1] = time;
    }
  }
  return c;
}

/* A context for the distance b - a. */
static unsigned
distance (uint64_t a, uint64_t b)
{
  int64_t d = (int64_t) (b - a) + 2;

  if (d < 0)
    return 0;
  return d < LAYOUT_CONTEXTS ? (unsigned) d : LAYOUT_CONTEXTS - 1;
}

/* A lane that is not the one expected. */
static uint32_t
code_lane (struct layout_walk *w, struct range_coder *c, const struct candidates *next,
           uint32_t lane)
{
  unsigned context = distance (next->due[0], next->due[1]);

  if (w->lane != w->lead && range_code_bit (c, &w->to_lead, lane == w->lead))
    return w->lead;
  if (!w->leading && range_code_bit (c, &w->other_first[context], lane == next->lane[0]))
    return next->lane[0];
  if (range_code_bit (c, &w->second, lane == next->lane[1]))
    return next->lane[1];
  return (uint32_t) range_code_number (c, &w->other, lane);
}

/* Pieces of the lead, or packets of the hole, up to the lane's turn.  (What is malformed is
 * more than there can be.)
 */
static uint64_t
code_wait (const struct layout_walk *w, struct range_coder *c, struct layout_lane *l,
           uint64_t n)
{
  const struct layout_pace *p = &l->pace;
  int64_t time = (int64_t) (p->last + p->interval);
  int64_t steady = (p->steady_last + p->steady_interval + 128) / 256;
  unsigned context = steady < time ? 0 : steady == time ? 1 : 2;
  int64_t wait = time - (int64_t) w->event_time;

  wait = wait > 0 ? wait : 0;
  return (uint64_t) (wait + range_code_signed (c, &l->late[context], (int64_t) n - wait));
}

/* The lead goes on: whose turn is next?  As a rule, that of the lane that is due first. */
static void
code_leading (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  struct layout_lane *l = &w->lanes[w->lane];
  struct candidates next = find_candidates (w);
  unsigned context = distance (next.due[0], next.due[1]);

  if (range_code_bit (c, &w->first[context], !ev->surprise && ev->lane == next.lane[0])) {
    ev->surprise = false;
    ev->lane = next.lane[0];
  }
  else {
    ev->surprise = range_code_bit (c, &l->surprise, ev->surprise);
    if (!ev->surprise)
      ev->lane = code_lane (w, c, &next, ev->lane);
  }
  if (ev->surprise)
    ev->n = range_code_number (c, &l->before_surprise, ev->n);
  else if (ev->lane == w->lead)
    ev->n = range_code_number (c, &l->stay, ev->n);
  else if (ev->lane <= w->n_lanes)
    ev->n = code_wait (w, c, &w->lanes[ev->lane], ev->n);
}

/* Another lane came in: as a rule it is the lead's turn, after as many pieces as last time. */
static void
code_other (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  struct layout_lane *l = &w->lanes[w->lane];
  struct candidates next = find_candidates (w);
  unsigned context = distance (w->event_time, next.due[0]);
  uint64_t usual = l->stayed > w->turn ? l->stayed - w->turn : 0;

  if (range_code_bit (c, &l->back[context],
                      !ev->surprise && ev->lane == w->lead && ev->n == usual)) {
    *ev = (struct layout_event){ .n = usual, .lane = w->lead };
    return;
  }
  ev->surprise = range_code_bit (c, &l->surprise, ev->surprise);
  if (ev->surprise) {
    ev->n = range_code_number (c, &l->before_surprise, ev->n);
    return;
  }
  ev->lane = code_lane (w, c, &next, ev->lane);
  ev->n = range_code_number (c, &l->stay, ev->n);
}

bool
layout_code_turn (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  if (w->leading)
    code_leading (w, c, ev);
  else
    code_other (w, c, ev);
  if (ev->surprise)
    return w->lane != w->n_lanes;
  return ev->lane != w->lane && ev->lane < w->n_lanes + (w->grid > 0);
}

/* A new template: it takes the place of the oldest. */
static bool
code_template (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  struct layout_lane *l = &w->lanes[w->lane];
  struct layout_template *t;
  int64_t len;

  ev->to_end = range_code_bit (c, &w->to_end, ev->to_end);
  ev->gap = range_code_signed (c, &w->gap, ev->gap);
  if (ev->to_end)
    len = range_code_signed (c, &w->end_offset, ev->len);
  else
    len = (int64_t) range_code_number (c, &w->len, (uint64_t) ev->len - 1) + 1;
  if (ev->gap > LAYOUT_MAX_GAP || ev->gap < -LAYOUT_MAX_GAP || len > LAYOUT_MAX_PIECE ||
      len < -LAYOUT_MAX_PIECE)
    return false;
  ev->len = (int32_t) len;
  ev->template = l->n_templates++ % LAYOUT_MAX_TEMPLATES;
  t = &l->templates[ev->template];
  *t = (struct layout_template){ .gap = ev->gap,
                                 .len = ev->len,
                                 .to_end = ev->to_end,
                                 .trust = LAYOUT_FIRST_TRUST,
                                 .next = (uint16_t) ev->template };
  return true;
}

static bool
code_surprise (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  struct layout_lane *l = &w->lanes[w->lane];
  uint32_t most =
    l->n_templates < LAYOUT_MAX_TEMPLATES ? l->n_templates : LAYOUT_MAX_TEMPLATES;

  ev->known = most > 0 && range_code_bit (c, &l->known, ev->known);
  if (!ev->known)
    return code_template (w, c, ev);
  ev->template = (uint32_t) range_code_number (c, &l->template, ev->template);
  return ev->template <most;
}

bool
layout_code_rest (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  w->event_time = w->time;
  w->turn += ev->n;
  if (ev->surprise) {
    w->turn++;
    return code_surprise (w, c, ev);
  }
  w->lanes[w->lane].stayed = w->turn;
  w->turn = 0;
  w->leading = ev->lane == w->lead || (ev->lane == w->n_lanes && !w->leading);
  w->lane = ev->lane;
  return true;
}
