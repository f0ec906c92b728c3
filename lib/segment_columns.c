/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The columns of a segment, parsed and bounded: see docs/format.md, "Segments".
 * Layout first (segment_layout.c), then what the image does with the lanes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "column.h"
#include "segment_decoder.h"

void
decoder_free (struct decoder *d)
{
  free (d->lanes);
  free (d->runs);
  free (d->shapes);
  free (d->symbols);
  free (d->values);
  free (d->literal_lens);
  free (d->fill_lens);
  free (d->times);
  free (d->fill_bytes);
  free (d->literals);
  free (d->suffix);
  free (d->headers);
  buffer_free (&d->ops);
  buffer_free (&d->strides);
  buffer_free (&d->transforms);
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

static void
parse_shape (struct decoder *d, struct coded_shape *s)
{
  const uint8_t *tokens;

  s->lane_plus_1 = (uint32_t) reader_bounded (&d->r, d->n_lanes);
  if (s->lane_plus_1 > 0)
    s->transform = (uint8_t) reader_bounded (&d->r, TRANSFORM_KINDS - 1);
  s->shape.len = (uint8_t) reader_bounded (&d->r, SHAPE_MAX_TOKENS);
  tokens = reader_take (&d->r, s->shape.len);
  if (tokens)
    memcpy (s->shape.tokens, tokens, s->shape.len);
  if (d->r.failed || !shape_is_valid (&s->shape) ||
      (s->lane_plus_1 == 0 && s->shape.len == 0)) {
    d->r.failed = true;
    return;
  }
  s->timed = shape_has_time (&s->shape);
  if (s->timed)
    s->clock = reader_u8 (&d->r);
}

static void
parse_symbols (struct decoder *d)
{
  d->n_shapes = reader_bounded (&d->r, SEGMENT_MAX_SHAPES);
  d->shapes = decoder_array (d, d->n_shapes, sizeof *d->shapes);
  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++)
    parse_shape (d, &d->shapes[i]);
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

/* Lengths, skips and covers of each shape: at most two columns a symbol. */
static void
parse_shape_columns (struct decoder *d)
{
  uint64_t *next = d->values = decoder_array (d, 2 * d->n_symbols, sizeof *next);

  for (size_t i = 0; i < d->n_shapes && !d->r.failed; i++) {
    struct coded_shape *s = &d->shapes[i];

    if (s->lane_plus_1 > 0) {
      s->lengths = next;
      s->skips = next + s->uses;
      column_decode (&d->r, s->lengths, s->uses);
      column_decode (&d->r, s->skips, s->uses);
      next += 2 * s->uses;
    }
    else {
      s->covers = next;
      column_decode (&d->r, s->covers, s->uses);
      next += s->uses;
    }
  }
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

  decoder_parse_layout (d);
  d->costs.layout = consumed (d, &at);
  parse_symbols (d);
  d->costs.headers = consumed (d, &at);
  parse_shape_columns (d);
  d->costs.lengths = consumed (d, &at);
  parse_times (d);
  d->costs.headers += consumed (d, &at);
  parse_literals (d);
  d->costs.literals = consumed (d, &at);
  if (reader_left (&d->r) != 0)
    d->r.failed = true;
}
