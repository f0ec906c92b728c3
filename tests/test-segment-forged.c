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
#include "naive.h"
#include "random-plan.h"
#include "recoding.h"
#include "rng.h"
#include "segment_format.h"
#include "segment_plan.h"

static struct segment *
decode_quietly (const uint8_t *coded, size_t len, const struct segment_context *ctx)
{
  struct error err = ERROR_INIT;
  struct segment *seg = segment_decode (coded, len, ctx, &err);

  assert_true (seg || err.text[0]);
  return seg;
}

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
    seg = decode_quietly (coded.data, coded.len, &p.ctx);
    assert_non_null (seg);
    segment_free (seg);
    step = coded.len / 2000 + 1;
    for (size_t i = 0; i < coded.len; i += step) {
      coded.data[i] ^= (uint8_t) (1u << (i & 7));
      assert_null (decode_quietly (coded.data, coded.len, &p.ctx));
      coded.data[i] ^= (uint8_t) (1u << (i & 7));
      assert_null (decode_quietly (coded.data, i, &p.ctx));
    }
    /* Nor is a segment in another's place. */
    p.ctx.number++;
    assert_null (decode_quietly (coded.data, coded.len, &p.ctx));
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
    for (int i = 0; i < 200; i++) {
      uint8_t *forged = malloc (coded.len);
      struct segment *seg;
      const char *complaint;

      memcpy (forged, coded.data, coded.len);
      mutate (&rng, forged, coded.len - SEGMENT_CHECKSUM_SIZE);
      fix_checksum (forged, coded.len, p.ctx.number);
      seg = decode_quietly (forged, coded.len, &p.ctx);
      complaint = seg ? naive_complaint (seg, &p.ctx) : NULL;
      if (complaint)
        fail_msg ("seed %d, try %d: %s", (int) seed, i, complaint);
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

/* A body with a right checksum: is it decoded? */
static bool
forged_decodes (const char *body, size_t n, uint32_t len)
{
  static const uint64_t sizes[1] = { 10000 };
  struct segment_context ctx = { .len = len, .n_sources = 1, .source_sizes = sizes };
  uint8_t coded[128] = { 0 };
  struct segment *seg;

  memcpy (coded, body, n);
  fix_checksum (coded, n + SEGMENT_CHECKSUM_SIZE, 0);
  seg = decode_quietly (coded, n + SEGMENT_CHECKSUM_SIZE, &ctx);
  segment_free (seg);
  return seg != NULL;
}

#define ACCEPTED(body, len) assert_true (forged_decodes (body, sizeof (body) - 1, len))
#define REFUSED(body, len) assert_false (forged_decodes (body, sizeof (body) - 1, len))

/* Columns with no layout and no shapes. */
#define PLAIN "\x01\x00\x00\x00\x00"

/* One walk with one lane; a template of `gap` and length 5; two pieces. */
#define LANE(source, start, lane, gap, repeated)                     \
  "\x01\x01" source start "\x01\x00\x01\x01\x01" lane "\x01\x01" gap \
  "\x01\x01\x05\x01\x00\x01\x01" repeated

/* One symbol, a copy without header from that lane: `len` bytes after `skip`. */
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
           10);               /* no such method */
  REFUSED (PLAIN "\x00", 10); /* no symbols */
  ACCEPTED (PLAIN "\x01\x00\x01\x00\x0a\x00"
                  "1234567890",
            10);
  REFUSED (PLAIN "\x01\x00\x01\x00\x0a\x00"
                 "123456789",
           10);
  REFUSED (PLAIN "\x01\x00\x01\x00\x09\x00"
                 "123456789",
           10);
  REFUSED (PLAIN "\x01\x00\x01\x00\x0b\x00"
                 "1234567890x",
           10);
  REFUSED (PLAIN "\x01\x00\x01\x00\x0a\x00"
                 "1234567890x",
           10);
  ACCEPTED (PLAIN "\x02\x00\x01\x00\x04\x06\x00"
                  "1234567890",
            10);
  REFUSED (PLAIN "\x02\x00\x01\x00\x00\x0a\x00"
                 "1234567890",
           10); /* of no length */
  ACCEPTED (PLAIN "\x01\x01\x01\x01\x01\x01\x0a\x01"
                  "x",
            10); /* a fill */
  REFUSED (PLAIN "\x01\x01\x01\x02\x01\x01\x0a\x01"
                 "x",
           10); /* no such symbol */
}

