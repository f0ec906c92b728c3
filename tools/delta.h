/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the literal bytes of an image are: those that its recipe has, stored or modelled, since
 * no source has them, by what of the MKV they belong to.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_DELTA_H
#define MKVDUP_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "mkv_regions.h"
#include "recipe.h"

/* Kinds are those of regions; of frames there are more. */
enum delta_kind {
  DELTA_NAL_LENGTH = REGION_KINDS, /* in front of NAL units, which discs have not */
  DELTA_WHOLE_FRAME,
  DELTA_FRAME_START, /* the first byte of a frame, and what is literal behind it */
  DELTA_FRAME_END,   /* the last byte, and what is literal before it */
  DELTA_IN_FRAME,    /* what is between bytes that were found */
  DELTA_KINDS,
};

/* "NAL lengths", …  Static. */
const char *delta_kind_name (unsigned kind);

/* Of one track and kind. */
struct delta_count {
  uint64_t bytes, runs;
};

struct delta_track {
  uint64_t number; /* Matroska's; 0: what belongs to none */
  char codec[32];
  uint64_t frames, payload; /* all there are */
  struct delta_count counts[DELTA_KINDS];
};

/* A run of literal bytes, and what it begins in. */
struct delta_run {
  uint64_t at, len;
  uint64_t time; /* nanoseconds */
  uint64_t track;
  unsigned kind;
};

#define DELTA_RUNS 20u
#define DELTA_TRACKS (MATROSKA_MAX_TRACKS + 1)

struct delta {
  struct delta_track *tracks; /* by number; owned */
  size_t n_tracks;
  uint64_t literal, n_runs;
  struct delta_run longest[DELTA_RUNS]; /* the longest first */
  unsigned n_longest;
  bool is_matroska;
};

#define CLEANUP_DELTA __attribute__ ((cleanup (delta_free)))

/* Told how far it is, in bytes of the image; false to stop. */
typedef bool delta_progress_fn (void *opaque, uint64_t done);

/* `input` is the image, or the MKV.  -1 with `err` set, ECANCELED if it was stopped. */
int delta_make (struct delta *delta, const struct recipe *recipe,
                const struct mkv_input *input, unsigned threads,
                delta_progress_fn *progress, void *opaque, struct error *err);
void delta_free (struct delta *delta);

#endif /* MKVDUP_DELTA_H */
