/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments: random plans are coded, decoded, and run the obvious way (naive.c), which
 * has to give the image's bytes.  See test-segment-forged.c for what is damaged.
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
#include "rounds.h"
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

/* The spans that are recoded, by kind. */
static void
count_recoded (const struct segment_plan *plan, size_t counts[TRANSFORM_KINDS])
{
  for (size_t i = 0; i < plan->n_spans; i++)
    if (plan_span_recodes (&plan->spans[i]))
      counts[plan->spans[i].transform]++;
}

static void
test_random_plans (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  size_t in_columns = 0, n = rounds (400), recoded[TRANSFORM_KINDS] = { 0 };

  (void) state;
  for (size_t i = 0; i < n; i++) {
    struct random_plan p;

    random_plan_make (&p, i, 1u << 16);
    check_round_trip (&p, &coded);
    in_columns += coded.data[0] == SEGMENT_METHOD_COLUMNS;
    count_recoded (&p.plan, recoded);
    random_plan_free (&p);
  }
  for (int kind = FIRST_RECODING; kind < TRANSFORM_KINDS; kind++)
    assert_in_range (recoded[kind], n / 32, SIZE_MAX);
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

/* ---- recodings ---- */

/* Blocks of `material` bytes of a source of zeros each, deflated. */
static void
make_deflated (struct random_plan *p, struct shape *shape, uint32_t n, uint32_t material)
{
  uint8_t *zeros = calloc (material, 1);
  size_t len;
  uint8_t *result = naive_recode (RECODING_DEFLATE, zeros, material, &len);
  uint64_t size = (uint64_t) n * material;

  *p = (struct random_plan){ .n_sources = 1, .sizes = { size } };
  p->sources[0] = calloc (size, 1);
  segment_plan_lane (&p->plan, 0);
  for (uint64_t at = 0; at < size; at += 1u << 15)
    segment_plan_piece (&p->plan, 0, at, 1u << 15);
  *shape = (struct shape){ 0 };
  shape_add_bytes (shape, (const uint8_t *) "\xa3", 1);
  shape_add_vint_length (shape, 0, 0);
  for (uint32_t i = 0; i < n; i++) {
    struct plan_span header = { .kind = SPAN_HEADER, .covers = 1, .shape = shape },
                     copy = { .kind = SPAN_COPY,
                              .len = (uint32_t) len,
                              .lane_at = (uint64_t) i * material,
                              .transform = RECODING_DEFLATE,
                              .material = material,
                              .check = recoding_check (result, len) };

    segment_plan_span (&p->plan, &header);
    segment_plan_span (&p->plan, &copy);
  }
  random_plan_image (p);
  free (result);
  free (zeros);
}

/* A block is one shape; its material lies behind the image, in operations of its own. */
static void
test_recoded_blocks (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct random_plan p;
  struct shape shape;
  struct segment *seg;

  (void) state;
  make_deflated (&p, &shape, 20, 1u << 16);
  check_round_trip (&p, &coded);
  assert_int_equal (coded.data[0], SEGMENT_METHOD_COLUMNS);
  assert_in_range (coded.len, 1, 100);
  seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
  assert_non_null (seg);
  assert_int_equal (seg->n_material, 20 << 16);
  assert_int_equal (seg->n_recodings, 20);
  assert_int_equal (seg->n_ops, 20 + 20 + 20);
  assert_int_equal (seg->ops[1].kind, OP_RECODED);
  assert_int_equal (seg->ops[40].at, seg->len);
  assert_int_equal (seg->ops[40].kind, OP_COPY);
  assert_int_equal (segment_op_end (seg, 59), seg->len + seg->n_material);
  segment_free (seg);
  random_plan_free (&p);
}

/* What would be too much is literal, behind a header that is none. */
static void
test_material_is_bounded (void **state)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct random_plan p;
  struct shape shape;
  struct segment *seg;

  (void) state;
  make_deflated (&p, &shape, 18, RECODING_MAX_MATERIAL);
  assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), 0);
  assert_int_equal (coded.data[0], SEGMENT_METHOD_COLUMNS);
  seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
  assert_non_null (seg);
  assert_null (naive_complaint (seg, &p.ctx));
  assert_int_equal (seg->n_recodings, 16);
  assert_int_equal (seg->n_material, SEGMENT_MAX_MATERIAL);
  assert_int_equal (seg->ops[32].kind, OP_LITERAL);
  assert_memory_equal (seg->literals + seg->ops[32].from, p.image + seg->ops[32].at,
                       segment_op_end (seg, 32) - seg->ops[32].at);
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
check_recoded_refused (uint8_t kind, uint32_t material, uint64_t lane_at, uint32_t offset)
{
  check_refused (&(struct plan_span){ .kind = SPAN_COPY,
                                      .len = 4096,
                                      .transform = kind,
                                      .material = material,
                                      .lane_at = lane_at,
                                      .offset = offset });
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
  check_recoded_refused (RECODING_DEFLATE, 0, 0, 0);
  check_recoded_refused (RECODING_DEFLATE, 5001, 0, 0);
  check_recoded_refused (RECODING_DEFLATE, 4096, 905, 0);
  check_recoded_refused (RECODING_DEFLATE, 4000, 0, 0);
  check_recoded_refused (RECODING_DEFLATE, 4096, 0, 100);
  check_recoded_refused (RECODING_DEFLATE, 4096, 0, UINT32_MAX);
  check_recoded_refused (RECODING_SPLIT20_LE, 4096, 0, 0);
  check_recoded_refused (RECODING_SPLIT20_BE, 4000, 0, 705);
  check_recoded_refused (RECODING_SPLIT20_BE, 3410, 0, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_random_plans),
    cmocka_unit_test (test_a_frame_costs_its_length),
    cmocka_unit_test (test_nested_headers_cost_nothing),
    cmocka_unit_test (test_recoded_blocks),
    cmocka_unit_test (test_material_is_bounded),
    cmocka_unit_test (test_noise_is_stored),
    cmocka_unit_test (test_zeros_are_a_fill),
    cmocka_unit_test (test_steps_that_are_no_stride),
    cmocka_unit_test (test_inconsistent_plans),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
