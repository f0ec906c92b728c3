/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments made by hand, malformed ones above all.
 *
 * Their layouts are made event by event, coded by the library's own models with none of the
 * checks of its encoder: begin a layout, and a walk; code its events; change what its header
 * says, if need be; end both.  What cannot be placed ends the events: nobody decodes what is
 * behind it.
 */
#ifndef MKVDUP_TEST_FORGE_SEGMENT_H
#define MKVDUP_TEST_FORGE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "layout.h"
#include "segment.h"

struct forged_layout {
  uint64_t n_walks;
  struct buffer walks, events; /* owned */
  struct range_coder coder;
};

struct forged_walk {
  struct forged_layout *layout;
  uint64_t source, start, grid, n_lanes, lead, n_pieces, n_events, lane_start;
  struct layout_walk model;
  bool stuck;
};

/* Decode, without a fuss; NULL if it is refused. */
struct segment *forged_decode (const uint8_t *coded, size_t len,
                               const struct segment_context *ctx);

/* Is a body of `len` bytes of image decoded, with a right checksum, where the only source has so
 * many bytes?
 */
bool forged_body_decodes (const void *body, size_t n, uint32_t len, uint64_t source);

void forge_layout (struct forged_layout *l);
void forged_layout_free (struct forged_layout *l);

/* One whose lead is lane 0. */
struct forged_walk forge_walk (struct forged_layout *l, uint64_t start, uint64_t grid,
                               uint32_t n_lanes);

void forge_event (struct forged_walk *w, struct layout_event ev);

/* After n pieces as they are predicted, or packets of the hole: one with a new template, … */
void forge_new (struct forged_walk *w, uint64_t n, int64_t gap, int32_t len);
void forge_to_end (struct forged_walk *w, uint64_t n, int64_t gap, int32_t offset);

/* … one with the template in that place, … */
void forge_known (struct forged_walk *w, uint64_t n, uint32_t template);

/* … or another lane's turn. */
void forge_turn (struct forged_walk *w, uint64_t n, uint32_t lane);

/* Write the header, with what it says by now. */
void forge_walk_end (struct forged_walk *w);

/* No more walks. */
void forge_layout_end (struct forged_layout *l);

/* Append a body to `b`: of what is between walks and events, `columns` has the `n` bytes. */
void forged_layout_body (struct buffer *b, const struct forged_layout *l,
                         const void *columns, size_t n);

/* Is such a body decoded?  Frees the layout, which has ended. */
bool forged_layout_decodes (struct forged_layout *l, const void *columns, size_t n,
                            uint32_t len, uint64_t source);

/* The same for this walk alone: ends walk and layout. */
bool forged_walk_decodes (struct forged_walk *w, const void *columns, size_t n,
                          uint32_t len, uint64_t source);

#endif /* MKVDUP_TEST_FORGE_SEGMENT_H */
