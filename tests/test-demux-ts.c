/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/demux_ts.c: every payload byte of a transport stream, from where it lies,
 * however the stream is cut into chunks.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "expect-ts.h"
#include "rounds.h"

static const unsigned spacings[] = { 188, 192, 204 };
#define N_SPACINGS (sizeof spacings / sizeof spacings[0])

/* All kinds of packets, in each spacing, with every amount of payload. */
static void
test_packets (void **state)
{
  (void) state;
  for (size_t i = 0; i < N_SPACINGS; i++) {
    struct expected e[] = { { KEY (VIDEO, 0), BUFFER_INIT },
                            { KEY (AUDIO, 0), BUFFER_INIT } };
    struct ts t;

    ts_init (&t, spacings[i]);
    put_bytes (&t.raw, 3, 0x47);
    for (unsigned n = 1; n <= 184; n++) {
      t.most = n;
      put_pes (&t, &e[0], 0xE0, PLAIN, 300);
      ts_put (&t, 0, true, "\0\0\xB0", 3);
      ts_put (&t, 0x1F, true, "\0\0\1\xE0", 4);
      ts_put (&t, 0x11, false, "abc", 3);
      ts_put (&t, 0x1FFF, true, "\0\0\1\xE0\0\0\x81\0\0mn", 11);
      ts_put (&t, 0x1001, false, "", 0);
      ts_put (&t, VIDEO, false, "", 0);
      put_pes (&t, &e[1], 0xC0, PLAIN, n);
    }
    finish (&t, e, 2);
  }
}

/* Packets that cannot be: their adaptation field is too long, or reserved, or they are
 * in error.
 */
static void
test_bad_packets (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned i = 0; i < 256; i++) {
    put_pes (&t, &e, 0xE0, PLAIN, 500);
    ts_put (&t, VIDEO, i & 1, "never", 5);
    t.last_cc[VIDEO]--;
    switch (i % 3) {
    case 0: /* the longest that leaves no payload, and longer ones */
      ts_last (&t)[4] = (uint8_t) (183 + i % 73);
      break;
    case 1:
      ts_last (&t)[3] &= 0xCF;
      break;
    case 2:
      ts_last (&t)[1] |= 0x80;
      break;
    }
  }
  finish (&t, &e, 1);
}

/* Garbage, zeros, missing and additional bytes, at odd places. */
static void
test_resynchronise (void **state)
{
  (void) state;
  for (size_t i = 0; i < N_SPACINGS; i++) {
    struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
    struct ts t;

    ts_init (&t, spacings[i]);
    for (unsigned n = 0; n < 250; n++) {
      put_bytes (&t.raw, n % 7, 0x47);
      put_payload (&t.raw, (size_t) n * 3);
      put_bytes (&t.raw, n, 0);
      if (n % 4 == 1) /* a packet that was cut */
        buffer_append (&t.raw, "\x47\x10\x11\x10", 4);
      if (n % 4 == 2)
        put_bytes (&t.raw, 300, 0x47);
      put_bytes (&t.raw, 4, 0x12);
      put_pes (&t, &e, 0xE0, PLAIN, 1700 + n);
      /* It takes a row to be found, and this one must not look longer. */
      put_bytes (&t.raw, 204, 0);
    }
    finish (&t, &e, 1);
  }
}

/* A packet among others that is zeros, or has lost its sync byte: it alone is lost. */
static void
test_zeroed (void **state)
{
  (void) state;
  for (size_t i = 0; i < N_SPACINGS; i++) {
    struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
    struct ts t;

    ts_init (&t, spacings[i]);
    for (unsigned n = 0; n < 50; n++) {
      put_pes (&t, &e, 0xE0, PLAIN, 175 + 184 * 20);
      put_pes (&t, &e, 0xE0, PLAIN, 175);
      if (n & 1)
        ts_last (&t)[0] = 0;
      else
        memset (ts_last (&t), 0, 188);
      e.data.len -= 175;
    }
    put_pes (&t, &e, 0xE0, PLAIN, 175 + 184 * 20);
    finish (&t, &e, 1);
  }
}

