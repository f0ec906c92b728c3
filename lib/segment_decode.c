/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the coded bytes of a segment to its operations: checksum, method, and putting the
 * result together.  In between are segment_layout.c and segment_columns.c, which parse,
 * and segment_emit.c.
 *
 * No value is used before it is bounded: a checksum keeps out accidents, not enemies, who
 * can compute it too.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "column.h"
#include "segment_decoder.h"

/* Copy a result buffer into the segment's one block of memory. */
static const void *
place (uint8_t **next, const struct buffer *b)
{
  uint8_t *p = *next;

  if (b->len > 0)
    memcpy (p, b->data, b->len);
  *next += (b->len + 15) & ~(size_t) 15;
  return p;
}

static struct segment *
build (const struct decoder *d)
{
  const struct buffer *parts[] = { &d->ops, &d->strides, &d->transforms, &d->recodings,
                                   &d->bytes };
  size_t size = (sizeof (struct segment) + 15) & ~(size_t) 15;
  struct segment *seg;
  uint8_t *next;

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (parts[i]->failed)
      return NULL;
    size += (parts[i]->len + 15) & ~(size_t) 15;
  }
  seg = malloc (size);
  if (!seg)
    return NULL;
  next = (uint8_t *) seg + ((sizeof *seg + 15) & ~(size_t) 15);
  *seg = (struct segment){ .len = d->ctx->len,
                           .n_material = d->n_material,
                           .footprint = size };
  seg->n_ops = (uint32_t) (d->ops.len / sizeof (struct op));
  seg->ops = place (&next, &d->ops);
  seg->n_strides = (uint32_t) (d->strides.len / sizeof (struct stride));
  seg->strides = place (&next, &d->strides);
  seg->n_transforms = (uint32_t) (d->transforms.len / sizeof (struct transform));
  seg->transforms = place (&next, &d->transforms);
  seg->n_recodings = (uint32_t) (d->recodings.len / sizeof (struct recoding));
  seg->recodings = place (&next, &d->recodings);
  seg->n_literals = d->bytes.len;
  seg->literals = place (&next, &d->bytes);
  return seg;
}

/* A segment that is one plane of the image's bytes. */
static void
decode_stored (struct decoder *d)
{
  uint8_t *p = buffer_reserve (&d->bytes, d->ctx->len);

  decoder_emit_op (d, (struct op){ .kind = OP_LITERAL });
  if (!p) {
    d->r.failed = true;
    return;
  }
  plane_decode (&d->r, p, d->ctx->len);
  d->bytes.len = d->ctx->len;
  d->costs.literals = d->ctx->len;
  if (reader_left (&d->r) != 0)
    d->r.failed = true;
}

/* Check the checksum and decode by the method named; -1 with `err` set. */
static int
decode (struct decoder *d, const uint8_t *coded, size_t n_coded,
        const struct segment_context *ctx, struct error *err)
{
  uint64_t sum;
  uint8_t method;

  if (n_coded < SEGMENT_CHECKSUM_SIZE + 1 || ctx->len == 0)
    return error_set (err, 0, "segment %u is too short", ctx->number);
  n_coded -= SEGMENT_CHECKSUM_SIZE;
  sum = segment_checksum (coded, n_coded, ctx->number);
  if (get_le64 (coded + n_coded) != sum)
    return error_set (err, 0, "segment %u is damaged (checksum)", ctx->number);
  d->ctx = ctx;
  d->r = reader_init (coded, n_coded);
  method = reader_u8 (&d->r);
  if (method == SEGMENT_METHOD_STORED)
    decode_stored (d);
  else if (method == SEGMENT_METHOD_COLUMNS) {
    decoder_parse_columns (d);
    decoder_emit (d);
  }
  else
    return error_set (err, 0, "segment %u is coded by an unknown method (%u)",
                      ctx->number, method);
  if (d->r.failed || d->ops.failed || d->bytes.failed)
    return error_set (err, 0, "segment %u is malformed", ctx->number);
  return 0;
}

struct segment *
segment_decode (const uint8_t *coded, size_t n_coded, const struct segment_context *ctx,
                struct error *err)
{
  __attribute__ ((cleanup (decoder_free))) struct decoder d = { 0 };
  struct segment *seg;

  if (decode (&d, coded, n_coded, ctx, err) == -1)
    return NULL;
  seg = build (&d);
  if (!seg)
    error_set (err, ENOMEM, "segment %u", ctx->number);
  return seg;
}

int
segment_account (const uint8_t *coded, size_t n_coded, const struct segment_context *ctx,
                 struct segment_costs *costs, struct error *err)
{
  __attribute__ ((cleanup (decoder_free))) struct decoder d = { 0 };

  if (decode (&d, coded, n_coded, ctx, err) == -1)
    return -1;
  *costs = d.costs;
  return 0;
}

void
segment_free (struct segment *seg)
{
  free (seg);
}

uint32_t
segment_find (const struct segment *seg, uint32_t at)
{
  uint32_t low = 0, high = seg->n_ops - 1;

  while (low < high) {
    uint32_t mid = low + (high - low + 1) / 2;

    if (seg->ops[mid].at <= at)
      low = mid;
    else
      high = mid - 1;
  }
  return low;
}
