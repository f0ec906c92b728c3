/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing the columns that segment_encode.c has gathered, in the order that
 * docs/format.md, "Segments", gives them: the mirror of segment_columns.c.
 */
#include "config.h"

#include "bytes.h"
#include "segment_encoder.h"

/* The columns that describe the shapes. */
static void
write_shapes (struct encoder *e, struct buffer *out)
{
  CLEANUP_BUFFER struct buffer lanes = BUFFER_INIT, transforms = BUFFER_INIT,
                               clocks = BUFFER_INIT, lens = BUFFER_INIT,
                               tokens = BUFFER_INIT;

  for (size_t i = 0; i < e->n_shapes; i++) {
    const struct used_shape *s = &e->shapes[i];

    values_push (&lanes, s->lane_plus_1);
    values_push (&transforms, s->transform);
    values_push (&clocks, s->clock);
    values_push (&lens, s->shape.len);
    buffer_append (&tokens, s->shape.tokens, s->shape.len);
  }
  out->failed |=
    lanes.failed || transforms.failed || clocks.failed || lens.failed || tokens.failed;
  if (out->failed)
    return;
  buffer_varint (out, e->n_shapes);
  values_encode (out, &lanes);
  values_encode (out, &transforms);
  values_encode (out, &clocks);
  values_encode (out, &lens);
  plane_encode (out, tokens.data, tokens.len);
}

/* What the shapes are used for: their order, and the columns of each. */
static void
write_symbols (struct encoder *e, struct buffer *out)
{
  buffer_varint (out, values_count (&e->symbols));
  values_encode (out, &e->symbols);
  for (size_t i = 0; i < e->n_shapes; i++) {
    const struct used_shape *s = &e->shapes[i];

    /* Those that a shape has not are empty. */
    values_encode (out, &s->covers);
    values_encode (out, &s->lengths);
    values_encode (out, &s->skips);
    values_encode (out, &s->materials);
    values_encode (out, &s->offsets);
    values_encode (out, &s->checks);
  }
}

static void
write_bases (struct encoder *e, struct buffer *out)
{
  size_t n = values_count (&e->base_counts);

  if (!e->timed)
    return;
  buffer_varint (out, n);
  for (size_t i = 0; i < n; i++) {
    buffer_varint (out, values_of (&e->base_counts)[i]);
    buffer_varint (out, values_of (&e->base_steps)[i]);
  }
}

/* Times as differences, the first one equal to the second so that a steady clock is
 * one constant.
 */
static void
write_clock (struct buffer *times, struct buffer *out)
{
  uint64_t *t = values_of (times);
  size_t n = values_count (times);
  uint64_t first = t[0], step = n > 1 ? t[1] - t[0] : 0;

  for (size_t i = n; i-- > 1;)
    t[i] = zigzag ((int64_t) (t[i] - t[i - 1]));
  t[0] = zigzag ((int64_t) step);
  buffer_varint (out, zigzag ((int64_t) (first - step)));
  values_encode (out, times);
}

void
encoder_write (struct encoder *e, struct buffer *out)
{
  CLEANUP_BUFFER struct buffer events = BUFFER_INIT;

  buffer_u8 (out, SEGMENT_METHOD_COLUMNS);
  layout_encode (e, out, &events);
  write_shapes (e, out);
  write_symbols (e, out);
  buffer_varint (out, events.len);
  buffer_append (out, events.data, events.len);
  out->failed |= events.failed;
  write_bases (e, out);
  for (size_t c = 0; c < SEGMENT_MAX_CLOCKS; c++)
    if (e->clocks[c].len > 0)
      write_clock (&e->clocks[c], out);
  values_encode (out, &e->literal_lens);
  values_encode (out, &e->fill_lens);
  plane_encode (out, e->fill_bytes.data, e->fill_bytes.len);
  plane_encode (out, e->literals.data, e->literals.len);
}