/* Bytes are missing between packets, and within one. */
static void
test_missing (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  struct demuxed d;
  size_t at = 20 * 192;
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  put_pes (&t, &e, 0xE0, PLAIN, 175 + 60 * 184);
  memmove (t.raw.data + at, t.raw.data + at + 4, t.raw.len - at - 4);
  t.raw.len -= 4;
  check_all (&t, &e, 1);

  /* The packet that was cut has some of the next in it, which is then not given. */
  at = 40 * 192 - 100;
  memmove (t.raw.data + at, t.raw.data + at + 50, t.raw.len - at - 50);
  t.raw.len -= 50;
  demux_all (&t, &d);
  assert_int_equal (d.packets, 60);
  demuxed_free (&d);
  free_expected (&e);
  buffer_free (&t.raw);
}

/* The end of a clip, cut anywhere. */
static void
test_cut (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  put_pes (&t, &e, 0xE0, PLAIN, 175 + 9 * 184);
  for (size_t len = 0; len <= t.raw.len; len++) {
    size_t packets = len / 192;
    CLEANUP_FREE uint8_t *exact = malloc (len ? len : 1);
    struct demuxed d;

    /* A copy of its own, so that a step beyond its end is noticed. */
    memcpy (exact, t.raw.data, len);
    demuxed_init (&d);
    ts_chunk (exact, 0, len, len, 0, &d);
    check_pieces (&d, exact, len, 0);
    assert_int_equal (d.n_streams ? d.streams[0].len : 0,
                      packets >= 2 ? packets * 184 - 9 : 0);
    assert_int_equal (ts_probe (exact, len, 0), packets >= 8);
    demuxed_free (&d);
  }
  finish (&t, &e, 1);
}

/* The last packet once more, with another time stamp. */
static void
repeat (struct ts *t)
{
  uint8_t p[188];

  memcpy (p, ts_last (t), 188);
  t->extra++;
  ts_put_packet (t, p);
}

static void
test_duplicates (void **state)
{
  struct expected e[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                          { KEY (VIDEO, 0), BUFFER_INIT } };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned i = 0; i < 100; i++) {
    put_pes (&t, &e[0], 0xC0, PLAIN, 300);
    if (i % 2)
      put_pes (&t, &e[1], 0xE0, PLAIN, i * 10);
    if (i % 3) {
      /* The last of AUDIO, others of VIDEO or none between; its clock may differ. */
      uint8_t p[188];

      memcpy (p,
              t.raw.data + t.raw.len - 188 - (i % 2 ? (i * 10 + 9 + 183) / 184 * 192 : 0),
              188);
      assert_int_equal (p[2], AUDIO & 0xFF);
      p[6] ^= 0x55;
      ts_put_packet (&t, p);
    }
    if (i % 5 == 0)
      repeat (&t);
  }
  finish (&t, e, 2);
}

/* The same counter and other bytes, the same bytes and another counter: no duplicates. */
static void
test_no_duplicates (void **state)
{
  struct expected e = { KEY (AUDIO, 0), BUFFER_INIT };
  static const uint8_t unit[] = { 0, 0, 1, 0xC0, 0, 0, 0x81, 0, 0, 0x12, 0x34 };
  uint8_t silence[184];
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  memset (silence, 0, sizeof silence);
  put_pes (&t, &e, 0xC0, PLAIN, 175);
  for (unsigned i = 0; i < 50; i++) {
    ts_put (&t, AUDIO, false, silence, 184);
    put_bytes (&e.data, 184, 0);
  }
  /* Less and less of the same, so that what there is is the same. */
  for (unsigned i = 181; i > 0; i--) {
    t.last_cc[AUDIO]--;
    ts_put (&t, AUDIO, false, silence, i);
    put_bytes (&e.data, i, 0);
  }
  for (unsigned i = 0; i < 50; i++) {
    put_payload (&e.data, 184);
    t.last_cc[AUDIO]--;
    ts_put (&t, AUDIO, false, e.data.data + e.data.len - 184, 184);
  }
  /* A unit starts in one of two. */
  for (unsigned i = 0; i < 2; i++) {
    ts_put (&t, AUDIO, i, unit, sizeof unit);
    buffer_append (&e.data, unit + 9 * i, sizeof unit - 9 * i);
    t.last_cc[AUDIO]--;
  }
  finish (&t, &e, 1);
}

