/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a plan to the coded columns of a segment: the mirror of segment_decode.c.
 *
 * Deterministic: symbols and shapes are numbered by first appearance.
 * A header that its shape does not render as the image has it, one that is cut by
 * the segment's end among them, is stored as a literal.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "column.h"
#include "recoding.h"
#include "segment_encoder.h"

/* Shorter runs of one byte cost nothing inside a compressed literal. */
#define FILL_MIN 1024

static void
encoder_free (struct encoder *e)
{
  for (size_t i = 0; i < e->n_shapes; i++) {
    buffer_free (&e->shapes[i].lengths);
    buffer_free (&e->shapes[i].skips);
    buffer_free (&e->shapes[i].covers);
    buffer_free (&e->shapes[i].materials);
    buffer_free (&e->shapes[i].offsets);
    buffer_free (&e->shapes[i].checks);
  }
  for (size_t i = 0; i < SEGMENT_MAX_CLOCKS; i++)
    buffer_free (&e->clocks[i]);
  free (e->shapes);
  buffer_free (&e->base_counts);
  buffer_free (&e->base_steps);
  free (e->lane_start);
  free (e->lane_next);
  free (e->lane_used);
  lane_order_free (&e->lanes);
  frame_ends_free (&e->ends);
  buffer_free (&e->symbols);
  buffer_free (&e->literal_lens);
  buffer_free (&e->fill_lens);
  buffer_free (&e->fill_bytes);
  buffer_free (&e->literals);
}

/* ---- literals ---- */

static void
put_literal (struct encoder *e, const uint8_t *bytes, size_t n)
{
  if (n == 0)
    return;
  values_push (&e->symbols, SYMBOL_LITERAL);
  values_push (&e->literal_lens, n);
  buffer_append (&e->literals, bytes, n);
}

static void
put_fill (struct encoder *e, uint8_t byte, size_t n)
{
  values_push (&e->symbols, SYMBOL_FILL);
  values_push (&e->fill_lens, n);
  buffer_u8 (&e->fill_bytes, byte);
}

/* The bytes equal to bytes[0] at the front. */
static size_t
run_length (const uint8_t *bytes, size_t n)
{
  size_t run = 1;

  while (run < n && bytes[run] == bytes[0])
    run++;
  return run;
}

/* Emit the literal bytes that have gathered, long runs of one byte as fills. */
static void
flush_literal (struct encoder *e)
{
  const uint8_t *p = e->image + e->literal_at, *end = e->image + e->at, *from = p;

  while (p < end) {
    size_t run = run_length (p, (size_t) (end - p));

    if (run >= FILL_MIN) {
      put_literal (e, from, (size_t) (p - from));
      put_fill (e, *p, run);
      from = p + run;
    }
    p += run;
  }
  put_literal (e, from, (size_t) (end - from));
  e->literal_at = e->at;
}

/* ---- shapes ---- */

/* The number of the shape like `want`, a new one if need be. */
static size_t
find_shape (struct encoder *e, const struct used_shape *want)
{
  for (size_t i = 0; i < e->n_shapes; i++) {
    const struct used_shape *s = &e->shapes[i];

    if (s->lane_plus_1 == want->lane_plus_1 && s->transform == want->transform &&
        s->clock == want->clock && shape_equal (&s->shape, &want->shape))
      return i;
  }
  if (e->n_shapes == e->cap_shapes) {
    size_t more = e->cap_shapes ? 2 * e->cap_shapes : 16;
    struct used_shape *p = reallocarray (e->shapes, more, sizeof *p);

    if (!p) {
      e->symbols.failed = true;
      return 0;
    }
    e->shapes = p;
    e->cap_shapes = more;
  }
  e->shapes[e->n_shapes] = *want;
  return e->n_shapes++;
}

/* Times are coded relative to the segment's first base: small numbers, in which
 * a base that changes (a new Cluster) leaves no trace.
 */
static void
put_time (struct encoder *e, uint8_t clock, const struct plan_span *header)
{
  uint64_t base = (uint64_t) header->base;

  if (!e->timed) {
    e->timed = true;
    e->first_base = e->base = base;
  }
  if (base != e->base) {
    values_push (&e->base_counts, e->base_count);
    values_push (&e->base_steps, zigzag ((int64_t) (base - e->base)));
    e->base = base;
    e->base_count = 0;
  }
  e->base_count++;
  values_push (&e->clocks[clock], (uint64_t) header->time - e->first_base);
}

