/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments: random plans are coded, decoded, and run the obvious way (naive.c), which
 * has to give the image's bytes; and what is damaged, by accident or with a right
 * checksum by intent, is refused or at least reaches nothing that it may not.
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
#include "rng.h"
#include "segment_format.h"
#include "segment_plan.h"

/* Code the plan, decode it, run it, compare. */
static void
check_round_trip (struct random_plan *p, struct buffer *coded)
{
  struct error err = ERROR_INIT;
  struct segment *seg;
  uint8_t *out;
  const char *complaint;

  coded->len = 0;
  if (segment_encode (&p->plan, p->image, &p->ctx, coded, &err) == -1)
    fail_msg ("%s", err.text);
  seg = segment_decode (coded->data, coded->len, &p->ctx, &err);
  if (!seg) {
    fail_msg ("%s", err.text);
    return;
  }
  complaint = naive_complaint (seg, &p->ctx);
  if (complaint)
    fail_msg ("%s", complaint);
  out = malloc (seg->len);
  naive_rebuild (seg, (const uint8_t *const *) p->sources, out);
  assert_memory_equal (out, p->image, seg->len);
  for (uint32_t at = 0; at < seg->len; at += 97) {
    uint32_t i = segment_find (seg, at);

    assert_in_range (at, seg->ops[i].at, segment_op_end (seg, i) - 1);
  }
  free (out);
  segment_free (seg);
}

static void
test_random_plans (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  size_t in_columns = 0, n = 400;

  (void) state;
  for (size_t i = 0; i < n; i++) {
    struct random_plan p;

    random_plan_make (&p, i, 1u << 16);
    check_round_trip (&p, &coded);
    in_columns += coded.data[0] == SEGMENT_METHOD_COLUMNS;
    random_plan_free (&p);
  }
  /* Stored segments would hide that columns fail. */
  assert_in_range (in_columns, n * 9 / 10, n);
}

/* ---- what a disc is like ---- */

enum {
  N_FRAMES = 200,
  FRAME = 5000,
  PACKET = 2028,
  SECTOR = 2048,
};

/* A rip of one stream in 2048-byte sectors: frames that follow each other. */
static void
make_disc_rip (struct random_plan *p, uint64_t seed, struct shape *shape)
{
  uint64_t rng = seed;
  uint32_t lane_at = 0;

  *p = (struct random_plan){ .n_sources = 1, .rng = seed };
  p->sizes[0] = (uint64_t) SECTOR * (N_FRAMES * FRAME / PACKET + 3);
  p->sources[0] = malloc (p->sizes[0]);
  rng_fill (&rng, p->sources[0], p->sizes[0]);
  assert_int_equal (segment_plan_lane (&p->plan, 0), 0);
  for (uint64_t at = 20; at + PACKET <= p->sizes[0]; at += SECTOR)
    assert_true (segment_plan_piece (&p->plan, 0, at, PACKET));
  *shape = (struct shape){ 0 };
  shape_add_bytes (shape, (const uint8_t *) "\xa3", 1);
  shape_add_vint_length (shape, 0, 0);
  shape_add_bytes (shape, (const uint8_t *) "\x81", 1);
  shape_add_time (shape, 2);
  shape_add_bytes (shape, (const uint8_t *) "\x80", 1);
  for (int i = 0; i < N_FRAMES; i++) {
    uint32_t len = (uint32_t) rng_between (&rng, FRAME - 255, FRAME);
    struct plan_span header = { .kind = SPAN_HEADER,
                                .covers = 1,
                                .shape = shape,
                                .time = INT64_C (40) * i,
                                .base = i / 100 * 4000 },
                     copy = { .kind = SPAN_COPY, .len = len, .lane_at = lane_at };

    segment_plan_span (&p->plan, &header);
    segment_plan_span (&p->plan, &copy);
    lane_at += len;
  }
  random_plan_image (p);
}

