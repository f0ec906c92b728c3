/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing an MPEG transport stream as it is on a Blu-ray: packets of 192 bytes in units of
 * 32 (ISO/IEC 13818-1 §2.4; arrival time stamps in front), tables and clock references ten
 * times a second.
 *
 * A lane is a PID.  It has a PES packet at a time, whose packets have times of their own:
 * who writes the one that is due first in each turn interleaves them as a disc does.
 *
 * Times are ticks of 27 MHz from the clip's start.
 */
#ifndef MKVDUP_STREAM_TS_H
#define MKVDUP_STREAM_TS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buffer.h"

#define TS_SECOND UINT64_C (27000000)

#define TS_MAX_LANES 4

/* A packet's time at the highest rate of a stream, 40 Mbit/s. */
#define TS_PEAK_STEP (188 * 8 * TS_SECOND / 40000000)

struct ts_lane {
  uint16_t pid;
  uint8_t stream_type;
  uint8_t counter;
  bool done; /* nothing will come any more */

  struct buffer pes; /* what is on its way; owned */
  size_t at;         /* so far of it is written */
  uint64_t due;      /* time of its next packet */
  uint64_t step;     /* between its packets */
};

struct ts_writer {
  FILE *file; /* owned */
  const char *name;
  struct ts_lane lanes[TS_MAX_LANES];
  unsigned n_lanes;

  uint64_t tables_due, packets, arrival;
  uint8_t pat_counter, pmt_counter;
};

void ts_open (struct ts_writer *ts, const char *name);

/* The last unit is filled up with null packets. */
void ts_close (struct ts_writer *ts);

/* A PES packet of units that are shown, and decoded, at such times; `extension` is its
 * stream_id_extension or 0.  Its payload is then appended to lane->pes.
 */
void ts_pes_begin (struct ts_lane *lane, uint8_t stream_id, uint8_t extension,
                   uint64_t pts, uint64_t dts);

/* It is whole, and to be sent evenly in [begin, end), but not before what is before it, and
 * not above the peak rate; all at once if `burst`.
 */
void ts_pes_end (struct ts_lane *lane, uint64_t begin, uint64_t end, bool burst);

static inline bool
ts_lane_empty (const struct ts_lane *lane)
{
  return lane->at == lane->pes.len;
}

/* Write the lane's next packet. */
void ts_lane_packet (struct ts_writer *ts, struct ts_lane *lane);

#endif /* MKVDUP_STREAM_TS_H */
