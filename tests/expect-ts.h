/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of transport streams put in, and what has to come out.  To be included
 * behind cmocka.h.
 */
#ifndef MKVDUP_TESTS_EXPECT_TS_H
#define MKVDUP_TESTS_EXPECT_TS_H

#include <string.h>

#include "demux_ts.h"
#include "make-file.h"
#include "make-ts.h"

#define VIDEO 0x1011
#define AUDIO 0x1100
#define CORE 0x76
#define KEY(pid, sub) ((uint32_t) (pid) << 8 | (sub))

/* Flags and no optional fields; stream_id_extension 72 and 76. */
#define PLAIN "\x81\x00\x00", 3
#define EXTENSION_72 "\x81\x01\x03\x01\x81\x72", 6
#define EXTENSION_76 "\x81\x01\x03\x01\x81\x76", 6

/* What a test puts in, and what has to come out of stream `key`. */
struct expected {
  uint32_t key;
  struct buffer data;
};

static inline void
free_expected (struct expected *e)
{
  buffer_free (&e->data);
}

/* A PES packet of n bytes that are expected. */
static inline void
put_pes (struct ts *t, struct expected *e, uint8_t id, const void *header,
         size_t n_header, size_t n)
{
  put_payload (&e->data, n);
  ts_put_pes (t, e->key >> 8, id, header, n_header, e->data.data + e->data.len - n, n);
}

static inline void
check_stream (const struct demuxed *d, const struct expected *e)
{
  const struct demux_stream *s = demuxed_find (d, e->key);

  assert_non_null (s);
  assert_int_equal (s->len, e->data.len);
  assert_memory_equal (s->data, e->data.data, s->len);
}

/* Every piece holds the bytes it says it does, in order, and they cover the stream. */
static inline void
check_pieces (const struct demuxed *d, const uint8_t *raw, size_t len, uint64_t base)
{
  for (size_t i = 0; i < d->n_streams; i++) {
    const struct demux_stream *s = &d->streams[i];
    uint64_t at = 0, done = base;

    for (size_t k = 0; k < s->n_pieces; k++) {
      const struct demux_piece *p = &s->pieces[k];

      assert_int_equal (p->at, at);
      assert_true (p->len > 0 && p->from >= done && p->from - base + p->len <= len);
      assert_memory_equal (s->data + at, raw + (p->from - base), p->len);
      at += p->len;
      done = p->from + p->len;
    }
    assert_int_equal (at, s->len);
  }
}

/* Demux all of it as one chunk that lies at an odd place of its source. */
static inline void
demux_all (const struct ts *t, struct demuxed *d)
{
  const uint64_t base = UINT64_C (5000000001);

  assert_false (t->raw.failed);
  demuxed_init (d);
  ts_chunk (t->raw.data, 0, t->raw.len, t->raw.len, base, d);
  assert_false (d->failed);
  check_pieces (d, t->raw.data, t->raw.len, base);
}

/* All of it is these streams and no others. */
static inline void
check_all (struct ts *t, struct expected *e, size_t n)
{
  struct demuxed d;

  demux_all (t, &d);
  assert_int_equal (d.n_streams, n);
  for (size_t i = 0; i < n; i++)
    check_stream (&d, &e[i]);
  demuxed_free (&d);
}

static inline void
finish (struct ts *t, struct expected *e, size_t n)
{
  check_all (t, e, n);
  for (size_t i = 0; i < n; i++)
    free_expected (&e[i]);
  buffer_free (&t->raw);
}

/* An LPCM frame: its header, then n bytes that are expected (or all of it is). */
static inline void
put_lpcm (struct ts *t, struct expected *e, uint8_t layout, uint8_t bits, size_t says,
          size_t n, bool header_too)
{
  uint8_t header[4] = { (uint8_t) (says >> 8), (uint8_t) says, layout, bits };
  size_t start = e->data.len;

  buffer_append (&e->data, header, 4);
  put_payload (&e->data, n);
  ts_put_pes (t, e->key >> 8, 0xBD, "\x81\x80\x05\x21\0\1\0\1", 8, e->data.data + start,
              n + 4);
  if (!header_too) {
    memmove (e->data.data + start, e->data.data + start + 4, n);
    e->data.len -= 4;
  }
}

#endif /* MKVDUP_TESTS_EXPECT_TS_H */
