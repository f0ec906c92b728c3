/* SPDX-License-Identifier: BSD-3-Clause */
/* Transforms and recodings: known answers, and what every one of them has to be. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "naive.h"
#include "recoding.h"
#include "rng.h"
#include "segment.h"

static void
expect (enum transform_kind kind, const char *in, const char *out)
{
  uint8_t data[64];
  size_t len = strlen (in);

  memcpy (data, in, len);
  data[len] = '!';
  transform_apply (kind, data, len);
  assert_memory_equal (data, out, len);
  assert_int_equal (data[len], '!');
}

static void
test_known (void **state)
{
  (void) state;
  expect (TRANSFORM_NONE, "abcdef", "abcdef");
  expect (TRANSFORM_SWAP16, "abcdef", "badcfe");
  expect (TRANSFORM_SWAP24, "abcdef", "cbafed");
  expect (TRANSFORM_SWAP32, "abcdefgh", "dcbahgfe");
  expect (TRANSFORM_SPLIT24_LE, "A0B1C2D3efghI4J5K6L7mnop", "e0Af1Bg2Ch3Dm4In5Jo6Kp7L");
  expect (TRANSFORM_SPLIT24_BE, "A0B1C2D3efghI4J5K6L7mnop", "A0eB1fC2gD3hI4mJ5nK6oL7p");
  expect (TRANSFORM_PAIR24_LE, "A0B1efI4J5mn", "e0Af1Bm4In5J");
  expect (TRANSFORM_PAIR24_BE, "A0B1efI4J5mn", "A0eB1fI4mJ5n");
  expect (TRANSFORM_ORDER6_16_LE, "A0B1C2D3E4F5a6b7c8d9exfy", "0A1B2C5F3D4E6a7b8cyf9dxe");
  expect (TRANSFORM_ORDER6_16_BE, "A0B1C2D3E4F5a6b7c8d9exfy", "A0B1C2F5D3E4a6b7c8fyd9ex");
  expect (TRANSFORM_ORDER6_24_LE, "A0pB1qC2rD3sE4tF5u", "p0Aq1Br2Cu5Fs3Dt4E");
  expect (TRANSFORM_ORDER6_24_BE, "A0pB1qC2rD3sE4tF5u", "A0pB1qC2rF5uD3sE4t");
  expect (TRANSFORM_ORDER8_16_LE, "A0B1C2D3E4F5G6H7a0b1c2d3e4f5g6h7",
          "0A1B2C7H4E5F3D6G0a1b2c7h4e5f3d6g");
  expect (TRANSFORM_ORDER8_16_BE, "A0B1C2D3E4F5G6H7a0b1c2d3e4f5g6h7",
          "A0B1C2H7E4F5D3G6a0b1c2h7e4f5d3g6");
  expect (TRANSFORM_ORDER8_24_LE, "A0pB1qC2rD3sE4tF5uG6vH7w", "p0Aq1Br2Cw7Ht4Eu5Fs3Dv6G");
  expect (TRANSFORM_ORDER8_24_BE, "A0pB1qC2rD3sE4tF5uG6vH7w", "A0pB1qC2rH7wE4tF5uD3sG6v");
}

/* Units lie side by side: a run is its units one by one, wherever it starts. */
static void
test_units (void **state)
{
  enum {
    LEN = 288
  }; /* whole units of everything */
  uint8_t whole[LEN + 1], single[LEN + 1], in[LEN + 1];

  (void) state;
  for (int kind = TRANSFORM_NONE; kind < FIRST_RECODING; ++kind) {
    unsigned unit = transform_unit (kind);

    assert_true (unit >= 1 && unit <= 24);
    assert_int_equal (LEN % unit, 0);
    for (size_t i = 0; i < sizeof in; ++i)
      in[i] = whole[i] = single[i] = (uint8_t) (i * 7 + 3);
    transform_apply (kind, whole + 1, LEN);
    for (size_t i = 0; i < LEN; i += unit)
      transform_apply (kind, single + 1 + i, unit);
    assert_memory_equal (whole, single, sizeof whole);
    if (kind != TRANSFORM_NONE)
      assert_memory_not_equal (whole, in, sizeof whole);
    memcpy (single, in, sizeof in);
    naive_transform (kind, single + 1, LEN);
    assert_memory_equal (whole, single, sizeof whole);

    transform_undo (kind, whole + 1, LEN);
    assert_memory_equal (whole, in, sizeof in);
    transform_undo (kind, whole + 1, LEN);
    transform_apply (kind, whole + 1, LEN);
    assert_memory_equal (whole, in, sizeof in);
  }
}

/* ---- recodings ---- */

