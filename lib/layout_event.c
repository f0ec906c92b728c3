/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coding events of a walk, in either direction: see layout.h.
 *
 * As a rule the lane which is due first has its turn, about when it is due, and then it is the
 * lead's again.  How sure that is depends on how near it is to what else might be, and on what
 * followed the same events last time: these choose among a few models of the same bit.
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
 * that whose last turn was longer ago.  Where there is none, one that cannot be.
 */
struct candidates {
  uint32_t lane[2];
  uint64_t due[2];
};

/* Is lane a, due at that time, before lane b? */
static bool
is_before (const struct layout_walk *w, uint64_t time_a, uint32_t a, uint64_t time_b,
           uint32_t b)
{
  return time_a < time_b ||
         (time_a == time_b && w->lanes[a].pace.turn < w->lanes[b].pace.turn);
}

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
    if (is_before (w, time, i, c.due[0], c.lane[0])) {
      c.lane[1] = c.lane[0];
      c.due[1] = c.due[0];
      c.lane[0] = i;
      c.due[0] = time;
    }
    else if (is_before (w, time, i, c.due[1], c.lane[1])) {
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

/* A number of a lane or template; one that is too large for that stays so. */
static uint32_t
code_which (struct range_coder *c, struct range_number *m, uint32_t v)
{
  uint64_t got = range_code_number (c, m, v);

  return got < UINT32_MAX ? (uint32_t) got : UINT32_MAX;
}

/* What the past says of a bit: nothing; or yes or no, and for how many events in a row it was
 * right.
 */
static unsigned
hint (const struct layout_walk *w, const struct layout_event *expected, bool yes)
{
  unsigned sure = (w->past.length >= 4) + (w->past.length >= 16);

  return expected ? 1 + 2 * sure + yes : 0;
}

/* The same of a number: the one expected is less than `v`, equal to it, or greater. */
static unsigned
hint_number (const struct layout_walk *w, const struct layout_event *expected, int64_t v)
{
  int64_t n = expected ? (int64_t) expected->n : 0;
  unsigned sure = w->past.length >= 8;

  return expected ? 1 + 3 * sure + (n >= v) + (n > v) : 0;
}

/* Code an event of a walk: what that takes. */
struct coding {
  struct layout_walk *w;
  struct range_coder *c;
  const struct layout_event *expected; /* by the past; NULL: it does not know */
  struct candidates next;
};

/* Is the event that this lane has its turn?  By one of the models for what the past says. */
static bool
code_is_lane (const struct coding *g, struct range_bit *models, uint32_t lane, bool is)
{
  const struct layout_event *e = g->expected;

  return range_code_bit (
    g->c, &models[hint (g->w, e, e && !e->surprise && e->lane == lane)], is);
}

static bool
code_is_surprise (const struct coding *g, bool surprise)
{
  struct layout_lane *l = &g->w->lanes[g->w->lane];
  const struct layout_event *e = g->expected;

  return range_code_bit (g->c, &l->surprise[hint (g->w, e, e && e->surprise)], surprise);
}

/* A lane's turn, where it is not the usual one's. */
static uint32_t
code_lane (const struct coding *g, uint32_t lane)
{
  struct layout_walk *w = g->w;
  const struct layout_event *e = g->expected;
  unsigned context = distance (g->next.due[0], g->next.due[1]);
  uint32_t first = g->next.lane[0], second = g->next.lane[1];

  if (e && !e->surprise && e->lane != first && e->lane != w->lead)
    second = e->lane;
  if (w->lane != w->lead && code_is_lane (g, w->to_lead, w->lead, lane == w->lead))
    return w->lead;
  if (!w->leading && code_is_lane (g, w->other_first[context], first, lane == first))
    return first;
  if (code_is_lane (g, w->second, second, lane == second))
    return second;
  return code_which (g->c, &w->other, lane);
}

/* Pieces of the lead, or packets of the hole, up to the lane's turn.  (What is malformed is
 * more than there can be.)
 */
static uint64_t
code_wait (const struct coding *g, uint32_t lane, uint64_t n)
{
  struct layout_lane *l = &g->w->lanes[lane];
  const struct layout_pace *p = &l->pace;
  const struct layout_event *e = g->expected;
  int64_t time = (int64_t) (p->last + p->interval);
  int64_t steady = (p->steady_last + p->steady_interval + 128) / 256;
  unsigned context = (steady >= time) + (steady > time);
  int64_t wait = time - (int64_t) g->w->event_time;

  wait = wait > 0 ? wait : 0;
  if (e && (e->surprise || e->lane != lane))
    e = NULL;
  return (uint64_t) (wait + range_code_signed (
                              g->c, &l->late[context][hint_number (g->w, e, wait)],
                              &l->lateness, (int64_t) n - wait));
}

/* The lead goes on: whose turn is next?  As a rule, that of the lane that is due first. */
static void
code_leading (const struct coding *g, struct layout_event *ev)
{
  struct layout_walk *w = g->w;
  struct layout_lane *l = &w->lanes[w->lane];
  unsigned context = distance (g->next.due[0], g->next.due[1]);
  uint32_t first = g->next.lane[0];

  if (code_is_lane (g, w->first[context], first, !ev->surprise && ev->lane == first)) {
    ev->surprise = false;
    ev->lane = first;
  }
  else {
    ev->surprise = code_is_surprise (g, ev->surprise);
    if (!ev->surprise)
      ev->lane = code_lane (g, ev->lane);
  }
  if (ev->surprise)
    ev->n = range_code_number (g->c, &l->before_surprise, ev->n);
  else if (ev->lane == w->lead)
    ev->n = range_code_number (g->c, &l->stay, ev->n);
  else if (ev->lane <= w->n_lanes)
    ev->n = code_wait (g, ev->lane, ev->n);
}

/* Another lane came in: as a rule it is the lead's turn, after as many pieces as last time. */
static void
code_other (const struct coding *g, struct layout_event *ev)
{
  struct layout_walk *w = g->w;
  struct layout_lane *l = &w->lanes[w->lane];
  const struct layout_event *e = g->expected;
  unsigned context = distance (w->event_time, g->next.due[0]);
  uint64_t n = l->stayed > w->turn ? l->stayed - w->turn : 0;
  bool expected = e && !e->surprise && e->lane == w->lead && e->n == n;

  if (range_code_bit (g->c, &l->back[context][hint (w, e, expected)],
                      !ev->surprise && ev->lane == w->lead && ev->n == n)) {
    *ev = (struct layout_event){ .n = n, .lane = w->lead };
    return;
  }
  ev->surprise = code_is_surprise (g, ev->surprise);
  if (!ev->surprise)
    ev->lane = code_lane (g, ev->lane);
  ev->n = range_code_number (g->c, ev->surprise ? &l->before_surprise : &l->stay, ev->n);
}

bool
layout_code_turn (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  struct layout_event expected;
  struct coding g = { w, c, NULL, find_candidates (w) };

  if (layout_expect (w, &expected))
    g.expected = &expected;
  if (w->leading)
    code_leading (&g, ev);
  else
    code_other (&g, ev);
  if (ev->n > LAYOUT_MAX_PASSED)
    return false;
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
  ev->gap = range_code_signed (c, &w->gap_sign, &w->gap, ev->gap);
  if (ev->to_end)
    len = range_code_signed (c, &w->offset_sign, &w->offset, ev->len);
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
  ev->template = code_which (c, &l->template, ev->template);
  return most > ev->template;
}

bool
layout_code_rest (struct layout_walk *w, struct range_coder *c, struct layout_event *ev)
{
  w->event_time = w->time;
  w->turn += ev->n;
  if (ev->surprise) {
    w->turn++;
    if (!code_surprise (w, c, ev))
      return false;
    layout_remember (w, ev);
    return true;
  }
  layout_remember (w, ev);
  w->lanes[w->lane].stayed = w->turn;
  w->lanes[w->lane].pace.turn = ++w->turns;
  w->turn = 0;
  w->leading = ev->lane == w->lead || (ev->lane == w->n_lanes && !w->leading);
  w->lane = ev->lane;
  return true;
}
