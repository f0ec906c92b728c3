/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the Matroska parser share.  Not for others. */
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

struct matroska {
  struct window *w;      /* borrowed */
  uint64_t at;           /* the next element; what is before it is done with */
  uint64_t cluster_end;  /* of the Cluster entered last; 0 if unknown */
  uint64_t cluster_time; /* its Timestamp, if that has been met; else 0 */
  bool is_matroska;
  bool at_end;   /* no Cluster lies behind `at` */
  uint64_t stop; /* where sense was lost, it is not looked for from here on */
  size_t n_tracks;
  struct matroska_track tracks[MATROSKA_MAX_TRACKS];
};

/* What an element is to the walk. */
enum matroska_kind {
  KIND_UNKNOWN,
  KIND_ENTERED,
  KIND_TRACKS,
  KIND_TIMESTAMP,
  KIND_BLOCK,
  KIND_GROUP,
  KIND_SKIPPED,
};

enum matroska_kind matroska_kind (uint32_t id);

/* The element at `at`; false if there is none. */
bool matroska_element (struct window *w, uint64_t at, struct span *s);

/* The same, leaving the window where it is. */
bool matroska_peek (struct window *w, uint64_t at, struct span *s);

/* The next child in [*at, end), *at moving behind it; its end is cut to the parent's. */
bool matroska_child (struct window *w, uint64_t *at, uint64_t end, struct span *s);

/* The body of an unsigned integer; 0 if it cannot be read. */
uint64_t matroska_uint (struct window *w, const struct span *s);

/* The first place in [*at, m->stop) where a Cluster or a block of a known track begins beyond
 * doubt; false if there is none.
 */
bool matroska_find_sense (struct matroska *m, uint64_t *at);

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
