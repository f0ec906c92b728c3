/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/key_picture.c, indexer/lowest.c: a disc's stream and an MKV's blocks give the same key
 * pictures, whatever is around them; and of many numbers the lowest are kept.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "buffer.h"
#include "key_picture.h"
#include "lowest.h"
#include "make-file.h"
#include "rng.h"

struct given {
  uint64_t hash[16];
  size_t n;
};

static void
add (void *opaque, uint64_t hash)
{
  struct given *g = opaque;

  assert_true (hash <= KEY_PICTURE_MAX && g->n < 16);
  g->hash[g->n++] = hash;
}

static struct given
of_stream (const struct buffer *b)
{
  struct key_units u = { 0 };
  struct given g = { .n = 0 };

  key_pictures_of_stream (&u, b->data, b->len, add, &g);
  assert_false (u.failed);
  key_units_free (&u);
  return g;
}

static struct given
of_frame (const struct buffer *b, enum key_codec codec, unsigned width)
{
  struct key_units u = { 0 };
  struct given g = { .n = 0 };

  key_pictures_of_frame (&u, codec, width, b->data, b->len, add, &g);
  assert_false (u.failed);
  key_units_free (&u);
  return g;
}

static void
assert_same (const struct given *a, const struct given *b)
{
  assert_int_equal (a->n, b->n);
  for (size_t i = 0; i < a->n; i++)
    assert_true (a->hash[i] == b->hash[i]);
}

/* ---- MPEG-2 ---- */

static void
put_mpeg_header (struct buffer *b, bool intra, bool captions)
{
  put_start_code (b, 0x00);
  buffer_append (b, intra ? "\x00\x0F\xFF\xF8" : "\x00\x57\xFF\xFB\x80", intra ? 4 : 5);
  put_start_code (b, 0xB5);
  buffer_append (b, "\x8F\xFF\xF3\x41\x80", 5);
  if (captions) {
    put_start_code (b, 0xB2);
    buffer_append (b, "GA94 some text", 14);
  }
}

/* Slices of so many bytes each, of seeded noise without start codes. */
static void
put_slices (struct buffer *b, unsigned n, size_t len, uint64_t seed)
{
  for (unsigned i = 1; i <= n; i++) {
    put_start_code (b, (uint8_t) i);
    for (size_t k = 0; k < len; k++)
      buffer_u8 (b, (uint8_t) (0x10 + rng_below (&seed, 0x70)));
  }
}

/* Two GOPs on the disc; in the MKV with other headers, and one block a picture. */
static void
test_mpeg (void **state)
{
  CLEANUP_BUFFER struct buffer disc = BUFFER_INIT;
  struct given all = { .n = 0 }, got;

  (void) state;
  for (uint64_t gop = 0; gop < 2; gop++) {
    CLEANUP_BUFFER struct buffer block = BUFFER_INIT;

    put_start_code (&disc, 0xB3);
    put_payload (&disc, 8);
    put_start_code (&disc, 0xB8);
    put_payload (&disc, 4);
    put_mpeg_header (&disc, true, true);
    put_slices (&disc, 36, 163, gop);
    put_mpeg_header (&disc, false, true);
    put_slices (&disc, 36, 163, 100 + gop);
    put_mpeg_header (&block, true, false);
    put_slices (&block, 36, 163, gop);
    got = of_frame (&block, KEY_MPEG, 0);
    assert_int_equal (got.n, 1);
    all.hash[all.n++] = got.hash[0];
  }
  got = of_stream (&disc);
  assert_same (&got, &all);
  assert_true (all.hash[0] != all.hash[1]);
}

/* A blank picture is none; one whose beginning is not there is none. */
static void
test_mpeg_none (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  put_slices (&b, 36, 163, 1);
  put_mpeg_header (&b, true, false);
  put_slices (&b, 4, 100, 2);
  put_start_code (&b, 0xB7);
  put_payload (&b, 3000);
  put_mpeg_header (&b, false, false);
  put_slices (&b, 36, 163, 3);
  assert_int_equal (of_stream (&b).n, 0);
}

