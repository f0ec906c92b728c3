/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments that are damaged, by accident or with a right checksum by intent: refused, or
 * at least reaching nothing that they may not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "column.h"
#include "forge-segment.h"
#include "naive.h"
#include "random-plan.h"
#include "recoding.h"
#include "rng.h"
#include "rounds.h"
#include "segment_format.h"
#include "segment_plan.h"

static void
test_every_flip_is_refused (void **state)
{
  (void) state;
  for (uint64_t seed = 0; seed < 4; seed++) {
    CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct random_plan p;
    struct segment *seg;
    size_t step;

    random_plan_make (&p, seed, 1u << 12);
    assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), 0);
    seg = forged_decode (coded.data, coded.len, &p.ctx);
    assert_non_null (seg);
    segment_free (seg);
    step = coded.len / 2000 + 1;
    for (size_t i = 0; i < coded.len; i += step) {
      coded.data[i] ^= (uint8_t) (1u << (i & 7));
      assert_null (forged_decode (coded.data, coded.len, &p.ctx));
      coded.data[i] ^= (uint8_t) (1u << (i & 7));
      assert_null (forged_decode (coded.data, i, &p.ctx));
    }
    /* Nor is a segment in another's place. */
    p.ctx.number++;
    assert_null (forged_decode (coded.data, coded.len, &p.ctx));
    random_plan_free (&p);
  }
}

static void
fix_checksum (uint8_t *coded, size_t len, uint32_t number)
{
  len -= SEGMENT_CHECKSUM_SIZE;
  put_le64 (coded + len, segment_checksum (coded, len, number));
}

/* Change some bytes of what is coded, its columns above all. */
static void
mutate (uint64_t *rng, uint8_t *coded, size_t len)
{
  for (uint64_t k = rng_between (rng, 1, 3); k > 0; k--) {
    size_t most = rng_below (rng, 2) ? len : len / 4 + 1;
    uint8_t *byte = &coded[rng_below (rng, most)];

    switch (rng_below (rng, 4)) {
    case 0:
      *byte ^= (uint8_t) (1u << rng_below (rng, 8));
      break;
    case 1:
      *byte += rng_below (rng, 2) ? 1 : 255;
      break;
    case 2:
      *byte = rng_below (rng, 2) ? 0xff : 0;
      break;
    default:
      *byte = (uint8_t) rng_next (rng);
    }
  }
}

/* With a right checksum: refused, or as sane as any other. */
static void
test_forged_segments_are_sane (void **state)
{
  uint64_t rng = 6;
  size_t accepted = 0, refused = 0;

  (void) state;
  for (uint64_t seed = 0; seed < 60; seed++) {
    CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
    struct random_plan p;
    struct error err = ERROR_INIT;

    random_plan_make (&p, seed, 1u << 12);
    assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), 0);
    for (unsigned i = 0; i < rounds (200); i++) {
      uint8_t *forged = malloc (coded.len);
      struct segment *seg;
      const char *complaint;

      memcpy (forged, coded.data, coded.len);
      mutate (&rng, forged, coded.len - SEGMENT_CHECKSUM_SIZE);
      fix_checksum (forged, coded.len, p.ctx.number);
      seg = forged_decode (forged, coded.len, &p.ctx);
      complaint = seg ? naive_complaint (seg, &p.ctx) : NULL;
      if (complaint)
        fail_msg ("seed %d, try %u: %s", (int) seed, i, complaint);
      accepted += seg != NULL;
      refused += seg == NULL;
      segment_free (seg);
      free (forged);
    }
    random_plan_free (&p);
  }
  /* Both have been tried. */
  assert_true (accepted > 100 && refused > 100);
}

enum {
  SMALL_SOURCE = 10000
};

#define BODY(body, len) forged_body_decodes (body, sizeof (body) - 1, len, SMALL_SOURCE)
#define ACCEPTED(body, len) assert_true (BODY (body, len))
#define REFUSED(body, len) assert_false (BODY (body, len))

/* One walk with one lane; a template of `gap` and length 5; so many pieces. */
static bool
lane_decodes (uint64_t source, uint64_t start, int64_t gap, uint64_t pieces,
              const char *columns, size_t n, uint32_t len)
{
  struct forged_layout l;
  struct forged_walk w;

  forge_layout (&l);
  w = forge_walk (&l, start, 0, 1);
  forge_new (&w, 0, gap, 5);
  w.n_pieces = pieces;
  w.source = source;
  return forged_walk_decodes (&w, columns, n, len, SMALL_SOURCE);
}

