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
  bool anchored; /* found by an anchor: what is before it may lie anywhere */
};

/* A shorter match does not pay for its record, unless it goes on to the end of its
 * frame.
 */
#define SEARCH_MIN_MATCH 16

/* What a remuxer may put in front of a frame: too short to be looked for. */
#define SEARCH_MAX_PREFIX 80

/*
 * Where views were read last, by any track, the newest first.  Bytes in no block (a
 * damaged file has them) are of all tracks in turn, and go on where those left off; and
 * the other way round.
 */
#define SEARCH_PLACES 8

struct search_places {
  struct search_place {
    uint32_t view;
    uint64_t next;
  } place[SEARCH_PLACES];
  unsigned n;
};

struct search_context {
  const struct disc_index *index;
  struct view_reader *views;
  struct search_places *places;
};

/* What one track knows.  All zero at first. */
struct search {
  bool mixed; /* set by the owner: these are bytes of several tracks */
  bool found; /* view and next mean something */
  uint32_t view;
  uint64_t next;   /* where the last match ended in it */
  uint32_t misses; /* frames without any match since */

  bool moved;      /* `before` means something */
  uint32_t before; /* the view before this one */

  /* The last time a match broke: bytes of the payload that were inserted, and bytes of
   * the view that were left out. */
  uint32_t put, skip;
  /* Bytes looked at to resynchronise, nearby and farther away, less those paid for. */
  uint64_t scanned_near, scanned_far;

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

/*
 * Backwards: data[0, *end) should lie right before byte *at of the view, but its last bytes
 * do not.  Look for them a little before, and move *end and *at there.  False if they are
 * not found.
 */
bool search_back (const struct search_context *c, struct search *s, uint32_t view,
                  const uint8_t *data, uint32_t *end, uint64_t *at);

/* The frame has been searched: data[pos, len) was not found. */
void search_frame_end (struct search *s, const uint8_t *data, uint32_t len, uint32_t pos);

#endif /* MKVDUP_SEARCH_H */
