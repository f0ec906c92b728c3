/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coding where the pieces of the lanes lie: the mirror of segment_layout.c.
 *
 * The lanes of one source are merged, each in its own order, by taking the piece that
 * lies first among those whose turn it is; so on a disc that is read forward a walk meets
 * the disc's packets in disc order, whatever the skew between picture and sound in the
 * image.  What the walk's model (layout.h) does not expect becomes its events.
 */
#include "config.h"

#include <stdlib.h>

#include "bytes.h"
#include "cleanup.h"
#include "segment_encoder.h"

static int
compare_lanes (const void *a, const void *b, void *opaque)
{
  const struct segment_plan *plan = opaque;
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
  uint32_t sx = plan->lanes[x].source, sy = plan->lanes[y].source;

  if (sx != sy)
    return sx < sy ? -1 : 1;
  return x < y ? -1 : x > y;
}

bool
lane_order_init (struct lane_order *o, const struct segment_plan *plan)
{
  size_t n = plan->n_lanes;

  o->number = calloc (n + 1, sizeof *o->number);
  o->lane = calloc (n + 1, sizeof *o->lane);
  if (!o->number || !o->lane)
    return false;
  for (size_t i = 0; i < n; i++)
    o->lane[i] = (uint32_t) i;
  qsort_r (o->lane, n, sizeof *o->lane, compare_lanes, (void *) plan);
  for (size_t i = 0; i < n; i++)
    o->number[o->lane[i]] = (uint32_t) i;
  return true;
}

void
lane_order_free (struct lane_order *o)
{
  free (o->number);
  free (o->lane);
}

/* The lanes of one walk, as numbered in the file: [first, end). */
struct walk_lanes {
  const struct encoder *e;
  uint32_t first, end;
};

static const struct plan_lane *
lane_of (const struct walk_lanes *l, uint32_t i)
{
  return &l->e->plan->lanes[l->e->lanes.lane[l->first + i]];
}

/* A piece in the merged order. */
struct placed {
  struct layout_piece piece;
  uint32_t lane; /* of the walk */
};

/* Merge the pieces of the lanes into `out`. */
static void
merge (const struct walk_lanes *l, struct placed *out)
{
  size_t taken[LAYOUT_MAX_LANES] = { 0 };

  for (;;) {
    const struct plan_piece *best = NULL;
    uint32_t from = 0;

    for (uint32_t i = 0; i < l->end - l->first; i++) {
      const struct plan_lane *lane = lane_of (l, i);

      if (taken[i] < lane->n_pieces &&
          (!best || lane->pieces[taken[i]].from < best->from)) {
        best = &lane->pieces[taken[i]];
        from = i;
      }
    }
    if (!best)
      return;
    taken[from]++;
    *out++ = (struct placed){ { best->from, best->len }, from };
  }
}

static size_t
count_pieces (const struct walk_lanes *l)
{
  size_t n = 0;

  for (uint32_t i = 0; i < l->end - l->first; i++)
    n += lane_of (l, i)->n_pieces;
  return n;
}

/* The lane with most pieces. */
static uint32_t
choose_lead (const struct walk_lanes *l)
{
  uint32_t best = 0;

  for (uint32_t i = 1; i < l->end - l->first; i++)
    if (lane_of (l, i)->n_pieces > lane_of (l, best)->n_pieces)
      best = i;
  return best;
}

static uint64_t
end_of (const struct placed *p)
{
  return p->piece.from + p->piece.len;
}

/* How far from one packet's end to the next it is mostly, by majority vote; 0 if that is too
 * far to be one.
 */
static uint64_t
choose_grid (const struct placed *p, size_t n)
{
  uint64_t grid = 0;
  size_t votes = 0;

  for (size_t i = 1; i < n; i++) {
    uint64_t step = end_of (&p[i]) - end_of (&p[i - 1]);

    if (votes == 0)
      grid = step;
    if (step == grid)
      votes++;
    else
      votes--;
  }
  return grid <= LAYOUT_MAX_GRID ? grid : 0;
}

/* A start that makes the first gap like a later one of the same kind. */
static uint64_t
choose_start (const struct placed *p, size_t n)
{
  for (size_t i = 1; i < n && i < 256; i++) {
    uint64_t gap = p[i].piece.from - end_of (&p[i - 1]);

    if (p[i].lane == p[0].lane && p[i].piece.len == p[0].piece.len &&
        gap <= p[0].piece.from)
      return p[0].piece.from - gap;
  }
  return p[0].piece.from;
}

/* ---- events ---- */

static bool
is_at (const struct layout_walk *w, uint32_t template, const struct layout_piece *p)
{
  const struct layout_lane *l = &w->lanes[w->lane];
  struct layout_piece there;

  return layout_locate (w, l, &l->templates[template], &there) && there.from == p->from &&
         there.len == p->len;
}

/* Frames end so far behind packets, or ahead of them, that the end tells the length. */
#define END_BEFORE 8
#define END_BEHIND 64

/* A new template for the piece: up to where a frame ends, if it is short and one does. */
static void
make_template (const struct layout_walk *w, const struct layout_piece *p,
               struct layout_event *ev)
{
  const struct layout_lane *l = &w->lanes[w->lane];

  ev->known = ev->to_end = false;
  ev->gap = (int64_t) (p->from - w->pos);
  ev->len = (int32_t) p->len;
  for (size_t i = l->at_end; i < l->n_ends && i < l->at_end + 2 && p->len < l->reach;
       i++) {
    int64_t offset = (int64_t) (l->pos + p->len - l->end[i]);
    struct layout_template t = { .gap = ev->gap + p->len,
                                 .len = (int32_t) offset,
                                 .to_end = true };
    struct layout_piece there;

    if (offset >= -END_BEFORE && offset <= END_BEHIND &&
        layout_locate (w, l, &t, &there) && there.len == p->len) {
      ev->to_end = true;
      ev->gap = t.gap;
      ev->len = t.len;
      return;
    }
  }
}

