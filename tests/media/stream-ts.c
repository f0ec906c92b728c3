/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a Blu-ray's transport stream: see stream-ts.h. */
#include "config.h"

#include <err.h>
#include <string.h>

#include "stream-ts.h"

enum {
  PAT_PID = 0,
  PMT_PID = 0x100,
  PCR_PID = 0x1001,
  NULL_PID = 0x1FFF,
  EXTENDED_STREAM = 0xFD,
  VIDEO_STREAM = 0xE0,
};

#define PACKET 188
#define TS_HEADER 4
#define PAYLOAD (PACKET - TS_HEADER)
#define STAMP 4       /* in front of each packet */
#define UNIT 32       /* packets */
#define PES_LENGTH 4  /* where PES_packet_length is … */
#define PES_COUNTED 6 /* … and from where on it counts */

/* Of a disc's first clip; and what is sent is decoded so much later. */
#define START (600 * TS_SECOND)
#define DELAY (TS_SECOND / 2)
#define TABLES_PERIOD (TS_SECOND / 10)

/* A packet's time at the rate of the whole, 48 Mbit/s. */
#define MUX_STEP (192 * 8 * TS_SECOND / 48000000)

#define FILE_BUFFER (1 << 20)

void
ts_open (struct ts_writer *ts, const char *name)
{
  ts->name = name;
  ts->file = fopen (name, "wx");
  if (!ts->file || setvbuf (ts->file, NULL, _IOFBF, FILE_BUFFER) != 0)
    err (1, "%s", name);
}

/* ---- packets ---- */

static void
put_be (uint8_t *p, uint64_t v, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    p[i] = (uint8_t) (v >> (8 * (n - 1 - i)));
}

/* A packet that is due at `due`; what is no payload is an adaptation field. */
static void
write_packet (struct ts_writer *ts, uint64_t due, uint16_t pid, uint8_t counter,
              bool start, const uint8_t *payload, size_t n)
{
  uint8_t bytes[STAMP + PACKET], *p = bytes + STAMP;
  size_t field = PAYLOAD - n;

  ts->arrival = due > ts->arrival + MUX_STEP ? due : ts->arrival + MUX_STEP;
  put_be (bytes, ts->arrival & 0x3FFFFFFF, STAMP);
  p[0] = 0x47;
  put_be (p + 1, pid | (start ? 0x4000 : 0), 2);
  p[3] = (uint8_t) (0x10 | (field ? 0x20 : 0) | (counter & 15));
  if (field > 0)
    p[4] = (uint8_t) (field - 1);
  if (field > 1) {
    p[5] = 0;
    memset (p + 6, 0xFF, field - 2);
  }
  memcpy (p + TS_HEADER + field, payload, n);
  if (fwrite (bytes, sizeof bytes, 1, ts->file) != 1)
    err (1, "%s", ts->name);
  ts->packets++;
}

/* An adaptation field with the clock, and no payload (§2.4.3.4). */
static void
write_clock (struct ts_writer *ts, uint64_t due)
{
  uint8_t bytes[STAMP + PACKET], *p = bytes + STAMP;
  uint64_t clock = START + due;

  put_be (bytes, ts->arrival & 0x3FFFFFFF, STAMP);
  memset (p, 0xFF, PACKET);
  p[0] = 0x47;
  put_be (p + 1, PCR_PID, 2);
  p[3] = 0x20;
  p[4] = PACKET - 5;
  p[5] = 0x10;
  put_be (p + 6, clock / 300 << 15 | 0x3F << 9 | clock % 300, 6);
  if (fwrite (bytes, sizeof bytes, 1, ts->file) != 1)
    err (1, "%s", ts->name);
  ts->packets++;
}

/* ---- tables ---- */

static uint32_t
crc32 (const uint8_t *p, size_t n)
{
  uint32_t crc = 0xFFFFFFFF;

  while (n-- > 0) {
    crc ^= (uint32_t) *p++ << 24;
    for (unsigned i = 0; i < 8; i++)
      crc = crc << 1 ^ (crc >> 31 ? 0x04C11DB7 : 0);
  }
  return crc;
}

/* A section whose `n` bytes behind the section header are at p + 9; fills a packet. */
static void
write_section (struct ts_writer *ts, uint64_t due, uint16_t pid, uint8_t *counter,
               uint8_t table, uint8_t *p, size_t n)
{
  p[0] = 0; /* pointer_field */
  p[1] = table;
  put_be (p + 2, 0xB000 | (n + 9), 2);
  put_be (p + 4, 1, 2);
  put_be (p + 6, 0xC10000, 3);
  put_be (p + 9 + n, crc32 (p + 1, n + 8), 4);
  memset (p + 13 + n, 0xFF, PAYLOAD - 13 - n);
  write_packet (ts, due, pid, (*counter)++, true, p, PAYLOAD);
}