/* Packets are missing: the stream goes on, but not with what a lost header hid. */
static void
test_breaks (void **state)
{
  struct expected e = { KEY (AUDIO, 0), BUFFER_INIT };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned i = 0; i < 40; i++) {
    put_pes (&t, &e, 0xC0, PLAIN, 175);
    t.last_cc[AUDIO] = (uint8_t) ((t.last_cc[AUDIO] + i) & 15);
    put_payload (&e.data, 184);
    ts_put (&t, AUDIO, false, e.data.data + e.data.len - 184, 184);
    if (i % 2) {
      ts_put (&t, AUDIO, true, "\0\0\1\xC0\0\0", 6);
      t.last_cc[AUDIO] += 3;
      ts_put (&t, AUDIO, false, "\x81\0\0never", 8);
      ts_put (&t, AUDIO, false, "nor this", 8);
    }
  }
  finish (&t, &e, 1);
}

static void
test_scrambled (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  struct demuxed d;
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned i = 0; i < 20; i++) {
    put_pes (&t, &e, 0xE0, PLAIN, 175 + 184);
    ts_put (&t, VIDEO, false, "scrambled", 9);
    ts_last (&t)[3] |= (uint8_t) (0x40 << i % 2);
    ts_put_pes (&t, AUDIO, 0xC0, "\x91\0\0", 3, ts_last (&t), 188);
  }
  demux_all (&t, &d);
  assert_int_equal (d.n_streams, 1);
  check_stream (&d, &e);
  assert_int_equal (d.packets, 5 * 20);
  assert_int_equal (d.scrambled, 3 * 20);
  assert_int_equal (d.scrambling, SCRAMBLED_CA);
  demuxed_clear (&d);
  assert_int_equal (d.scrambling, 0);

  /* What is before the chunk is not counted. */
  ts_chunk (t.raw.data + 5 * 192, 5 * 192, t.raw.len - 5 * 192, 10 * 192, 5 * 192, &d);
  assert_int_equal (d.packets, 5 * 2);
  assert_int_equal (d.scrambled, 3 * 2);
  demuxed_free (&d);
  finish (&t, &e, 1);
}

/* A clip of `n` units of 32 packets, marked as encrypted. */
static void
put_units (struct ts *t, struct expected *e, unsigned n)
{
  t->extra = 0xC0;
  for (unsigned i = 0; i < n; i++)
    put_pes (t, e, 0xE0, PLAIN, 175 + 31 * 184);
}

static void
encrypt (struct ts *t, size_t from, size_t to)
{
  for (; from < to; from += 6144) {
    CLEANUP_BUFFER struct buffer noise = BUFFER_INIT;

    put_payload (&noise, 6128);
    for (size_t i = 0; i < 6128; i++)
      t->raw.data[from + 16 + i] ^= (uint8_t) (noise.data[i] * 7);
  }
}

static void
test_encrypted (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  struct demuxed d;
  const size_t damaged = 20 * 6144 - 188;
  struct ts t;

  (void) state;
  /* Marked, but clear: a stream as others, with damage too. */
  ts_init (&t, 192);
  put_units (&t, &e, 40);
  t.raw.data[damaged] = 0;
  demux_all (&t, &d);
  assert_int_equal (d.scrambled + d.scrambling, 0);
  assert_int_equal (d.streams[0].len, e.data.len - 184);
  demuxed_free (&d);

  /* Encrypted, but for the last ten. */
  encrypt (&t, 0, 30 * 6144);
  e.data.len = 0;
  t.raw.data[damaged] = 0x47;
  demux_all (&t, &d);
  assert_in_range (d.scrambled, 29 * 32, 30 * 32);
  assert_int_equal (d.scrambling, SCRAMBLED_AACS);
  assert_int_equal (d.n_streams, 1);
  assert_int_equal (d.streams[0].len, 10 * (175 + 31 * 184));
  assert_true (ts_probe (t.raw.data, 30 * 6144, 0));
  assert_true (ts_probe (t.raw.data + 5000, 20 * 6144, 5000));
  demuxed_free (&d);

  /* Sync bytes so far apart that are not marked are none. */
  for (size_t at = 0; at < t.raw.len; at += 6144)
    t.raw.data[at] ^= 0x80;
  demux_all (&t, &d);
  assert_int_equal (d.scrambled, 0);
  assert_false (ts_probe (t.raw.data, 30 * 6144, 0));
  demuxed_free (&d);
  free_expected (&e);
  buffer_free (&t.raw);
}

/* ---- chunks ---- */

