/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting a segment together: one block of memory, for segment_free.  Private to lib/. */
#ifndef MKVDUP_SEGMENT_BUILD_H
#define MKVDUP_SEGMENT_BUILD_H

#include "buffer.h"
#include "segment.h"

/* Arrays of what segment.h says; `bytes` are the literals. */
struct segment_parts {
  uint32_t len, n_material;
  const struct buffer *ops, *strides, *transforms, *recodings, *bytes;
};

/* The parts are copied.  NULL when out of memory, also where a buffer ran out of it. */
struct segment *segment_build (const struct segment_parts *parts);

#endif /* MKVDUP_SEGMENT_BUILD_H */