#define LANE(source, start, gap, pieces, columns, len) \
  lane_decodes (source, start, gap, pieces, columns, sizeof (columns) - 1, len)

/* Columns with no walks and no shapes; symbols, and literals. */
#define PLAIN(symbols, literals) "\x01\x00\x00" symbols "\x00" literals

/* One symbol, a copy without header from lane 0: `len` bytes after `skip`. */
#define ONE_SHAPE "\x01\x01\x01\x01\x00\x00\x00"
#define COPY(len, skip) ONE_SHAPE "\x01\x01\x01\x02\x01\x01" len "\x01\x01" skip

static void
test_forged_literals (void **state)
{
  (void) state;
  REFUSED ("", 10);     /* no method */
  REFUSED ("\x00", 10); /* stored: nothing */
  ACCEPTED ("\x00\x00"
            "1234567890",
            10);
  REFUSED ("\x00\x00"
           "123456789",
           10);
  REFUSED ("\x00\x00"
           "1234567890x",
           10);
  REFUSED ("\x00\x01"
           "x",
           0); /* an empty segment */
  REFUSED ("\x02\x01"
           "x",
           10);                     /* no such method */
  REFUSED (PLAIN ("\x00", ""), 10); /* no symbols */
#define LITERAL(len, bytes) PLAIN ("\x01\x00", "\x01\x00" len "\x00" bytes)
  ACCEPTED (LITERAL ("\x0a", "1234567890"), 10);
  REFUSED (LITERAL ("\x0a", "123456789"), 10);
  REFUSED (LITERAL ("\x09", "123456789"), 10);
  REFUSED (LITERAL ("\x0b", "1234567890x"), 10);
  REFUSED (LITERAL ("\x0a", "1234567890x"), 10);
#undef LITERAL
  ACCEPTED (PLAIN ("\x02\x00", "\x01\x00\x04\x06\x00"
                               "1234567890"),
            10);
  REFUSED (PLAIN ("\x02\x00", "\x01\x00\x00\x0a\x00"
                              "1234567890"),
           10);                                                   /* of no length */
  ACCEPTED (PLAIN ("\x01\x01\x01\x01", "\x01\x01\x0a\x01x"), 10); /* a fill */
  REFUSED (PLAIN ("\x01\x01\x01\x02", "\x01\x01\x0a\x01x"), 10);  /* no such symbol */
}

/* What of a body ends before it does, or goes on behind it. */
static void
test_forged_ends (void **state)
{
  static const char columns[] = COPY ("\x0a", "\x00");
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct forged_layout l;
  struct forged_walk w;

  (void) state;
  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  forge_new (&w, 0, 0, 5);
  w.n_pieces = 2;
  forge_walk_end (&w);
  forge_layout_end (&l);
  forged_layout_body (&b, &l, columns, sizeof columns - 1);
  forged_layout_free (&l);
  assert_true (forged_body_decodes (b.data, b.len, 10, SMALL_SOURCE));
  for (size_t n = 0; n < b.len; n++)
    assert_false (forged_body_decodes (b.data, n, 10, SMALL_SOURCE));
  buffer_u8 (&b, 0);
  assert_false (forged_body_decodes (b.data, b.len, 10, SMALL_SOURCE));
}