/* Append what two chunks give for each stream and compare with the whole. */
static void
check_cut_at (const struct buffer *raw, size_t cut, size_t most_before,
              const struct demuxed *whole, struct demuxed *first, struct demuxed *second)
{
  size_t before = cut < most_before ? cut : most_before, left = raw->len - cut;

  demuxed_clear (first);
  demuxed_clear (second);
  ts_chunk (raw->data, 0, raw->len, cut, 0, first);
  ts_chunk (raw->data + cut, before, left, left, cut, second);
  assert_int_equal (first->scrambled + second->scrambled, whole->scrambled);
  assert_int_equal (first->packets + second->packets, whole->packets);
  if (cut % 16 == 0)
    check_pieces (second, raw->data + cut, left, cut);
  for (size_t i = 0; i < whole->n_streams; i++) {
    const struct demux_stream *w = &whole->streams[i];
    const struct demux_stream *a = demuxed_find (first, w->key);
    const struct demux_stream *b = demuxed_find (second, w->key);
    size_t n = a ? a->len : 0;

    assert_int_equal (n + (b ? b->len : 0), w->len);
    assert_true (n == 0 || memcmp (a->data, w->data, n) == 0);
    assert_true (n == w->len || memcmp (b->data, w->data + n, w->len - n) == 0);
  }
  for (size_t i = 0; i < second->n_streams; i++)
    assert_non_null (demuxed_find (whole, second->streams[i].key));
}

static void
check_cuts (const struct ts *t, size_t most_before)
{
  struct demuxed whole, first, second;

  demux_all (t, &whole);
  demuxed_init (&first);
  demuxed_init (&second);
  /* At every byte, or every seventh: packets have no multiple of seven. */
  for (size_t cut = 0; cut <= t->raw.len; cut += 7 / rounds (7))
    check_cut_at (&t->raw, cut, most_before, &whole, &first, &second);
  demuxed_free (&whole);
  demuxed_free (&first);
  demuxed_free (&second);
}

/* About 4 KB of everything: headers in small packets, many streams, duplicates. */
static void
put_mixture (struct ts *t, unsigned round)
{
  static const struct ts_type types[] = { { VIDEO, 0x1B }, { 0x1102, 0x80 } };
  struct expected video = { KEY (VIDEO, 0), BUFFER_INIT };
  struct expected audio = { KEY (AUDIO, 0), BUFFER_INIT };
  struct expected lpcm = { KEY (0x1102, 0), BUFFER_INIT };

  put_pes (t, &video, 0xE0, PLAIN, 1000 + round * 13);
  put_pes (t, &audio, 0xFD, EXTENSION_72, 200);
  put_lpcm (t, &lpcm, 0x31, 0x40, 240, 240, false);
  repeat (t);
  t->most = 5 + round % 90;
  put_pes (t, &audio, 0xFD, EXTENSION_76, 60);
  repeat (t);
  put_lpcm (t, &lpcm, 0x31, 0x40, 24, 24, false);
  t->most = 184;
  ts_put_pmt (t, 0x100, types, 2, round % 200);
  put_pes (t, &audio, 0xFD, EXTENSION_76, 300);
  ts_put (t, VIDEO, false, "", 0);
  ts_put_pes (t, 0x1103, 0xC0, "\x91\0\0", 3, "scrambled", 9);
  free_expected (&video);
  free_expected (&audio);
  free_expected (&lpcm);
}

/* Wherever chunks meet, in sound streams and in damaged ones: nothing twice, nothing
 * left out.
 */
static void
test_chunks (void **state)
{
  (void) state;
  for (size_t i = 0; i < N_SPACINGS; i++) {
    struct ts t;

    ts_init (&t, spacings[i]);
    for (unsigned round = 0; t.raw.len < (spacings[i] == 192 ? 40000 : 10000); round++) {
      put_mixture (&t, round);
      if (round % 2) {
        put_payload (&t.raw, round * 7);
        put_bytes (&t.raw, round * 50, round % 4 ? 0x47 : 0);
      }
      if (round % 3 == 2)
        ts_last (&t)[0] = 0;
    }
    check_cuts (&t, SIZE_MAX);
    buffer_free (&t.raw);
  }
}

/* The same with little to look back on, for streams that are sound. */
static void
test_chunks_little_before (void **state)
{
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned round = 0; t.raw.len < 20000; round++)
    put_mixture (&t, 60);
  check_cuts (&t, 3 * 4500 + 77);
  buffer_free (&t.raw);
}

/* ---- the rest ---- */

