/* SPDX-License-Identifier: BSD-3-Clause */
/* What matroska.c is made of besides the walk itself.  Not for others. */
#ifndef MKVDUP_MATROSKA_PARTS_H
#define MKVDUP_MATROSKA_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ebml.h"
#include "matroska.h"
#include "window.h"

/* An element of the file, by offsets. */
struct span {
  struct ebml_element e;
  uint64_t at;   /* of its ID */
  uint64_t body; /* behind its header */
  uint64_t end;  /* as its size says: may lie beyond the file; body, if unknown */
};

/* The element at `at`; false if there is none. */
bool matroska_element (struct window *w, uint64_t at, struct span *s);

/*
 * Parse the (Simple)Block element `s` (RFC 9559 §10) as far as it lies before `limit` <=
 * the file's end: everything of `b` from `inner` on except outer_end.  False if it is
 * too short to be one, or too large for 32-bit frame sizes.
 */
bool matroska_block_parse (struct window *w, const struct span *s, uint64_t limit,
                           struct matroska_block *b);

/*
 * Take the tracks described by the Tracks element whose body is [at, end) into
 * tracks[*n], which has room for MATROSKA_MAX_TRACKS.  A track known already is
 * replaced.
 */
void matroska_tracks_parse (struct window *w, uint64_t at, uint64_t end,
                            struct matroska_track *tracks, size_t *n);

#endif /* MKVDUP_MATROSKA_PARTS_H */
