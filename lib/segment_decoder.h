/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment on its way from coded columns to operations: what segment_layout.c
 * and segment_columns.c fill in and segment_emit.c uses.  Private to lib/.
 *
 * Everything here is owned by one decoder, on one thread; whatever runs past the
 * input's end or out of its bounds sets r.failed, and nothing after that counts.
 */
#ifndef MKVDUP_SEGMENT_DECODER_H
#define MKVDUP_SEGMENT_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "frame_ends.h"
#include "layout.h"
#include "segment_format.h"
#include "segment_plan.h"

/* Pieces of a lane that lie a fixed period apart. */
struct run {
  uint64_t from;    /* of the first piece */
  uint64_t lane_at; /* offset of the run in its lane */
  uint32_t count;
  uint32_t period; /* from one piece's start to the next's */
  uint32_t chunk;  /* bytes of each piece */
};

struct lane {
  uint32_t source;
  uint64_t start; /* lane offset of the first copy, less its skip */
  uint64_t next;  /* while emitting: where the last copy ended */
  uint64_t len;   /* bytes of all runs */
  struct buffer laid;
  const struct run *runs; /* in `laid`, when all are there */
  size_t n_runs;
  size_t at_run; /* while emitting: the run that `next` lies in, or near it */
};

/* A way over a source, which meets the pieces of some lanes in the source's order. */
struct walk {
  uint32_t source;
  uint64_t start; /* where it begins */
  uint64_t grid;  /* bytes from packet to packet; 0: not known */
  uint32_t first_lane, n_lanes, lead;
  uint64_t n_pieces, n_events;
};

struct coded_shape {
  struct shape shape;
  struct shape_token *tokens; /* the same, taken apart; within the decoder's */
  int n_tokens;
  uint32_t lane_plus_1; /* 0: the shape is followed by other symbols */
  uint8_t transform, clock;
  bool timed;
  /* Columns; within the decoder's values.  The last three: of a recoding. */
  uint64_t *lengths, *skips, *covers, *materials, *offsets, *checks;
  size_t uses, used;
};

/* Do bytes come about by a recoding of what the lane has? */
static inline bool
coded_shape_recodes (const struct coded_shape *s)
{
  return s->lane_plus_1 > 0 && s->transform >= FIRST_RECODING;
}

/* So many timed headers, in the image's order, have a base that differs by `step` from
 * the one before.
 */
struct base_run {
  uint64_t count, step;
};

/* Everything that lives while one segment is decoded; all owned. */
struct decoder {
  struct reader r;
  const struct segment_context *ctx;
  struct walk *walks;
  size_t n_walks;
  struct lane *lanes;
  size_t n_lanes;
  struct frame_ends ends;
  struct coded_shape *shapes;
  size_t n_shapes;
  struct shape_token *tokens; /* of all shapes */
  uint64_t *symbols;
  size_t n_symbols;
  uint64_t *values; /* the columns of the shapes, one behind the other */
  uint64_t *literal_lens, *fill_lens, *times;
  uint8_t *fill_bytes, *literals;
  size_t n_literal_runs, n_fills, n_times, n_literals;
  uint64_t clocks[SEGMENT_MAX_CLOCKS];
  struct base_run *bases; /* what times are relative to, for so many timed headers each */
  size_t n_bases, base;
  uint64_t base_time;
  size_t clock_at[SEGMENT_MAX_CLOCKS]; /* where each clock's times begin in `times` */
  uint32_t *suffix; /* n_symbols + 1: bytes of the image from each symbol to the end */
  uint8_t *headers; /* n_symbols: bytes of header of each */
  struct segment_costs costs;
  /* result */
  struct buffer ops, strides, transforms, recodings, bytes;
  struct buffer material_ops; /* go behind `ops` */
  uint32_t n_material;
};

/* An array of n (bounded by the caller) of `size` bytes, zeroed; NULL and `failed`. */
void *decoder_array (struct decoder *d, size_t n, size_t size);

/* A column of n values, likewise. */
uint64_t *decoder_column (struct decoder *d, size_t n);

/* Parse what walks and lanes there are. */
void decoder_parse_walks (struct decoder *d);

/* Parse the walks' events: where the lanes' pieces lie.  All copies are known. */
void decoder_parse_layout (struct decoder *d);

/* Parse everything, to the last byte, and account for it. */
void decoder_parse_columns (struct decoder *d);

/* From the columns to the result: operations, and what they need. */
void decoder_emit (struct decoder *d);

/* Append an operation; too many make the segment malformed. */
void decoder_emit_op (struct decoder *d, struct op op);

void decoder_free (struct decoder *d);

#endif /* MKVDUP_SEGMENT_DECODER_H */