static void
test_forged_copies (void **state)
{
  (void) state;
  assert_true (LANE (0, 0, 0, 2, COPY ("\x0a", "\x00"), 10));
  assert_true (LANE (0, 9990, 0, 2, COPY ("\x0a", "\x00"), 10));
  /* Sources, lanes and what lies in them. */
  assert_false (LANE (1, 0, 0, 2, COPY ("\x0a", "\x00"), 10));
  assert_false (LANE (0, 9991, 0, 2, COPY ("\x0a", "\x00"), 10));
  assert_false (LANE (0, 0, -1, 1, COPY ("\x05", "\x00"), 5));
  assert_true (LANE (0, 1, -1, 1, COPY ("\x05", "\x00"), 5));
  assert_false (LANE (0, 0, 0, 2,
                      "\x01\x01\x02\x01\x00\x00\x00\x01\x01\x01\x02\x01\x01\x0a\x01\x01"
                      "\x00",
                      10));
  /* Pieces may overlap, but not beyond the source's beginning. */
  assert_true (LANE (0, 80, -1, 4, COPY ("\x14", "\x00"), 20));
  assert_true (LANE (0, 7, -6, 2, COPY ("\x0a", "\x00"), 10));
  assert_false (LANE (0, 6, -6, 2, COPY ("\x0a", "\x00"), 10));
  /* More than the lane has, behind it, before it. */
  assert_false (LANE (0, 0, 0, 2, COPY ("\x0b", "\x00"), 11));
  assert_true (LANE (0, 0, 0, 2, COPY ("\x09", "\x02"), 9));
  assert_false (LANE (0, 0, 0, 2, COPY ("\x0a", "\x02"), 10));
  assert_false (LANE (0, 0, 0, 2, COPY ("\x09", "\x01"), 9));
}

/* A clock, and the skip of what is no copy. */
static void
test_forged_shapes (void **state)
{
  (void) state;
#define CLOCK(column) \
  "\x01\x01\x01\x01\x00" column "\x00\x01\x01\x01\x02\x01\x01\x0a\x01\x01\x00"
  assert_true (LANE (0, 0, 0, 2, CLOCK ("\x01\x01\xff"), 10));
  assert_false (LANE (0, 0, 0, 2, CLOCK ("\x02\x01\x00\x01\x01"), 10));
#undef CLOCK
  /* Two symbols, "xyz" and a copy each; the first one's is of so many bytes. */
#define SKIPS(first, skips, len)                                                        \
  LANE (0, 0, 0, 2,                                                                     \
        "\x01\x01\x01\x01\x00\x00\x01\x01\x04\x00\x03xyz\x02\x01\x01\x02\x01\x00" first \
        "\x05" skips,                                                                   \
        len)
#define FAR_SKIP "\x10\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x02"
  assert_true (SKIPS ("\x05", "\x00", 16));
  assert_true (SKIPS ("\x00", "\x00", 11));
  assert_true (SKIPS ("\x00", FAR_SKIP, 11));
  assert_false (SKIPS ("\x05", FAR_SKIP, 16));
#undef FAR_SKIP
#undef SKIPS
}

/* One symbol, a copy of kind `kind` without header from that lane; `checks`: a column. */
#define RECODED(kind, len, skip, material, offset, checks)                               \
  "\x01\x01\x01\x01\x01\x01" kind "\x00\x00\x01\x01\x01\x02\x01\x01" len "\x01\x01" skip \
  "\x01\x01" material "\x01\x01" offset checks

