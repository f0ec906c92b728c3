/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of length-prefixed NAL units (H.264: ISO/IEC 14496-15 §5, HEVC: §8): a disc has
 * start codes where Matroska has lengths, so these are on no disc; but they follow from
 * what they stand in front of, and need not be stored.
 */
#ifndef MKVDUP_NAL_H
#define MKVDUP_NAL_H

#include <stdbool.h>
#include <stdint.h>

#include "matroska.h"
#include "shape.h"

/* Units of a frame beyond these are taken for a part of the last. */
#define NAL_MAX 32

/* Where the prefixes of a frame's units are. */
struct nal_list {
  uint8_t width; /* bytes of a prefix: 1, 2 or 4 */
  uint8_t n;     /* 0: no such frame */
  uint32_t at[NAL_MAX];
};

/* Bytes of the prefixes in a track's blocks, as its CodecPrivate says; 0: it has none.
 * `track` may be NULL.
 */
unsigned nal_width (const struct matroska_track *track);

/* The same of its frames before they were compressed, if they are. */
unsigned nal_width_of_frames (const struct matroska_track *track);

/* List the units of a frame; n is 0 unless it is nothing but units. */
void nal_parse (const uint8_t *frame, uint32_t len, unsigned width,
                struct nal_list *list);

/* The body of unit `i` of a frame of `len` bytes: [*from, *end). */
void nal_body (const struct nal_list *list, uint32_t len, unsigned i, uint32_t *from,
               uint32_t *end);

/* How many bytes of [at, at + len) are prefixes. */
uint32_t nal_overlap (const struct nal_list *list, uint32_t at, uint32_t len);

/* The shape of a prefix (lib/shape.h); static. */
const struct shape *nal_shape (unsigned width);

#endif /* MKVDUP_NAL_H */
