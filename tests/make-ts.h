/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport streams of made-up bytes for tests, packet by packet, in any spacing.
 * To be included behind make-file.h.
 */
#ifndef MKVDUP_TESTS_MAKE_TS_H
#define MKVDUP_TESTS_MAKE_TS_H

#include <string.h>

#include "buffer.h"

/* A stream that is being written. */
struct ts {
  struct buffer raw;
  unsigned spacing; /* 188, 192 or 204 */
  unsigned most;    /* payload bytes of a packet, 1 to 184 */
  uint8_t extra;    /* first byte of the 192-byte packets' time stamp */
  uint8_t last_cc[8192];
};

static inline void
ts_init (struct ts *t, unsigned spacing)
{
  memset (t, 0, sizeof *t);
  t->spacing = spacing;
  t->most = 184;
}

/* A packet as it is: 188 bytes at p. */
static inline void
ts_put_packet (struct ts *t, const uint8_t *p)
{
  uint8_t around[16] = { t->extra, 0x12, 0x34, 0x56 };

  if (t->spacing == 192)
    buffer_append (&t->raw, around, 4);
  buffer_append (&t->raw, p, 188);
  if (t->spacing == 204)
    buffer_append (&t->raw, around, 16);
}

/* The sync byte of the last packet. */
static inline uint8_t *
ts_last (struct ts *t)
{
  return t->raw.data + t->raw.len - (t->spacing == 204 ? 204 : 188);
}

/* The next packet of a PID, with n <= 184 bytes of payload: an adaptation field fills
 * it, and stands alone if there is no payload.
 */
static inline void
ts_put (struct ts *t, unsigned pid, bool start, const void *payload, size_t n)
{
  uint8_t p[188] = { 0x47, (uint8_t) (pid >> 8 | (start ? 0x40 : 0)), (uint8_t) pid };

  assert_true (n <= 184);
  if (n > 0)
    t->last_cc[pid] = (t->last_cc[pid] + 1) & 15;
  p[3] = (uint8_t) ((n == 0 ? 0x20 : n == 184 ? 0x10 : 0x30) | t->last_cc[pid]);
  if (n < 184)
    p[4] = (uint8_t) (183 - n);
  if (n < 183)
    memset (p + 6, 0xFF, 182 - n);
  memcpy (p + 188 - n, payload, n);
  ts_put_packet (t, p);
}

/* A unit in as many packets as it takes. */
static inline void
ts_put_unit (struct ts *t, unsigned pid, const struct buffer *unit)
{
  for (size_t at = 0; at < unit->len; at += t->most)
    ts_put (t, pid, at == 0, unit->data + at,
            unit->len - at < t->most ? unit->len - at : t->most);
}

/* A PES packet: what is behind the length in `header`, then the payload. */
static inline void
ts_put_pes (struct ts *t, unsigned pid, uint8_t id, const void *header, size_t n_header,
            const void *payload, size_t n)
{
  size_t size = n_header + n;
  struct buffer unit = BUFFER_INIT;

  buffer_append (&unit, "\0\0\1", 3);
  buffer_u8 (&unit, id);
  if (size > 0xFFFF)
    size = 0;
  buffer_u8 (&unit, (uint8_t) (size >> 8));
  buffer_u8 (&unit, (uint8_t) size);
  buffer_append (&unit, header, n_header);
  buffer_append (&unit, payload, n);
  ts_put_unit (t, pid, &unit);
  buffer_free (&unit);
}

/* A section with n bytes behind its length, the check sum (which nobody looks at)
 * included, behind `pointer` bytes of something else; then `unit` may go out.
 */
static inline void
ts_add_section (struct buffer *unit, uint8_t table, const uint8_t *body, size_t n)
{
  buffer_u8 (unit, table);
  buffer_u8 (unit, (uint8_t) (0xB0 | n >> 8));
  buffer_u8 (unit, (uint8_t) n);
  buffer_append (unit, body, n);
}

struct ts_type {
  unsigned pid;
  uint8_t type;
};

/* A PMT of n streams, each with `info` bytes of descriptors. */
static inline void
ts_add_pmt (struct buffer *unit, const struct ts_type *types, size_t n, size_t info)
{
  struct buffer body = BUFFER_INIT;

  buffer_append (&body, "\0\1\xC1\0\0\xF0\x01\xF0\x05HDMV\x01", 14);
  for (size_t i = 0; i < n; i++) {
    uint8_t stream[5] = { types[i].type, (uint8_t) (0xE0 | types[i].pid >> 8),
                          (uint8_t) types[i].pid, 0xF0, (uint8_t) info };

    buffer_append (&body, stream, 5);
    for (size_t k = 0; k < info; k++)
      buffer_u8 (&body, 0x80);
  }
  buffer_append (&body, "CRC!", 4);
  ts_add_section (unit, 2, body.data, body.len);
  buffer_free (&body);
}

/* A PMT in packets of its own. */
static inline void
ts_put_pmt (struct ts *t, unsigned pid, const struct ts_type *types, size_t n,
            size_t info)
{
  struct buffer unit = BUFFER_INIT;

  buffer_u8 (&unit, 0);
  ts_add_pmt (&unit, types, n, info);
  while (unit.len % t->most)
    buffer_u8 (&unit, 0xFF);
  ts_put_unit (t, pid, &unit);
  buffer_free (&unit);
}

#endif /* MKVDUP_TESTS_MAKE_TS_H */