/* All its bytes count, and no byte behind them. */
static void
test_which_bytes (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct given whole, cut;
  size_t first;

  (void) state;
  put_mpeg_header (&b, true, false);
  first = b.len + 3;
  put_slices (&b, 36, 163, 1);
  whole = of_frame (&b, KEY_MPEG, 0);
  assert_int_equal (whole.n, 1);
  b.len = first + KEY_PICTURE_BYTES;
  cut = of_frame (&b, KEY_MPEG, 0);
  assert_same (&whole, &cut);
  b.data[b.len - 1] ^= 1;
  cut = of_frame (&b, KEY_MPEG, 0);
  assert_int_equal (cut.n, 1);
  assert_true (cut.hash[0] != whole.hash[0]);
  b.len--;
  assert_int_equal (of_frame (&b, KEY_MPEG, 0).n, 0);
}

/* ---- NAL units ---- */

/* Both forms of a unit; `kept`: it is in the MKV. */
struct forms {
  struct buffer disc, block;
  unsigned width;
};

static void
put_unit (struct forms *f, const char *head, size_t n_head, size_t len, uint64_t seed,
          bool kept)
{
  CLEANUP_BUFFER struct buffer unit = BUFFER_INIT;

  buffer_append (&unit, head, n_head);
  while (unit.len < len)
    buffer_u8 (&unit, (uint8_t) (0x10 + rng_below (&seed, 0x70)));
  buffer_append (&f->disc, "\0\0\0\1", 4);
  buffer_append (&f->disc, unit.data, unit.len);
  if (!kept)
    return;
  for (unsigned i = f->width; i-- > 0;)
    buffer_u8 (&f->block, (uint8_t) (unit.len >> (8 * i)));
  buffer_append (&f->block, unit.data, unit.len);
}
#define PUT_UNIT(f, head, ...) put_unit (f, head, sizeof head - 1, __VA_ARGS__)

static void
forms_free (struct forms *f)
{
  buffer_free (&f->disc);
  buffer_free (&f->block);
}

/* first_mb 0, slice_type 7 (I), …; then first_mb 4080; a P picture; one of small slices. */
static void
test_avc (void **state)
{
  (void) state;
  for (unsigned width = 2; width <= 4; width += 2) {
    struct forms f = { .width = width };
    struct given disc, block;

    PUT_UNIT (&f, "\x09\x10", 2, 0, false);
    PUT_UNIT (&f, "\x67\x64\x00\x29", 30, 1, true);
    PUT_UNIT (&f, "\x68\xEE", 8, 2, true);
    PUT_UNIT (&f, "\x06\x01", 12, 3, true);
    PUT_UNIT (&f, "\x65\x88\x84", 1000, 4, true);         /* too small, … */
    PUT_UNIT (&f, "\x65\x00\x1F\xE2\x20", 5000, 5, true); /* … so this one */
    PUT_UNIT (&f, "\x65\x00\x1F\xE4\x20", 5000, 6, true); /* and no other */
    PUT_UNIT (&f, "\x09\x30", 2, 0, false);
    PUT_UNIT (&f, "\x41\x9A\x24", 6000, 7, true); /* first_mb 0, slice_type 5 (P) */
    PUT_UNIT (&f, "\x09\x10", 2, 0, false);
    PUT_UNIT (&f, "\x61\x88\x80", 2500, 8, true); /* I, but no IDR */
    disc = of_stream (&f.disc);
    block = of_frame (&f.block, KEY_AVC, width);
    assert_int_equal (disc.n, 2);
    assert_same (&disc, &block);
    /* The same from start codes that a remuxer has kept. */
    block = of_frame (&f.disc, KEY_AVC, 0);
    assert_same (&disc, &block);
    forms_free (&f);
  }
}

/* IDR_W_RADL with first_slice_segment_in_pic_flag, TRAIL_R, CRA, and a slice of it. */
static void
test_hevc (void **state)
{
  struct forms f = { .width = 4 };
  struct given disc, block;

  (void) state;
  PUT_UNIT (&f, "\x46\x01\x10", 3, 0, true);
  PUT_UNIT (&f, "\x40\x01", 24, 1, true);
  PUT_UNIT (&f, "\x42\x01", 60, 2, true);
  PUT_UNIT (&f, "\x44\x01", 8, 3, true);
  PUT_UNIT (&f, "\x4E\x01", 20, 4, true);
  PUT_UNIT (&f, "\x26\x01\xAC", 9000, 5, true);
  PUT_UNIT (&f, "\x46\x01\x30", 3, 0, true);
  PUT_UNIT (&f, "\x02\x01\xD0", 9000, 6, true);
  PUT_UNIT (&f, "\x2A\x01\xA8", 9000, 7, true);
  PUT_UNIT (&f, "\x2A\x01\x28", 9000, 8, true);
  disc = of_stream (&f.disc);
  block = of_frame (&f.block, KEY_HEVC, 4);
  assert_int_equal (disc.n, 2);
  assert_same (&disc, &block);
  forms_free (&f);
}

