/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments made by hand: see forge-segment.h. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>

#include "forge-segment.h"

#include <cmocka.h>

#include "bytes.h"
#include "naive.h"
#include "segment_format.h"

/* ---- layouts ---- */

void
forge_layout (struct forged_layout *l)
{
  *l = (struct forged_layout){ .n_walks = 0 };
  l->coder = range_encoder (&l->events);
}

void
forged_layout_free (struct forged_layout *l)
{
  buffer_free (&l->walks);
  buffer_free (&l->events);
}

void
forge_layout_end (struct forged_layout *l)
{
  range_encoder_finish (&l->coder);
}

struct forged_walk
forge_walk (struct forged_layout *l, uint64_t start, uint64_t grid, uint32_t n_lanes)
{
  struct forged_walk w = { .layout = l,
                           .start = start,
                           .grid = grid,
                           .n_lanes = n_lanes,
                           .model = { .pos = start, .grid = grid, .n_lanes = n_lanes } };

  w.stuck = !layout_walk_begin (&w.model);
  return w;
}

static void
forge_piece (struct forged_walk *w, uint32_t template)
{
  const struct layout_lane *l = &w->model.lanes[w->model.lane];
  struct layout_piece piece;

  w->n_pieces++;
  if (layout_locate (&w->model, l, &l->templates[template], &piece))
    layout_place (&w->model, template, piece, 1);
  else
    w->stuck = true;
}

/* So many pieces as they are predicted, or packets of the hole. */
static void
forge_predicted (struct forged_walk *w, uint64_t n)
{
  uint32_t template;

  if (w->model.lane == w->model.n_lanes)
    layout_pass_hole (&w->model, n);
  else
    for (; n > 0 && !w->stuck; n--) {
      if (layout_predict (&w->model.lanes[w->model.lane], &template))
        forge_piece (w, template);
      else
        w->stuck = true;
    }
}

void
forge_event (struct forged_walk *w, struct layout_event ev)
{
  uint64_t n = ev.n;

  if (w->stuck)
    return;
  w->n_events++;
  w->stuck = !layout_code_turn (&w->model, &w->layout->coder, &ev);
  forge_predicted (w, w->stuck || n > UINT32_MAX ? 0 : n);
  w->stuck = w->stuck || !layout_code_rest (&w->model, &w->layout->coder, &ev);
  if (ev.surprise && !w->stuck)
    forge_piece (w, ev.template);
}

void
forge_new (struct forged_walk *w, uint64_t n, int64_t gap, int32_t len)
{
  forge_event (w,
               (struct layout_event){ .surprise = true, .n = n, .gap = gap, .len = len });
}

void
forge_to_end (struct forged_walk *w, uint64_t n, int64_t gap, int32_t offset)
{
  forge_event (w,
               (struct layout_event){
                 .surprise = true, .n = n, .gap = gap, .len = offset, .to_end = true });
}

void
forge_known (struct forged_walk *w, uint64_t n, uint32_t template)
{
  forge_event (w, (struct layout_event){
                    .surprise = true, .n = n, .known = true, .template = template });
}

void
forge_turn (struct forged_walk *w, uint64_t n, uint32_t lane)
{
  forge_event (w, (struct layout_event){ .n = n, .lane = lane });
}

void
forge_walk_end (struct forged_walk *w)
{
  struct buffer *out = &w->layout->walks;

  buffer_varint (out, w->source);
  buffer_varint (out, w->start);
  buffer_varint (out, w->grid);
  buffer_varint (out, w->n_lanes);
  buffer_varint (out, w->lead);
  buffer_varint (out, w->n_pieces);
  buffer_varint (out, w->n_events);
  for (uint64_t i = 0; i < w->n_lanes; i++)
    buffer_varint (out, w->lane_start);
  w->layout->n_walks++;
  layout_walk_free (&w->model);
}

/* ---- segments ---- */

struct segment *
forged_decode (const uint8_t *coded, size_t len, const struct segment_context *ctx)
{
  struct error err = ERROR_INIT;
  struct segment *seg = segment_decode (coded, len, ctx, &err);

  assert_true (seg || err.text[0]);
  return seg;
}

bool
forged_body_decodes (const void *body, size_t n, uint32_t len, uint64_t source)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct segment_context ctx = { .len = len, .n_sources = 1, .source_sizes = &source };
  struct segment *seg;

  buffer_append (&b, body, n);
  buffer_le64 (&b, segment_checksum (body, n, 0));
  assert_false (b.failed);
  seg = forged_decode (b.data, b.len, &ctx);
  if (seg)
    assert_null (naive_complaint (seg, &ctx));
  segment_free (seg);
  return seg != NULL;
}

void
forged_layout_body (struct buffer *b, const struct forged_layout *l, const void *columns,
                    size_t n)
{
  buffer_u8 (b, SEGMENT_METHOD_COLUMNS);
  buffer_varint (b, l->n_walks);
  buffer_append (b, l->walks.data, l->walks.len);
  buffer_append (b, columns, n);
  buffer_varint (b, l->events.len);
  buffer_append (b, l->events.data, l->events.len);
}

bool
forged_layout_decodes (struct forged_layout *l, const void *columns, size_t n,
                       uint32_t len, uint64_t source)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  forged_layout_body (&b, l, columns, n);
  assert_false (l->walks.failed || l->events.failed);
  forged_layout_free (l);
  return forged_body_decodes (b.data, b.len, len, source);
}

bool
forged_walk_decodes (struct forged_walk *w, const void *columns, size_t n, uint32_t len,
                     uint64_t source)
{
  forge_walk_end (w);
  forge_layout_end (w->layout);
  return forged_layout_decodes (w->layout, columns, n, len, source);
}
