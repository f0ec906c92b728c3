/* SPDX-License-Identifier: BSD-3-Clause */
/* Checking and running segments the obvious way: see naive.h. */
#include "config.h"

#include <stdbool.h>

#include "naive.h"

/* Where byte `i` of a strided operation lies in its source. */
static uint64_t
strided_at (const struct segment *seg, const struct op *op, uint64_t i)
{
  const struct stride *s = &seg->strides[op->arg >> 16];
  uint64_t phase = op->arg & 0xffff;

  return op->from + (phase + i) / s->chunk * s->period + (phase + i) % s->chunk;
}

static const char *
stride_complaint (const struct segment *seg, const struct op *op, uint64_t source_size,
                  uint32_t len)
{
  const struct stride *s;

  if (op->arg >> 16 >= seg->n_strides)
    return "a stride that is not there";
  s = &seg->strides[op->arg >> 16];
  if (s->chunk == 0 || s->period < s->chunk || (op->arg & 0xffff) >= s->chunk)
    return "a stride that is none";
  if (strided_at (seg, op, len - 1) >= source_size)
    return "a strided copy from beyond the source";
  return NULL;
}

static const char *
op_complaint (const struct segment *seg, const struct segment_context *ctx, uint32_t i)
{
  const struct op *op = &seg->ops[i];
  uint32_t end = segment_op_end (seg, i), len = end - op->at;

  if (end <= op->at || end > seg->len)
    return "operations out of order";
  switch (op->kind) {
  case OP_LITERAL:
    return op->from > seg->n_literals || len > seg->n_literals - op->from
             ? "a literal from beyond the literals"
             : NULL;
  case OP_FILL:
    return op->arg > 0xff ? "a fill with no byte" : NULL;
  case OP_COPY:
  case OP_STRIDED:
    if (op->source >= ctx->n_sources)
      return "a source that is not there";
    if (op->kind == OP_STRIDED)
      return stride_complaint (seg, op, ctx->source_sizes[op->source], len);
    if (op->from > ctx->source_sizes[op->source] ||
        len > ctx->source_sizes[op->source] - op->from)
      return "a copy from beyond the source";
    return NULL;
  }
  return "an operation of no known kind";
}

static const char *
transform_complaint (const struct segment *seg, const struct transform *t, uint32_t after)
{
  if (t->kind == TRANSFORM_NONE || t->kind >= TRANSFORM_KINDS)
    return "a transform of no known kind";
  if (t->len == 0 || t->len % transform_unit (t->kind) != 0)
    return "a transform of broken units";
  if (t->at < after)
    return "transforms out of order";
  if (t->at > seg->len || t->len > seg->len - t->at)
    return "a transform beyond the segment";
  return NULL;
}

const char *
naive_complaint (const struct segment *seg, const struct segment_context *ctx)
{
  const char *complaint = NULL;
  uint32_t after = 0;

  if (seg->len != ctx->len)
    return "another length";
  if (seg->n_ops == 0 || seg->ops[0].at != 0)
    return "a segment that begins with nothing";
  if (seg->n_literals > seg->len)
    return "more literal bytes than bytes";
  for (uint32_t i = 0; i < seg->n_ops && !complaint; i++)
    complaint = op_complaint (seg, ctx, i);
  for (uint32_t i = 0; i < seg->n_transforms && !complaint; i++) {
    complaint = transform_complaint (seg, &seg->transforms[i], after);
    after = seg->transforms[i].at + seg->transforms[i].len;
  }
  return complaint;
}

static uint8_t
byte_at (const struct segment *seg, const struct op *op, const uint8_t *const *sources,
         uint32_t i)
{
  switch (op->kind) {
  case OP_LITERAL:
    return seg->literals[op->from + i];
  case OP_FILL:
    return (uint8_t) op->arg;
  case OP_COPY:
    return sources[op->source][op->from + i];
  default:
    return sources[op->source][strided_at (seg, op, i)];
  }
}

/* Reverse the bytes of each unit: what all transforms there are do. */
static void
reverse_units (uint8_t *data, uint32_t len, uint32_t unit)
{
  for (uint32_t at = 0; at < len; at += unit)
    for (uint32_t i = 0; i < unit / 2; i++) {
      uint8_t byte = data[at + i];

      data[at + i] = data[at + unit - 1 - i];
      data[at + unit - 1 - i] = byte;
    }
}

void
naive_rebuild (const struct segment *seg, const uint8_t *const *sources, uint8_t *out)
{
  for (uint32_t i = 0; i < seg->n_ops; i++)
    for (uint32_t at = seg->ops[i].at; at < segment_op_end (seg, i); at++)
      out[at] = byte_at (seg, &seg->ops[i], sources, at - seg->ops[i].at);
  for (uint32_t i = 0; i < seg->n_transforms; i++) {
    const struct transform *t = &seg->transforms[i];

    reverse_units (out + t->at, t->len,
                   t->kind == TRANSFORM_SWAP16   ? 2
                   : t->kind == TRANSFORM_SWAP24 ? 3
                                                 : 4);
  }
}
