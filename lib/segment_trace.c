/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the bytes of a segment come from: see segment_trace.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "segment_trace.h"

/* The parts of one piece, kept from piece to piece. */
struct parts {
  struct trace_part *list; /* owned */
  size_t n, cap;
};

static int
add_part (struct parts *parts, const struct trace_part *part, struct error *err)
{
  if (parts->n == parts->cap) {
    size_t cap = parts->cap ? 2 * parts->cap : 16;
    struct trace_part *list = reallocarray (parts->list, cap, sizeof *list);

    if (!list)
      return error_set (err, ENOMEM, "tracing a segment");
    parts->list = list;
    parts->cap = cap;
  }
  parts->list[parts->n++] = *part;
  return 0;
}

/* What byte `i` of the operation is, with up to `len` bytes that lie behind it. */
static struct trace_part
part_at (const struct segment *seg, const struct op *op, uint32_t i, uint32_t len)
{
  struct trace_part part = { (enum op_kind) op->kind, op->source, op->from + i, len };
  const struct stride *s;
  uint64_t at;

  switch ((enum op_kind) op->kind) {
  case OP_FILL:
    part.from = op->arg & 0xff;
    break;
  case OP_STRIDED:
    s = &seg->strides[op->arg >> 16];
    at = (uint64_t) (op->arg & 0xffff) + i;
    part.kind = OP_COPY;
    part.from = op->from + at / s->chunk * s->period + at % s->chunk;
    if (part.len > s->chunk - at % s->chunk)
      part.len = (uint32_t) (s->chunk - at % s->chunk);
    break;
  case OP_RECODED: /* no part of anything: a recoding's result is not changed again */
    part = (struct trace_part){ .kind = OP_FILL, .len = len };
    break;
  case OP_LITERAL:
  case OP_COPY:
    break;
  }
  return part;
}

/* All that bytes [at, end) are before any transform. */
static int
add_range (const struct segment *seg, uint32_t at, uint32_t end, struct parts *parts,
           struct error *err)
{
  uint32_t i = segment_find (seg, at);

  while (at < end) {
    const struct op *op = &seg->ops[i];
    uint32_t op_end = segment_op_end (seg, i);
    struct trace_part part =
      part_at (seg, op, at - op->at, (op_end < end ? op_end : end) - at);

    if (add_part (parts, &part, err) == -1)
      return -1;
    at += part.len;
    if (at == op_end)
      i++;
  }
  return 0;
}

/* A piece through a transform takes whole units. */
static int
transformed (const struct segment *seg, const struct transform *t,
             struct trace_piece *piece, struct parts *parts, struct error *err)
{
  uint32_t unit = transform_unit (t->kind), first, last;

  if (piece->len > TRACE_MAX_TRANSFORMED)
    piece->len = TRACE_MAX_TRANSFORMED;
  first = (piece->at - t->at) / unit * unit;
  last = (piece->at + piece->len - 1 - t->at) / unit * unit + unit;
  piece->method = (enum transform_kind) t->kind;
  piece->skip = piece->at - t->at - first;
  return add_range (seg, t->at + first, t->at + last, parts, err);
}

/* The piece that begins at piece->at, and goes no further than `end`. */
static int
next_piece (const struct segment *seg, struct trace_piece *piece, uint32_t end,
            struct parts *parts, struct error *err)
{
  uint32_t i = segment_find (seg, piece->at), op_end = segment_op_end (seg, i);
  uint32_t k = segment_find_transform (seg, piece->at);
  const struct op *op = &seg->ops[i];
  const struct transform *t = k < seg->n_transforms ? &seg->transforms[k] : NULL;
  struct trace_part part;

  piece->kind = (enum op_kind) op->kind;
  piece->len = (op_end < end ? op_end : end) - piece->at;
  if (op->kind == OP_RECODED) {
    const struct recoding *r = &seg->recodings[op->arg];

    piece->method = (enum transform_kind) r->kind;
    piece->skip = (uint32_t) op->from + (piece->at - op->at);
    return add_range (seg, r->at, r->at + r->len, parts, err);
  }
  if (t && t->at <= piece->at) {
    uint32_t t_end = t->at + t->len;

    piece->len = (t_end < end ? t_end : end) - piece->at;
    return transformed (seg, t, piece, parts, err);
  }
  if (t && t->at - piece->at < piece->len)
    piece->len = t->at - piece->at;
  part = part_at (seg, op, piece->at - op->at, piece->len);
  piece->len = part.len;
  return add_part (parts, &part, err);
}

int
segment_trace (const struct segment *seg, uint32_t at, uint32_t end, trace_fn *fn,
               void *opaque, struct error *err)
{
  struct parts parts = { 0 };
  int r = 0;

  while (at < end && r == 0) {
    struct trace_piece piece = { .at = at };

    parts.n = 0;
    r = next_piece (seg, &piece, end, &parts, err);
    if (r == -1)
      break;
    piece.parts = parts.list;
    piece.n_parts = parts.n;
    r = fn (opaque, &piece, err);
    at += piece.len;
  }
  free (parts.list);
  return r;
}

#define LE_BE(kind, name) [kind##_LE] = name "-le", [kind##_BE] = name "-be"

const char *
transform_name (enum transform_kind kind)
{
  static const char *const names[TRANSFORM_KINDS] = {
    [TRANSFORM_NONE] = "",
    [TRANSFORM_SWAP16] = "swap16",
    [TRANSFORM_SWAP24] = "swap24",
    [TRANSFORM_SWAP32] = "swap32",
    LE_BE (TRANSFORM_SPLIT24, "split24"),
    LE_BE (TRANSFORM_PAIR24, "pair24"),
    LE_BE (TRANSFORM_ORDER6_16, "order6-16"),
    LE_BE (TRANSFORM_ORDER6_24, "order6-24"),
    LE_BE (TRANSFORM_ORDER8_16, "order8-16"),
    LE_BE (TRANSFORM_ORDER8_24, "order8-24"),
    LE_BE (RECODING_SPLIT20, "split20"),
    LE_BE (RECODING_PAIR20, "pair20"),
    LE_BE (RECODING_KEEP1_16, "keep1-16"),
    LE_BE (RECODING_KEEP1_24, "keep1-24"),
    LE_BE (RECODING_KEEP3_16, "keep3-16"),
    LE_BE (RECODING_KEEP3_24, "keep3-24"),
    LE_BE (RECODING_KEEP5_16, "keep5-16"),
    LE_BE (RECODING_KEEP5_24, "keep5-24"),
    LE_BE (RECODING_KEEP7_16, "keep7-16"),
    LE_BE (RECODING_KEEP7_24, "keep7-24"),
    [RECODING_DEFLATE] = "deflate",
  };

  return kind < TRANSFORM_KINDS && names[kind] ? names[kind] : "?";
}
