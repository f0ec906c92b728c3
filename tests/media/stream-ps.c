/* SPDX-License-Identifier: BSD-3-Clause */
/* Packs of a DVD's program stream: see stream-ps.h. */
#include "config.h"

#include <assert.h>
#include <err.h>
#include <string.h>

#include "stream-ps.h"

enum {
  PACK_HEADER = 0xBA,
  SYSTEM_HEADER = 0xBB,
  PADDING_STREAM = 0xBE,
  PRIVATE_STREAM_2 = 0xBF,
};

#define PACK_HEADER_LEN 14
#define PACKET_HEADER_LEN 9 /* to the length of what is optional */
#define PTS_LEN 5
#define SUB_HEADER_LEN 4
#define PADDING_HEADER_LEN 6
#define NAV_PCI_LEN 980
#define NAV_DSI_LEN 1018

/* Bytes a second of a DVD, in units of 50. */
#define MUX_RATE 25200
#define TICKS_A_PACK (PACK_SIZE * UINT64_C (90000) / (MUX_RATE * 50))

/* Between a picture's arrival and its time. */
#define PTS_DELAY 45000

/* A pack being written. */
struct pack {
  uint8_t bytes[PACK_SIZE];
  size_t len;
};

static void
put (struct pack *p, const void *data, size_t n)
{
  assert (n <= sizeof p->bytes - p->len);
  memcpy (p->bytes + p->len, data, n);
  p->len += n;
}

static void
fill (struct pack *p, uint8_t value, size_t n)
{
  assert (n <= sizeof p->bytes - p->len);
  memset (p->bytes + p->len, value, n);
  p->len += n;
}

static void
put_u8 (struct pack *p, unsigned v)
{
  fill (p, (uint8_t) v, 1);
}

static void
put_be16 (struct pack *p, size_t v)
{
  put_u8 (p, (v >> 8) & 0xFF);
  put_u8 (p, v & 0xFF);
}

static void
put_start_code (struct pack *p, uint8_t id)
{
  put (p, "\0\0\1", 3);
  put_u8 (p, id);
}

/* §2.5.3.3 */
static void
begin_pack (struct ps_writer *ps, struct pack *p)
{
  uint64_t t = ps->clock;

  ps->clock += TICKS_A_PACK;
  p->len = 0;
  put_start_code (p, PACK_HEADER);
  put_u8 (p, 0x44 | ((t >> 27) & 0x38) | ((t >> 28) & 3));
  put_u8 (p, (t >> 20) & 0xFF);
  put_u8 (p, 0x04 | ((t >> 12) & 0xF8) | ((t >> 13) & 3));
  put_u8 (p, (t >> 5) & 0xFF);
  put_u8 (p, 0x04 | ((t << 3) & 0xF8));
  put_u8 (p, 0x01);
  put_u8 (p, MUX_RATE >> 14);
  put_u8 (p, (MUX_RATE >> 6) & 0xFF);
  put_u8 (p, (MUX_RATE << 2 & 0xFC) | 3);
  put_u8 (p, 0xF8);
}

static void
end_pack (struct ps_writer *ps, const struct pack *p)
{
  assert (p->len == PACK_SIZE);
  if (fwrite (p->bytes, PACK_SIZE, 1, ps->file) != 1)
    err (1, "%s", ps->name);
}

void
ps_set_clock (struct ps_writer *ps, uint64_t ms)
{
  if (ps->clock < ms * 90)
    ps->clock = ms * 90;
}

void
ps_navigation (struct ps_writer *ps)
{
  static const uint8_t system_header[] = {
    0x00, 0x12, 0x80, 0xC4, 0xE1, 0x04, 0xE1, 0xFF, 0xB9, 0xE0,
    0xE8, 0xB8, 0xC0, 0x20, 0xBD, 0xE0, 0x3A, 0xBF, 0xE0, 0x02,
  };
  struct pack p;

  begin_pack (ps, &p);
  put_start_code (&p, SYSTEM_HEADER);
  put (&p, system_header, sizeof system_header);
  put_start_code (&p, PRIVATE_STREAM_2);
  put_be16 (&p, NAV_PCI_LEN);
  put_u8 (&p, 0);
  put_be16 (&p, 0);
  put_be16 (&p, ps->clock / PACK_SIZE & 0xFFFF);
  fill (&p, 0, NAV_PCI_LEN - 5);
  put_start_code (&p, PRIVATE_STREAM_2);
  put_be16 (&p, NAV_DSI_LEN);
  put_u8 (&p, 1);
  fill (&p, 0, NAV_DSI_LEN - 1);
  end_pack (ps, &p);
}

