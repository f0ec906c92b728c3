/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where do these bytes of a track lie?  Prediction, resynchronisation nearby, anchors:
 * in that order, each only when the one before it has failed.
 */
#ifndef MKVDUP_SEARCH_H
#define MKVDUP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anchor.h"
#include "index.h"
#include "view.h"

/* Bytes of a payload that were found in a view. */
struct match {
  uint32_t at, len; /* in the payload */
  uint32_t view;
  uint64_t from; /* in the view */
};

/* A shorter match does not pay for its record, unless it goes on to the end of its
 * frame.
 */
#define SEARCH_MIN_MATCH 16

struct search_context {
  const struct disc_index *index;
  struct view_reader *views;
};

/* What one track knows.  All zero at first. */
struct search {
  bool found; /* view and next mean something */
  uint32_t view;
  uint64_t next;   /* where the last match ended in it */
  uint32_t misses; /* frames without any match since */
  uint32_t
    put; /* the last time a match broke: bytes of the payload that were inserted … */
  uint32_t skip; /* … and bytes of the view that were left out */

  /* The end of what went before, if it was not matched: windows may begin in it. */
  uint8_t tail[ANCHOR_WINDOW - 1];
  uint32_t n_tail;
};

/*
 * Find the next match in data[pos, len), the payload of a frame: its first byte is as
 * near to pos as can be told. False if there is none.  Moves `s` to its end.
 */
bool search_next (const struct search_context *c, struct search *s, const uint8_t *data,
                  uint32_t len, uint32_t pos, struct match *match);

/* The frame has been searched: data[pos, len) was not found. */
void search_frame_end (struct search *s, const uint8_t *data, uint32_t len, uint32_t pos);

#endif /* MKVDUP_SEARCH_H */
