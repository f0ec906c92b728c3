/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The columns of a segment, parsed and bounded: see docs/format.md, "Segments".
 * What the image does with the lanes comes before where their pieces lie
 * (segment_layout.c), which depends on it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "column.h"
#include "segment_decoder.h"

void
decoder_free (struct decoder *d)
{
  for (size_t i = 0; i < d->n_lanes; i++)
    buffer_free (&d->lanes[i].laid);
  free (d->lanes);
  free (d->walks);
  frame_ends_free (&d->ends);
  free (d->shapes);
  free (d->tokens);
  free (d->symbols);
  free (d->values);
  free (d->literal_lens);
  free (d->fill_lens);
  free (d->times);
  free (d->bases);
  free (d->fill_bytes);
  free (d->literals);
  free (d->suffix);
  free (d->headers);
  buffer_free (&d->ops);
  buffer_free (&d->strides);
  buffer_free (&d->transforms);
  buffer_free (&d->recodings);
  buffer_free (&d->material_ops);
  buffer_free (&d->bytes);
}

void *
decoder_array (struct decoder *d, size_t n, size_t size)
{
  void *p = d->r.failed ? NULL : calloc (n ? n : 1, size);

  if (!p)
    d->r.failed = true;
  return p;
}

uint64_t *
decoder_column (struct decoder *d, size_t n)
{
  uint64_t *values = decoder_array (d, n, sizeof *values);

  if (values)
    column_decode (&d->r, values, n);
  return values;
}

/* A column of values that are at most `max`. */
static uint64_t *
bounded_column (struct decoder *d, size_t n, uint64_t max)
{
  uint64_t *values = decoder_column (d, n);

  for (size_t i = 0; i < n && !d->r.failed; i++)
    if (values[i] > max)
      d->r.failed = true;
  return values;
}

/* The tokens of all shapes are one plane: they are much alike. */
static void
parse_tokens (struct decoder *d, const uint64_t *lens)
{
  CLEANUP_FREE uint8_t *bytes = NULL;
  size_t n = 0;

  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++)
    n += lens[i];
  bytes = decoder_array (d, n, 1);
  d->tokens = decoder_array (d, n, sizeof *d->tokens);
  if (!d->r.failed)
    plane_decode (&d->r, bytes, n);
  n = 0;
  for (size_t i = 0; i < d->n_shapes && !d->r.failed; n += lens[i++]) {
    struct coded_shape *s = &d->shapes[i];

    s->shape.len = (uint8_t) lens[i];
    memcpy (s->shape.tokens, bytes + n, lens[i]);
    s->tokens = d->tokens + n;
    s->n_tokens = shape_parse (&s->shape, s->tokens);
    if (s->n_tokens < 0 || (s->lane_plus_1 == 0 && s->n_tokens == 0))
      d->r.failed = true;
  }
}

static void
parse_shapes (struct decoder *d)
{
  size_t n = d->n_shapes = reader_bounded (&d->r, SEGMENT_MAX_SHAPES);
  CLEANUP_FREE uint64_t *lanes = bounded_column (d, n, d->n_lanes);
  CLEANUP_FREE uint64_t *transforms = bounded_column (d, n, TRANSFORM_KINDS - 1);
  CLEANUP_FREE uint64_t *clocks = bounded_column (d, n, SEGMENT_MAX_CLOCKS - 1);
  CLEANUP_FREE uint64_t *lens = bounded_column (d, n, SHAPE_MAX_TOKENS);

  d->shapes = decoder_array (d, n, sizeof *d->shapes);
  for (size_t i = 0; i < n && !d->r.failed; i++) {
    d->shapes[i].lane_plus_1 = (uint32_t) lanes[i];
    d->shapes[i].transform = (uint8_t) transforms[i];
    d->shapes[i].clock = (uint8_t) clocks[i];
  }
  parse_tokens (d, lens);
  for (size_t i = 0; i < n && !d->r.failed; i++)
    d->shapes[i].timed = shape_has_time (&d->shapes[i].shape);
}

static void
parse_symbols (struct decoder *d)
{
  parse_shapes (d);
  d->n_symbols = reader_bounded (&d->r, segment_max_records (d->ctx->len));
  d->symbols = decoder_column (d, d->n_symbols);
  for (size_t i = 0; i < d->n_symbols && !d->r.failed; i++) {
    uint64_t s = d->symbols[i];

    if (s == SYMBOL_LITERAL)
      d->n_literal_runs++;
    else if (s == SYMBOL_FILL)
      d->n_fills++;
    else if (s - SYMBOL_SHAPE < d->n_shapes)
      d->shapes[s - SYMBOL_SHAPE].uses++;
    else
      d->r.failed = true;
  }
}

/* How many columns a shape has. */
static size_t
shape_columns (const struct coded_shape *s)
{
  if (s->lane_plus_1 == 0)
    return 1;
  if (!coded_shape_recodes (s))
    return 2;
  return s->transform == RECODING_DEFLATE ? 5 : 4;
}

/* The next column of shape `s`, in the room at *next, which moves on. */
static uint64_t *
shape_column (struct decoder *d, const struct coded_shape *s, uint64_t **next)
{
  uint64_t *values = *next;

  column_decode (&d->r, values, s->uses);
  *next += s->uses;
  return values;
}

