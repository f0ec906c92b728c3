/* SPDX-License-Identifier: BSD-3-Clause */
/* Between a frame and the matches of its material: for the matcher. */
#ifndef MKVDUP_MADE_H
#define MKVDUP_MADE_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "frame_queue.h"

/* The payload of a frame and what it is made of, if that is `kind`. */
struct made {
  enum transform_kind kind;
  const uint8_t *payload, *material;
  uint32_t len; /* of the material */
  const struct buffer *buffer;
};

/* Undo `kind`, into `buffer` if there is anything to do.  False if the payload is not of
 * that kind, or memory ran out (buffer->failed).
 */
bool made_undo (enum transform_kind kind, const struct queued_frame *f,
                const uint8_t *payload, struct buffer *buffer, struct made *made);

/* A match, cut to whole units, becomes the frame's number `i`; what can only be made as a
 * whole, and is not found so, is not kept.  -1 when out of memory.
 */
int made_keep (struct matcher_track *counts, struct queued_frame *f,
               const struct made *made, uint32_t i, struct match match);

#endif /* MKVDUP_MADE_H */