/* Emit a shape's symbol and, if it has one, its time; its number. */
static size_t
put_shape (struct encoder *e, const struct plan_span *header,
           const struct plan_span *copy)
{
  struct used_shape want = { .lane_plus_1 = 0 };
  size_t number;

  if (header) {
    want.shape = *header->shape;
    want.timed = shape_has_time (header->shape);
    want.clock = want.timed ? header->clock : 0;
  }
  if (copy) {
    want.lane_plus_1 = e->lanes.number[copy->lane] + 1;
    want.transform = copy->transform;
  }
  number = find_shape (e, &want);
  values_push (&e->symbols, SYMBOL_SHAPE + number);
  if (want.timed) {
    put_time (e, want.clock, header);
    frame_ends_frame (&e->ends);
  }
  return number;
}

/* May the span be copied?  Recodings only as long as the segment has not too many. */
static bool
is_copied (const struct encoder *e, const struct plan_span *s)
{
  return s->kind == SPAN_COPY &&
         (!plan_span_recodes (s) || s->material <= SEGMENT_MAX_MATERIAL - e->n_material);
}

static void
put_recoding (struct encoder *e, struct used_shape *s, const struct plan_span *copy)
{
  values_push (&s->materials, copy->material);
  values_push (&s->offsets, copy->offset);
  if (copy->transform == RECODING_DEFLATE)
    values_push (&s->checks, copy->check);
  e->n_material += copy->material;
}

static void
put_copy (struct encoder *e, const struct plan_span *header, const struct plan_span *copy)
{
  uint32_t lane = e->lanes.number[copy->lane];
  size_t number;

  flush_literal (e);
  if (!e->lane_used[lane]) {
    e->lane_used[lane] = true;
    e->lane_start[lane] = e->lane_next[lane] = copy->lane_at;
  }
  number = put_shape (e, header, copy);
  if (!e->symbols.failed) {
    struct used_shape *s = &e->shapes[number];

    values_push (&s->lengths, copy->len);
    values_push (&s->skips, zigzag ((int64_t) (copy->lane_at - e->lane_next[lane])));
    if (plan_span_recodes (copy))
      put_recoding (e, s, copy);
  }
  frame_ends_copy (&e->ends, lane, copy->lane_at, plan_span_lane_bytes (copy));
  e->lane_next[lane] = copy->lane_at + plan_span_lane_bytes (copy);
  e->at += (header ? header->len : 0) + copy->len;
  e->literal_at = e->at;
}

/* A header over several symbols, whose number is known when its end is reached. */
static void
open_header (struct encoder *e, const struct plan_span *header, uint32_t covered)
{
  struct open_header *o = &e->open[e->n_open++];

  flush_literal (e);
  o->symbol = values_count (&e->symbols);
  o->shape = put_shape (e, header, NULL);
  e->at += header->len;
  e->literal_at = e->at;
  o->end = e->at + covered;
  if (!e->symbols.failed) {
    o->use = values_count (&e->shapes[o->shape].covers);
    values_push (&e->shapes[o->shape].covers, 0);
  }
}

/* Close the headers that end here: no symbol may straddle the end. */
static void
close_headers (struct encoder *e)
{
  while (e->n_open > 0 && e->open[e->n_open - 1].end == e->at) {
    const struct open_header *o = &e->open[--e->n_open];

    flush_literal (e);
    if (!e->symbols.failed && !e->shapes[o->shape].covers.failed)
      values_of (&e->shapes[o->shape].covers)[o->use] =
        values_count (&e->symbols) - o->symbol - 1;
  }
}

/* May this header be modelled: all it covers is in the segment (and in the header
 * around it), and it renders to the image's bytes?  Then *covered is set.
 */
static bool
header_fits (const struct encoder *e, size_t i, uint32_t *covered)
{
  const struct plan_span *h = &e->plan->spans[i];
  uint8_t rendered[SHAPE_MAX_HEADER];
  uint64_t sum = 0;
  int64_t time;
  int len;

  if (h->covers == 0 || h->covers > e->plan->n_spans - 1 - i ||
      e->n_open == MAX_OPEN_HEADERS || !shape_is_valid (h->shape))
    return false;
  for (size_t k = i + 1; k <= i + h->covers; k++)
    sum += e->plan->spans[k].len;
  if (e->n_open > 0 && e->at + h->len + sum > e->open[e->n_open - 1].end)
    return false;
  time = (int64_t) ((uint64_t) h->time - (uint64_t) h->base);
  len = shape_render (h->shape, sum, time, rendered);
  *covered = (uint32_t) sum;
  return len == (int) h->len && memcmp (rendered, e->image + e->at, h->len) == 0;
}

