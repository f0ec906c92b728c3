/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a made-up title consists of: access units that look like MPEG-2 pictures and
 * AC-3 frames from outside, with noise in them.  Nothing is coded, so that gigabytes
 * cost seconds; the noise has no zero bytes, so that start codes are where they belong.
 *
 * Times are in milliseconds: 25 pictures a second, a frame of sound every 32 ms.
 */
#ifndef MKVDUP_STREAM_CONTENT_H
#define MKVDUP_STREAM_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

#define PICTURE_MS 40
#define SOUND_MS 32
#define SOUND_TRACKS 2

/* A picture's time in its block is 16 bits of milliseconds. */
#define MAX_GOP_PICTURES 250

/* Sequence header and extension, in front of each GOP: 720 × 576, 25 pictures a second. */
#define SEQUENCE_HEADER_LEN 22
extern const uint8_t sequence_header[SEQUENCE_HEADER_LEN];

/* Bytes of a frame of each track: 448 and 192 kbit/s. */
extern const uint32_t sound_frame_len[SOUND_TRACKS];

/* Kinds of pictures, as MPEG-2 numbers them. */
enum {
  INTRA = 1,
  PREDICTED = 2,
  BIDIRECTIONAL = 3
};

/* Any bytes but zero. */
void fill_noise (uint64_t *rng, uint8_t *p, size_t n);

/* The k-th picture of n to be decoded: which is it in order of display, and of what kind?
 * Between two anchor pictures there are two others, which are decoded after both.
 */
unsigned shown_at (unsigned k, unsigned n, unsigned *kind);

/* Shares of a GOP's bytes: of a kind, and of all its pictures. */
unsigned weight_of (unsigned kind);
uint32_t gop_weights (unsigned pictures);

struct picture {
  size_t at, len; /* in the GOP's bytes */
  unsigned shown; /* which of the GOP's it is in order of display */
};

struct content {
  uint32_t gop_bytes;    /* on average */
  uint32_t gop_pictures; /* 1 … MAX_GOP_PICTURES */
  bool equal;            /* every GOP, and every frame of a track, is the same */

  uint64_t video_rng, sound_rng[SOUND_TRACKS];
  uint64_t gops, sounds[SOUND_TRACKS]; /* made so far */
  struct buffer gop;                   /* the last GOP, in order of decoding; owned */
  struct picture pictures[MAX_GOP_PICTURES];
  uint8_t sound[SOUND_TRACKS][2048]; /* the last frame of each track */
};

/* The rest of `c` is set by the caller before, or zero. */
void content_init (struct content *c, uint64_t seed);
void content_free (struct content *c);

/* Make the next GOP: c->gop and c->pictures. */
void content_next_gop (struct content *c);

/* Make the next frame of sound: c->sound[track]. */
void content_next_sound (struct content *c, unsigned track);

#endif /* MKVDUP_STREAM_CONTENT_H */