static void
test_forged_recodings (void **state)
{
  (void) state;
#define SPLIT20(len, skip, material, offset, n) \
  LANE (0, 0, 0, 3, RECODED ("\x10", len, skip, material, offset, ""), n)
  assert_true (SPLIT20 ("\x0c", "\x00", "\x0a", "\x00", 12));
  assert_true (SPLIT20 ("\x0b", "\x00", "\x0a", "\x01", 11));
  assert_true (SPLIT20 ("\x0b", "\x0a", "\x0a", "\x00", 11));
  assert_false (SPLIT20 ("\x0c", "\x0c", "\x0a", "\x00", 12)); /* beyond the lane */
  assert_false (SPLIT20 ("\x0c", "\x00", "\x0a", "\x01", 12)); /* beyond the result */
  assert_false (SPLIT20 ("\x0d", "\x00", "\x0a", "\x00", 13));
  assert_false (SPLIT20 ("\x01", "\x00", "\x0a", "\x0c", 1));
  assert_false (SPLIT20 ("\x0c", "\x00", "\x00", "\x00", 12)); /* of nothing */
  assert_false (SPLIT20 ("\x0c", "\x00", "\x0b", "\x00", 12)); /* no whole units */
  assert_false (SPLIT20 ("\x0c", "\x00", "\x14", "\x00", 12)); /* more than there is */
#undef SPLIT20
#define KEEP1_16(len, material, offset, n) \
  LANE (0, 0, 0, 3, RECODED ("\x14", len, "\x00", material, offset, ""), n)
  assert_true (KEEP1_16 ("\x06", "\x0c", "\x00", 6));
  assert_true (KEEP1_16 ("\x05", "\x0c", "\x01", 5));
  assert_false (KEEP1_16 ("\x06", "\x0c", "\x01", 6)); /* beyond the result */
  assert_false (KEEP1_16 ("\x05", "\x0a", "\x00", 5)); /* no whole units */
  assert_false (KEEP1_16 ("\x08", "\x10", "\x00", 8)); /* more than there is */
#undef KEEP1_16
#define KEEP7_16(len, material, offset, n) \
  LANE (0, 0, 0, 4, RECODED ("\x20", len, "\x00", material, offset, ""), n)
  assert_true (KEEP7_16 ("\x0e", "\x10", "\x00", 14));
  assert_true (KEEP7_16 ("\x0d", "\x10", "\x01", 13));
  assert_false (KEEP7_16 ("\x0f", "\x10", "\x00", 15));
  assert_false (KEEP7_16 ("\x0e", "\x14", "\x00", 14));
#undef KEEP7_16
#define DEFLATE(len, material, offset, checks, n) \
  LANE (0, 0, 0, 3, RECODED ("\x24", len, "\x00", material, offset, checks), n)
#define FULL_32_BITS "\x04\x01\xff\x01\xff\x01\xff\x01\xff"
#define BIT_32 "\x05\x01\x00\x01\x00\x01\x00\x01\x00\x01\x01"
  assert_true (DEFLATE ("\x14", "\x07", "\x00", "\x00", 20));
  assert_true (DEFLATE ("\x03", "\x07", "\x11", FULL_32_BITS, 3));
  assert_false (DEFLATE ("\x03", "\x07", "\x11", BIT_32, 3));
  assert_false (DEFLATE ("\x03", "\x07", "\x12", "\x00", 3));
  assert_false (DEFLATE ("\x15", "\x07", "\x00", "\x00", 21));
  assert_false (DEFLATE ("\x14", "\x07", "\x00", "", 20)); /* no check */
  assert_false (DEFLATE ("\x03", "\x00", "\x00", "\x00", 3));
#undef DEFLATE
}

/* A header but no payload: nothing to recode. */
static void
test_forged_empty_recoding (void **state)
{
  (void) state;
#define HEADER(kind, columns)                                  \
  LANE (0, 0, 0, 3,                                            \
        "\x01\x01\x01\x01\x01\x01" kind                        \
        "\x00\x01\x01\x04\x00\x03xyz\x01\x01\x01\x02" columns, \
        3)
  assert_true (HEADER ("\x00", "\x00\x00"));
  assert_false (HEADER ("\x10", "\x00\x00\x01\x01\x0a\x00"));
  assert_false (HEADER ("\x10", "\x00\x00\x00\x00"));
#undef HEADER
}

/* ---- operations and material ---- */

/* A few bytes that ask for many operations of 16 MiB: 300 strides, then pieces of one byte,
 * copied twice, and `more` of them again; what is left is a fill.
 */
static bool
operations_decode (uint64_t more)
{
  CLEANUP_BUFFER struct buffer columns = BUFFER_INIT, b = BUFFER_INIT;
  const uint32_t len = 1u << 24;
  const uint64_t n_pieces = segment_max_records (len), last = n_pieces - 600;
  const uint64_t fill_len = len - n_pieces - last - more;
  uint64_t symbols[304], lens[303], skips[303] = { 0 };
  struct forged_layout l;
  struct forged_walk w;

  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  for (uint32_t i = 0; i < 303; i++) {
    if (i < 301)
      forge_new (&w, i > 0, 2 * (i + 1), 1);
    symbols[i] = SYMBOL_SHAPE;
    lens[i] = i < 300 ? 2 : last;
  }
  w.n_pieces = n_pieces;
  forge_walk_end (&w);
  forge_layout_end (&l);
  symbols[303] = SYMBOL_FILL;
  lens[302] = more;
  skips[301] = skips[302] = zigzag (-(int64_t) last);
  buffer_append (&columns, ONE_SHAPE, sizeof ONE_SHAPE - 1);
  buffer_varint (&columns, 304);
  column_encode (&columns, symbols, 304);
  column_encode (&columns, lens, 303);
  column_encode (&columns, skips, 303);
  forged_layout_body (&b, &l, columns.data, columns.len);
  column_encode (&b, &fill_len, 1);
  plane_encode (&b, (const uint8_t *) "x", 1);
  assert_false (columns.failed || l.walks.failed || l.events.failed || b.failed);
  forged_layout_free (&l);
  return forged_body_decodes (b.data, b.len, len, UINT64_C (1) << 40);
}

