/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/column.c: columns come back, cost what they should, and survive bad input. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "column.h"
#include "range_coder.h"
#include "rng.h"
#include "rounds.h"

#define MAX_VALUES 70000

/* Code, decode, compare; the coded length. */
static size_t
round_trip (const uint64_t *values, size_t n)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  CLEANUP_FREE uint64_t *back = malloc ((n + 1) * sizeof *back);
  struct reader r;

  column_encode (&b, values, n);
  assert_false (b.failed);
  r = reader_init (b.data, b.len);
  memset (back, 0xa5, (n + 1) * sizeof *back);
  column_decode (&r, back, n);
  assert_false (r.failed);
  assert_int_equal (reader_left (&r), 0);
  assert_memory_equal (values, back, n * sizeof *back);
  assert_true (back[n] == UINT64_C (0xa5a5a5a5a5a5a5a5));
  return b.len;
}

static void
test_small_columns (void **state)
{
  uint64_t v[4] = { 0 };

  (void) state;
  assert_int_equal (round_trip (v, 0), 0);
  assert_int_equal (round_trip (v, 1), 1); /* all zero: no plane */
  assert_int_equal (round_trip (v, 4), 1);
  v[0] = v[1] = v[2] = v[3] = 7;
  assert_int_equal (round_trip (v, 4), 3); /* one constant plane */
  v[2] = 200;
  v[3] = 99;
  assert_int_equal (round_trip (v, 4), 6); /* stored */
  v[2] = 8;
  v[3] = 7;
  assert_int_equal (round_trip (v, 4), 5); /* numbers, 25 bits of them */
  v[3] = UINT64_MAX;
  assert_int_equal (round_trip (v, 4), 2 + 12 + 2); /* a palette of 7, 8 and that */
}

/* Few different values cost their index, however large they are. */
static void
test_palettes (void **state)
{
  static const size_t colours[] = { 2, 3, 4, 5, 16, 17, 256 },
                      bits[] = { 1, 2, 2, 4, 4, 8, 8 };
  static uint64_t v[1000];
  uint64_t rng = 4;

  (void) state;
  for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
    for (size_t k = 0; k < 1000; k++)
      v[k] = UINT64_MAX - (k < colours[i] ? k : rng_below (&rng, colours[i]));
    /* The values themselves have ten bytes each. */
    assert_in_range (round_trip (v, 1000), 1, 1000 * bits[i] / 8 + 10 * colours[i] + 8);
  }
}

static void
test_random_columns (void **state)
{
  static uint64_t v[MAX_VALUES];
  uint64_t rng = 2;

  (void) state;
  for (int i = 0; i < 200; i++) {
    size_t n = rng_between (&rng, 1, i < 190 ? 300 : MAX_VALUES);
    unsigned shift = (unsigned) rng_below (&rng, 64),
             zero = (unsigned) rng_below (&rng, 64);

    for (size_t k = 0; k < n; k++)
      v[k] = rng_below (&rng, 64) < zero ? 0 : rng_next (&rng) >> shift;
    assert_true (round_trip (v, n) <= 1 + 8 * (n + 1));
  }
}

/* What is regular costs next to nothing, and does not pay for noise beside it. */
static void
test_planes_are_apart (void **state)
{
  static uint64_t v[10000];
  uint64_t rng = 3;

  (void) state;
  for (size_t k = 0; k < 10000; k++)
    v[k] = 0x120000 | (k % 4) << 8 | rng_below (&rng, 256);
  assert_in_range (round_trip (v, 10000), 10000, 10000 + 100);
}

/* Mostly nothing, and now and then a number of 17 bits: planes would have each place three
 * times, and take 175 bytes.
 */
static void
test_numbers (void **state)
{
  static uint64_t v[1000];
  uint64_t rng = 5;

  (void) state;
  for (size_t k = 0; k < 1000; k++)
    v[k] = rng_below (&rng, 32) == 0 ? rng_below (&rng, 1u << 17) : 0;
  assert_in_range (round_trip (v, 1000), 100, 150);
  v[500] = RANGE_MAX_NUMBER;
  assert_in_range (round_trip (v, 1000), 100, 160);
  /* More than numbers can be. */
  v[500]++;
  assert_in_range (round_trip (v, 1000), 165, 280);
}

static void
check_malformed (const char *raw, size_t len, size_t n)
{
  uint64_t values[16];
  struct reader r = reader_init (raw, len);

  column_decode (&r, values, n);
  assert_true (r.failed);
}