static void
find_template (const struct layout_walk *w, const struct layout_piece *p,
               struct layout_event *ev)
{
  uint32_t n = w->lanes[w->lane].n_templates;

  ev->known = true;
  for (uint32_t i = 0; i < n && i < LAYOUT_MAX_TEMPLATES; i++)
    if (is_at (w, i, p)) {
      ev->template = i;
      return;
    }
  make_template (w, p, ev);
}

/* How many packets are passed before the piece, if that can be said. */
static uint64_t
count_hole (const struct layout_walk *w, const struct placed *p)
{
  uint64_t packets = 0;

  if (w->grid > 0 && p->piece.from >= w->pos + w->grid)
    packets = (p->piece.from - w->pos) / w->grid;
  return packets <= LAYOUT_MAX_PASSED ? packets : 0;
}

/* What is needed before the next piece is as predicted, or is placed as a surprise. */
static void
next_event (struct layout_walk *w, const struct placed *p, struct layout_event *ev)
{
  uint64_t hole = count_hole (w, p);

  if (w->lane == w->n_lanes) {
    layout_pass_hole (w, hole);
    ev->n = hole;
    hole = 0;
  }
  ev->lane = hole > 0 ? w->n_lanes : p->lane;
  ev->surprise = ev->lane == w->lane;
  if (ev->surprise)
    find_template (w, &p->piece, ev);
}

/* Is the next piece what the walk expects? */
static bool
is_predicted (const struct layout_walk *w, const struct placed *p, uint32_t *template)
{
  return p->lane == w->lane && layout_predict (&w->lanes[w->lane], template) &&
         is_at (w, *template, &p->piece);
}

/* Code all events of a walk: how many. */
static size_t
code_events (struct layout_walk *w, const struct placed *p, size_t n,
             struct range_coder *c)
{
  struct layout_event ev = { .n = 0 };
  size_t events = 0;
  uint32_t template;

  for (size_t i = 0; i < n;) {
    if (is_predicted (w, &p[i], &template)) {
      layout_place (w, template, p[i++].piece, 1);
      ev.n++;
      continue;
    }
    next_event (w, &p[i], &ev);
    layout_code_turn (w, c, &ev);
    layout_code_rest (w, c, &ev);
    if (ev.surprise)
      layout_place (w, ev.template, p[i++].piece, 1);
    ev.n = 0;
    events++;
  }
  return events;
}

/* ---- walks ---- */

static void
write_walk (const struct walk_lanes *l, const struct layout_walk *w, uint64_t start,
            size_t n_pieces, size_t n_events, struct buffer *out)
{
  buffer_varint (out, lane_of (l, 0)->source);
  buffer_varint (out, start);
  buffer_varint (out, w->grid);
  buffer_varint (out, l->end - l->first);
  buffer_varint (out, w->lead);
  buffer_varint (out, n_pieces);
  buffer_varint (out, n_events);
  for (uint32_t i = l->first; i < l->end; i++)
    buffer_varint (out, l->e->lane_start[i]);
}

static void
cleanup_walk (struct layout_walk *w)
{
  layout_walk_free (w);
}

/* Append what one walk is to `out`, and its events to the coder's output. */
static void
encode_walk (const struct walk_lanes *l, struct range_coder *c, struct buffer *out)
{
  __attribute__ ((cleanup (cleanup_walk))) struct layout_walk w = {
    .n_lanes = l->end - l->first, .lead = choose_lead (l)
  };
  size_t n = count_pieces (l);
  CLEANUP_FREE struct placed *placed = calloc (n + 1, sizeof *placed);
  uint64_t start;

  if (!placed || !layout_walk_begin (&w)) {
    out->failed = true;
    return;
  }
  merge (l, placed);
  w.grid = choose_grid (placed, n);
  w.pos = start = n > 0 ? choose_start (placed, n) : 0;
  for (uint32_t i = 0; i < w.n_lanes; i++) {
    const struct buffer *ends = &l->e->ends.lanes[l->first + i].ends;

    w.lanes[i].end = (const uint64_t *) (const void *) ends->data;
    w.lanes[i].n_ends = ends->len / sizeof (uint64_t);
  }
  write_walk (l, &w, start, n, code_events (&w, placed, n, c), out);
}

/* The end of the group of lanes with the source of lane `first`, if that is not too many. */
static uint32_t
group_end (const struct encoder *e, uint32_t first)
{
  uint32_t end = first + 1;

  while (end < e->plan->n_lanes && end - first < LAYOUT_MAX_LANES &&
         e->plan->lanes[e->lanes.lane[end]].source ==
           e->plan->lanes[e->lanes.lane[first]].source)
    end++;
  return end;
}

void
layout_encode (const struct encoder *e, struct buffer *walks, struct buffer *events)
{
  CLEANUP_BUFFER struct buffer each = BUFFER_INIT;
  struct range_coder c = range_encoder (events);
  uint64_t n = 0;

  for (uint32_t i = 0, end; i < e->plan->n_lanes; i = end, n++) {
    end = group_end (e, i);
    encode_walk (&(struct walk_lanes){ e, i, end }, &c, &each);
  }
  range_encoder_finish (&c);
  buffer_varint (walks, n);
  buffer_append (walks, each.data, each.len);
  walks->failed |= each.failed;
}
