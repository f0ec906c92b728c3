/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where frames end in the lanes of a segment: what the layout's model (layout.h) knows of the
 * image.  Coder and decoder of segments go over the symbols in the same way to find out.
 *
 * A frame begins with a header that has a time.  In each lane that it copies from, what was
 * copied before it ended there: a packet of the stream does as well, as a rule.
 *
 * Private to lib/.  Owned by one thread.
 */
#ifndef MKVDUP_FRAME_ENDS_H
#define MKVDUP_FRAME_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "segment_format.h"

struct frame_ends_lane {
  struct buffer ends; /* offsets in the lane, as uint64_t, increasing */
  uint64_t next;      /* where the last copy ended */
  uint64_t frame;     /* the frame that has copied from it last */
  bool used;
};

struct frame_ends {
  uint64_t frame; /* number of the one that is going on */
  struct frame_ends_lane lanes[SEGMENT_MAX_LANES];
};

void frame_ends_free (struct frame_ends *f);

/* A header with a time. */
void frame_ends_frame (struct frame_ends *f);

/* A copy of bytes [at, at + len) of a lane, in the image's order. */
void frame_ends_copy (struct frame_ends *f, uint32_t lane, uint64_t at, uint64_t len);

/* No more copies.  False: out of memory. */
bool frame_ends_finish (struct frame_ends *f);

#endif /* MKVDUP_FRAME_ENDS_H */
