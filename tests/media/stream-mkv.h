/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing the MKV of a made-up title, as a remuxer would: SimpleBlocks in clusters of some
 * two seconds (RFC 9559), with fixed-size lacing where a track has it.  There are no cues.
 */
#ifndef MKVDUP_STREAM_MKV_H
#define MKVDUP_STREAM_MKV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buffer.h"

#define MKV_MAX_TRACKS 8

struct mkv_track {
  const char *codec;
  uint64_t frame_ns;
  unsigned width, height; /* of pictures */
  unsigned channels;      /* of sound */
  unsigned lace; /* frames of one size in a block, up to so many; 0 or 1: no lacing */
  const uint8_t *private; /* CodecPrivate */
  size_t n_private;
};

struct mkv_frame {
  uint8_t track; /* from 1 on */
  bool key;
  uint64_t ms;
  uint64_t order; /* blocks of a cluster stand in this order, then as they came */
  const uint8_t *data;
  size_t len;
};

/* A block of the cluster that is being made. */
struct mkv_block {
  uint8_t track;
  bool key;
  uint64_t ms, order, number;
  unsigned frames;
  struct buffer data; /* owned */
};

struct mkv_writer {
  FILE *file; /* owned */
  const char *name;
  const struct mkv_track *tracks; /* borrowed */
  unsigned n_tracks;

  struct mkv_block *blocks; /* of the cluster so far; those from n on are spare; owned */
  size_t n, cap;
  uint64_t numbers;                /* of blocks */
  size_t lace[MKV_MAX_TRACKS + 1]; /* 1 + the block that takes more of a track's frames */
  uint64_t cluster_ms;             /* its time */
};

/* The tracks have numbers from 1 on. */
void mkv_begin (struct mkv_writer *m, const char *name, const struct mkv_track *tracks,
                unsigned n);

/* A cluster may begin at `ms`, with a picture that can be shown by itself; what is of that
 * order or a higher one is in it.
 */
void mkv_may_cut (struct mkv_writer *m, uint64_t ms, uint64_t order);
void mkv_frame (struct mkv_writer *m, const struct mkv_frame *frame);
void mkv_end (struct mkv_writer *m);

#endif /* MKVDUP_STREAM_MKV_H */
