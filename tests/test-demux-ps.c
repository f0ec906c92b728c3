/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/demux.c and demux_ps.c: every payload byte of a program stream, from where it lies,
 * however the stream is cut into chunks.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "demux.h"
#include "make-file.h"

/* What a test puts in, and what has to come out of stream `key`. */
struct expected {
  uint32_t key;
  struct buffer data;
};

static void
free_expected (struct expected *e)
{
  buffer_free (&e->data);
}

/* Put n bytes of payload into `b`, and expect them. */
static void
put_expected (struct buffer *b, struct expected *e, size_t n)
{
  put_payload (b, n);
  buffer_append (&e->data, b->data + b->len - n, n);
}

static void
check_stream (const struct demuxed *d, const struct expected *e)
{
  const struct demux_stream *s = demuxed_find (d, e->key);

  assert_non_null (s);
  assert_int_equal (s->len, e->data.len);
  assert_memory_equal (s->data, e->data.data, s->len);
}

/* Every piece holds the bytes it says it does, and they cover the stream. */
static void
check_pieces (const struct demuxed *d, const struct buffer *raw, uint64_t base)
{
  for (size_t i = 0; i < d->n_streams; i++) {
    const struct demux_stream *s = &d->streams[i];
    size_t at = 0;

    for (size_t k = 0; k < s->n_pieces; k++) {
      const struct demux_piece *p = &s->pieces[k];

      assert_int_equal (p->at, at);
      assert_true (p->len > 0 && p->from >= base && p->from - base + p->len <= raw->len);
      assert_memory_equal (s->data + at, raw->data + (p->from - base), p->len);
      at += p->len;
    }
    assert_int_equal (at, s->len);
  }
}

/* Demux all of `raw` as one chunk that lies at an odd place of its source. */
static void
demux_all (const struct buffer *raw, struct demuxed *d)
{
  const uint64_t base = UINT64_C (5000000001);

  assert_false (raw->failed);
  demuxed_init (d);
  demuxer_ps.chunk (raw->data, 0, raw->len, raw->len, base, d);
  assert_false (d->failed);
  check_pieces (d, raw, base);
}

