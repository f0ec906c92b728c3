/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coding where the pieces of the lanes lie: the mirror of segment_layout.c.
 *
 * The lanes of one source are merged, each in its own order, by taking the piece that
 * lies first among those whose turn it is; so on a disc that is read forward the entries
 * are the disc's packets in disc order, whatever the skew between picture and
 * sound in the image.
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

/* A piece in the merged order. */
struct placed {
  uint64_t from;
  uint32_t lane, len; /* lane: number in the file */
};

/* Merge the pieces of lanes [first, end) (numbers in the file) into `out`; how many. */
static size_t
merge (const struct lane_order *o, const struct segment_plan *plan, size_t first,
       size_t end, size_t *taken, struct placed *out)
{
  size_t n = 0;

  for (;;) {
    const struct plan_piece *best = NULL;
    size_t from = 0;

    for (size_t i = first; i < end; i++) {
      const struct plan_lane *l = &plan->lanes[o->lane[i]];

      if (taken[i] < l->n_pieces && (!best || l->pieces[taken[i]].from < best->from)) {
        best = &l->pieces[taken[i]];
        from = i;
      }
    }
    if (!best)
      return n;
    taken[from]++;
    out[n++] = (struct placed){ best->from, (uint32_t) from, best->len };
  }
}

/* The number of the template, a new one if need be.  `hint` is where to look first. */
static size_t
find_template (struct lane_order *o, uint64_t lane, uint64_t gap, uint64_t len,
               size_t hint)
{
  const uint64_t *lanes = values_of (&o->t_lane), *gaps = values_of (&o->t_gap),
                 *lens = values_of (&o->t_len);
  size_t n = o->n_templates;

  for (size_t i = 0; i < n; i++) {
    size_t t = hint + i < n ? hint + i : hint + i - n;

    if (lanes[t] == lane && gaps[t] == gap && lens[t] == len)
      return t;
  }
  values_push (&o->t_lane, lane);
  values_push (&o->t_gap, gap);
  values_push (&o->t_len, len);
  return o->n_templates++;
}

/* May a piece be repeated with its gap: forward, and no further than a period says? */
static bool
is_stride (const struct lane_order *o, size_t template)
{
  int64_t gap = unzigzag (values_of (&o->t_gap)[template]);

  return gap >= 0 && gap <= (int64_t) (UINT32_MAX - SEGMENT_MAX_PIECE);
}

static void
add_entry (struct lane_order *o, size_t template)
{
  size_t n = o->n_entries;

  if (n > 0 && values_of (&o->e_template)[n - 1] == template && is_stride (o, template)) {
    values_of (&o->e_more)[n - 1]++;
    return;
  }
  values_push (&o->e_template, template);
  values_push (&o->e_more, 0);
  o->n_entries++;
}

/* A start for the walk that makes its first gap like a later one of the same kind. */
static uint64_t
choose_start (const struct placed *p, size_t n)
{
  for (size_t i = 1; i < n && i < 256; i++) {
    uint64_t gap = p[i].from - (p[i - 1].from + p[i - 1].len);

    if (p[i].lane == p[0].lane && p[i].len == p[0].len && gap <= p[0].from)
      return p[0].from - gap;
  }
  return p[0].from;
}

static bool
add_failed (const struct lane_order *o)
{
  return o->t_lane.failed || o->t_gap.failed || o->t_len.failed || o->e_template.failed ||
         o->e_more.failed || o->starts.failed;
}

/* Code one walk: the merged pieces of the lanes of one source. */
static bool
add_walk (struct lane_order *o, const struct placed *p, size_t n)
{
  uint64_t pos = n > 0 ? choose_start (p, n) : 0;
  size_t template = 0;

  values_push (&o->starts, pos);
  for (size_t i = 0; i < n && !add_failed (o); i++) {
    template = find_template (o, p[i].lane, zigzag ((int64_t) (p[i].from - pos)),
                              p[i].len, template);
    if (!add_failed (o))
      add_entry (o, template);
    pos = p[i].from + p[i].len;
  }
  return !add_failed (o);
}

/* The end of the group of lanes with the source of lane `first`. */
static size_t
group_end (const struct lane_order *o, const struct segment_plan *plan, size_t first)
{
  size_t end = first + 1;

  while (end < o->n_lanes &&
         plan->lanes[o->lane[end]].source == plan->lanes[o->lane[first]].source)
    end++;
  return end;
}

bool
lane_order_init (struct lane_order *o, const struct segment_plan *plan)
{
  size_t n = plan->n_lanes, pieces = 0;
  CLEANUP_FREE size_t *taken = calloc (n + 1, sizeof *taken);
  CLEANUP_FREE struct placed *placed = NULL;

  for (size_t i = 0; i < n; i++)
    pieces += plan->lanes[i].n_pieces;
  placed = malloc ((pieces + 1) * sizeof *placed);
  o->number = calloc (n + 1, sizeof *o->number);
  o->lane = calloc (n + 1, sizeof *o->lane);
  o->n_lanes = n;
  if (!taken || !placed || !o->number || !o->lane)
    return false;
  for (size_t i = 0; i < n; i++)
    o->lane[i] = (uint32_t) i;
  qsort_r (o->lane, n, sizeof *o->lane, compare_lanes, (void *) plan);
  for (size_t i = 0; i < n; i++)
    o->number[o->lane[i]] = (uint32_t) i;
  for (size_t i = 0, end; i < n; i = end) {
    end = group_end (o, plan, i);
    if (!add_walk (o, placed, merge (o, plan, i, end, taken, placed)))
      return false;
  }
  return true;
}

void
lane_order_free (struct lane_order *o)
{
  free (o->number);
  free (o->lane);
  buffer_free (&o->t_lane);
  buffer_free (&o->t_gap);
  buffer_free (&o->t_len);
  buffer_free (&o->e_template);
  buffer_free (&o->e_more);
  buffer_free (&o->starts);
}

void
lane_order_write (const struct lane_order *o, const struct segment_plan *plan,
                  const uint64_t *lane_start, struct buffer *out)
{
  buffer_varint (out, values_count (&o->starts));
  for (size_t i = 0, walk = 0, end; i < o->n_lanes; i = end, walk++) {
    end = group_end (o, plan, i);
    buffer_varint (out, plan->lanes[o->lane[i]].source);
    buffer_varint (out, values_of (&o->starts)[walk]);
    buffer_varint (out, end - i);
    for (size_t k = i; k < end; k++)
      buffer_varint (out, lane_start[k]);
  }
  buffer_varint (out, o->n_templates);
  values_encode (out, &o->t_lane);
  values_encode (out, &o->t_gap);
  values_encode (out, &o->t_len);
  buffer_varint (out, o->n_entries);
  values_encode (out, &o->e_template);
  values_encode (out, &o->e_more);
}
