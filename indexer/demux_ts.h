/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MPEG transport streams (ISO/IEC 13818-1 §2.4), as on Blu-ray Discs: packets of 188
 * bytes, 192 with the time stamp that .m2ts files put in front, or 204 with a check sum
 * behind, wherever rows of them are found.
 *
 * Keys: PID << 8 | sub.  A PID is one stream, sub 0, but for one case: the AC-3 that is
 * interleaved with TrueHD in one PID for players that know no TrueHD (PES stream_id FD,
 * stream_id_extension 76) is a stream of its own, sub 76.  All other extensions are
 * parts of one stream, in the order that a remuxer keeps: a DTS core and what makes it
 * DTS-HD (71 and 72) alternate in the PID as they do in each frame of an MKV.
 *
 * The demuxer remembers nothing, so what lies before a chunk is walked for its state: in
 * the middle of which unit each PID is.  A PID of which no unit starts there is taken to
 * be in the payload of sub 0: a picture larger than that, or TrueHD, which is most of its
 * PID.
 */
#ifndef MKVDUP_DEMUX_TS_H
#define MKVDUP_DEMUX_TS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "demux.h"

/* Before a chunk that much is looked at: PES packets of sound start every few
 * milliseconds, which at the 48 Mbit/s of a Blu-ray are some tens of kilobytes. */
#define TS_BEFORE (UINT64_C (128) << 10)

/* Behind a chunk: its last packet's end, and packets enough to know a row of them. */
#define TS_AFTER (UINT64_C (4) << 10)

/* Is there a row of packets, clear or encrypted, in data[0, len)? */
bool ts_probe (const uint8_t *data, size_t len, uint64_t offset);

/*
 * Demux one chunk: the packets whose sync byte lies in data[0, owned), owned <= len.
 * `base` is the source offset of data[0], data[-before, 0) what is before it (before <=
 * base): looked at, never given.  What is behind `owned` decides only whether a row of
 * sync bytes is one, and lets the last packet be whole; a packet that the source's end
 * cuts is left out.  Appends to `out`.  A function of these bytes alone.  Thread safe.
 *
 * Scrambled packets, and encrypted units (AACS), are counted and left out.
 */
void ts_chunk (const uint8_t *data, size_t before, size_t len, size_t owned,
               uint64_t base, struct demuxed *out);

/* "primary video 1011", …: what Blu-ray uses the PID for.  In `buf`. */
const char *ts_describe (uint32_t key, char *buf, size_t size);

#endif /* MKVDUP_DEMUX_TS_H */