/* §2.4.3.7: 33 bits of time with marker bits between. */
static void
put_pts (struct pack *p, uint64_t t)
{
  put_u8 (p, 0x21 | ((t >> 29) & 0x0E));
  put_be16 (p, ((t >> 14) & 0xFFFE) | 1);
  put_be16 (p, ((t << 1) & 0xFFFE) | 1);
}

/* How DVD-Video has AC-3: number of frames that begin in the packet, and where. */
static void
put_sub_header (struct pack *p, const struct ps_lane *lane, unsigned starts)
{
  put_u8 (p, lane->sub_stream);
  put_u8 (p, starts);
  put_be16 (p, starts ? lane->starts[0].at + 1 : 0);
}

/* Take the first n bytes from the lane, and the units that begin there. */
static void
lane_drop (struct ps_lane *lane, size_t n, unsigned starts)
{
  lane->waiting.len -= n;
  memmove (lane->waiting.data, lane->waiting.data + n, lane->waiting.len);
  lane->n_starts -= starts;
  memmove (lane->starts, lane->starts + starts, lane->n_starts * sizeof lane->starts[0]);
  for (unsigned i = 0; i < lane->n_starts; i++)
    lane->starts[i].at -= n;
}

/* The header of a packet, and what is in front of `n` bytes of the stream; `stuffing`
 * bytes more than are needed.
 */
static void
put_packet_header (struct pack *p, const struct ps_lane *lane, size_t n, size_t sub,
                   bool timed, size_t stuffing)
{
  size_t optional = (timed ? PTS_LEN : 0) + stuffing;

  put_start_code (p, lane->stream_id);
  put_be16 (p, PACKET_HEADER_LEN - 6 + optional + sub + n);
  put_u8 (p, 0x81);
  put_u8 (p, timed ? 0x80 : 0);
  put_u8 (p, (unsigned) optional);
  if (timed)
    put_pts (p, lane->starts[0].pts);
  fill (p, 0xFF, stuffing);
}

/* A pack with what waits first.  What that does not fill is a padding packet, or stuffing
 * in the packet's header where there is no room for one.
 */
static void
lane_pack (struct ps_lane *lane)
{
  size_t sub = lane->sub_stream ? SUB_HEADER_LEN : 0, n;
  size_t room = PACK_SIZE - PACK_HEADER_LEN - PACKET_HEADER_LEN - sub;
  bool timed = lane->n_starts > 0 && lane->starts[0].at < room - PTS_LEN;
  unsigned starts = 0;
  struct pack p;

  room -= timed ? PTS_LEN : 0;
  n = lane->waiting.len < room ? lane->waiting.len : room;
  while (starts < lane->n_starts && lane->starts[starts].at < n)
    starts++;
  begin_pack (lane->ps, &p);
  put_packet_header (&p, lane, n, sub, timed,
                     room - n < PADDING_HEADER_LEN ? room - n : 0);
  if (sub)
    put_sub_header (&p, lane, starts);
  put (&p, lane->waiting.data, n);
  if (p.len < PACK_SIZE) {
    put_start_code (&p, PADDING_STREAM);
    put_be16 (&p, PACK_SIZE - p.len - 2);
    fill (&p, 0xFF, PACK_SIZE - p.len);
  }
  end_pack (lane->ps, &p);
  lane_drop (lane, n, starts);
}

void
lane_put (struct ps_lane *lane, const uint8_t *data, size_t len, uint64_t ms)
{
  assert (lane->n_starts < LANE_STARTS);
  lane->starts[lane->n_starts].at = lane->waiting.len;
  lane->starts[lane->n_starts++].pts = ms * 90 + PTS_DELAY;
  buffer_append (&lane->waiting, data, len);
  if (lane->waiting.failed)
    errx (1, "out of memory");
  while (lane->waiting.len >= PACK_SIZE)
    lane_pack (lane);
}

void
lane_flush (struct ps_lane *lane)
{
  while (lane->waiting.len > 0)
    lane_pack (lane);
}

void
lane_free (struct ps_lane *lane)
{
  buffer_free (&lane->waiting);
}