static void
test_split20 (void **state)
{
  /* Two units: the values abcd1, ef012, 3456a, 789ab; fedc9, ba980, 7654f, 3210e. */
  static const uint8_t material[] = {
    0xab, 0xcd, 0xef, 0x01, 0x34, 0x56, 0x78, 0x9a, 0x12, 0xab,
    0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0x90, 0xfe,
  };
  static const uint8_t le[] = {
    0x10, 0xcd, 0xab, 0x20, 0x01, 0xef, 0xa0, 0x56, 0x34, 0xb0, 0x9a, 0x78,
    0x90, 0xdc, 0xfe, 0x00, 0x98, 0xba, 0xf0, 0x54, 0x76, 0xe0, 0x10, 0x32,
  };
  static const uint8_t be[] = {
    0xab, 0xcd, 0x10, 0xef, 0x01, 0x20, 0x34, 0x56, 0xa0, 0x78, 0x9a, 0xb0,
    0xfe, 0xdc, 0x90, 0xba, 0x98, 0x00, 0x76, 0x54, 0xf0, 0x32, 0x10, 0xe0,
  };
  uint8_t out[25] = { [24] = '!' };

  (void) state;
  assert_int_equal (recoding_apply (RECODING_SPLIT20_LE, material, 20, out), 24);
  assert_memory_equal (out, le, 24);
  assert_int_equal (recoding_apply (RECODING_SPLIT20_BE, material, 20, out), 24);
  assert_memory_equal (out, be, 24);
  assert_int_equal (out[24], '!');
}

static void
test_pair20 (void **state)
{
  /* Two units: abcd1, ef012; fedc9, ba980. */
  static const uint8_t material[] = { 0xab, 0xcd, 0xef, 0x01, 0x12,
                                      0xfe, 0xdc, 0xba, 0x98, 0x90 };
  static const uint8_t le[] = { 0x10, 0xcd, 0xab, 0x20, 0x01, 0xef,
                                0x90, 0xdc, 0xfe, 0x00, 0x98, 0xba };
  static const uint8_t be[] = { 0xab, 0xcd, 0x10, 0xef, 0x01, 0x20,
                                0xfe, 0xdc, 0x90, 0xba, 0x98, 0x00 };
  uint8_t out[13] = { [12] = '!' };

  (void) state;
  assert_int_equal (recoding_apply (RECODING_PAIR20_LE, material, 10, out), 12);
  assert_memory_equal (out, le, 12);
  assert_int_equal (recoding_apply (RECODING_PAIR20_BE, material, 10, out), 12);
  assert_memory_equal (out, be, 12);
  assert_int_equal (out[12], '!');
}

static void
expect_recoded (enum transform_kind kind, const char *material, const char *result)
{
  uint8_t out[64] = { 0 };
  size_t n = strlen (result);

  out[n] = '!';
  assert_int_equal (
    recoding_apply (kind, (const uint8_t *) material, strlen (material), out), n);
  assert_memory_equal (out, result, n);
  assert_int_equal (out[n], '!');
}

/* The last value of each unit is dropped. */
static void
test_keep (void **state)
{
  (void) state;
  expect_recoded (RECODING_KEEP1_16_LE, "A0..B1..C2..", "0A1B2C");
  expect_recoded (RECODING_KEEP1_16_BE, "A0..B1..C2..", "A0B1C2");
  expect_recoded (RECODING_KEEP1_24_LE, "A0p...B1q...C2r...", "p0Aq1Br2C");
  expect_recoded (RECODING_KEEP1_24_BE, "A0p...B1q...C2r...", "A0pB1qC2r");
  expect_recoded (RECODING_KEEP3_16_LE, "A0B1C2..D3E4F5..", "0A1B2C3D4E5F");
  expect_recoded (RECODING_KEEP3_16_BE, "A0B1C2..D3E4F5..", "A0B1C2D3E4F5");
  expect_recoded (RECODING_KEEP3_24_LE, "A0pB1qC2r...", "p0Aq1Br2C");
  expect_recoded (RECODING_KEEP3_24_BE, "A0pB1qC2r...", "A0pB1qC2r");
  expect_recoded (RECODING_KEEP5_16_LE, "A0B1C2D3E4..a5b6c7d8e9..",
                  "0A1B2C3D4E5a6b7c8d9e");
  expect_recoded (RECODING_KEEP5_16_BE, "A0B1C2D3E4..a5b6c7d8e9..",
                  "A0B1C2D3E4a5b6c7d8e9");
  expect_recoded (RECODING_KEEP5_24_LE, "A0pB1qC2rD3sE4t...", "p0Aq1Br2Cs3Dt4E");
  expect_recoded (RECODING_KEEP5_24_BE, "A0pB1qC2rD3sE4t...", "A0pB1qC2rD3sE4t");
  expect_recoded (RECODING_KEEP7_16_LE, "A0B1C2D3E4F5G6..a0b1c2d3e4f5g6..",
                  "0A1B2C4E5F3D6G0a1b2c4e5f3d6g");
  expect_recoded (RECODING_KEEP7_16_BE, "A0B1C2D3E4F5G6..a0b1c2d3e4f5g6..",
                  "A0B1C2E4F5D3G6a0b1c2e4f5d3g6");
  expect_recoded (RECODING_KEEP7_24_LE, "A0pB1qC2rD3sE4tF5uG6v...",
                  "p0Aq1Br2Ct4Eu5Fs3Dv6G");
  expect_recoded (RECODING_KEEP7_24_BE, "A0pB1qC2rD3sE4tF5uG6v...",
                  "A0pB1qC2rE4tF5uD3sG6v");
}

