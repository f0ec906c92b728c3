/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an indexer knows about one segment, and its coding.
 *
 * A plan says how the segment's bytes come about, in image order, as spans: literal
 * bytes, copies from lanes, and headers that a shape should render.  A *lane* is a run
 * of source bytes that is read as if contiguous: the packets of one stream of a disc,
 * say.  Where the pieces of the lanes lie is coded once, in the order of the source,
 * whatever the order in which the image uses them.
 *
 * Plans are checked against the image while they are coded: a header that does not
 * render exactly as the image has it becomes a literal.  Copies are *not* checked here;
 * whoever matched them compared the bytes, and the finished recipe is read back whole.
 *
 * Thread safety: a plan belongs to one thread at a time.
 */
#ifndef MKVDUP_SEGMENT_PLAN_H
#define MKVDUP_SEGMENT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "segment.h"
#include "shape.h"

/* A piece of a lane: bytes that lie together in the source. */
struct plan_piece {
  uint64_t from; /* offset in the source */
  uint32_t len;  /* 1 … SEGMENT_MAX_PIECE */
};

#define SEGMENT_MAX_PIECE 65535u

struct plan_lane {
  uint32_t source;
  struct plan_piece *pieces; /* owned by the plan */
  size_t n_pieces, cap_pieces;
  uint64_t len; /* bytes of all pieces */
};

enum span_kind {
  SPAN_LITERAL,
  SPAN_COPY,
  SPAN_HEADER,
};

struct plan_span {
  enum span_kind kind;
  uint32_t len; /* bytes of the image, > 0 */

  /* SPAN_COPY */
  uint32_t lane;
  uint64_t lane_at;  /* offset in the lane */
  uint8_t transform; /* enum transform_kind; len is a multiple of its unit */

  /* … if that is a recoding: `material` bytes of the lane are recoded, and the span is
   * `len` bytes from `offset` on of the result, whose recoding_check() is `check`. */
  uint32_t material, offset, check;

  /* SPAN_HEADER */
  uint8_t clock;             /* headers of one clock have times that are coded together */
  uint32_t covers;           /* the spans after this one whose bytes its lengths count */
  int64_t time, base;        /* of the frame, and what the header's time is relative to */
  const struct shape *shape; /* borrowed */
};

/* Is this a copy of what a recoding gives? */
static inline bool
plan_span_recodes (const struct plan_span *s)
{
  return s->kind == SPAN_COPY && s->transform >= FIRST_RECODING;
}

/* The bytes of its lane that a copy uses. */
static inline uint32_t
plan_span_lane_bytes (const struct plan_span *copy)
{
  return plan_span_recodes (copy) ? copy->material : copy->len;
}

struct segment_plan {
  struct plan_lane *lanes;
  size_t n_lanes, cap_lanes;
  struct plan_span *spans;
  size_t n_spans, cap_spans;
};

void segment_plan_clear (struct segment_plan *plan); /* empty; buffers are kept */
void segment_plan_free (struct segment_plan *plan);

/* Append; false when out of memory. */
bool segment_plan_span (struct segment_plan *plan, const struct plan_span *span);

/* A new lane; its number, or -1 when out of memory. */
int segment_plan_lane (struct segment_plan *plan, uint32_t source);
bool segment_plan_piece (struct segment_plan *plan, uint32_t lane, uint64_t from,
                         uint32_t len);

/* Do its spans cover `len` bytes of the image, and are copies within their lanes?  -1 and
 * `err` set if not.
 */
int segment_plan_check (const struct segment_plan *plan, uint32_t len, struct error *err);

/*
 * Append the coded segment to `out`: `image` is its ctx->len bytes, which the spans
 * of `plan` cover exactly.  A plan too intricate for the format's bounds, or one
 * that does not pay, is coded as literals; whatever is coded has been decoded once.
 * Fails only when out of memory or if the plan is inconsistent.
 */
int segment_encode (const struct segment_plan *plan, const uint8_t *image,
                    const struct segment_context *ctx, struct buffer *out,
                    struct error *err);

/* Where a coded segment's bytes went, to be summed up by whoever asks. */
struct segment_costs {
  uint64_t layout;   /* where the pieces of the lanes lie */
  uint64_t lengths;  /* of payloads */
  uint64_t headers;  /* shapes, times, order of frames */
  uint64_t literals; /* bytes of the image, as coded */
};

/* Take a segment apart as segment_decode does, for its costs only. */
int segment_account (const uint8_t *coded, size_t n_coded,
                     const struct segment_context *ctx, struct segment_costs *costs,
                     struct error *err);

#endif /* MKVDUP_SEGMENT_PLAN_H */
