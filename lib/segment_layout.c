/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the pieces of the lanes lie: walks and their events, see docs/format.md, "Layout".
 *
 * A walk lists the packets of its lanes once, in the order of the source, by what is
 * different from what its model (layout.h) expects.  Here its pieces are laid out, into runs.
 */
#include "config.h"

#include <stdlib.h>

#include "segment_decoder.h"

void
decoder_parse_walks (struct decoder *d)
{
  size_t pieces = 0, events = 0, most = segment_max_records (d->ctx->len);

  d->n_walks = reader_bounded (&d->r, SEGMENT_MAX_LANES);
  d->walks = decoder_array (d, d->n_walks, sizeof *d->walks);
  d->lanes = decoder_array (d, SEGMENT_MAX_LANES, sizeof *d->lanes);
  for (size_t i = 0; i < d->n_walks && !d->r.failed; i++) {
    struct walk *w = &d->walks[i];

    w->source = (uint32_t) reader_bounded (&d->r, SOURCE_MAX_COUNT - 1);
    w->start = reader_bounded (&d->r, SOURCE_MAX_SIZE);
    w->grid = reader_bounded (&d->r, LAYOUT_MAX_GRID);
    w->n_lanes = (uint32_t) reader_bounded (&d->r, LAYOUT_MAX_LANES);
    w->lead = (uint32_t) reader_bounded (&d->r, LAYOUT_MAX_LANES);
    pieces += w->n_pieces = reader_bounded (&d->r, most - pieces);
    events += w->n_events = reader_bounded (&d->r, 2 * most - events);
    w->first_lane = (uint32_t) d->n_lanes;
    if (w->source >= d->ctx->n_sources || w->lead >= w->n_lanes ||
        w->n_lanes > SEGMENT_MAX_LANES - d->n_lanes)
      d->r.failed = true;
    for (uint32_t k = 0; k < w->n_lanes && !d->r.failed; k++)
      d->lanes[d->n_lanes++] =
        (struct lane){ .source = w->source,
                       .start = reader_bounded (&d->r, SOURCE_MAX_SIZE) };
  }
}

/* A walk being laid out. */
struct laying {
  struct decoder *d;
  const struct walk *walk;
  struct layout_walk model;
  uint64_t left; /* pieces still to come */
};

/* Where the last piece of a run ends. */
static uint64_t
run_end (const struct run *run)
{
  return run->from + (uint64_t) run->period * (run->count - 1) + run->chunk;
}

/* May n pieces, `period` bytes from one's end to the next's, go on with the run, if nothing
 * lies between?
 */
static bool
extends (const struct run *run, uint64_t pos, uint32_t chunk, uint64_t period)
{
  return run_end (run) == pos && run->chunk == chunk && period >= chunk &&
         period <= UINT32_MAX && (run->count == 1 || run->period == period);
}

/* Append n pieces to their lane, the first one behind `pos`: to its last run, or as new ones.
 */
static void
lay (struct lane *lane, uint64_t pos, const struct layout_piece *piece, uint32_t n)
{
  uint64_t period = piece->from + piece->len - pos;
  struct run *last = NULL, more = { .from = piece->from,
                                    .lane_at = lane->len,
                                    .count = 1,
                                    .period = piece->len,
                                    .chunk = piece->len };

  if (lane->laid.len > 0)
    last = (struct run *) (void *) (lane->laid.data + lane->laid.len) - 1;
  lane->len += (uint64_t) piece->len * n;
  if (last && extends (last, pos, piece->len, period)) {
    last->period = (uint32_t) period;
    last->count += n;
    return;
  }
  if (n > 1) {
    more.period = (uint32_t) period;
    more.count = n;
  }
  buffer_append (&lane->laid, &more, sizeof more);
}

/* The next n pieces of the lane have the template, where the first is `piece`.  False if
 * they are not within the source.
 */
static bool
place (struct laying *l, uint32_t template, struct layout_piece piece, uint64_t n)
{
  uint64_t size = l->d->ctx->source_sizes[l->walk->source];
  uint64_t period = piece.from + piece.len - l->model.pos;
  struct lane *lane = &l->d->lanes[l->walk->first_lane + l->model.lane];

  /* Of more than one the period has 32 bits, and n no more than there may be pieces. */
  if (piece.from > size || piece.len > size - piece.from ||
      (n > 1 && size - piece.from - piece.len < period * (n - 1)))
    return false;
  lay (lane, l->model.pos, &piece, (uint32_t) n);
  layout_place (&l->model, template, piece, n);
  l->left -= n;
  return !lane->laid.failed;
}

