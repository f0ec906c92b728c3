/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Blu-ray made of noise: DIR/disc/BDMV/STREAM/00000.m2ts with H.264-like pictures, AC-3-
 * and DTS-like sound, and DIR/title.mkv, what mkvmerge would make of it.
 */
#ifndef MKVDUP_STREAM_BLURAY_H
#define MKVDUP_STREAM_BLURAY_H

#include <stdbool.h>
#include <stdint.h>

struct bluray_options {
  const char *dir;
  uint64_t seed;
  uint64_t bytes,
    gops;             /* of pictures and sound, in the main clip: until there are both */
  uint32_t gop_bytes; /* on average; 0: 25 Mbit/s */
  unsigned slices;    /* of a picture */
  unsigned lace;      /* frames of sound in a block of the MKV, up to so many */
  unsigned clips;     /* small ones beside it, of nothing but black and silence, as some
                         * of the main clip then is */
  bool truehd;        /* a further track, in the AC-3's PID */
  bool bursts;        /* packets of a PES packet of sound one behind the other */
};

/* DIR/disc exists, and has nothing in it. */
void write_bluray (const struct bluray_options *o);

#endif /* MKVDUP_STREAM_BLURAY_H */
