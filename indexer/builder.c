/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cutting a stream of matches into segment plans: see builder.h.
 *
 * A span that crosses a segment boundary is cut there.  What that does to a
 * header (it no longer covers what it counts) the coder notices, and stores it as a
 * literal: a few bytes a segment.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "builder.h"

int
source_numbers_init (struct source_numbers *s, size_t n_sources, struct error *err)
{
  *s = (struct source_numbers){ .number = calloc (n_sources + 1, sizeof *s->number),
                                .source = calloc (n_sources + 1, sizeof *s->source),
                                .sizes = calloc (n_sources + 1, sizeof *s->sizes) };
  if (!s->number || !s->source || !s->sizes)
    return error_set (err, ENOMEM, "matching");
  for (size_t i = 0; i < n_sources; i++)
    s->number[i] = UINT32_MAX;
  return 0;
}

void
source_numbers_free (struct source_numbers *s)
{
  free (s->number);
  free (s->source);
  free (s->sizes);
}

/* The recipe's number for a source; UINT32_MAX if it has as many as the format allows. */
static uint32_t
number_source (struct builder *b, uint32_t source)
{
  struct source_numbers *s = b->sources;

  if (s->number[source] == UINT32_MAX && s->n < SOURCE_MAX_COUNT) {
    s->number[source] = s->n;
    s->source[s->n] = source;
    s->sizes[s->n++] = b->index->sources[source].file->size;
  }
  return s->number[source];
}

int
builder_begin (struct builder *b, struct error *err)
{
  if (b->image_size == 0)
    return 0;
  b->plan = b->next (b->opaque, UINT32_MAX, err);
  return b->plan ? 0 : -1;
}

void
builder_free (struct builder *b)
{
  free (b->lanes);
}

/* Bytes left in the current segment. */
static uint64_t
room (const struct builder *b)
{
  uint64_t span = UINT64_C (1) << b->span_log2;

  return span - (b->at & (span - 1));
}

static int
no_memory (struct error *err)
{
  return error_set (err, ENOMEM, "matching");
}

/* Append a span that fits, and go on to the next segment if that one is full. */
static int
append (struct builder *b, const struct plan_span *span, struct error *err)
{
  if (!segment_plan_span (b->plan, span))
    return no_memory (err);
  b->at += span->len;
  if (room (b) == UINT64_C (1) << b->span_log2 && b->at < b->image_size) {
    b->n_lanes = 0;
    b->plan = b->next (b->opaque, (uint32_t) ((b->at - 1) >> b->span_log2), err);
    if (!b->plan)
      return -1;
  }
  return 0;
}

int
builder_literal (struct builder *b, uint64_t len, struct error *err)
{
  while (len > 0) {
    struct plan_span span = { .kind = SPAN_LITERAL };

    span.len = (uint32_t) (len < room (b) ? len : room (b));
    len -= span.len;
    if (append (b, &span, err) == -1)
      return -1;
  }
  return 0;
}

int
builder_header (struct builder *b, uint32_t len, const struct shape *shape, uint8_t clock,
                int64_t time, int64_t base, uint32_t covers, struct error *err)
{
  struct plan_span span = { .kind = SPAN_HEADER,
                            .len = len,
                            .shape = shape,
                            .clock = clock,
                            .time = time,
                            .base = base,
                            .covers = covers };

  if (!shape || len >= room (b))
    return builder_literal (b, len, err);
  return append (b, &span, err);
}

/* The lane of a view (of the recipe's source `source`) in the current segment, new if
 * need be; NULL when out of memory.
 */
static struct builder_lane *
find_lane (struct builder *b, uint32_t view, uint32_t source)
{
  struct builder_lane *l;
  int number;

  for (size_t i = 0; i < b->n_lanes; i++)
    if (b->lanes[i].view == view)
      return &b->lanes[i];
  if (b->n_lanes == b->cap_lanes) {
    size_t more = b->cap_lanes ? 2 * b->cap_lanes : 16;

    l = reallocarray (b->lanes, more, sizeof *l);
    if (!l)
      return NULL;
    b->lanes = l;
    b->cap_lanes = more;
  }
  number = segment_plan_lane (b->plan, source);
  if (number == -1)
    return NULL;
  l = &b->lanes[b->n_lanes++];
  *l = (struct builder_lane){ .view = view, .lane = (uint32_t) number };
  return l;
}