/* A frame behind an entry point; other frames are not. */
static void
test_vc1 (void **state)
{
  struct forms f = { .width = 0 };
  struct given disc, block;

  (void) state;
  PUT_UNIT (&f, "\x0F\xC8", 40, 1, false);
  PUT_UNIT (&f, "\x0E\x48", 12, 2, false);
  PUT_UNIT (&f, "\x0D\x80", 4000, 3, false);
  PUT_UNIT (&f, "\x0D\x20", 4000, 4, false);
  PUT_UNIT (&f, "\x0E\x48", 12, 5, false);
  PUT_UNIT (&f, "\x0D\x80", 1000, 6, false);
  disc = of_stream (&f.disc);
  block = of_frame (&f.disc, KEY_VC1, 0);
  assert_int_equal (disc.n, 1);
  assert_same (&disc, &block);
  forms_free (&f);
}

/* A unit whose end is not known yet: a block of which the front was read. */
static void
test_front (void **state)
{
  struct forms f = { .width = 4 };
  struct given whole, front;

  (void) state;
  PUT_UNIT (&f, "\x68\xEE", 8, 1, true);
  PUT_UNIT (&f, "\x65\x88\x84", 9000, 2, true);
  whole = of_frame (&f.block, KEY_AVC, 4);
  f.block.len = 12 + 4 + KEY_PICTURE_BYTES;
  front = of_frame (&f.block, KEY_AVC, 4);
  assert_int_equal (whole.n, 1);
  assert_same (&whole, &front);
  f.block.len--;
  assert_int_equal (of_frame (&f.block, KEY_AVC, 4).n, 0);
  forms_free (&f);
}

static void
test_codecs (void **state)
{
  struct matroska_track t = { .codec = "V_MPEG2" };

  (void) state;
  assert_int_equal (key_codec (&t), KEY_MPEG);
  memcpy (t.codec, "V_MS/VFW/FOURCC", 16);
  assert_int_equal (key_codec (&t), KEY_NO_CODEC);
  memcpy (t.private + 16, "WVC1", 4);
  assert_int_equal (key_codec (&t), KEY_NO_CODEC);
  t.n_private = 20;
  assert_int_equal (key_codec (&t), KEY_VC1);
  memcpy (t.codec, "A_AC3", 6);
  assert_int_equal (key_codec (&t), KEY_NO_CODEC);
}

/* ---- the lowest ---- */

static int
by_value (const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

/* Whatever their order, and however often each comes. */
static void
test_lowest (void **state)
{
  enum {
    N = 5000,
    MOST = 100
  };
  static uint64_t all[N];
  uint64_t seed = 1;

  (void) state;
  for (int i = 0; i < N; i++)
    all[i] = rng_next (&seed) >> 16;
  for (int pass = 0; pass < 3; pass++) {
    struct lowest l;

    lowest_init (&l, MOST, UINT64_MAX >> 16);
    for (int i = 0; i < N; i++)
      for (int k = 0; k <= i % 3; k++)
        lowest_add (&l, all[pass == 1 ? N - 1 - i : i]);
    lowest_settle (&l);
    assert_false (l.failed);
    qsort (all, N, sizeof *all, by_value); /* the next pass has them in order */
    assert_int_equal (l.n, MOST);
    assert_memory_equal (l.numbers, all, MOST * sizeof *all);
    assert_true (l.limit == all[MOST - 1]);
    lowest_free (&l);
  }
}

/* Of few all are kept, and nothing is missing. */
static void
test_few (void **state)
{
  struct lowest l;

  (void) state;
  lowest_init (&l, 10, 1000);
  lowest_settle (&l);
  assert_int_equal (l.n, 0);
  for (uint64_t i = 0; i < 20; i++)
    lowest_add (&l, 995 + i % 9);
  lowest_settle (&l);
  assert_int_equal (l.n, 6);
  assert_int_equal (l.limit, 1000);
  lowest_free (&l);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_mpeg),        cmocka_unit_test (test_mpeg_none),
    cmocka_unit_test (test_which_bytes), cmocka_unit_test (test_avc),
    cmocka_unit_test (test_hevc),        cmocka_unit_test (test_vc1),
    cmocka_unit_test (test_front),       cmocka_unit_test (test_codecs),
    cmocka_unit_test (test_lowest),      cmocka_unit_test (test_few),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
