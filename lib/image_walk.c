/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running the operations of a segment: literals and fills are written at once, copies
 * are noted in a gather, which is read when it is full and at the end; then come the
 * transforms and the recodings, whose material is gathered with the rest.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "image_parts.h"

/* No unit of a transform is larger. */
#define UNIT_MAX 24

static int
flush (struct walk *w, struct error *err)
{
  if (!w->prefetch)
    return gather_read (w->gather, &w->failed, err);
  gather_prefetch (w->gather, w->wait);
  return 0;
}

/* Note the bytes [skip, skip + len) of a copying operation. */
static int
walk_copy (struct walk *w, const struct op *op, uint32_t skip, size_t len, uint8_t *dst,
           struct error *err)
{
  struct gather_span span = { .from = op->from, .skip = skip };
  size_t n;

  span.source = w->no_wait ? image_try_source (w->img, op->source)
                           : image_source (w->img, op->source, err);
  if (!span.source)
    return w->no_wait ? image_would_wait (err) : -1;
  if (op->kind == OP_STRIDED) {
    span.stride = &w->seg->strides[op->arg >> 16];
    span.skip += op->arg & 0xffff;
  }
  while (len > 0) {
    n = gather_add (w->gather, &span, dst, len);
    if (n == 0 && flush (w, err) == -1)
      return -1;
    span.skip += n;
    if (dst)
      dst += n;
    len -= n;
  }
  return 0;
}

static int walk_range (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst,
                       struct error *err);

/* Bytes [from, from + len) of a recoding's result, for position `at`.  Its material are
 * copies, which are not recoded themselves.
 */
static int
walk_recoded (struct walk *w, const struct recoding *r, size_t from, size_t len,
              uint32_t at, uint8_t *dst, struct error *err)
{
  uint8_t *material = NULL;

  if (dst) {
    if (w->job_bytes > 0 && w->job_bytes + r->len > MATERIAL_AT_ONCE &&
        (flush (w, err) == -1 || image_recode (w, err) == -1))
      return -1;
    material = image_recode_later (w, r, from, len, at, dst);
    if (!material)
      return error_set (err, ENOMEM, "%s", w->img->recipe->path);
  }
  return walk_range (w, r->at, r->at + r->len, material, err);
}

static int
walk_op (struct walk *w, const struct op *op, uint32_t skip, size_t len, uint8_t *dst,
         struct error *err)
{
  switch ((enum op_kind) op->kind) {
  case OP_LITERAL:
    if (dst)
      memcpy (dst, w->seg->literals + op->from + skip, len);
    return 0;
  case OP_FILL:
    if (dst)
      memset (dst, (int) (op->arg & 0xff), len);
    return 0;
  case OP_COPY:
  case OP_STRIDED:
    return walk_copy (w, op, skip, len, dst, err);
  case OP_RECODED:
    return walk_recoded (w, &w->seg->recodings[op->arg], op->from + skip, len,
                         op->at + skip, dst, err);
  }
  return error_set (err, 0, "%s: unknown operation %u", w->img->recipe->path,
                    (unsigned) op->kind);
}

/* Go through the operations that make bytes [at, end), as they are before any
 * transform; what is copied is there once the gather has been flushed.
 */
static int
walk_range (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst, struct error *err)
{
  const struct segment *seg = w->seg;

  if (at >= end)
    return 0;
  for (uint32_t i = segment_find (seg, at); at < end; ++i) {
    uint32_t op_end = segment_op_end (seg, i);
    uint32_t len = (op_end < end ? op_end : end) - at;

    if (walk_op (w, &seg->ops[i], at - seg->ops[i].at, len, dst, err) == -1)
      return -1;
    at += len;
    if (dst)
      dst += len;
  }
  return 0;
}

/* A unit that a read has only a part of. */
struct edge {
  uint32_t at, len; /* of the whole unit, in the segment; len 0: there is none */
  enum transform_kind kind;
  uint8_t bytes[UNIT_MAX];
};

/* The unit that position `at` cuts in two, if one is cut. */
static struct edge
edge_at (const struct segment *seg, uint32_t at)
{
  uint32_t i = segment_find_transform (seg, at);
  const struct transform *t = &seg->transforms[i];
  struct edge edge = { .at = at };
  uint32_t unit, into;

  if (i == seg->n_transforms || t->at >= at)
    return edge;
  unit = transform_unit (t->kind);
  into = (at - t->at) % unit;
  assert (unit <= UNIT_MAX);
  if (into > 0) {
    edge.at = at - into;
    edge.len = unit;
    edge.kind = t->kind;
  }
  return edge;
}

/* Copy to dst, which stands for [at, end), what an edge has of it. */
static void
edge_finish (struct edge *edge, uint32_t at, uint32_t end, uint8_t *dst)
{
  uint32_t from = edge->at > at ? edge->at : at;
  uint32_t to = edge->at + edge->len < end ? edge->at + edge->len : end;

  if (edge->len == 0)
    return;
  transform_apply (edge->kind, edge->bytes, edge->len);
  memcpy (dst + (from - at), edge->bytes + (from - edge->at), to - from);
}

/* Apply what lies in [at, end), which cuts no unit. */
static void
transform_range (const struct segment *seg, uint32_t at, uint32_t end, uint8_t *dst)
{
  for (uint32_t i = segment_find_transform (seg, at); i < seg->n_transforms; ++i) {
    const struct transform *t = &seg->transforms[i];
    uint32_t from = t->at > at ? t->at : at;
    uint32_t to = t->at + t->len < end ? t->at + t->len : end;

    if (from >= to)
      break;
    transform_apply (t->kind, dst + (from - at), to - from);
  }
}

/*
 * Bytes [at, end) of a segment with transforms.  Units that the range cuts at its
 * front or back are made whole in `edge` beside it; both may be the same unit.
 */
static int
read_transformed (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst,
                  struct error *err)
{
  struct edge front = edge_at (w->seg, at), back = edge_at (w->seg, end);
  uint32_t body = front.len ? front.at + front.len : at;
  uint32_t body_end = back.len ? back.at : end;

  if (front.len && back.len && front.at == back.at)
    back.len = 0;
  if (walk_range (w, front.at, front.at + front.len, front.bytes, err) == -1 ||
      walk_range (w, body, body_end, dst + (body - at), err) == -1 ||
      walk_range (w, back.at, back.at + back.len, back.bytes, err) == -1 ||
      flush (w, err) == -1)
    return -1;
  if (body < body_end)
    transform_range (w->seg, body, body_end, dst + (body - at));
  edge_finish (&front, at, end, dst);
  edge_finish (&back, at, end, dst);
  return 0;
}

int
image_walk (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst, struct error *err)
{
  int r;

  if (dst && w->seg->n_transforms > 0)
    r = read_transformed (w, at, end, dst, err);
  else
    r = walk_range (w, at, end, dst, err) == -1 ? -1 : flush (w, err);
  if (r == 0)
    r = image_recode (w, err);
  image_recode_drop (w);
  return r;
}
