/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Helpers of segment_encode.c: columns being gathered, and the layout's coding
 * (segment_lanes.c).  Private to lib/.
 */
#ifndef MKVDUP_SEGMENT_ENCODER_H
#define MKVDUP_SEGMENT_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "column.h"
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

/* The lanes of a plan, grouped by source, and their pieces in the order of the source. */
struct lane_order {
  uint32_t *number; /* of each lane of the plan in the file */
  uint32_t *lane;   /* the other way round */
  size_t n_lanes;
  struct buffer t_lane, t_gap, t_len; /* templates, as values */
  struct buffer e_template, e_more;   /* entries */
  struct buffer starts;               /* of each walk */
  size_t n_templates, n_entries;
};

/* False when out of memory. */
bool lane_order_init (struct lane_order *o, const struct segment_plan *plan);
void lane_order_free (struct lane_order *o);

/* `lane_start`: by number in the file, the lane offset of each lane's first copy. */
void lane_order_write (const struct lane_order *o, const struct segment_plan *plan,
                       const uint64_t *lane_start, struct buffer *out);

#endif /* MKVDUP_SEGMENT_ENCODER_H */