/* All but 256 strides are as many operations as pieces. */
static void
test_operations_are_bounded (void **state)
{
  (void) state;
  assert_true (operations_decode (1200 - 256 - 2 * 44 - 1));
  assert_false (operations_decode (1200 - 256 - 2 * 44));
  assert_false (operations_decode (1u << 20));
}

/* So many uses of one shape that recodes 4 MiB, all there may be, for a byte each. */
static bool
forged_material_decodes (uint32_t n)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  uint64_t zeros[20] = { 0 }, ones[20], symbols[20], all[20];
  struct forged_layout l;
  struct forged_walk w;

  for (size_t i = 0; i < 20; i++) {
    symbols[i] = SYMBOL_SHAPE;
    ones[i] = 1;
    all[i] = RECODING_MAX_MATERIAL;
  }
  buffer_append (&b, "\x01\x01\x01\x01\x01\x01\x24\x00\x00", 9); /* a shape */
  buffer_varint (&b, n);
  column_encode (&b, symbols, n);
  column_encode (&b, ones, n);  /* payload lengths */
  column_encode (&b, zeros, n); /* skips */
  column_encode (&b, all, n);
  column_encode (&b, zeros, n); /* offsets */
  column_encode (&b, zeros, n); /* checks */
  assert_false (b.failed);
  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  forge_new (&w, 0, 0, 1 << 15);
  w.n_pieces = n * (RECODING_MAX_MATERIAL >> 15);
  forge_walk_end (&w);
  forge_layout_end (&l);
  return forged_layout_decodes (&l, b.data, b.len, n, UINT64_C (1) << 40);
}

static void
test_forged_material_is_bounded (void **state)
{
  (void) state;
  assert_true (forged_material_decodes (SEGMENT_MAX_MATERIAL / RECODING_MAX_MATERIAL));
  assert_false (
    forged_material_decodes (SEGMENT_MAX_MATERIAL / RECODING_MAX_MATERIAL + 1));
}

/* So many times the same 4000 pieces, each a byte longer or shorter than the one before, as
 * material for a byte.
 */
static bool
forged_material_ops_decode (uint32_t n)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  const uint64_t back = zigzag (-6000);
  const uint64_t symbols[] = { 2, 2, 2 }, ones[] = { 1, 1, 1 },
                 skips[] = { 0, back, back }, materials[] = { 6000, 6000, 6000 },
                 zeros[] = { 0, 0, 0 };
  struct forged_layout l;
  struct forged_walk w;

  buffer_append (&b, "\x01\x01\x01\x01\x01\x01\x10\x00\x00", 9); /* a shape */
  buffer_varint (&b, n);
  column_encode (&b, symbols, n);
  column_encode (&b, ones, n);
  column_encode (&b, skips, n);
  column_encode (&b, materials, n);
  column_encode (&b, zeros, n);
  assert_false (b.failed);
  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  forge_new (&w, 0, 2, 1);
  forge_new (&w, 0, 2, 2);
  while (w.n_pieces < 4000)
    forge_known (&w, 0, w.n_pieces % 2);
  forge_walk_end (&w);
  forge_layout_end (&l);
  return forged_layout_decodes (&l, b.data, b.len, n, 1u << 20);
}

static void
test_material_operations_are_bounded (void **state)
{
  (void) state;
  assert_true (forged_material_ops_decode (2));
  assert_false (forged_material_ops_decode (3));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_every_flip_is_refused),
    cmocka_unit_test (test_forged_segments_are_sane),
    cmocka_unit_test (test_forged_literals),
    cmocka_unit_test (test_forged_ends),
    cmocka_unit_test (test_forged_copies),
    cmocka_unit_test (test_forged_shapes),
    cmocka_unit_test (test_forged_recodings),
    cmocka_unit_test (test_forged_empty_recoding),
    cmocka_unit_test (test_operations_are_bounded),
    cmocka_unit_test (test_forged_material_is_bounded),
    cmocka_unit_test (test_material_operations_are_bounded),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
