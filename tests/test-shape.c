/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/shape.c: headers come out as Matroska, EBML and H.264 write them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rng.h"
#include "shape.h"

static void
check_render (const struct shape *s, uint64_t covered, int64_t time, const void *expected,
              int len)
{
  uint8_t out[SHAPE_MAX_HEADER];

  assert_true (shape_is_valid (s));
  assert_int_equal (shape_render (s, covered, time, out), len);
  assert_memory_equal (out, expected, len);
}

/* SimpleBlock: A3, size of what is behind (track, time, flags and the frame), … */
static void
simple_block (struct shape *s, unsigned width)
{
  *s = (struct shape){ 0 };
  assert_true (shape_add_bytes (s, (const uint8_t *) "\xa3", 1));
  assert_true (shape_add_vint_length (s, width, 0));
  assert_true (shape_add_bytes (s, (const uint8_t *) "\x81", 1));
  assert_true (shape_add_time (s, 2));
  assert_true (shape_add_bytes (s, (const uint8_t *) "\x80", 1));
}

static void
test_simple_block (void **state)
{
  struct shape s;

  (void) state;
  simple_block (&s, 0);
  assert_true (shape_has_time (&s));
  check_render (&s, 0, 0, "\xa3\x84\x81\x00\x00\x80", 6);
  check_render (&s, 122, 0x1234, "\xa3\xfe\x81\x12\x34\x80", 6);
  /* 127 is all ones in one byte: reserved, so two. */
  check_render (&s, 123, 0x1234, "\xa3\x40\x7f\x81\x12\x34\x80", 7);
  check_render (&s, 1000, -1, "\xa3\x43\xec\x81\xff\xff\x80", 7);
  check_render (&s, 100000, 0x12345, "\xa3\x21\x86\xa4\x81\x23\x45\x80", 8);
  simple_block (&s, 4);
  check_render (&s, 0, 0, "\xa3\x10\x00\x00\x04\x81\x00\x00\x80", 9);
  simple_block (&s, 1);
  assert_int_equal (shape_render (&s, 123, 0, (uint8_t[SHAPE_MAX_HEADER]){ 0 }), -1);
}

/* The widths of inner lengths are part of what outer ones count. */
static void
test_nested_lengths (void **state)
{
  struct shape s = { 0 };

  (void) state;
  assert_true (shape_add_bytes (&s, (const uint8_t *) "\xa0", 1));
  assert_true (shape_add_vint_length (&s, 0, 3));
  assert_true (shape_add_bytes (&s, (const uint8_t *) "\xa1", 1));
  assert_true (shape_add_vint_length (&s, 0, 0));
  assert_false (shape_has_time (&s));
  /* A1, one byte of size, 120 bytes, and 3 that follow later: 125. */
  check_render (&s, 120, 0, "\xa0\xfd\xa1\xf8", 4);
  check_render (&s, 122, 0, "\xa0\x40\x7f\xa1\xfa", 5);
  check_render (&s, 127, 0, "\xa0\x40\x85\xa1\x40\x7f", 6);
}

static void
test_big_endian_lengths (void **state)
{
  struct shape s = { 0 };

  (void) state;
  assert_true (shape_add_be_length (&s, 4, 0));
  check_render (&s, 0x01020304, 0, "\x01\x02\x03\x04", 4);
  assert_int_equal (
    shape_render (&s, UINT64_C (1) << 32, 0, (uint8_t[SHAPE_MAX_HEADER]){ 0 }), -1);
  s = (struct shape){ 0 };
  assert_true (shape_add_be_length (&s, 8, 1));
  check_render (&s, 255, 0, "\0\0\0\0\0\0\1\0", 8);
  s = (struct shape){ 0 };
  assert_true (shape_add_be_length (&s, 1, 0));
  check_render (&s, 255, 0, "\xff", 1);
  assert_int_equal (shape_render (&s, 256, 0, (uint8_t[SHAPE_MAX_HEADER]){ 0 }), -1);
}

static void
test_vint_limits (void **state)
{
  uint8_t out[SHAPE_MAX_HEADER];

  (void) state;
  for (unsigned width = 1; width <= 8; width++) {
    struct shape fixed = { 0 }, least = { 0 };
    uint64_t most = (UINT64_C (1) << (7 * width)) - 2;

    assert_true (shape_add_vint_length (&fixed, width, 0));
    assert_true (shape_add_vint_length (&least, 0, 0));
    assert_int_equal (shape_render (&fixed, most, 0, out), width);
    assert_int_equal (out[0], (0xff >> (width - 1)) - (width == 1));
    assert_int_equal (shape_render (&least, most, 0, out), width);
    assert_int_equal (shape_render (&fixed, most + 1, 0, out), -1);
    assert_int_equal (shape_render (&least, most + 1, 0, out),
                      width < 8 ? (int) width + 1 : -1);
  }
}

