/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/demux_ts_units.c: what of a PES packet is elementary stream, and which one;
 * what PMTs tell.
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

/* The optional fields that `flags` and `extension` ask for, `stuffing` behind them. */
static void
put_fields (struct buffer *b, uint8_t flags, int extension, uint8_t sub,
            unsigned stuffing)
{
  size_t start = b->len + 3;

  buffer_append (b, "\x84", 1);
  buffer_u8 (b, flags);
  buffer_u8 (b, 0);
  put_bytes (b, flags >> 6 == 2 ? 5 : flags >> 6 == 3 ? 10 : 0, 0x31);
  put_bytes (b, flags & 0x20 ? 6 : 0, 0xC4);
  put_bytes (b, flags & 0x10 ? 3 : 0, 0x81);
  put_bytes (b, flags & 0x08 ? 1 : 0, 0x00);
  put_bytes (b, flags & 0x04 ? 1 : 0, 0x80);
  put_bytes (b, flags & 0x02 ? 2 : 0, 0x55);
  if (flags & 1) {
    buffer_u8 (b, (uint8_t) extension);
    put_bytes (b, extension & 0x80 ? 16 : 0, 0x76);
    if (extension & 0x40) {
      buffer_u8 (b, 12);
      put_bytes (b, 12, 0x81);
    }
    put_bytes (b, extension & 0x20 ? 2 : 0, 0x80);
    put_bytes (b, extension & 0x10 ? 2 : 0, 0x60);
    if (extension & 1) {
      buffer_u8 (b, 0x81);
      buffer_u8 (b, sub);
    }
  }
  put_bytes (b, stuffing, 0xFF);
  b->data[start - 1] = (uint8_t) (b->len - start);
}

/* Every combination of optional fields; sub 76 is found behind any of them. */
static void
test_pes_headers (void **state)
{
  static const uint8_t subs[] = { 0x71, 0x72, CORE, 0x55, CORE | 0x80 };
  struct expected e[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                          { KEY (AUDIO, CORE), BUFFER_INIT } };
  unsigned round = 0;
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned flags = 0; flags < 256; flags++)
    for (int extension = 0x00; extension < 0x100 && flags >> 6 != 1;
         extension += flags & 1 ? (extension & 1 ? 15 : 1) : 256) {
      CLEANUP_BUFFER struct buffer header = BUFFER_INIT;
      uint8_t sub = subs[round % 5];
      bool core = sub == CORE && flags & 1 && extension & 1;

      put_fields (&header, (uint8_t) flags, extension, sub, round % 200);
      put_pes (&t, &e[core], 0xFD, header.data, header.len, 1 + round % 300);
      round++;
    }
  assert_true (round > 2000);
  finish (&t, e, 2);
}

/* Headers in packets of a few bytes each; other stream ids; lengths that lie. */
static void
test_split_headers (void **state)
{
  struct expected e[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                          { KEY (AUDIO, CORE), BUFFER_INIT },
                          { KEY (0x1800, 0), BUFFER_INIT },
                          { KEY (VIDEO, 0), BUFFER_INIT } };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  for (unsigned most = 1; most < 40; most++) {
    CLEANUP_BUFFER struct buffer header = BUFFER_INIT;

    t.most = most;
    put_fields (&header, 0xC1, 0x41, CORE, most);
    put_pes (&t, &e[1], 0xFD, header.data, header.len, 100);
    put_pes (&t, &e[0], 0xFD, EXTENSION_72, 100);
    put_pes (&t, &e[0], 0xBD, PLAIN, 100);
    put_pes (&t, &e[0], 0xC0, header.data, header.len, 50);
    put_pes (&t, &e[2], 0xBF, "", 0, 70); /* no flags */
    put_pes (&t, &e[3], 0xE0, PLAIN, 1);
    ts_put_pes (&t, VIDEO, 0xBE, "", 0, "\x81\0\0padding", 10);
    ts_put_pes (&t, VIDEO, 0xE0, "\x0F\0\0MPEG-1", 9, "?", 1);
    ts_put (&t, VIDEO, true, "\0\0", 2); /* no start code */
    ts_put (&t, VIDEO, false, "\2\xE0\0\0\x81\0\0never", 12);
    ts_put_pes (&t, VIDEO, 0xE0, "\x81\x00\xFF", 3, "cut", 3);
  }
  t.most = 184;
  put_pes (&t, &e[3], 0xE0, PLAIN, 70000); /* PES_packet_length 0 */
  put_pes (&t, &e[3], 0xE0, PLAIN, 1000);
  finish (&t, e, 4);
}