/* The next `n` pieces, as they are predicted. */
static bool
place_predicted (struct laying *l, uint64_t n)
{
  while (n > 0) {
    const struct layout_lane *lane = &l->model.lanes[l->model.lane];
    struct layout_piece piece;
    uint32_t template;
    uint64_t period, steady;

    if (!layout_predict (lane, &template) ||
        !layout_locate (&l->model, lane, &lane->templates[template], &piece))
      return false;
    period = piece.from + piece.len - l->model.pos;
    steady = layout_steady (lane, template);
    /* Runs go forward, and not too far at once. */
    if (period < piece.len || period > UINT32_MAX)
      steady = 1;
    steady = steady < n ? steady : n;
    if (!place (l, template, piece, steady))
      return false;
    n -= steady;
  }
  return true;
}

/* What comes up to an event: packets of the hole, or pieces. */
static bool
pass (struct laying *l, uint64_t n)
{
  if (l->model.lane != l->walk->n_lanes)
    return n <= l->left && place_predicted (l, n);
  if (n > LAYOUT_MAX_PASSED)
    return false;
  layout_pass_hole (&l->model, n);
  return l->model.pos <= SOURCE_MAX_SIZE;
}

static bool
decode_event (struct laying *l, struct range_coder *c)
{
  struct layout_event ev = { .n = 0 };
  const struct layout_lane *lane;
  struct layout_piece piece;

  if (!layout_code_turn (&l->model, c, &ev) || !pass (l, ev.n) ||
      !layout_code_rest (&l->model, c, &ev))
    return false;
  if (!ev.surprise)
    return true;
  lane = &l->model.lanes[l->model.lane];
  return l->left > 0 &&
         layout_locate (&l->model, lane, &lane->templates[ev.template], &piece) &&
         place (l, ev.template, piece, 1);
}

static void
cleanup_laying (struct laying *l)
{
  layout_walk_free (&l->model);
}

/* About as many bytes as a lane's runs will take, lest they are copied to grow. */
static size_t
guess_runs (const struct walk *walk)
{
  uint64_t most = walk->n_events < walk->n_pieces ? walk->n_events : walk->n_pieces;

  return (most / walk->n_lanes + 1) * sizeof (struct run);
}

/* Lay out the pieces of one walk; false if it is malformed, or out of memory. */
static bool
lay_walk (struct decoder *d, const struct walk *walk, struct range_coder *c)
{
  __attribute__ ((
    cleanup (cleanup_laying))) struct laying l = { .d = d,
                                                   .walk = walk,
                                                   .model = { .pos = walk->start,
                                                              .grid = walk->grid,
                                                              .n_lanes = walk->n_lanes,
                                                              .lead = walk->lead },
                                                   .left = walk->n_pieces };

  if (!layout_walk_begin (&l.model))
    return false;
  for (uint32_t i = 0; i < walk->n_lanes; i++) {
    const struct buffer *ends = &d->ends.lanes[walk->first_lane + i].ends;

    buffer_reserve (&d->lanes[walk->first_lane + i].laid, guess_runs (walk));

    l.model.lanes[i].end = (const uint64_t *) (const void *) ends->data;
    l.model.lanes[i].n_ends = ends->len / sizeof (uint64_t);
  }
  for (uint64_t i = 0; i < walk->n_events; i++)
    if (!decode_event (&l, c))
      return false;
  return l.left == 0 || (l.model.lane < walk->n_lanes && place_predicted (&l, l.left));
}

void
decoder_parse_layout (struct decoder *d)
{
  size_t len = reader_bounded (&d->r, reader_left (&d->r));
  const uint8_t *coded = reader_take (&d->r, len);
  struct range_coder c;

  if (d->r.failed)
    return;
  c = range_decoder (coded, len);
  for (size_t i = 0; i < d->n_walks && !d->r.failed; i++)
    if (!lay_walk (d, &d->walks[i], &c))
      d->r.failed = true;
  if (!range_decoder_finished (&c))
    d->r.failed = true;
  for (size_t i = 0; i < d->n_lanes; i++) {
    d->lanes[i].runs = (struct run *) (void *) d->lanes[i].laid.data;
    d->lanes[i].n_runs = d->lanes[i].laid.len / sizeof (struct run);
  }
}
