/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing the MKV of a made-up title, as a remuxer would: SimpleBlocks without lacing in
 * clusters of some two seconds (RFC 9559).  There are no cues.
 */
#ifndef MKVDUP_STREAM_MKV_H
#define MKVDUP_STREAM_MKV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buffer.h"

struct mkv_writer {
  FILE *file; /* owned */
  const char *name;
  struct buffer cluster; /* its blocks so far; owned */
  uint64_t cluster_ms;   /* its time */
};

/* Track 1 are the pictures, tracks 2 and 3 the sound. */
void mkv_begin (struct mkv_writer *m, const char *name);

/* A cluster may begin at `ms`, with a picture that can be shown by itself. */
void mkv_may_cut (struct mkv_writer *m, uint64_t ms);
void mkv_block (struct mkv_writer *m, uint8_t track, bool key, uint64_t ms,
                const uint8_t *data, size_t len);
void mkv_end (struct mkv_writer *m);

#endif /* MKVDUP_STREAM_MKV_H */