/* A frame costs the noise in its length, a byte, and nothing else. */
static void
test_a_frame_costs_its_length (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct segment_costs costs;
  struct random_plan p;
  struct shape shape;
  struct segment *seg;

  (void) state;
  make_disc_rip (&p, 5, &shape);
  check_round_trip (&p, &coded);
  assert_int_equal (coded.data[0], SEGMENT_METHOD_COLUMNS);
  assert_in_range (coded.len, N_FRAMES, N_FRAMES * 5 / 4 + 100);
  assert_int_equal (segment_account (coded.data, coded.len, &p.ctx, &costs, &err), 0);
  assert_in_range (costs.lengths, N_FRAMES, N_FRAMES * 5 / 4);
  assert_in_range (costs.layout, 1, 40);
  assert_int_equal (costs.layout + costs.lengths + costs.headers + costs.literals,
                    coded.len - 1 - SEGMENT_CHECKSUM_SIZE);

  /* And a frame is one strided operation behind its header. */
  seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
  assert_non_null (seg);
  assert_int_equal (seg->n_strides, 1);
  assert_int_equal (seg->strides[0].chunk, PACKET);
  assert_int_equal (seg->strides[0].period, SECTOR);
  assert_int_equal (seg->n_ops, 2 * N_FRAMES);
  segment_free (seg);
  random_plan_free (&p);
}

/* A length prefix for each NAL unit within the block around them: all modelled. */
static void
test_nested_headers_cost_nothing (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct random_plan p = { .n_sources = 1, .sizes = { 1 << 16 } };
  struct shape block = { 0 }, nal = { 0 };
  struct error err = ERROR_INIT;
  struct segment *seg;
  uint64_t at = 0;

  (void) state;
  p.sources[0] = malloc (p.sizes[0]);
  rng_fill (&p.rng, p.sources[0], p.sizes[0]);
  segment_plan_lane (&p.plan, 0);
  segment_plan_piece (&p.plan, 0, 0, 65535);
  shape_add_bytes (&block, (const uint8_t *) "\xa3", 1);
  shape_add_vint_length (&block, 0, 0);
  shape_add_time (&block, 2);
  shape_add_be_length (&nal, 4, 0);
  for (int i = 0; i < 50; i++) {
    segment_plan_span (&p.plan,
                       &(struct plan_span){
                         .kind = SPAN_HEADER, .covers = 6, .time = i, .shape = &block });
    for (int k = 0; k < 3; k++) {
      segment_plan_span (
        &p.plan, &(struct plan_span){ .kind = SPAN_HEADER, .covers = 1, .shape = &nal });
      segment_plan_span (
        &p.plan, &(struct plan_span){ .kind = SPAN_COPY, .len = 300, .lane_at = at + 3 });
      at += 303; /* start codes are left out */
    }
  }
  random_plan_image (&p);
  check_round_trip (&p, &coded);
  assert_int_equal (coded.data[0], SEGMENT_METHOD_COLUMNS);
  assert_in_range (coded.len, 1, 120);
  seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
  assert_int_equal (seg->n_literals, 50 * (5 + 3 * 4));
  segment_free (seg);
  random_plan_free (&p);
}

/* ---- plans that are coded as literals, and plans that are refused ---- */

static void
test_noise_is_stored (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct random_plan p = { .ctx = { .len = 100000, .number = 7 } };

  (void) state;
  p.image = malloc (p.ctx.len);
  rng_fill (&p.rng, p.image, p.ctx.len);
  segment_plan_span (&p.plan,
                     &(struct plan_span){ .kind = SPAN_LITERAL, .len = p.ctx.len });
  check_round_trip (&p, &coded);
  assert_in_range (coded.len, p.ctx.len, p.ctx.len + 64);
  random_plan_free (&p);
}

static void
test_zeros_are_a_fill (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct random_plan p = { .ctx = { .len = 100000 } };
  struct error err = ERROR_INIT;
  struct segment *seg;

  (void) state;
  p.image = calloc (p.ctx.len, 1);
  p.image[0] = p.image[99999] = 1;
  segment_plan_span (&p.plan,
                     &(struct plan_span){ .kind = SPAN_LITERAL, .len = p.ctx.len });
  check_round_trip (&p, &coded);
  seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
  assert_int_equal (seg->n_ops, 3);
  assert_int_equal (seg->ops[1].kind, OP_FILL);
  segment_free (seg);
  random_plan_free (&p);
}

