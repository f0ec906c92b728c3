/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing an MPEG program stream as it is on a DVD-Video: packs of 2048 bytes with one
 * packet each (ISO/IEC 13818-1 §2.5), navigation packs, AC-3 in private stream 1.
 *
 * A lane is an elementary stream on its way: access units go in, packs come out as soon
 * as there is enough for a whole one.  Lanes of several titles may write to one file.
 */
#ifndef MKVDUP_STREAM_PS_H
#define MKVDUP_STREAM_PS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buffer.h"

#define PACK_SIZE 2048

/* Access units that begin in what waits for its pack. */
#define LANE_STARTS 64

struct ps_writer {
  FILE *file; /* borrowed */
  const char *name;
  uint64_t clock; /* 90 kHz: the system clock reference of the last pack */
};

struct ps_lane {
  struct ps_writer *ps;
  uint8_t stream_id;
  uint8_t sub_stream; /* 0: none */

  struct buffer waiting; /* less than a pack between calls; owned */
  struct {
    size_t at;    /* in `waiting` */
    uint64_t pts; /* 90 kHz */
  } starts[LANE_STARTS];
  unsigned n_starts;
};

/* The clock is not to be behind `ms` from now on. */
void ps_set_clock (struct ps_writer *ps, uint64_t ms);

/* The pack that begins a VOBU. */
void ps_navigation (struct ps_writer *ps);

/* An access unit that is to be presented at `ms`. */
void lane_put (struct ps_lane *lane, const uint8_t *data, size_t len, uint64_t ms);

/* What waits, in a pack that is filled up. */
void lane_flush (struct ps_lane *lane);
void lane_free (struct ps_lane *lane);

#endif /* MKVDUP_STREAM_PS_H */
