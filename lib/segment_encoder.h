/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the coder of segments is made of: columns being gathered (segment_encode.c),
 * the layout's coding (segment_lanes.c), writing (segment_write.c).  Private to lib/.
 */
#ifndef MKVDUP_SEGMENT_ENCODER_H
#define MKVDUP_SEGMENT_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "column.h"
#include "frame_ends.h"
#include "layout.h"
#include "segment_format.h"
#include "segment_plan.h"

/* A column being gathered: a buffer of uint64_t. */
static inline void
values_push (struct buffer *b, uint64_t v)
{
  buffer_append (b, &v, sizeof v);
}

static inline uint64_t *
values_of (const struct buffer *b)
{
  return (uint64_t *) (void *) b->data;
}

static inline size_t
values_count (const struct buffer *b)
{
  return b->len / sizeof (uint64_t);
}

static inline void
values_encode (struct buffer *out, const struct buffer *b)
{
  column_encode (out, values_of (b), values_count (b));
}

/* The lanes of a plan, grouped by source. */
struct lane_order {
  uint32_t *number; /* of each lane of the plan in the file */
  uint32_t *lane;   /* the other way round */
};

/* False when out of memory. */
bool lane_order_init (struct lane_order *o, const struct segment_plan *plan);
void lane_order_free (struct lane_order *o);

/* Headers within headers: a block, a NAL unit in it. */
#define MAX_OPEN_HEADERS 8

struct used_shape {
  struct shape shape;
  uint32_t lane_plus_1;
  uint8_t transform, clock;
  bool timed;
  /* Values.  The last three: of a recoding. */
  struct buffer lengths, skips, covers, materials, offsets, checks;
};

struct open_header {
  uint32_t end; /* offset in the image at which it ends */
  size_t symbol, shape, use;
};

/* Everything that lives while one segment is coded; all owned but plan and image. */
struct encoder {
  const struct segment_plan *plan;
  const uint8_t *image;
  uint32_t at;         /* in the image */
  uint32_t literal_at; /* where the literal bytes not yet flushed begin; == at if none */
  struct lane_order lanes;
  uint64_t *lane_start, *lane_next; /* by number in the file */
  struct frame_ends ends;
  bool *lane_used;
  uint32_t n_material; /* bytes */
  struct buffer symbols, literal_lens, fill_lens, fill_bytes, literals;
  struct buffer clocks[SEGMENT_MAX_CLOCKS]; /* times */
  struct buffer base_counts, base_steps;    /* of all runs of bases but the last */
  uint64_t first_base, base, base_count;    /* of the run that is going on */
  bool timed;                               /* there is one */
  struct used_shape *shapes;
  size_t n_shapes, cap_shapes;
  struct open_header open[MAX_OPEN_HEADERS];
  size_t n_open;
  bool intricate; /* beyond the format's bounds */
};

/* Code where the pieces of the lanes lie, of which all copies are known: append what the walks
 * are, and their events.
 */
void layout_encode (const struct encoder *e, struct buffer *walks, struct buffer *events);

/* Append everything gathered, coded, behind the method's byte. */
void encoder_write (struct encoder *e, struct buffer *out);

#endif /* MKVDUP_SEGMENT_ENCODER_H */