static void
parse_shape_columns (struct decoder *d)
{
  size_t n = 0;
  uint64_t *next;

  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++)
    n += d->shapes[i].uses * shape_columns (&d->shapes[i]);
  next = d->values = decoder_array (d, n, sizeof *next);
  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++) {
    struct coded_shape *s = &d->shapes[i];

    if (s->lane_plus_1 == 0) {
      s->covers = shape_column (d, s, &next);
      continue;
    }
    s->lengths = shape_column (d, s, &next);
    s->skips = shape_column (d, s, &next);
    if (coded_shape_recodes (s)) {
      s->materials = shape_column (d, s, &next);
      s->offsets = shape_column (d, s, &next);
      s->checks = s->transform == RECODING_DEFLATE ? shape_column (d, s, &next) : NULL;
    }
  }
}

/* Where frames end in the lanes, as the copies say. */
static void
find_frame_ends (struct decoder *d)
{
  for (size_t i = 0; i < d->n_lanes; i++)
    d->lanes[i].next = d->lanes[i].start;
  for (size_t i = 0; i < d->n_symbols && !d->r.failed; i++) {
    struct coded_shape *s;
    struct lane *lane;
    uint64_t at, len;

    if (d->symbols[i] < SYMBOL_SHAPE)
      continue;
    s = &d->shapes[d->symbols[i] - SYMBOL_SHAPE];
    if (s->timed)
      frame_ends_frame (&d->ends);
    if (s->lane_plus_1 == 0)
      continue;
    lane = &d->lanes[s->lane_plus_1 - 1];
    at = lane->next + (uint64_t) unzigzag (s->skips[s->used]);
    len = coded_shape_recodes (s) ? s->materials[s->used] : s->lengths[s->used];
    s->used++;
    if (len == 0)
      continue;
    if (at > SOURCE_MAX_SIZE || len > SOURCE_MAX_SIZE)
      d->r.failed = true;
    frame_ends_copy (&d->ends, s->lane_plus_1 - 1, at, len);
    lane->next = at + len;
  }
  if (!frame_ends_finish (&d->ends))
    d->r.failed = true;
}

/* The bases of the times: all but the last run say how long they are. */
static void
parse_bases (struct decoder *d)
{
  d->n_bases = reader_bounded (&d->r, d->n_times);
  d->bases = decoder_array (d, d->n_bases + 1, sizeof *d->bases);
  for (size_t i = 0; i < d->n_bases && !d->r.failed; i++) {
    d->bases[i].count = reader_bounded (&d->r, d->n_times);
    d->bases[i + 1].step = (uint64_t) unzigzag (reader_varint (&d->r));
  }
  if (d->bases)
    d->bases[d->n_bases].count = UINT64_MAX;
}

/* The times of each clock that is used, one clock behind the other. */
static void
parse_times (struct decoder *d)
{
  size_t uses[SEGMENT_MAX_CLOCKS] = { 0 };
  bool used[SEGMENT_MAX_CLOCKS] = { false };

  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++) {
    if (!d->shapes[i].timed)
      continue;
    used[d->shapes[i].clock] = true;
    uses[d->shapes[i].clock] += d->shapes[i].uses;
    d->n_times += d->shapes[i].uses;
  }
  d->times = decoder_array (d, d->n_times, sizeof *d->times);
  if (d->n_times > 0)
    parse_bases (d);
  for (size_t c = 0, at = 0; c < SEGMENT_MAX_CLOCKS && !d->r.failed; at += uses[c++]) {
    d->clock_at[c] = at;
    if (!used[c])
      continue;
    d->clocks[c] = (uint64_t) unzigzag (reader_varint (&d->r));
    column_decode (&d->r, d->times + at, uses[c]);
  }
}

static void
parse_literals (struct decoder *d)
{
  d->literal_lens = decoder_column (d, d->n_literal_runs);
  d->fill_lens = decoder_column (d, d->n_fills);
  d->fill_bytes = decoder_array (d, d->n_fills, 1);
  if (d->fill_bytes)
    plane_decode (&d->r, d->fill_bytes, d->n_fills);
  for (size_t i = 0; i < d->n_literal_runs && !d->r.failed; i++) {
    if (d->literal_lens[i] > d->ctx->len - d->n_literals)
      d->r.failed = true;
    else
      d->n_literals += d->literal_lens[i];
  }
  d->literals = decoder_array (d, d->n_literals, 1);
  if (d->literals)
    plane_decode (&d->r, d->literals, d->n_literals);
}

/* Bytes read since *before, which moves on. */
static uint64_t
consumed (const struct decoder *d, const uint8_t **before)
{
  uint64_t n = (uint64_t) (d->r.p - *before);

  *before = d->r.p;
  return n;
}

/* All columns, and where the bytes of the segment went. */
void
decoder_parse_columns (struct decoder *d)
{
  const uint8_t *at = d->r.p;

  decoder_parse_walks (d);
  d->costs.layout = consumed (d, &at);
  parse_symbols (d);
  d->costs.headers = consumed (d, &at);
  parse_shape_columns (d);
  d->costs.lengths = consumed (d, &at);
  find_frame_ends (d);
  decoder_parse_layout (d);
  d->costs.layout += consumed (d, &at);
  parse_times (d);
  d->costs.headers += consumed (d, &at);
  parse_literals (d);
  d->costs.literals = consumed (d, &at);
  if (reader_left (&d->r) != 0)
    d->r.failed = true;
}