static void
write_tables (struct ts_writer *ts, uint64_t due)
{
  static const uint8_t program[] = { 0x05, 0x04, 'H', 'D', 'M', 'V' };
  uint8_t section[PAYLOAD], *p = section + 9;

  put_be (p, 0xE01F, 4); /* number 0: network information */
  put_be (p + 4, 0x10000 | 0xE000 | PMT_PID, 4);
  write_section (ts, due, PAT_PID, &ts->pat_counter, 0, section, 8);
  put_be (p, 0xE000 | PCR_PID, 2);
  put_be (p + 2, 0xF000 | sizeof program, 2);
  memcpy (p + 4, program, sizeof program);
  p += 4 + sizeof program;
  for (unsigned i = 0; i < ts->n_lanes; i++, p += 5) {
    p[0] = ts->lanes[i].stream_type;
    put_be (p + 1, 0xE000 | ts->lanes[i].pid, 2);
    put_be (p + 3, 0xF000, 2);
  }
  write_section (ts, due, PMT_PID, &ts->pmt_counter, 2, section,
                 (size_t) (p - section) - 9);
  write_clock (ts, due);
}

/* ---- PES packets ---- */

/* §2.4.3.7: 33 bits of time with marker bits between. */
static void
put_time (struct buffer *b, unsigned prefix, uint64_t ticks)
{
  uint64_t t = (START + DELAY + ticks) / 300;
  uint8_t bytes[5];

  put_be (bytes,
          (uint64_t) prefix << 36 | (t >> 30 & 7) << 33 | UINT64_C (1) << 32 |
            (t >> 15 & 0x7FFF) << 17 | 1 << 16 | (t & 0x7FFF) << 1 | 1,
          sizeof bytes);
  buffer_append (b, bytes, sizeof bytes);
}

void
ts_pes_begin (struct ts_lane *lane, uint8_t stream_id, uint8_t extension, uint64_t pts,
              uint64_t dts)
{
  bool both = pts != dts;
  size_t len = (both ? 10 : 5) + (extension ? 3 : 0);
  const uint8_t head[] = { 0,
                           0,
                           1,
                           stream_id,
                           0,
                           0,
                           0x84,
                           (uint8_t) ((both ? 0xC0 : 0x80) | (extension ? 1 : 0)),
                           (uint8_t) len };

  lane->pes.len = lane->at = 0;
  buffer_append (&lane->pes, head, sizeof head);
  put_time (&lane->pes, both ? 3 : 2, pts);
  if (both)
    put_time (&lane->pes, 1, dts);
  if (extension)
    buffer_append (&lane->pes, (uint8_t[]){ 0x0F, 0x81, extension }, 3);
}

void
ts_pes_end (struct ts_lane *lane, uint64_t begin, uint64_t end, bool burst)
{
  struct buffer *pes = &lane->pes;
  size_t packets = (pes->len + PAYLOAD - 1) / PAYLOAD;

  if (pes->failed)
    errx (1, "out of memory");
  if (pes->data[3] != VIDEO_STREAM)
    put_be (pes->data + PES_LENGTH, pes->len - PES_COUNTED, 2);
  if (lane->due < begin)
    lane->due = begin;
  lane->step = lane->due < end ? (end - lane->due) / packets : 0;
  if (burst)
    lane->step = 0;
  else if (lane->step < TS_PEAK_STEP)
    lane->step = TS_PEAK_STEP;
}

void
ts_lane_packet (struct ts_writer *ts, struct ts_lane *lane)
{
  size_t n = lane->pes.len - lane->at;

  if (lane->due >= ts->tables_due) {
    write_tables (ts, lane->due);
    ts->tables_due += TABLES_PERIOD;
  }
  n = n < PAYLOAD ? n : PAYLOAD;
  write_packet (ts, lane->due, lane->pid, lane->counter++, lane->at == 0,
                lane->pes.data + lane->at, n);
  lane->at += n;
  lane->due += lane->step;
}

void
ts_close (struct ts_writer *ts)
{
  uint8_t nothing[PAYLOAD];

  memset (nothing, 0xFF, sizeof nothing);
  while (ts->packets % UNIT)
    write_packet (ts, 0, NULL_PID, 0, false, nothing, sizeof nothing);
  if (fclose (ts->file) != 0)
    err (1, "%s", ts->name);
  for (unsigned i = 0; i < ts->n_lanes; i++)
    buffer_free (&ts->lanes[i].pes);
}
