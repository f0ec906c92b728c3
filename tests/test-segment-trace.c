/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracing: what the pieces of any range name, put together as they say, has to be the
 * image's bytes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "random-plan.h"
#include "recoding.h"
#include "rng.h"
#include "segment_trace.h"

struct check {
  const struct random_plan *plan;
  const struct segment *seg;
  uint32_t at; /* where the next piece has to begin */
  size_t methods[TRANSFORM_KINDS], kinds[OP_RECODED + 1];
};

static void
append_part (const struct check *c, const struct trace_part *part, struct buffer *to)
{
  assert_true (part->len > 0);
  switch (part->kind) {
  case OP_LITERAL:
    assert_true (part->from + part->len <= c->seg->n_literals);
    buffer_append (to, c->seg->literals + part->from, part->len);
    break;
  case OP_COPY:
    assert_true (part->source < c->plan->n_sources);
    assert_true (part->from + part->len <= c->plan->sizes[part->source]);
    buffer_append (to, c->plan->sources[part->source] + part->from, part->len);
    break;
  case OP_FILL:
    for (uint32_t i = 0; i < part->len; i++)
      buffer_u8 (to, (uint8_t) part->from);
    break;
  default:
    fail_msg ("a part of kind %d", (int) part->kind);
  }
}

static int
check_piece (void *opaque, const struct trace_piece *piece, struct error *err)
{
  struct check *c = opaque;
  CLEANUP_BUFFER struct buffer got = BUFFER_INIT, made = BUFFER_INIT;

  (void) err;
  assert_int_equal (piece->at, c->at);
  assert_true (piece->len > 0 && piece->n_parts > 0);
  assert_true (piece->method != TRANSFORM_NONE || piece->n_parts == 1);
  for (size_t i = 0; i < piece->n_parts; i++)
    append_part (c, &piece->parts[i], &got);
  if (piece->method < FIRST_RECODING)
    transform_apply (piece->method, got.data, got.len);
  else {
    size_t most = recoding_bound (piece->method, got.len);

    assert_non_null (buffer_reserve (&made, most));
    made.len = recoding_apply (piece->method, got.data, got.len, made.data);
    got.len = 0;
    buffer_append (&got, made.data, made.len);
  }
  assert_true (piece->skip + piece->len <= got.len);
  assert_memory_equal (got.data + piece->skip, c->plan->image + piece->at, piece->len);
  c->at += piece->len;
  c->methods[piece->method]++;
  c->kinds[piece->kind]++;
  return 0;
}

static void
check_range (struct check *c, uint32_t at, uint32_t end)
{
  struct error err = ERROR_INIT;

  c->at = at;
  assert_int_equal (segment_trace (c->seg, at, end, check_piece, c, &err), 0);
  assert_int_equal (c->at, end);
}

static void
check_plan (struct random_plan *p, struct check *c)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct segment *seg;

  if (segment_encode (&p->plan, p->image, &p->ctx, &coded, &err) == -1)
    fail_msg ("%s", err.text);
  seg = segment_decode (coded.data, coded.len, &p->ctx, &err);
  assert_non_null (seg);
  c->plan = p;
  c->seg = seg;
  check_range (c, 0, seg->len);
  for (unsigned i = 0; i < 20; i++) {
    uint32_t at = (uint32_t) rng_below (&p->rng, seg->len);

    check_range (c, at, at + (uint32_t) rng_below (&p->rng, seg->len - at + 1));
  }
  segment_free (seg);
}

static void
test_random_plans (void **state)
{
  struct check c = { .at = 0 };

  (void) state;
  for (uint64_t seed = 1; seed <= 300; seed++) {
    struct random_plan p;

    random_plan_make (&p, seed, 20000);
    check_plan (&p, &c);
    random_plan_free (&p);
  }
  for (unsigned i = 0; i < TRANSFORM_KINDS; i++)
    assert_true (c.methods[i] > 0);
  assert_true (c.kinds[OP_LITERAL] > 0 && c.kinds[OP_FILL] > 0 && c.kinds[OP_COPY] > 0 &&
               c.kinds[OP_STRIDED] > 0 && c.kinds[OP_RECODED] > 0);
}

static int
stop (void *opaque, const struct trace_piece *piece, struct error *err)
{
  (void) piece;
  (void) err;
  ++*(unsigned *) opaque;
  return 7;
}

static void
test_stops (void **state)
{
  const struct op ops[2] = { { .kind = OP_LITERAL }, { .kind = OP_FILL, .at = 1 } };
  const struct segment seg = { .len = 2, .n_ops = 2, .ops = ops };
  struct error err = ERROR_INIT;
  unsigned called = 0;

  (void) state;
  assert_int_equal (segment_trace (&seg, 0, 2, stop, &called, &err), 7);
  assert_int_equal (called, 1);
  assert_int_equal (segment_trace (&seg, 1, 1, stop, &called, &err), 0);
  assert_int_equal (called, 1);
}

static void
test_names (void **state)
{
  (void) state;
  assert_string_equal (transform_name (TRANSFORM_NONE), "");
  assert_string_equal (transform_name (TRANSFORM_KINDS), "?");
  for (int i = 1; i < TRANSFORM_KINDS; i++) {
    assert_string_not_equal (transform_name ((enum transform_kind) i), "?");
    for (int k = 0; k < i; k++)
      assert_string_not_equal (transform_name ((enum transform_kind) i),
                               transform_name ((enum transform_kind) k));
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_random_plans),
    cmocka_unit_test (test_stops),
    cmocka_unit_test (test_names),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
