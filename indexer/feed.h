/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From an MKV to the matcher's frames: every block is a frame of its track, and what
 * lies in no block (attachments, damaged parts, a whole file that is no Matroska) is fed
 * as frames of a track of its own if there is enough of it to be worth searching.
 */
#ifndef MKVDUP_FEED_H
#define MKVDUP_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "block_shape.h"
#include "error.h"
#include "matcher.h"
#include "window.h"

/* A track as the matcher numbers it. */
struct feed_track {
  uint64_t number; /* Matroska's; 0 for bytes in no block */
  char codec[32];
};

/* Bytes of the MKV fed so far; false to stop. */
typedef bool feed_progress_fn (void *opaque, uint64_t done);

struct feed {
  const char *path;           /* of the MKV, for messages; borrowed */
  struct window *window;      /* of the MKV; borrowed */
  struct matcher *matcher;    /* borrowed */
  struct shape_table *shapes; /* borrowed */
  feed_progress_fn *progress; /* may be NULL */
  void *opaque;

  struct feed_track tracks[MATCHER_MAX_TRACKS]; /* [0] is bytes in no block */
  uint16_t n_tracks;
  uint64_t at; /* the end of what was fed */
};

/* Feed the whole file, and finish the matcher.  Fill in the fields down to `opaque`
 * before; the tracks are filled in.
 */
int feed_file (struct feed *f, struct error *err);

#endif /* MKVDUP_FEED_H */
