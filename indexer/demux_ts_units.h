/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the packets of one PID carry, put together: PES packets and sections, the "units"
 * of payload_unit_start_indicator (ISO/IEC 13818-1 §2.4.3.6, §2.4.4).
 *
 * A packet's payload is headers, then elementary stream, never the other way round, so
 * all there is to tell of each is where the latter begins.
 */
#ifndef MKVDUP_DEMUX_TS_UNITS_H
#define MKVDUP_DEMUX_TS_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PIDS 8192

/* The AC-3 in a TrueHD PID, by its stream_id_extension. */
#define TS_SUB_AC3_CORE 0x76

enum ts_state {
  TS_PAYLOAD, /* of a PES packet: also what a PID is in until a unit starts */
  TS_PES_HEADER,
  TS_SECTION,
  TS_LEFT_OUT,  /* until the next unit */
  TS_SCRAMBLED, /* a PES packet: likewise */
};

/* Long enough for a PES header (9 + 255) and a PMT section (3 + 1021). */
#define TS_GATHER_MAX 1024

/* A PID at some point of the walk. */
struct ts_pid {
  uint16_t pid;
  enum ts_state state;
  uint8_t sub;  /* of the PES packet */
  uint8_t skip; /* bytes of the payload's own header still to come */

  uint16_t gathered; /* bytes of the header or section so far … */
  uint8_t gather[TS_GATHER_MAX];

  /* For the packets' order: see demux_ts.c. */
  uint8_t continuity;
  size_t last;
};

/* A PID of which nothing is known. */
void ts_pid_init (struct ts_pid *s, uint16_t pid);

/*
 * The next payload of a PID, of len > 0 bytes; `start`: a unit starts in it.
 * Returns how many of its bytes are not elementary stream: the rest is, of s->sub.  What
 * a PMT says of streams is put into types[TS_PIDS], stream_type by PID, 0: not known.
 */
size_t ts_unit (struct ts_pid *s, bool start, const uint8_t *p, size_t len,
                uint8_t *types);

/* A packet is missing: a header or section that is not complete will not be. */
void ts_unit_broken (struct ts_pid *s);

#endif /* MKVDUP_DEMUX_TS_UNITS_H */