/* Append a piece to a lane, in parts that the format can hold. */
static bool
add_piece (struct builder *b, uint32_t lane, const struct view_piece *p)
{
  for (uint32_t done = 0; done < p->len;) {
    uint32_t n = p->len - done;

    n = n < SEGMENT_MAX_PIECE ? n : SEGMENT_MAX_PIECE;
    if (!segment_plan_piece (b->plan, lane, p->from + done, n))
      return false;
    done += n;
  }
  return true;
}

/* Make the lane hold bytes [at, end) of its view, in whole pieces; where they begin in
 * it, in *lane_at.  Extends the newest stretch if they follow on it or lie in it.
 */
static int
extend_lane (struct builder *b, struct builder_lane *l, uint64_t at, uint64_t end,
             uint64_t *lane_at, struct error *err)
{
  struct view_piece p;

  if (at < l->from || at > l->to || l->from == l->to) {
    if (view_piece (b->views, l->view, at, &p) == -1)
      return error_set (err, 0, "a source changed while it was read");
    l->from = l->to = p.at;
    l->lane_at = b->plan->lanes[l->lane].len;
  }
  while (l->to < end) {
    if (view_piece (b->views, l->view, l->to, &p) == -1 || p.at != l->to)
      return error_set (err, 0, "a source changed while it was read");
    if (!add_piece (b, l->lane, &p))
      return no_memory (err);
    l->to += p.len;
  }
  *lane_at = l->lane_at + (at - l->from);
  return 0;
}

/* Append a span that copies bytes [at, end) of a view, and fits. */
static int
append_copy (struct builder *b, struct plan_span *span, uint32_t view, uint64_t at,
             uint64_t end, struct error *err)
{
  uint32_t source = number_source (b, b->index->views[view].source);
  struct builder_lane *l;

  if (source == UINT32_MAX)
    return builder_literal (b, span->len, err);
  l = find_lane (b, view, source);
  if (!l)
    return no_memory (err);
  span->lane = l->lane;
  if (extend_lane (b, l, at, end, &span->lane_at, err) == -1)
    return -1;
  return append (b, span, err);
}

int
builder_copy (struct builder *b, uint32_t view, uint64_t at, uint64_t len,
              enum transform_kind kind, struct error *err)
{
  unsigned unit = transform_unit (kind);

  while (len > 0) {
    struct plan_span span = { .kind = SPAN_COPY, .transform = (uint8_t) kind };

    span.len = (uint32_t) (len < room (b) ? len : room (b));
    span.len -= span.len % unit;
    if (span.len > 0) {
      if (append_copy (b, &span, view, at, at + span.len, err) == -1)
        return -1;
    }
    else { /* a unit that the segment's border cuts */
      span.len = unit;
      if (builder_literal (b, unit, err) == -1)
        return -1;
    }
    at += span.len;
    len -= span.len;
  }
  return 0;
}

int
builder_recoded (struct builder *b, const struct builder_recoding *r, uint64_t len,
                 struct error *err)
{
  struct plan_span span = { .kind = SPAN_COPY,
                            .transform = (uint8_t) r->kind,
                            .material = r->material,
                            .check = r->check };

  b->deflates |= r->kind == RECODING_DEFLATE;
  while (len > 0) {
    span.len = (uint32_t) (len < room (b) ? len : room (b));
    if (append_copy (b, &span, r->view, r->at, r->at + r->material, err) == -1)
      return -1;
    span.offset += span.len;
    len -= span.len;
  }
  return 0;
}

int
builder_finish (struct builder *b, struct error *err)
{
  uint32_t number;

  if (b->at != b->image_size)
    return error_set (err, 0, "%llu bytes of %llu were matched",
                      (unsigned long long) b->at, (unsigned long long) b->image_size);
  if (b->image_size == 0)
    return 0;
  number = (uint32_t) ((b->at - 1) >> b->span_log2);
  return b->next (b->opaque, number, err) ? 0 : -1;
}