static void
test_full (void **state)
{
  static const uint8_t bytes[64];
  struct shape s = { 0 }, before;

  (void) state;
  assert_false (shape_add_bytes (&s, bytes, 64));
  assert_int_equal (s.len, 0);
  assert_true (shape_add_bytes (&s, bytes, 0));
  assert_int_equal (s.len, 0);
  assert_true (shape_add_bytes (&s, bytes, SHAPE_MAX_TOKENS - 1));
  assert_int_equal (s.len, SHAPE_MAX_TOKENS);
  before = s;
  assert_false (shape_add_time (&s, 2));
  assert_false (shape_add_be_length (&s, 2, 0));
  assert_false (shape_add_bytes (&s, bytes, 1));
  assert_true (shape_equal (&s, &before));
  check_render (&s, 1, 2, bytes, SHAPE_MAX_TOKENS - 1);
}

static void
test_equal (void **state)
{
  struct shape a, b;

  (void) state;
  simple_block (&a, 0);
  simple_block (&b, 0);
  assert_true (shape_equal (&a, &b));
  b.tokens[1] ^= 1;
  assert_false (shape_equal (&a, &b));
  b = a;
  b.len--;
  assert_false (shape_equal (&a, &b));
}

static void
check_invalid (const char *tokens, size_t len)
{
  struct shape s = { .len = (uint8_t) len };

  memcpy (s.tokens, tokens, len);
  assert_false (shape_is_valid (&s));
}

static void
test_malformed (void **state)
{
  struct shape s = { .len = 17 };

  (void) state;
  check_invalid ("\x00", 1);                                 /* no bytes */
  check_invalid ("\x02\xaa", 2);                             /* bytes cut off */
  check_invalid ("\x40", 1);                                 /* no addend */
  check_invalid ("\x40\x80", 2);                             /* addend cut off */
  check_invalid ("\x40\x80\x00", 3);                         /* addend not minimal */
  check_invalid ("\x40\x80\x80\x80\x80\x80\x80\x80\x01", 9); /* addend of 50 bits */
  check_invalid ("\x49\x00", 2);                             /* nine bytes wide */
  check_invalid ("\x50\x00", 2);                             /* no width */
  check_invalid ("\x59\x00", 2);
  check_invalid ("\x60", 1);
  check_invalid ("\x69", 1);
  check_invalid ("\x71", 1); /* no such token */
  check_invalid ("\xff", 1);
  /* 17 fields of 8 bytes are more than a header may have; 16 are not. */
  memset (s.tokens, 0x68, sizeof s.tokens);
  assert_false (shape_is_valid (&s));
  s.len = 16;
  assert_true (shape_is_valid (&s));
  s.len = SHAPE_MAX_TOKENS + 1;
  assert_false (shape_is_valid (&s));
}

/* Whatever is valid renders within bounds, and the length does not depend on the time. */
static void
test_random (void **state)
{
  uint64_t rng = 1;
  size_t valid = 0;

  (void) state;
  for (int i = 0; i < 200000; i++) {
    uint8_t guarded[SHAPE_MAX_HEADER + 1], other[SHAPE_MAX_HEADER];
    struct shape s = { .len = (uint8_t) rng_below (&rng, 12) };
    uint64_t covered = rng_next (&rng) >> rng_between (&rng, 15, 63);
    int len;

    rng_fill (&rng, s.tokens, s.len);
    for (size_t k = 0; k < s.len; k++)
      s.tokens[k] &= 0x6f; /* mostly tokens there are */
    if (!shape_is_valid (&s))
      continue;
    valid++;
    guarded[SHAPE_MAX_HEADER] = 0x5a;
    len = shape_render (&s, covered, (int64_t) rng_next (&rng), guarded);
    assert_in_range (len + 1, 0, SHAPE_MAX_HEADER + 1);
    assert_int_equal (guarded[SHAPE_MAX_HEADER], 0x5a);
    assert_int_equal (len, shape_render (&s, covered, 0, other));
    if (len > 0 && !shape_has_time (&s))
      assert_memory_equal (guarded, other, len);
  }
  assert_true (valid > 1000);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_simple_block),
    cmocka_unit_test (test_nested_lengths),
    cmocka_unit_test (test_big_endian_lengths),
    cmocka_unit_test (test_vint_limits),
    cmocka_unit_test (test_full),
    cmocka_unit_test (test_equal),
    cmocka_unit_test (test_malformed),
    cmocka_unit_test (test_random),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