static void
test_forged_copies (void **state)
{
  (void) state;
  ACCEPTED (LANE ("\x00", "\x00", "\x00", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  ACCEPTED (LANE ("\x00", "\x86\x4e", "\x00", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  /* Sources, lanes and what lies in them. */
  REFUSED (LANE ("\x01", "\x00", "\x00", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  REFUSED (LANE ("\x00", "\x87\x4e", "\x00", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  REFUSED (LANE ("\x00", "\x00", "\x01", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  REFUSED (LANE ("\x00", "\x00", "\xff", "\x00", "\x01") COPY ("\x0a", "\x00"), 10);
  REFUSED (LANE ("\x00", "\x00", "\x00", "\x01", "\x00") COPY ("\x05", "\x00"), 5);
  REFUSED (LANE ("\x00", "\x50", "\x00", "\x01", "\x01") COPY ("\x0a", "\x00"), 10);
  /* More than the lane has, behind it, before it. */
  REFUSED (LANE ("\x00", "\x00", "\x00", "\x00", "\x01") COPY ("\x0b", "\x00"), 11);
  ACCEPTED (LANE ("\x00", "\x00", "\x00", "\x00", "\x01") COPY ("\x09", "\x02"), 9);
  REFUSED (LANE ("\x00", "\x00", "\x00", "\x00", "\x01") COPY ("\x0a", "\x02"), 10);
  REFUSED (LANE ("\x00", "\x00", "\x00", "\x00", "\x01") COPY ("\x09", "\x01"), 9);
}

/* One symbol, a copy of kind `kind` without header from that lane; `checks`: a column. */
#define RECODED(kind, len, skip, material, offset, checks)                               \
  "\x01\x01\x01\x01\x01\x01" kind "\x00\x00\x01\x01\x01\x02\x01\x01" len "\x01\x01" skip \
  "\x01\x01" material "\x01\x01" offset checks

static void
test_forged_recodings (void **state)
{
  (void) state;
#define SPLIT20(len, skip, material, offset)    \
  LANE ("\x00", "\x00", "\x00", "\x00", "\x02") \
  RECODED ("\x10", len, skip, material, offset, "")
  ACCEPTED (SPLIT20 ("\x0c", "\x00", "\x0a", "\x00"), 12);
  ACCEPTED (SPLIT20 ("\x0b", "\x00", "\x0a", "\x01"), 11);
  ACCEPTED (SPLIT20 ("\x0b", "\x0a", "\x0a", "\x00"), 11);
  REFUSED (SPLIT20 ("\x0c", "\x0c", "\x0a", "\x00"), 12); /* beyond the lane */
  REFUSED (SPLIT20 ("\x0c", "\x00", "\x0a", "\x01"), 12); /* beyond the result */
  REFUSED (SPLIT20 ("\x0d", "\x00", "\x0a", "\x00"), 13);
  REFUSED (SPLIT20 ("\x01", "\x00", "\x0a", "\x0c"), 1);
  REFUSED (SPLIT20 ("\x0c", "\x00", "\x00", "\x00"), 12); /* of nothing */
  REFUSED (SPLIT20 ("\x0c", "\x00", "\x0b", "\x00"), 12); /* no whole units */
  REFUSED (SPLIT20 ("\x0c", "\x00", "\x14", "\x00"), 12); /* more than there is */
#undef SPLIT20
#define KEEP1_16(len, material, offset)         \
  LANE ("\x00", "\x00", "\x00", "\x00", "\x02") \
  RECODED ("\x14", len, "\x00", material, offset, "")
  ACCEPTED (KEEP1_16 ("\x06", "\x0c", "\x00"), 6);
  ACCEPTED (KEEP1_16 ("\x05", "\x0c", "\x01"), 5);
  REFUSED (KEEP1_16 ("\x06", "\x0c", "\x01"), 6); /* beyond the result */
  REFUSED (KEEP1_16 ("\x05", "\x0a", "\x00"), 5); /* no whole units */
  REFUSED (KEEP1_16 ("\x08", "\x10", "\x00"), 8); /* more than there is */
#undef KEEP1_16
#define KEEP7_16(len, material, offset)         \
  LANE ("\x00", "\x00", "\x00", "\x00", "\x03") \
  RECODED ("\x20", len, "\x00", material, offset, "")
  ACCEPTED (KEEP7_16 ("\x0e", "\x10", "\x00"), 14);
  ACCEPTED (KEEP7_16 ("\x0d", "\x10", "\x01"), 13);
  REFUSED (KEEP7_16 ("\x0f", "\x10", "\x00"), 15);
  REFUSED (KEEP7_16 ("\x0e", "\x14", "\x00"), 14);
#undef KEEP7_16
#define DEFLATE(len, material, offset, checks)  \
  LANE ("\x00", "\x00", "\x00", "\x00", "\x02") \
  RECODED ("\x24", len, "\x00", material, offset, checks)
#define FULL_32_BITS "\x04\x01\xff\x01\xff\x01\xff\x01\xff"
#define BIT_32 "\x05\x01\x00\x01\x00\x01\x00\x01\x00\x01\x01"
  ACCEPTED (DEFLATE ("\x14", "\x07", "\x00", "\x00"), 20);
  ACCEPTED (DEFLATE ("\x03", "\x07", "\x11", FULL_32_BITS), 3);
  REFUSED (DEFLATE ("\x03", "\x07", "\x11", BIT_32), 3);
  REFUSED (DEFLATE ("\x03", "\x07", "\x12", "\x00"), 3);
  REFUSED (DEFLATE ("\x15", "\x07", "\x00", "\x00"), 21);
  REFUSED (DEFLATE ("\x14", "\x07", "\x00", ""), 20); /* no check */
  REFUSED (DEFLATE ("\x03", "\x00", "\x00", "\x00"), 3);
#undef DEFLATE
}

/* A header but no payload: nothing to recode. */
static void
test_forged_empty_recoding (void **state)
{
  (void) state;
#define HEADER(kind, columns)                   \
  LANE ("\x00", "\x00", "\x00", "\x00", "\x02") \
  "\x01\x01\x01\x01\x01\x01" kind "\x00\x01\x01\x04\x00\x03xyz\x01\x01\x01\x02" columns
  ACCEPTED (HEADER ("\x00", "\x00\x00"), 3);
  REFUSED (HEADER ("\x10", "\x00\x00\x01\x01\x0a\x00"), 3);
  REFUSED (HEADER ("\x10", "\x00\x00\x00\x00"), 3);
#undef HEADER
}

/* Two walks of a lane each; a piece for `first`, then one for `second`. */
#define WALKS(first, second)                                                     \
  "\x01\x02\x00\x00\x01\x00\x00\x00\x01\x00\x02\x01\x00\x00\x01\x00\x01\x01\x05" \
  "\x02\x01\x00" first second "\x00"
#define COPIES \
  "\x02\x01\x00\x01\x02\x00\x00\x00\x02\x01\x00\x02\x03\x01\x01\x05\x00\x01\x01\x05\x00"

static void
test_forged_layout (void **state)
{
  (void) state;
  ACCEPTED (WALKS ("\x00", "\x01") COPIES, 10);
  REFUSED (WALKS ("\x01", "\x00") COPIES, 10); /* back to the first walk */
  REFUSED (WALKS ("\x00", "\x02") COPIES, 10); /* no such template */
  /* A lane of number 65535, and gaps that no sum could hold. */
  REFUSED (
    "\x01\x01\x00\x00\x01\x00\x01\x02\x01\xff\x01\xff\x00\x01\x01\x05\x01\x00\x00" COPY (
      "\x05", "\x00"),
    5);
  REFUSED ("\x01\x01\x00\x01\x01\x00\x01\x00\x08\x01\xff\x01\xff\x01\xff\x01\xff\x01\xff"
           "\x01\xff\x01\xff\x01\xff\x01\x01\x05\x01\x00\x00" COPY ("\x05", "\x00"),
           5);
  REFUSED ("\x01\x01\x00\x01\x01\x00\x01\x00\x08\x01\xfe\x01\xff\x01\xff\x01\xff\x01\xff"
           "\x01\xff\x01\xff\x01\xff\x01\x01\x05\x01\x00\x00" COPY ("\x05", "\x00"),
           5);
}

/* A few bytes that ask for an operation for each byte of 16 MiB: 300 strides, then
 * pieces of one byte.
 */
static void
test_operations_are_bounded (void **state)
{
  static const uint64_t size = UINT64_C (1) << 40;
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct segment_context ctx = { .len = 1u << 24, .n_sources = 1, .source_sizes = &size };
  uint64_t zero[301] = { 0 }, gap[301], one[301], lens[301], number[301], repeated[301];

  (void) state;
  for (size_t i = 0; i < 301; i++) {
    gap[i] = 2 * (i + 1);
    one[i] = 1;
    number[i] = i;
    repeated[i] = i < 300 ? 1 : (1u << 24) - 601;
    lens[i] = repeated[i] + 1;
  }
  buffer_append (&b, "\x01\x01\x00\x00\x01\x00", 6);
  buffer_varint (&b, 301);
  column_encode (&b, zero, 301);
  column_encode (&b, gap, 301);
  column_encode (&b, one, 301);
  buffer_varint (&b, 301);
  column_encode (&b, number, 301);
  column_encode (&b, repeated, 301);
  buffer_append (&b, ONE_SHAPE, sizeof ONE_SHAPE - 1);
  buffer_varint (&b, 301);
  for (size_t i = 0; i < 301; i++)
    number[i] = SYMBOL_SHAPE;
  column_encode (&b, number, 301);
  column_encode (&b, lens, 301);
  column_encode (&b, zero, 301);
  buffer_le64 (&b, segment_checksum (b.data, b.len, 0));
  assert_false (b.failed);
  assert_null (decode_quietly (b.data, b.len, &ctx));
}

/* So many uses of one shape that recodes 4 MiB, all there may be, for a byte each. */
static bool
forged_material_decodes (uint32_t n)
{
  static const uint64_t size = UINT64_C (1) << 40;
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct segment_context ctx = { .len = n, .n_sources = 1, .source_sizes = &size };
  uint64_t zeros[200] = { 0 }, ones[200], number[200], repeated[200], lens[200], all[200];
  struct segment *seg;

  for (size_t i = 0; i < 200; i++) {
    number[i] = SYMBOL_SHAPE;
    ones[i] = 1;
    repeated[i] = n - 1;
    lens[i] = 1u << 15;
    all[i] = RECODING_MAX_MATERIAL;
  }
  buffer_append (&b, "\x01\x01\x00\x00\x01\x00\x01", 7); /* a walk, a lane */
  column_encode (&b, zeros, 1);
  column_encode (&b, zeros, 1);
  column_encode (&b, lens, 1);
  buffer_varint (&b, 200);
  column_encode (&b, zeros, 200);
  column_encode (&b, repeated, 200);
  buffer_append (&b, "\x01\x01\x01\x01\x01\x01\x24\x00\x00", 9); /* a shape */
  buffer_varint (&b, n);
  column_encode (&b, number, n);
  column_encode (&b, ones, n);  /* payload lengths */
  column_encode (&b, zeros, n); /* skips */
  column_encode (&b, all, n);
  column_encode (&b, zeros, n); /* offsets */
  column_encode (&b, zeros, n); /* checks */
  buffer_le64 (&b, segment_checksum (b.data, b.len, 0));
  assert_false (b.failed);
  seg = decode_quietly (b.data, b.len, &ctx);
  segment_free (seg);
  return seg != NULL;
}

static void
test_forged_material_is_bounded (void **state)
{
  (void) state;
  assert_true (forged_material_decodes (SEGMENT_MAX_MATERIAL / RECODING_MAX_MATERIAL));
  assert_false (
    forged_material_decodes (SEGMENT_MAX_MATERIAL / RECODING_MAX_MATERIAL + 1));
}

/* So many times the same 4000 pieces of a byte each, as material for a byte. */
static bool
forged_material_ops_decode (uint32_t n)
{
  static const uint64_t size = UINT64_C (1) << 20;
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct segment_context ctx = { .len = n, .n_sources = 1, .source_sizes = &size };
  const uint64_t zero = 0, one = 1, gap = 2, symbols[] = { 2, 2, 2 },
                 ones[] = { 1, 1, 1 }, skips[] = { 0, 7999, 7999 },
                 materials[] = { 4000, 4000, 4000 };
  static const uint64_t zeros[4000];
  struct segment *seg;

  buffer_append (&b, "\x01\x01\x00\x00\x01\x00\x01", 7); /* a walk, a lane */
  column_encode (&b, &zero, 1);
  column_encode (&b, &gap, 1);
  column_encode (&b, &one, 1);
  buffer_varint (&b, 4000);
  column_encode (&b, zeros, 4000);
  column_encode (&b, zeros, 4000);
  buffer_append (&b, "\x01\x01\x01\x01\x01\x01\x10\x00\x00", 9); /* a shape */
  buffer_varint (&b, n);
  column_encode (&b, symbols, n);
  column_encode (&b, ones, n);
  column_encode (&b, skips, n);
  column_encode (&b, materials, n);
  column_encode (&b, zeros, n);
  buffer_le64 (&b, segment_checksum (b.data, b.len, 0));
  assert_false (b.failed);
  seg = decode_quietly (b.data, b.len, &ctx);
  segment_free (seg);
  return seg != NULL;
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
    cmocka_unit_test (test_forged_copies),
    cmocka_unit_test (test_forged_recodings),
    cmocka_unit_test (test_forged_empty_recoding),
    cmocka_unit_test (test_forged_material_is_bounded),
    cmocka_unit_test (test_forged_layout),
    cmocka_unit_test (test_operations_are_bounded),
    cmocka_unit_test (test_material_operations_are_bounded),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
