/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where each byte of a segment comes from, for those who explain and draw: the operations
 * of a segment as *pieces*, each of which names all that its bytes are made of.
 *
 * A piece without a method is one run of bytes: literal, a fill, or bytes that lie together in
 * a source (a strided copy is a piece a chunk).  One with a method, a transform or a recoding,
 * has parts: put one behind the other and changed by the method they give `skip` bytes that
 * are not the piece's, and then its own.
 *
 * Thread safety: any number of threads may trace one segment.
 */
#ifndef MKVDUP_SEGMENT_TRACE_H
#define MKVDUP_SEGMENT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "segment.h"

struct trace_part {
  enum op_kind kind; /* OP_LITERAL, OP_FILL or OP_COPY */
  uint32_t source;   /* OP_COPY: its number */
  uint64_t
    from; /* offset in the source, or in the segment's literals; or the byte filled */
  uint32_t len; /* > 0 */
};

struct trace_piece {
  uint32_t at, len;               /* in the segment; len > 0 */
  enum op_kind kind;              /* of the operation */
  enum transform_kind method;     /* TRANSFORM_NONE: what it has is its one part */
  uint32_t skip;                  /* bytes of the method's result before the piece's */
  const struct trace_part *parts; /* borrowed for the call */
  size_t n_parts;
};

/* Another return than 0 ends the tracing and is returned. */
typedef int trace_fn (void *opaque, const struct trace_piece *piece, struct error *err);

/* The most bytes of one piece with a transform: what a hostile segment can make us keep. */
#define TRACE_MAX_TRANSFORMED (64u << 10)

/* Call `fn` for the pieces that between them are bytes [at, end) of the segment, in order;
 * at <= end <= seg->len.  -1 with `err` set when out of memory.
 */
int segment_trace (const struct segment *seg, uint32_t at, uint32_t end, trace_fn *fn,
                   void *opaque, struct error *err);

/* "swap16", "deflate", …; "" for TRANSFORM_NONE.  Static. */
const char *transform_name (enum transform_kind kind);

#endif /* MKVDUP_SEGMENT_TRACE_H */