/* More PIDs than there is room for; a second chunk with the same buffers. */
static void
test_many_pids (void **state)
{
  struct demuxed d;
  struct ts t;

  (void) state;
  ts_init (&t, 188);
  for (unsigned pid = 0; pid < 8192; pid++)
    ts_put_pes (&t, pid, 0xC0, PLAIN, "abc", 3);
  demux_all (&t, &d);
  assert_int_equal (d.n_streams, DEMUX_MAX_STREAMS);
  demuxed_free (&d);
  buffer_free (&t.raw);
}

static void
test_probe (void **state)
{
  struct expected e = { KEY (VIDEO, 0), BUFFER_INIT };
  CLEANUP_BUFFER struct buffer other = BUFFER_INIT;

  (void) state;
  for (size_t i = 0; i < N_SPACINGS; i++) {
    struct ts t;

    ts_init (&t, spacings[i]);
    put_payload (&t.raw, 1000);
    put_pes (&t, &e, 0xE0, PLAIN, 3000);
    assert_true (ts_probe (t.raw.data, t.raw.len, 0));
    assert_true (ts_probe (t.raw.data + 500, t.raw.len - 500, 500));
    assert_false (ts_probe (t.raw.data, 1000, 0));
    buffer_free (&t.raw);
  }
  put_payload (&other, 100000);
  put_bytes (&other, 10000, 0x47);
  put_bytes (&other, 10000, 0);
  assert_false (ts_probe (other.data, other.len, 0));
  assert_false (ts_probe (other.data, 0, 0));
  free_expected (&e);
}

static void
test_describe (void **state)
{
  static const struct {
    uint32_t key;
    const char *name;
  } names[] = {
    { KEY (0x1011, 0), "primary video 1011" },
    { KEY (0x1012, 0), "second view 1012" },
    { KEY (0x1015, 0), "enhancement video 1015" },
    { KEY (0x1100, 0), "primary audio 1100" },
    { KEY (0x111F, CORE), "primary audio 111F, AC-3 core" },
    { KEY (0x1120, 0), "PID 1120" },
    { KEY (0x1200, 0), "subtitles 1200" },
    { KEY (0x1400, 0), "menus 1400" },
    { KEY (0x1800, 0), "text subtitles 1800" },
    { KEY (0x1A01, 0), "secondary audio 1A01" },
    { KEY (0x1B00, 0), "secondary video 1B00" },
    { KEY (0x0041, 0), "PID 0041" },
    { KEY (0x1FFE, 0), "PID 1FFE" },
  };
  char buf[64];

  (void) state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    assert_string_equal (ts_describe (names[i].key, buf, sizeof buf), names[i].name);
}

/* Any bytes at all: nothing outside of them, and the same twice. */
static void
test_hostile (void **state)
{
  uint32_t x = 1;

  (void) state;
  for (unsigned round = 0; round < rounds (3000); round++) {
    struct demuxed d, again;
    struct ts t;

    ts_init (&t, spacings[round % N_SPACINGS]);
    put_mixture (&t, round % 100);
    for (unsigned i = 0; i < 5 + round % 300; i++) {
      size_t at;

      x = x * 1664525 + 1013904223;
      at = (x >> 8) % t.raw.len;
      /* Mostly where headers are. */
      if (i % 4)
        at = at / t.spacing * t.spacing + at % 12 % t.spacing;
      t.raw.data[at < t.raw.len ? at : 0] = (uint8_t) (x >> 24);
    }
    demux_all (&t, &d);
    demuxed_init (&again);
    ts_chunk (t.raw.data, 0, t.raw.len, t.raw.len, 0, &again);
    assert_int_equal (again.n_streams, d.n_streams);
    for (size_t i = 0; i < d.n_streams; i++)
      assert_int_equal (again.streams[i].len, d.streams[i].len);
    demuxed_free (&d);
    demuxed_free (&again);
    buffer_free (&t.raw);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_packets),       cmocka_unit_test (test_bad_packets),
    cmocka_unit_test (test_resynchronise), cmocka_unit_test (test_zeroed),
    cmocka_unit_test (test_cut),           cmocka_unit_test (test_duplicates),
    cmocka_unit_test (test_no_duplicates), cmocka_unit_test (test_breaks),
    cmocka_unit_test (test_missing),       cmocka_unit_test (test_scrambled),
    cmocka_unit_test (test_encrypted),     cmocka_unit_test (test_chunks),
    cmocka_unit_test (test_many_pids),     cmocka_unit_test (test_chunks_little_before),
    cmocka_unit_test (test_probe),         cmocka_unit_test (test_describe),
    cmocka_unit_test (test_hostile),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