/* Pieces that go back in steps of one size, or lie further apart than a period can say,
 * are no run; and still no reason to store the segment.
 */
static void
test_steps_that_are_no_stride (void **state)
{
  static const struct {
    uint64_t first;
    int64_t step;
  } cases[] = { { 99000, -1000 }, { 50000, 0 }, { 0, INT64_C (5) << 32 } };

  (void) state;
  for (size_t i = 0; i < 3; i++) {
    CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
    struct random_plan p = { .n_sources = 1, .sizes = { 100000 } };
    struct error err = ERROR_INIT;
    uint64_t size = UINT64_C (1) << 40;

    p.sources[0] = malloc (p.sizes[0]);
    rng_fill (&p.rng, p.sources[0], p.sizes[0]);
    segment_plan_lane (&p.plan, 0);
    for (int k = 0; k < 20; k++)
      segment_plan_piece (&p.plan, 0, cases[i].first + (uint64_t) (k * cases[i].step),
                          500);
    segment_plan_span (&p.plan, &(struct plan_span){ .kind = SPAN_COPY, .len = 10000 });
    if (i < 2) {
      random_plan_image (&p);
      check_round_trip (&p, &coded);
    }
    else { /* too far apart for a real source */
      p.ctx =
        (struct segment_context){ .len = 10000, .n_sources = 1, .source_sizes = &size };
      p.image = calloc (p.ctx.len, 1);
      assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), 0);
    }
    assert_int_equal (coded.data[0], SEGMENT_METHOD_COLUMNS);
    assert_in_range (coded.len, 1, 150);
    random_plan_free (&p);
  }
}

static void
check_refused (const struct plan_span *span)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct random_plan p = { .ctx = { .len = 4096 } };
  struct error err = ERROR_INIT;

  p.image = calloc (p.ctx.len, 1);
  segment_plan_lane (&p.plan, 0);
  segment_plan_piece (&p.plan, 0, 0, 5000);
  segment_plan_span (&p.plan, span);
  assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), -1);
  assert_non_null (strstr (err.text, "plan"));
  random_plan_free (&p);
}

static void
test_inconsistent_plans (void **state)
{
  (void) state;
  check_refused (&(struct plan_span){ .kind = SPAN_LITERAL, .len = 4095 });
  check_refused (&(struct plan_span){ .kind = SPAN_LITERAL, .len = 4097 });
  check_refused (&(struct plan_span){ .kind = SPAN_LITERAL, .len = 0 });
  check_refused (&(struct plan_span){ .kind = SPAN_COPY, .len = 4096, .lane = 1 });
  check_refused (&(struct plan_span){ .kind = SPAN_COPY, .len = 4096, .lane_at = 905 });
  check_refused (
    &(struct plan_span){ .kind = SPAN_COPY, .len = 4096, .lane_at = UINT64_MAX - 100 });
  check_refused (
    &(struct plan_span){ .kind = SPAN_COPY, .len = 4096, .transform = TRANSFORM_SWAP24 });
  check_refused (
    &(struct plan_span){ .kind = SPAN_COPY, .len = 4096, .transform = TRANSFORM_KINDS });
}

/* ---- damage ---- */

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
    struct random_plan p;
    size_t step;

    random_plan_make (&p, seed, 1u << 12);
    check_round_trip (&p, &coded);
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

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_random_plans),
    cmocka_unit_test (test_a_frame_costs_its_length),
    cmocka_unit_test (test_nested_headers_cost_nothing),
    cmocka_unit_test (test_noise_is_stored),
    cmocka_unit_test (test_zeros_are_a_fill),
    cmocka_unit_test (test_steps_that_are_no_stride),
    cmocka_unit_test (test_inconsistent_plans),
    cmocka_unit_test (test_every_flip_is_refused),
    cmocka_unit_test (test_forged_segments_are_sane),
    cmocka_unit_test (test_forged_literals),
    cmocka_unit_test (test_forged_copies),
    cmocka_unit_test (test_forged_layout),
    cmocka_unit_test (test_operations_are_bounded),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
