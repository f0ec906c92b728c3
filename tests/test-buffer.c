/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/buffer.c: what is appended comes back, and a reader never steps past its end. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"

static const uint64_t values[] = {
  0, 1, 0x7f, 0x80, 0x3fff, 0x4000, UINT32_MAX, UINT64_C (1) << 63, UINT64_MAX,
};

#define N_VALUES (sizeof values / sizeof values[0])

static void
test_fixed_width (void **state)
{
  static const uint8_t expected[] = { 1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8 };
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct reader r;

  (void) state;
  buffer_u8 (&b, 1);
  buffer_le16 (&b, 0x0203);
  buffer_le32 (&b, 0x04050607);
  buffer_le64 (&b, UINT64_C (0x08090a0b0c0d0e0f));
  assert_false (b.failed);
  assert_int_equal (b.len, sizeof expected);
  assert_memory_equal (b.data, expected, sizeof expected);

  r = reader_init (b.data, b.len);
  assert_int_equal (reader_u8 (&r), 1);
  assert_int_equal (reader_le16 (&r), 0x0203);
  assert_int_equal (reader_le32 (&r), 0x04050607);
  assert_true (reader_le64 (&r) == UINT64_C (0x08090a0b0c0d0e0f));
  assert_int_equal (reader_left (&r), 0);
  assert_false (r.failed);
}

static void
test_varints_come_back (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct reader r;

  (void) state;
  for (size_t i = 0; i < N_VALUES; i++)
    buffer_varint (&b, values[i]);
  r = reader_init (b.data, b.len);
  for (size_t i = 0; i < N_VALUES; i++)
    assert_true (reader_varint (&r) == values[i]);
  assert_int_equal (reader_left (&r), 0);
  assert_false (r.failed);
}

static void
test_varint_lengths (void **state)
{
  static const size_t lengths[N_VALUES] = { 1, 1, 1, 2, 2, 3, 5, 10, 10 };

  (void) state;
  for (size_t i = 0; i < N_VALUES; i++) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

    buffer_varint (&b, values[i]);
    assert_int_equal (b.len, lengths[i]);
  }
}

static void
check_malformed (const uint8_t *raw, size_t len)
{
  struct reader r = reader_init (raw, len);

  assert_true (reader_varint (&r) == 0);
  assert_true (r.failed);
  /* Once failed, everything is zero, even what would be there. */
  assert_int_equal (reader_u8 (&r), 0);
}

static void
test_malformed_varints (void **state)
{
  static const uint8_t cut[] = { 0x80 };
  static const uint8_t not_minimal[] = { 0x81, 0x00, 5 };
  static const uint8_t two_zeros[] = { 0x80, 0x00, 5 };
  static const uint8_t over_64_bits[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0x02 };
  static const uint8_t eleven[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                    0x80, 0x80, 0x80, 0x81, 0x01 };

  (void) state;
  check_malformed (cut, 0);
  check_malformed (cut, sizeof cut);
  check_malformed (not_minimal, sizeof not_minimal);
  check_malformed (two_zeros, sizeof two_zeros);
  check_malformed (over_64_bits, sizeof over_64_bits);
  check_malformed (eleven, sizeof eleven);
}

static void
test_reader_stops_at_end (void **state)
{
  static const uint8_t raw[7] = { 1, 2, 3, 4, 5, 6, 7 };
  struct reader r = reader_init (raw, sizeof raw);

  (void) state;
  assert_ptr_equal (reader_take (&r, 4), raw);
  assert_null (reader_take (&r, 4));
  assert_true (r.failed);
  assert_null (reader_take (&r, 1));

  r = reader_init (raw, sizeof raw);
  assert_true (reader_le64 (&r) == 0);
  assert_true (r.failed);

  r = reader_init (raw, sizeof raw);
  assert_null (reader_take (&r, SIZE_MAX));
  assert_true (r.failed);

  r = reader_init (raw, 0);
  assert_non_null (reader_take (&r, 0));
  assert_false (r.failed);
}

static void
test_bounded (void **state)
{
  static const uint8_t raw[] = { 9, 10 };
  struct reader r = reader_init (raw, sizeof raw);

  (void) state;
  assert_int_equal (reader_bounded (&r, 9), 9);
  assert_false (r.failed);
  assert_int_equal (reader_bounded (&r, 9), 0);
  assert_true (r.failed);
}

static void
test_grows (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  for (uint32_t i = 0; i < 100000; i++)
    buffer_le32 (&b, i);
  assert_false (b.failed);
  assert_int_equal (b.len, 400000);
  for (uint32_t i = 0; i < 100000; i++) {
    struct reader r = reader_init (b.data + 4 * (size_t) i, 4);

    assert_int_equal (reader_le32 (&r), i);
  }
}

static void
test_failure_is_remembered (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  buffer_u8 (&b, 1);
  assert_null (buffer_reserve (&b, SIZE_MAX));
  assert_true (b.failed);
  buffer_u8 (&b, 2);
  assert_true (b.failed);
  assert_int_equal (b.len, 1);
}

static void
test_append_nothing (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  buffer_append (&b, NULL, 0);
  assert_false (b.failed);
  assert_int_equal (b.len, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_fixed_width),
    cmocka_unit_test (test_varints_come_back),
    cmocka_unit_test (test_varint_lengths),
    cmocka_unit_test (test_malformed_varints),
    cmocka_unit_test (test_reader_stops_at_end),
    cmocka_unit_test (test_bounded),
    cmocka_unit_test (test_grows),
    cmocka_unit_test (test_failure_is_remembered),
    cmocka_unit_test (test_append_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