/* TrueHD and its AC-3 in one PID; a chunk that starts in the middle. */
static void
test_interleaved (void **state)
{
  struct expected e[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                          { KEY (AUDIO, CORE), BUFFER_INIT } };
  struct expected half[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                             { KEY (AUDIO, CORE), BUFFER_INIT } };
  struct demuxed d;
  struct ts t;
  size_t cut = 0;

  (void) state;
  ts_init (&t, 192);
  for (int i = 0; i < 50; i++) {
    if (i == 25) {
      put_pes (&t, &e[1], 0xFD, EXTENSION_76, 2560);
      cut = t.raw.len - 5 * 192;
      /* What is in the packets from there on: stuffing is in the last. */
      buffer_append (&half[1].data, e[1].data.data + e[1].data.len - 2560 + 9 * 184 - 12,
                     2560 - 9 * 184 + 12);
    }
    put_pes (&t, &e[0], 0xFD, EXTENSION_72, 20 + (unsigned) i * 17);
    put_pes (&t, &e[0], 0xFD, EXTENSION_72, 300);
    if (i >= 25)
      buffer_append (&half[0].data,
                     e[0].data.data + e[0].data.len - 320 - (unsigned) i * 17,
                     320 + (unsigned) i * 17);
  }
  check_all (&t, e, 2);

  /* What went before says that it is AC-3 that goes on. */
  demuxed_init (&d);
  ts_chunk (t.raw.data + cut, cut, t.raw.len - cut, t.raw.len - cut, cut, &d);
  assert_int_equal (d.n_streams, 2);
  check_stream (&d, &half[0]);
  check_stream (&d, &half[1]);
  demuxed_clear (&d);

  /* Without that it is taken for TrueHD: nothing is lost. */
  ts_chunk (t.raw.data + cut, 4 * 192, t.raw.len - cut, t.raw.len - cut, cut, &d);
  assert_int_equal (d.n_streams, 1);
  assert_int_equal (d.streams[0].key, KEY (AUDIO, 0));
  assert_int_equal (d.streams[0].len, half[0].data.len + half[1].data.len);
  demuxed_free (&d);
  free_expected (&half[0]);
  free_expected (&half[1]);
  finish (&t, e, 2);
}

static void
test_lpcm (void **state)
{
  static const struct {
    uint8_t layout, bits;
    size_t says, n;
  } others[] = {
    { 0x21, 0x40, 960, 960 }, { 0x01, 0x40, 960, 960 }, { 0xC1, 0x40, 960, 960 },
    { 0x30, 0x40, 960, 960 }, { 0x33, 0x40, 960, 960 }, { 0x36, 0x40, 960, 960 },
    { 0x31, 0x00, 960, 960 }, { 0x31, 0x40, 959, 960 }, { 0x31, 0x40, 964, 960 },
    { 0x31, 0x40, 0, 0 },
  };
  static const uint8_t layouts[] = { 0x11, 0x31, 0x44, 0x95, 0xB1 };
  struct expected e = { KEY (AUDIO, 0), BUFFER_INIT };
  const struct ts_type lpcm = { AUDIO, 0x80 }, ac3 = { AUDIO, 0x81 };
  struct ts t;

  (void) state;
  ts_init (&t, 192);
  /* By its looks. */
  for (unsigned i = 0; i < 15; i++)
    put_lpcm (&t, &e, layouts[i % 5], (uint8_t) (0x40 << i % 2 | (i % 2 ? 0x40 : 0)), 960,
              960, false);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    put_lpcm (&t, &e, others[i].layout, others[i].bits, others[i].says, others[i].n,
              true);
  put_pes (&t, &e, 0xC0, PLAIN, 100);
  /* Because the PMT says so, whatever it looks like and wherever it is cut. */
  ts_put_pmt (&t, 0x100, &lpcm, 1, 0);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    put_lpcm (&t, &e, others[i].layout, others[i].bits, others[i].says, others[i].n,
              false);
  for (t.most = 1; t.most < 30; t.most++)
    put_lpcm (&t, &e, 0x31, 0x40, 100, 100, false);
  t.most = 184;
  put_pes (&t, &e, 0xFD, EXTENSION_72, 100);
  put_pes (&t, &e, 0xE0, PLAIN, 100); /* ATSC has video of this type */
  /* And not, because it says something else. */
  ts_put_pmt (&t, 0x100, &ac3, 1, 7);
  put_lpcm (&t, &e, 0x31, 0x40, 960, 960, true);
  finish (&t, &e, 1);
}

/* A PMT is believed if LPCM that does not look like it loses its header. */
static void
put_proof (struct ts *t, struct expected *e, bool known)
{
  put_lpcm (t, e, 0x00, 0x00, 5, 100, !known);
}

#define N_TYPES 150