static void
test_malformed (void **state)
{
  (void) state;
  check_malformed ("", 0, 1);     /* no number of planes */
  check_malformed ("\x09", 1, 1); /* nine of them */
  check_malformed ("\x09\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0", 19, 1);
  check_malformed ("\x01", 1, 1);         /* no plane */
  check_malformed ("\x01\x03", 2, 1);     /* no such method */
  check_malformed ("\x01\x00\x01", 3, 2); /* stored, cut off */
  check_malformed ("\x01\x01", 2, 2);     /* constant, cut off */
  check_malformed ("\x01\x02\x05", 3, 2); /* longer than what is left */
  check_malformed ("\x01\x02\x00", 3, 2); /* an empty frame */
  check_malformed ("\x01\x02\x03\x00\x00\x00", 6, 2);
  check_malformed ("\x02\x01\x05\x00", 4, 2);     /* the second plane cut off */
  check_malformed ("\x14\x01\x05\x01\x00", 5, 2); /* indexes of 16 bits */
  check_malformed ("\x10\x01\x05\x01\x03", 5, 2); /* the palette has one value */
  check_malformed ("\x10\x00\x01\x00", 4, 2);     /* it has none */
  check_malformed ("\x13\x81\x02\x01\x00", 5, 2); /* it has 257 */
  check_malformed ("\x10\x02\x05", 3, 2);         /* cut off */
  check_malformed ("\x20", 1, 1);                 /* numbers of no length */
  check_malformed ("\x20\x02\x80", 3, 1);         /* cut off */
  check_malformed ("\x20\x00", 2, 16);            /* which zeros do not make good */
  check_malformed ("\x20\x05\x80\x00\x00\x00\x00", 7, 1); /* something left over */
}

/* A frame of another length than there are values, or more than one frame. */
static void
test_wrong_length (void **state)
{
  static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x' };
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  uint8_t bytes[1000], back[1001];
  struct reader r;

  (void) state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = i % 3;
  plane_encode (&b, bytes, sizeof bytes);
  assert_int_equal (b.data[0], 2);
  r = reader_init (b.data, b.len);
  plane_decode (&r, back, sizeof bytes);
  assert_false (r.failed);
  assert_memory_equal (bytes, back, sizeof bytes);
  for (size_t n = 0; n < 3; n++) {
    static const size_t wrong[] = { 999, 1001, 1 };

    r = reader_init (b.data, b.len);
    plane_decode (&r, back, wrong[n]);
    assert_true (r.failed);
  }
  r = reader_init (b.data, b.len - 1);
  plane_decode (&r, back, sizeof bytes);
  assert_true (r.failed);
  /* zstd would decode what follows the frame too, and skip this. */
  assert_in_range (b.data[1] + sizeof skippable, 1, 0x7f);
  b.data[1] += sizeof skippable;
  buffer_append (&b, skippable, sizeof skippable);
  r = reader_init (b.data, b.len);
  plane_decode (&r, back, sizeof bytes);
  assert_true (r.failed);
}

/* Damaged at random: refused or decoded, but never beyond the ends (ASan looks on). */
static void
test_mutated (void **state)
{
  uint64_t rng = 4, v[200];

  (void) state;
  for (unsigned n_left = rounds (20000); n_left > 0; n_left--) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
    CLEANUP_FREE uint8_t *exact = NULL;
    size_t n = rng_between (&rng, 1, 200), len;
    CLEANUP_FREE uint64_t *back = malloc (n * sizeof *back);
    struct reader r;

    for (size_t k = 0; k < n; k++)
      v[k] = rng_below (&rng, 3) << rng_below (&rng, 20);
    column_encode (&b, v, n);
    for (uint64_t k = rng_between (&rng, 1, 3); k > 0; k--)
      b.data[rng_below (&rng, b.len)] = (uint8_t) rng_next (&rng);
    len = rng_below (&rng, b.len + 1);
    exact = malloc (len + 1);
    memcpy (exact, b.data, len);
    r = reader_init (exact, len);
    column_decode (&r, back, n);
  }
}

static void
test_is_deterministic (void **state)
{
  CLEANUP_BUFFER struct buffer a = BUFFER_INIT, b = BUFFER_INIT;
  static uint64_t v[5000];

  (void) state;
  for (size_t i = 0; i < 5000; i++)
    v[i] = i * i % 1000;
  column_encode (&a, v, 5000);
  column_encode (&b, v, 10); /* something else in between */
  b.len = 0;
  column_encode (&b, v, 5000);
  assert_int_equal (a.len, b.len);
  assert_memory_equal (a.data, b.data, a.len);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_small_columns),  cmocka_unit_test (test_palettes),
    cmocka_unit_test (test_random_columns), cmocka_unit_test (test_planes_are_apart),
    cmocka_unit_test (test_malformed),      cmocka_unit_test (test_wrong_length),
    cmocka_unit_test (test_mutated),        cmocka_unit_test (test_is_deterministic),
    cmocka_unit_test (test_numbers),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