/* Emit span i; how many spans that took. */
static size_t
put_span (struct encoder *e, size_t i)
{
  const struct plan_span *s = &e->plan->spans[i];
  uint32_t covered;

  if (is_copied (e, s)) {
    put_copy (e, NULL, s);
    return 1;
  }
  if (s->kind == SPAN_HEADER && header_fits (e, i, &covered)) {
    if (s->covers == 1 && is_copied (e, &s[1])) {
      put_copy (e, s, s + 1);
      return 2;
    }
    open_header (e, s, covered);
    return 1;
  }
  e->at += s->len;
  return 1;
}

/* ---- the whole ---- */

static bool
out_of_memory (const struct encoder *e)
{
  bool failed = e->symbols.failed || e->literal_lens.failed || e->fill_lens.failed ||
                e->fill_bytes.failed || e->literals.failed || e->base_counts.failed ||
                e->base_steps.failed;

  for (size_t i = 0; i < e->n_shapes; i++)
    failed |= e->shapes[i].lengths.failed || e->shapes[i].skips.failed ||
              e->shapes[i].covers.failed || e->shapes[i].materials.failed ||
              e->shapes[i].offsets.failed || e->shapes[i].checks.failed;
  for (size_t c = 0; c < SEGMENT_MAX_CLOCKS; c++)
    failed |= e->clocks[c].failed;
  return failed;
}

static bool
prepare (struct encoder *e)
{
  size_t n = e->plan->n_lanes ? e->plan->n_lanes : 1;

  e->lane_start = calloc (n, sizeof *e->lane_start);
  e->lane_next = calloc (n, sizeof *e->lane_next);
  e->lane_used = calloc (n, sizeof *e->lane_used);
  return e->lane_start && e->lane_next && e->lane_used &&
         lane_order_init (&e->lanes, e->plan);
}

static size_t
count_pieces (const struct segment_plan *plan)
{
  size_t n = 0;

  for (size_t i = 0; i < plan->n_lanes; i++)
    n += plan->lanes[i].n_pieces;
  return n;
}

/* Try the columns; false when out of memory.  `intricate` says if they will not do. */
static bool
encode_columns (struct encoder *e, uint32_t len, struct buffer *out)
{
  size_t most = segment_max_records (len);

  e->intricate = e->plan->n_lanes > SEGMENT_MAX_LANES || count_pieces (e->plan) > most;
  if (e->intricate)
    return true;
  if (!prepare (e))
    return false;
  for (size_t i = 0; i < e->plan->n_spans;) {
    close_headers (e);
    i += put_span (e, i);
  }
  close_headers (e);
  flush_literal (e);
  if (!frame_ends_finish (&e->ends) || out_of_memory (e))
    return false;
  e->intricate = e->n_shapes > SEGMENT_MAX_SHAPES || values_count (&e->symbols) > most;
  if (!e->intricate)
    encoder_write (e, out);
  return true;
}

/* Can what was coded be decoded?  Bounds on operations show only there. */
static bool
decodes (const struct buffer *out, size_t start, const struct segment_context *ctx)
{
  struct error ignored = ERROR_INIT;
  struct segment *seg =
    segment_decode (out->data + start, out->len - start, ctx, &ignored);

  segment_free (seg);
  return seg != NULL;
}

static void
put_checksum (struct buffer *out, size_t start, uint32_t number)
{
  if (!out->failed)
    buffer_le64 (out, segment_checksum (out->data + start, out->len - start, number));
}

int
segment_encode (const struct segment_plan *plan, const uint8_t *image,
                const struct segment_context *ctx, struct buffer *out, struct error *err)
{
  __attribute__ ((cleanup (encoder_free))) struct encoder e = { .plan = plan,
                                                                .image = image };
  size_t start = out->len;

  if (segment_plan_check (plan, ctx->len, err) == -1)
    return error_context (err, "segment %u", ctx->number);
  if (!encode_columns (&e, ctx->len, out))
    return error_set (err, ENOMEM, "segment %u", ctx->number);
  if (!e.intricate)
    put_checksum (out, start, ctx->number);
  if (e.intricate || out->len - start > ctx->len || !decodes (out, start, ctx)) {
    out->len = start;
    buffer_u8 (out, SEGMENT_METHOD_STORED);
    plane_encode (out, image, ctx->len);
    put_checksum (out, start, ctx->number);
  }
  return out->failed ? error_set (err, ENOMEM, "segment %u", ctx->number) : 0;
}