/* As others have it. */
static void
test_recodings (void **state)
{
  static uint8_t material[50000];
  uint64_t rng = 3;

  (void) state;
  for (int kind = FIRST_RECODING; kind < TRANSFORM_KINDS; ++kind)
    for (size_t n = 720; n <= sizeof material; n *= 3) { /* whole units */
      size_t bound = recoding_bound (kind, n), expected;
      uint8_t *out = malloc (bound), *right;

      rng_fill (&rng, material, n / 2); /* the rest can be compressed */
      right = naive_recode (kind, material, n, &expected);
      assert_in_range (expected, 1, bound);
      assert_int_equal (recoding_apply (kind, material, n, out), expected);
      assert_memory_equal (out, right, expected);
      free (right);
      free (out);
    }
}

static void
test_bounds (void **state)
{
  (void) state;
  for (int kind = FIRST_RECODING; kind < TRANSFORM_KINDS; ++kind) {
    assert_int_equal (recoding_bound (kind, 0), 0);
    assert_true (recoding_bound (kind, RECODING_MAX_MATERIAL / 720 * 720) > 0);
    assert_int_equal (recoding_bound (kind, RECODING_MAX_MATERIAL + 1), 0);
    assert_int_equal (recoding_bound (kind, SIZE_MAX / 720 * 720), 0);
  }
  assert_int_equal (recoding_bound (RECODING_SPLIT20_LE, 20), 24);
  assert_int_equal (recoding_bound (RECODING_SPLIT20_BE, 15), 0);
  assert_int_equal (recoding_bound (RECODING_PAIR20_BE, 15), 18);
  assert_int_equal (recoding_bound (RECODING_PAIR20_LE, 16), 0);
  assert_int_equal (recoding_bound (RECODING_KEEP1_16_LE, 20), 10);
  assert_int_equal (recoding_bound (RECODING_KEEP1_16_BE, 22), 0);
  assert_int_equal (recoding_bound (RECODING_KEEP1_24_LE, 18), 9);
  assert_int_equal (recoding_bound (RECODING_KEEP1_24_BE, 20), 0);
  assert_int_equal (recoding_bound (RECODING_KEEP3_16_LE, 16), 12);
  assert_int_equal (recoding_bound (RECODING_KEEP3_24_BE, 16), 0);
  assert_int_equal (recoding_bound (RECODING_KEEP5_24_LE, 36), 30);
  assert_int_equal (recoding_bound (RECODING_KEEP5_16_BE, 18), 0);
  assert_int_equal (recoding_bound (RECODING_KEEP7_16_LE, 32), 28);
  assert_int_equal (recoding_bound (RECODING_KEEP7_24_BE, 40), 0);
  assert_int_equal (recoding_bound (RECODING_DEFLATE, 1), 14);
  assert_int_equal (recoding_bound (TRANSFORM_SWAP16, 20), 0);
  assert_int_equal (recoding_bound (TRANSFORM_KINDS, 20), 0);
}

/* What inflates to it again. */
static void
test_deflated_inflates (void **state)
{
  static const uint8_t text[] = "subtitles, subtitles and again subtitles";
  uint8_t out[200], again[sizeof text];
  uLongf len = sizeof again;
  size_t n = recoding_apply (RECODING_DEFLATE, text, sizeof text, out);

  (void) state;
  assert_in_range (n, 1, sizeof text);
  assert_int_equal (uncompress (again, &len, out, n), Z_OK);
  assert_int_equal (len, sizeof text);
  assert_memory_equal (again, text, len);
  assert_int_equal (out[0], 0x78);
  assert_int_equal (out[1], 0xda); /* level 9 */
  assert_string_equal (recoding_zlib (), zlibVersion ());
  /* XXH3 of nothing is 2d06800538d394c2. */
  assert_int_equal (recoding_check (out, 0), 0x38d394c2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_known),   cmocka_unit_test (test_units),
    cmocka_unit_test (test_split20), cmocka_unit_test (test_recodings),
    cmocka_unit_test (test_pair20),  cmocka_unit_test (test_keep),
    cmocka_unit_test (test_bounds),  cmocka_unit_test (test_deflated_inflates),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
