/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sound of a Blu-ray that looks right from outside: frames of AC-3 (640 kbit/s) and DTS
 * (1509 kbit/s), access units of TrueHD, with noise in them.
 */
#ifndef MKVDUP_STREAM_SOUND_H
#define MKVDUP_STREAM_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sound_kind {
  SOUND_AC3,
  SOUND_DTS,
  SOUND_TRUEHD,
};

#define SOUND_MAX_LEN 4096

struct sound {
  enum sound_kind kind;
  uint64_t rng;
  uint64_t units; /* made so far */

  uint8_t data[SOUND_MAX_LEN]; /* the last one */
  size_t len;
  bool key;
  uint32_t mean; /* bytes of TrueHD's units: changes slowly */
};

/* How long a frame or access unit lasts, in ticks of 27 MHz. */
uint64_t sound_duration (enum sound_kind kind);

/* Make the next.  Silent ones are the same bytes each time, but for TrueHD's clock. */
void sound_next (struct sound *s, bool silent);

#endif /* MKVDUP_STREAM_SOUND_H */
