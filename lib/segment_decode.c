/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the coded bytes of a segment to its operations: checksum, method, and putting the
 * result together (segment_build.c).  In between are segment_layout.c and segment_columns.c, which parse,
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
#include "segment_build.h"
#include "segment_decoder.h"

static struct segment *
build (const struct decoder *d)
{
  return segment_build (&(struct segment_parts){ .len = d->ctx->len,
                                                 .n_material = d->n_material,
                                                 .ops = &d->ops,
                                                 .strides = &d->strides,
                                                 .transforms = &d->transforms,
                                                 .recodings = &d->recodings,
                                                 .bytes = &d->bytes });
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

int
segment_check (const uint8_t *coded, size_t n_coded, const struct segment_context *ctx,
               struct error *err)
{
  if (n_coded < SEGMENT_CHECKSUM_SIZE + 1 || ctx->len == 0)
    return error_set (err, 0, "segment %u is too short", ctx->number);
  n_coded -= SEGMENT_CHECKSUM_SIZE;
  if (get_le64 (coded + n_coded) != segment_checksum (coded, n_coded, ctx->number))
    return error_set (err, 0, "segment %u is damaged (checksum)", ctx->number);
  return 0;
}

/* Check the checksum and decode by the method named; -1 with `err` set. */
static int
decode (struct decoder *d, const uint8_t *coded, size_t n_coded,
        const struct segment_context *ctx, struct error *err)
{
  uint8_t method;

  if (segment_check (coded, n_coded, ctx, err) == -1)
    return -1;
  n_coded -= SEGMENT_CHECKSUM_SIZE;
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
  __attribute__ ((cleanup (decoder_free))) struct decoder d = { .ctx = ctx };
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
segment_find_transform (const struct segment *seg, uint32_t at)
{
  uint32_t low = 0, high = seg->n_transforms;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (seg->transforms[middle].at + seg->transforms[middle].len > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
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
