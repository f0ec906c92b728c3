/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of the MKV on their way to the builder, in file order.  A frame that was not
 * found waits, with everything behind it, for a later one of its track to be found and
 * extended backwards; but not for ever, so memory is bounded.
 */
#ifndef MKVDUP_FRAME_QUEUE_H
#define MKVDUP_FRAME_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "builder.h"
#include "matcher.h"
#include "nal.h"
#include "search.h"

#define FRAME_NONE UINT64_MAX

struct queued_frame {
  uint64_t number;  /* counts all frames */
  uint64_t literal; /* bytes before it that are in no frame */
  struct matcher_frame frame;
  uint64_t previous; /* the frame of its track before it, or FRAME_NONE */
  bool open;         /* its unmatched end may yet be found */

  /* What its payload is made of: `material` bytes, of which the matches are, in whole
   * units (recoding.h). */
  struct nal_list nals;  /* of a payload as it is; prefixes in matches do not count */
  uint8_t kind;          /* enum transform_kind */
  uint32_t material;     /* bytes: at most the payload's, unless it is recoded */
  uint32_t check;        /* of a deflated payload */
  struct match one;      /* the usual case, without an allocation */
  struct match *matches; /* `one`, or owned; sorted, disjoint */
  uint32_t n_matches, cap_matches;
};

struct frame_queue;

/* `builder` is borrowed.  NULL when out of memory. */
struct frame_queue *frame_queue_new (struct builder *builder);
void frame_queue_free (struct frame_queue *q);

/* The next `len` bytes are in no frame. */
void frame_queue_literal (struct frame_queue *q, uint64_t len);

/* Append a frame; the result is valid until the next push. */
struct queued_frame *frame_queue_push (struct frame_queue *q,
                                       const struct matcher_frame *frame,
                                       uint64_t previous, struct error *err);

/* A frame still in the queue, or NULL. */
struct queued_frame *frame_queue_get (struct frame_queue *q, uint64_t number);

/* Add a match as the frame's number `i` (at most n_matches).  -1 when out of memory. */
int frame_add_match (struct queued_frame *f, uint32_t i, const struct match *match);

/* Where the frame's last match ends in its material. */
uint32_t frame_matched_end (const struct queued_frame *f);

/* Hand the frames at the front that wait for nothing (or all, if `everything`) to the
 * builder.
 */
int frame_queue_settle (struct frame_queue *q, bool everything, struct error *err);

#endif /* MKVDUP_FRAME_QUEUE_H */