/* A pack as the DVD has them: NAV, with start codes in it, then video, audio and padding. */
static void
test_packs (void **state)
{
  struct expected video = { 0xE000, BUFFER_INIT }, mp2 = { 0xC100, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  put_pack_header (&raw, 0);
  put_start_code (&raw, 0xBB);
  put_length (&raw, 18);
  put_bytes (&raw, 18, 0x80);
  put_start_code (&raw, 0xBF);
  put_length (&raw, 100);
  put_pack_header (&raw, 0);
  put_packet_header (&raw, 0xE0, 100 - 14 - 9, 0);
  put_payload (&raw, 100 - 14 - 9);
  put_packet_header (&raw, 0xE0, 500, 5);
  put_expected (&raw, &video, 500);
  put_start_code (&raw, 0xBE);
  put_length (&raw, 50);
  put_bytes (&raw, 50, 0xFF);
  for (unsigned stuffing = 0; stuffing < 8; stuffing++) {
    put_pack_header (&raw, stuffing);
    put_packet_header (&raw, 0xC1, 30, stuffing * 36);
    put_expected (&raw, &mp2, 30);
    put_packet_header (&raw, 0xE0, 1 + stuffing, 0);
    put_expected (&raw, &video, 1 + stuffing);
  }
  put_start_code (&raw, 0xB9);

  demux_all (&raw, &d);
  assert_int_equal (d.n_streams, 2);
  check_stream (&d, &video);
  check_stream (&d, &mp2);
  assert_int_equal (d.packets, 17);
  assert_int_equal (d.scrambled, 0);
  demuxed_free (&d);
  free_expected (&video);
  free_expected (&mp2);
}

static void
put_mpeg1_packet (struct buffer *b, struct expected *e, const char *header,
                  size_t n_header)
{
  put_start_code (b, (uint8_t) (e->key >> 8));
  put_length (b, n_header + 40);
  buffer_append (b, header, n_header);
  put_expected (b, e, 40);
}

static void
test_mpeg1 (void **state)
{
  struct expected video = { 0xE000, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  put_start_code (&raw, 0xBA);
  buffer_append (&raw, "\x21\x00\x01\x00\x01\x80\x00\x01", 8);
  put_mpeg1_packet (&raw, &video, "\x0F", 1);
  put_mpeg1_packet (&raw, &video, "\xFF\xFF\xFF\x0F", 4);
  put_mpeg1_packet (&raw, &video, "\x60\x20\x0F", 3);
  put_mpeg1_packet (&raw, &video, "\xFF\x60\x20\x21\0\1\0\1", 8);
  put_mpeg1_packet (&raw, &video, "\x31\0\1\0\1\x11\0\1\0\1", 10);
  /* All the stuffing there may be, a buffer size, both times. */
  put_mpeg1_packet (&raw, &video,
                    "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                    "\x40\x20\x3F\xFF\xFF\xFF\xFF\x1F\xFF\xFF\xFF\xFF",
                    28);
  /* Neither kind of header: left out. */
  put_start_code (&raw, 0xE0);
  put_length (&raw, 10);
  put_bytes (&raw, 10, 0x10);
  put_mpeg1_packet (&raw, &video, "\x0F", 1);

  demux_all (&raw, &d);
  assert_int_equal (d.n_streams, 1);
  check_stream (&d, &video);
  demuxed_free (&d);
  free_expected (&video);
}

static void
test_sub_streams (void **state)
{
  static const struct {
    uint8_t id, header;
    uint32_t key;
    const char *name;
  } subs[] = {
    { 0x20, 1, 0xBD20, "subpictures 20" },  { 0x3F, 1, 0xBD3F, "subpictures 3F" },
    { 0x80, 4, 0xBD80, "AC-3 80" },         { 0x87, 4, 0xBD87, "AC-3 87" },
    { 0x88, 4, 0xBD88, "DTS 88" },          { 0xA0, 7, 0xBDA0, "LPCM A0" },
    { 0xA7, 7, 0xBDA7, "LPCM A7" },         { 0xC0, 4, 0xBDC0, "E-AC-3 C0" },
    { 0x0B, 0, 0xBDFF, "private data FF" },
  };

  (void) state;
  for (size_t i = 0; i < sizeof subs / sizeof subs[0]; i++) {
    struct expected audio = { subs[i].key, BUFFER_INIT };
    CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
    struct demuxed d;
    char buf[64];

    for (int n = 0; n < 3; n++) {
      put_pack_header (&raw, 0);
      put_packet_header (&raw, 0xBD, 100, 5);
      buffer_u8 (&raw, subs[i].id);
      put_bytes (&raw, subs[i].header ? subs[i].header - 1U : 0, 1);
      if (!subs[i].header)
        buffer_u8 (&audio.data, subs[i].id);
      put_expected (&raw, &audio, 100 - (subs[i].header ? subs[i].header : 1U));
    }
    /* One that is all header. */
    put_packet_header (&raw, 0xBD, subs[i].header, 0);
    buffer_u8 (&raw, subs[i].header ? subs[i].id : 0xBE);
    put_bytes (&raw, subs[i].header ? subs[i].header - 1U : 0, 1);
    /* And one that is not even that. */
    if (subs[i].header > 1) {
      put_packet_header (&raw, 0xBD, subs[i].header - 1U, 0);
      buffer_u8 (&raw, subs[i].id);
      put_bytes (&raw, subs[i].header - 2U, 1);
    }

    demux_all (&raw, &d);
    assert_int_equal (d.n_streams, 1);
    check_stream (&d, &audio);
    assert_string_equal (demuxer_ps.describe (subs[i].key, buf, sizeof buf),
                         subs[i].name);
    demuxed_free (&d);
    free_expected (&audio);
  }
}

/* Which ids are streams of packets, and which are not (13818-1 table 2-22). */
static void
test_stream_ids (void **state)
{
  (void) state;
  for (unsigned id = 0xBB; id <= 0xFF; id++) {
    bool taken = id == 0xBD || (id >= 0xC0 && id <= 0xEF) || id == 0xFD;
    struct expected e = { id << 8 | (id == 0xBD ? 0xFF : 0), BUFFER_INIT };
    struct expected after = { id == 0xE1 ? 0xE200 : 0xE100, BUFFER_INIT };
    CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
    struct demuxed d;

    put_pack_header (&raw, 0);
    put_packet_header (&raw, (uint8_t) id, 60, 5);
    buffer_u8 (&raw, 0x0B);
    buffer_u8 (&e.data, 0x0B);
    put_expected (&raw, &e, 59);
    put_packet_header (&raw, (uint8_t) (after.key >> 8), 20, 0);
    put_expected (&raw, &after, 20);
    demux_all (&raw, &d);
    assert_int_equal (d.n_streams, taken ? 2 : 1);
    assert_int_equal (d.packets, d.n_streams);
    if (taken)
      check_stream (&d, &e);
    check_stream (&d, &after);
    demuxed_free (&d);
    free_expected (&e);
    free_expected (&after);
  }
}

/* Every sub-stream id of private_stream_1: a stream of its own, or one of the rest. */
static void
test_all_sub_streams (void **state)
{
  static const struct {
    uint8_t first, last, header;
  } known[] = { { 0x20, 0x3F, 1 }, { 0x80, 0x8F, 4 }, { 0x98, 0x9F, 4 },
                { 0xA0, 0xAF, 7 }, { 0xB0, 0xBF, 5 }, { 0xC0, 0xCF, 4 } };

  (void) state;
  for (unsigned id = 0; id <= 0xFF; id++) {
    CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
    struct expected e = { 0xBDFF, BUFFER_INIT };
    struct demuxed d;
    size_t header = 0;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
      if (id >= known[i].first && id <= known[i].last) {
        e.key = 0xBD00 | id;
        header = known[i].header;
      }
    put_pack_header (&raw, 0);
    put_packet_header (&raw, 0xBD, 50, 5);
    buffer_u8 (&raw, (uint8_t) id);
    put_payload (&raw, 49);
    buffer_append (&e.data, raw.data + raw.len - 50 + header, 50 - header);
    demux_all (&raw, &d);
    assert_int_equal (d.n_streams, 1);
    check_stream (&d, &e);
    demuxed_free (&d);
    free_expected (&e);
  }
}

/* LPCM has the same header whatever its samples are: id, frames, pointer (2 bytes),
 * flags, sample size and channels, range.
 */
static void
test_lpcm (void **state)
{
  struct expected pcm = { 0xBDA0, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  for (unsigned bits = 0; bits < 3; bits++) {
    put_pack_header (&raw, 0);
    put_packet_header (&raw, 0xBD, 7 + 60, 5);
    buffer_append (&raw, "\xA0\7\0\4\0", 5);
    buffer_u8 (&raw, (uint8_t) (bits << 6 | 1));
    buffer_u8 (&raw, 0x80);
    put_expected (&raw, &pcm, 60);
  }
  demux_all (&raw, &d);
  assert_int_equal (d.n_streams, 1);
  check_stream (&d, &pcm);
  demuxed_free (&d);
  free_expected (&pcm);
}

/* A video packet that does not tell its length ends at the next start code of a pack or
 * a packet, or with the file.
 */
static void
test_no_length (void **state)
{
  static const uint8_t next[] = { 0xBA, 0xB9, 0xBB, 0xBD, 0xBE, 0xC0, 0xE1 };
  struct expected video = { 0xE000, BUFFER_INIT }, sound = { 0xC000, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;
  size_t at;

  (void) state;
  for (size_t i = 0; i <= sizeof next; i++) {
    put_pack_header (&raw, 0);
    put_packet_header (&raw, 0xE0, 0, 5);
    memset (raw.data + raw.len - 3 - 5 - 2, 0, 2);
    at = raw.len;
    put_payload (&raw, 70000);
    /* Start codes that are the video's own, and what is none. */
    put_start_code (&raw, 0x00);
    put_start_code (&raw, 0xB8);
    put_start_code (&raw, 0x65);
    buffer_append (&raw, "\0\0\2\xBA\0\1\xBA\1\xE0\0\0", 11);
    buffer_append (&video.data, raw.data + at, raw.len - at);
    if (i == sizeof next)
      break;
    if (next[i] == 0xBA)
      put_pack_header (&raw, 0);
    else if (next[i] == 0xB9)
      put_start_code (&raw, 0xB9);
    else {
      put_start_code (&raw, next[i]);
      put_length (&raw, 6);
      put_bytes (&raw, 6, 0xFF);
    }
    put_pack_header (&raw, 0);
    put_packet_header (&raw, 0xC0, 10, 0);
    put_expected (&raw, &sound, 10);
    /* An empty one. */
    put_start_code (&raw, 0xE0);
    put_length (&raw, 0);
    put_packet_header (&raw, 0xC0, 10, 0);
    put_expected (&raw, &sound, 10);
    /* Sound without a length is nothing. */
    put_start_code (&raw, 0xC0);
    put_length (&raw, 0);
    put_bytes (&raw, 10, 0x80);
  }
  demux_all (&raw, &d);
  assert_int_equal (d.n_streams, 2);
  check_stream (&d, &video);
  check_stream (&d, &sound);
  assert_true (demuxer_ps.probe (raw.data, raw.len, 0));
  demuxed_free (&d);
  free_expected (&video);
  free_expected (&sound);
}

/* Packs without packets, packets as long as can be, and packs of many. */
static void
test_sizes (void **state)
{
  struct expected video = { 0xEF00, BUFFER_INIT }, sound = { 0xDF00, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed whole, d;
  size_t owned;

  (void) state;
  put_pack_header (&raw, 0);
  put_pack_header (&raw, 7);
  put_pack_header (&raw, 3);
  put_packet_header (&raw, 0xEF, 65535 - 3 - 255, 255);
  put_expected (&raw, &video, 65535 - 3 - 255);
  put_packet_header (&raw, 0xDF, 65535 - 3, 0);
  put_expected (&raw, &sound, 65535 - 3);
  put_pack_header (&raw, 0);
  put_start_code (&raw, 0xB9);
  put_pack_header (&raw, 0);
  owned = raw.len;
  for (int i = 0; i < 300; i++) {
    put_packet_header (&raw, 0xEF, 100, 10);
    put_expected (&raw, &video, 100);
  }
  put_packet_header (&raw, 0xDF, 65535 - 3, 0);
  put_expected (&raw, &sound, 65535 - 3);
  demux_all (&raw, &whole);
  assert_int_equal (whole.n_streams, 2);
  check_stream (&whole, &video);
  check_stream (&whole, &sound);
  demuxed_free (&whole);
  /* A chunk that ends behind the last pack's header holds all of its packets. */
  assert_true (raw.len - owned < CHUNK_OVERREAD);
  demuxed_init (&d);
  demuxer_ps.chunk (raw.data, 0, raw.len, owned, 0, &d);
  check_stream (&d, &video);
  check_stream (&d, &sound);
  demuxed_free (&d);
  free_expected (&video);
  free_expected (&sound);
}

/* Append what chunks of CHUNK_SIZE give for stream e->key; it has to be all of it. */
static void
check_in_chunks (const struct buffer *raw, const struct expected *e)
{
  CLEANUP_BUFFER struct buffer all = BUFFER_INIT;
  struct demuxed d;

  demuxed_init (&d);
  for (size_t from = 0; from < raw->len; from += CHUNK_SIZE) {
    size_t left = raw->len - from, len = CHUNK_SIZE + CHUNK_OVERREAD;
    const struct demux_stream *s;

    demuxed_clear (&d);
    demuxer_ps.chunk (raw->data + from, 0, left < len ? left : len,
                      left < CHUNK_SIZE ? left : CHUNK_SIZE, from, &d);
    s = demuxed_find (&d, e->key);
    if (s)
      buffer_append (&all, s->data, s->len);
  }
  assert_int_equal (all.len, e->data.len);
  assert_memory_equal (all.data, e->data.data, all.len);
  demuxed_free (&d);
}

/* Packs longer than chunks, at every phase of theirs; packets of all sizes. */
static void
test_long_packs (void **state)
{
  (void) state;
  for (size_t front = 0; front < 200000; front += 33331) {
    struct expected video = { 0xE000, BUFFER_INIT }, sound = { 0xC000, BUFFER_INIT };
    CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

    put_bytes (&raw, front, 0);
    for (int pack = 0; pack < 2; pack++) {
      put_pack_header (&raw, 0);
      for (size_t i = 0; i < 160; i++) {
        size_t n = i % 40 == 0 ? 65535 - 3 - 5 : 1 + i * i * i % 30011;

        put_packet_header (&raw, 0xE0, n, 5);
        put_expected (&raw, &video, n);
        /* Much that looks like a packet, and leads nowhere. */
        if (i % 3 == 0) {
          put_packet_header (&raw, 0xC0, 10000, 0);
          for (int k = 0; k < 10; k++) {
            put_packet_header (&raw, 0xE0, 1500, 0);
            put_payload (&raw, 1000 - 9);
          }
          buffer_append (&sound.data, raw.data + raw.len - 10000, 10000);
        }
      }
    }
    assert_true (raw.len > 4 * CHUNK_SIZE);
    check_in_chunks (&raw, &video);
    check_in_chunks (&raw, &sound);
    free_expected (&video);
    free_expected (&sound);
  }
}

/* What looks like packets that all lead to one without length, behind which is much to look
 * through: that is done once, and not for each of them (65 s).
 */
static void
test_one_goal (void **state)
{
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  const size_t long_pack = CHUNK_OVERREAD - 6 - UINT16_MAX, goal = long_pack + 6 * 10800;
  struct demuxed d;
  clock_t begun;

  (void) state;
  put_bytes (&raw, long_pack, 1);
  while (raw.len < goal) {
    put_start_code (&raw, 0xBC);
    put_length (&raw, goal - raw.len - 2);
  }
  put_start_code (&raw, 0xE0);
  put_length (&raw, 0);
  put_bytes (&raw, CHUNK_SIZE - 4 - raw.len, 1);
  put_start_code (&raw, 0xB9);
  begun = clock ();
  demux_all (&raw, &d);
  assert_true (clock () - begun < 10 * CLOCKS_PER_SEC);
  assert_int_equal (d.packets, 0);
  demuxed_free (&d);
}

static void
test_describe (void **state)
{
  char buf[64];

  (void) state;
  assert_string_equal (demuxer_ps.describe (0xE000, buf, sizeof buf), "MPEG video E0");
  assert_string_equal (demuxer_ps.describe (0xC300, buf, sizeof buf), "MPEG audio C3");
  assert_string_equal (demuxer_ps.describe (0xFD00, buf, sizeof buf),
                       "extended stream FD");
}

static void
test_scrambled (void **state)
{
  struct expected video = { 0xE000, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  put_pack_header (&raw, 0);
  put_packet_header (&raw, 0xE0, 100, 0);
  put_expected (&raw, &video, 100);
  put_pack_header (&raw, 0);
  put_packet_header (&raw, 0xE0, 100, 0);
  raw.data[raw.len - 3] |= 0x30;
  put_payload (&raw, 100);

  demux_all (&raw, &d);
  check_stream (&d, &video);
  assert_int_equal (d.packets, 2);
  assert_int_equal (d.scrambled, 1);
  assert_int_equal (d.scrambling, SCRAMBLED_CSS);
  demuxed_clear (&d);
  assert_int_equal (d.packets + d.scrambled + d.scrambling, 0);
  demuxed_free (&d);
  free_expected (&video);
}

/* Zeros, garbage, false starts, at odd places. */
static void
test_resynchronise (void **state)
{
  struct expected video = { 0xE000, BUFFER_INIT };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  for (unsigned i = 0; i < 40; i++) {
    put_pack_header (&raw, 0);
    put_packet_header (&raw, 0xE0, 50, 0);
    put_expected (&raw, &video, 50);
    put_bytes (&raw, i, 0);
    put_payload (&raw, (size_t) i * 3);
    put_bytes (&raw, i % 5, 0xBA);
    if (i % 4 == 1) /* marker bits are missing */
      buffer_append (&raw, "\0\0\1\xBA\x44\0\0\0\0\0\0\0\0\0", 14);
    if (i % 4 == 2)
      buffer_append (&raw, "\0\0\1", 3);
    if (i % 4 == 3)
      put_start_code (&raw, 0xB3);
  }
  demux_all (&raw, &d);
  assert_int_equal (d.n_streams, 1);
  check_stream (&d, &video);
  demuxed_free (&d);
  free_expected (&video);
}

/* The last packet of a file that was cut. */
static void
test_cut (void **state)
{
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed d;

  (void) state;
  put_video_pack (&raw);
  for (size_t len = 0; len < 2048; len++) {
    size_t n = len <= 14 + 9 + 5 ? 0 : len - (14 + 9 + 5);
    CLEANUP_FREE uint8_t *exact = malloc (len ? len : 1);

    /* A copy of its own, so that a step beyond its end is noticed. */
    memcpy (exact, raw.data, len);
    demuxed_init (&d);
    demuxer_ps.chunk (exact, 0, len, len, 0, &d);
    assert_int_equal (d.n_streams, n ? 1 : 0);
    if (n)
      assert_int_equal (d.streams[0].len, n);
    check_pieces (&d, &raw, 0);
    demuxed_free (&d);
  }
}

/* Append what two chunks give for `key` and compare with the whole. */
static void
check_cut_at (const struct buffer *raw, size_t cut, const struct demuxed *whole)
{
  CLEANUP_BUFFER struct buffer both = BUFFER_INIT;
  struct demuxed d;

  demuxed_init (&d);
  for (size_t i = 0; i < whole->n_streams; i++) {
    const struct demux_stream *s;

    both.len = 0;
    for (int half = 0; half < 2; half++) {
      size_t from = half ? cut : 0, owned = half ? raw->len - cut : cut;

      demuxed_clear (&d);
      demuxer_ps.chunk (raw->data + from, 0, raw->len - from, owned, from, &d);
      s = demuxed_find (&d, whole->streams[i].key);
      if (s)
        buffer_append (&both, s->data, s->len);
    }
    assert_int_equal (both.len, whole->streams[i].len);
    assert_memory_equal (both.data, whole->streams[i].data, both.len);
  }
  demuxed_free (&d);
}

/* Wherever chunks meet: nothing twice, nothing left out. */
static void
test_chunks (void **state)
{
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;
  struct demuxed whole;

  (void) state;
  put_bytes (&raw, 100, 0);
  for (int i = 0; i < 4; i++) {
    put_video_pack (&raw);
    put_pack_header (&raw, (unsigned) i);
    put_packet_header (&raw, 0xBD, 104, 5);
    buffer_append (&raw, "\x80\1\0\1", 4);
    put_payload (&raw, 100);
    put_packet_header (&raw, 0xC0, 10, 0);
    put_payload (&raw, 10);
  }
  demux_all (&raw, &whole);
  assert_int_equal (whole.n_streams, 3);
  for (size_t cut = 0; cut <= raw.len; cut++)
    check_cut_at (&raw, cut, &whole);
  demuxed_free (&whole);
}

static void
test_add_joins (void **state)
{
  struct demuxed d;
  const struct demux_stream *s;

  (void) state;
  demuxed_init (&d);
  demuxed_add (&d, 1, (const uint8_t *) "abc", 3, 100);
  demuxed_add (&d, 2, (const uint8_t *) "x", 1, 103);
  demuxed_add (&d, 1, (const uint8_t *) "de", 2, 103);
  demuxed_add (&d, 1, (const uint8_t *) "", 0, 0);
  demuxed_add (&d, 1, (const uint8_t *) "f", 1, 106);
  s = demuxed_find (&d, 1);
  assert_int_equal (s->len, 6);
  assert_memory_equal (s->data, "abcdef", 6);
  assert_int_equal (s->n_pieces, 2);
  assert_int_equal (s->pieces[0].len, 5);
  assert_int_equal (s->pieces[1].from, 106);
  assert_int_equal (s->pieces[1].at, 5);
  assert_null (demuxed_find (&d, 3));
  demuxed_free (&d);
}

/* More streams than there may be; and buffers that serve other streams later. */
static void
test_many_streams (void **state)
{
  struct demuxed d;

  (void) state;
  demuxed_init (&d);
  for (int round = 0; round < 3; round++) {
    demuxed_clear (&d);
    for (uint32_t n = 0; n < 5000; n++) {
      uint32_t key = (n * 7 + (uint32_t) round) % 1000;
      uint8_t byte = (uint8_t) key;

      demuxed_add (&d, key, &byte, 1, UINT64_C (2) * n);
    }
    assert_int_equal (d.n_streams, DEMUX_MAX_STREAMS);
    for (size_t i = 0; i < d.n_streams; i++) {
      assert_int_equal (d.streams[i].len, 5);
      assert_int_equal (d.streams[i].n_pieces, 5);
      for (size_t k = 0; k < 5; k++)
        assert_int_equal (d.streams[i].data[k], d.streams[i].key & 0xFF);
    }
  }
  assert_false (d.failed);
  demuxed_free (&d);
}

static void
test_probe (void **state)
{
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT, other = BUFFER_INIT;

  (void) state;
  put_video_pack (&raw);
  assert_true (demuxer_ps.probe (raw.data, raw.len, 0));
  assert_true (demuxer_ps.probe (raw.data, raw.len / 2, 0));
  put_video_pack (&raw);
  assert_true (demuxer_ps.probe (raw.data + 1000, raw.len - 1000, 1000));
  put_bytes (&raw, 5000, 0);
  assert_true (demuxer_ps.probe (raw.data, raw.len, 0));

  put_bytes (&other, 5000, 0);
  put_payload (&other, 5000);
  put_start_code (&other, 0xB3);
  put_bytes (&other, 5000, 0xBA);
  put_pack_header (&other, 0);
  put_payload (&other, 100);
  assert_false (demuxer_ps.probe (other.data, other.len, 0));
  assert_false (demuxer_ps.probe (other.data, 0, 0));
}

/* A pack header is one only with all its marker bits; one without packets proves nothing. */
static void
test_probe_markers (void **state)
{
  static const uint8_t markers[][2] = { { 4, 0x40 }, { 4, 0x04 }, { 6, 0x04 },
                                        { 8, 0x04 }, { 9, 0x01 }, { 12, 0x01 },
                                        { 12, 0x02 } };
  CLEANUP_BUFFER struct buffer raw = BUFFER_INIT;

  (void) state;
  put_video_pack (&raw);
  for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
    raw.data[markers[i][0]] ^= markers[i][1];
    assert_false (demuxer_ps.probe (raw.data, raw.len, 0));
    raw.data[markers[i][0]] ^= markers[i][1];
  }
  assert_true (demuxer_ps.probe (raw.data, raw.len, 0));
  raw.len = 0;
  put_pack_header (&raw, 0);
  put_pack_header (&raw, 0);
  put_payload (&raw, 100);
  assert_false (demuxer_ps.probe (raw.data, raw.len, 0));
}

/* A file of `size` bytes, with packs from `from` to `to`. */
static int
file_with_packs (off_t size, off_t from, off_t to)
{
  CLEANUP_BUFFER struct buffer packs = BUFFER_INIT;
  int fd;

  while ((off_t) packs.len < to - from)
    put_video_pack (&packs);
  fd = memfd_create ("test", MFD_CLOEXEC);
  assert_int_equal (ftruncate (fd, size), 0);
  assert_int_equal (pwrite (fd, packs.data, packs.len, from), (ssize_t) packs.len);
  return fd;
}

static void
test_demuxer_for (void **state)
{
  static const struct {
    off_t size, from, to;
    const struct demuxer *demuxer;
  } files[] = {
    { 3 << 20, (3 << 20) - 4096, 3 << 20, &demuxer_ps },
    { 5000, 0, 4096, &demuxer_ps },
    { 64 << 20, 100000, 110000, &demuxer_ps },
    { 64 << 20, 40 << 20, 44 << 20, &demuxer_ps },
    { 64 << 20, 0, 0, NULL },
    { 0, 0, 0, NULL },
  };

  (void) state;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    int fd = file_with_packs (files[i].size, files[i].from, files[i].to);

    assert_ptr_equal (demuxer_for (fd, (uint64_t) files[i].size), files[i].demuxer);
    close (fd);
  }
  assert_null (demuxer_for (-1, 1000));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_packs),
    cmocka_unit_test (test_mpeg1),
    cmocka_unit_test (test_sub_streams),
    cmocka_unit_test (test_describe),
    cmocka_unit_test (test_scrambled),
    cmocka_unit_test (test_resynchronise),
    cmocka_unit_test (test_cut),
    cmocka_unit_test (test_chunks),
    cmocka_unit_test (test_add_joins),
    cmocka_unit_test (test_many_streams),
    cmocka_unit_test (test_probe),
    cmocka_unit_test (test_demuxer_for),
    cmocka_unit_test (test_probe_markers),
    cmocka_unit_test (test_stream_ids),
    cmocka_unit_test (test_all_sub_streams),
    cmocka_unit_test (test_lpcm),
    cmocka_unit_test (test_no_length),
    cmocka_unit_test (test_sizes),
    cmocka_unit_test (test_long_packs),
    cmocka_unit_test (test_one_goal),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