/* A section, and others that begin in the packet where it ends: that takes a pointer. */
static void
put_pointed (struct ts *t, const struct buffer *section, const struct buffer *others)
{
  CLEANUP_BUFFER struct buffer unit = BUFFER_INIT, last = BUFFER_INIT;
  size_t at = 0, n;

  buffer_u8 (&unit, 0);
  buffer_append (&unit, section->data, section->len);
  for (; unit.len - at > 60; at += n) {
    n = unit.len - at - 60 < t->most ? unit.len - at - 60 : t->most;
    ts_put (t, 0x1010, at == 0, unit.data + at, n);
  }
  buffer_u8 (&last, (uint8_t) (unit.len - at));
  buffer_append (&last, unit.data + at, unit.len - at);
  buffer_append (&last, others->data, others->len);
  ts_put (t, 0x1010, true, last.data, last.len);
}

/* One too long for a PMT, then an empty one, two PMTs, what is no PMT, and stuffing. */
static void
put_many_sections (struct ts *t, const struct ts_type *one, const struct ts_type *other)
{
  CLEANUP_BUFFER struct buffer section = BUFFER_INIT, others = BUFFER_INIT;
  struct ts_type wrong = { one->pid, 0x90 };
  uint8_t bytes[3000];
  size_t at;

  memset (bytes, 0xAA, sizeof bytes);
  ts_add_section (&section, 0x80, bytes, sizeof bytes);
  ts_add_section (&others, 0x80, bytes, 0);
  ts_add_pmt (&others, one, 1, 3);
  ts_add_pmt (&others, other, 1, 0);
  at = others.len;
  ts_add_pmt (&others, &wrong, 1, 0);
  others.data[at] = 0xC0; /* table_id */
  put_bytes (&others, 7, 0xFF);
  put_pointed (t, &section, &others);
}

/* Two PMTs, the first of many streams. */
static void
put_two_pmts (struct ts *t, const struct ts_type *many, const struct ts_type *other)
{
  CLEANUP_BUFFER struct buffer first = BUFFER_INIT, second = BUFFER_INIT;

  ts_add_pmt (&first, many, N_TYPES, 0);
  ts_add_pmt (&second, other, 1, 0);
  put_pointed (t, &first, &second);
}

/* A PMT that lost a packet, with so much behind it that its length is right; and what
 * would be one, if it began where it may not.
 */
static void
put_broken_pmt (struct ts *t, const struct ts_type *many, const struct ts_type *one)
{
  CLEANUP_BUFFER struct buffer unit = BUFFER_INIT;
  size_t at, n;

  buffer_u8 (&unit, 0);
  ts_add_pmt (&unit, many, N_TYPES, 0);
  for (at = 0; at < unit.len; at += n) {
    n = unit.len - at < 100 ? unit.len - at : 100;
    if (at == 200)
      t->last_cc[0x100]++;
    else
      ts_put (t, 0x100, at == 0, unit.data + at, n);
  }
  ts_put (t, 0x100, false, unit.data + 100, 100);
  unit.len = 0;
  ts_add_pmt (&unit, one, 1, 0);
  t->last_cc[0x100]++;
  ts_put (t, 0x100, false, unit.data, unit.len);
}

/* PMTs of many streams in packets of any size, behind other sections, of several
 * programs.
 */
static void
test_sections (void **state)
{
  struct expected e[] = { { KEY (AUDIO, 0), BUFFER_INIT },
                          { KEY (AUDIO + 1, 0), BUFFER_INIT } };
  struct ts_type types[N_TYPES], other = { AUDIO + 1, 0x80 };
  struct ts_type *one = &types[N_TYPES - 1];
  struct ts t;

  (void) state;
  for (unsigned i = 0; i < N_TYPES; i++)
    types[i] = (struct ts_type){ 0x1200 + i, 0x90 };
  one->pid = AUDIO;
  ts_init (&t, 192);
  for (t.most = 10; t.most <= 184; t.most += 29) {
    one->type = 0x80;
    ts_put_pmt (&t, 0x100, types, N_TYPES, 0);
    put_proof (&t, &e[0], true);
    one->type = 0x86;
    ts_put_pmt (&t, 0x101, types, N_TYPES, 1);
    put_proof (&t, &e[0], false);
    one->type = other.type = 0x80;
    put_many_sections (&t, one, &other);
    put_proof (&t, &e[0], true);
    put_proof (&t, &e[1], true);
    one->type = other.type = 0x81;
    put_two_pmts (&t, types, &other);
    put_proof (&t, &e[0], false);
    put_proof (&t, &e[1], false);
  }

  /* One that is not yet valid, and one that lost a packet, tell nothing. */
  t.most = 184;
  one->type = 0x80;
  ts_put_pmt (&t, 0x100, one, 1, 0);
  ts_last (&t)[4 + 1 + 5] ^= 1; /* current_next_indicator */
  put_proof (&t, &e[0], false);
  put_broken_pmt (&t, types, one);
  put_proof (&t, &e[0], false);
  finish (&t, e, 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_pes_headers), cmocka_unit_test (test_split_headers),
    cmocka_unit_test (test_interleaved), cmocka_unit_test (test_lpcm),
    cmocka_unit_test (test_sections),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
