/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/merkle.c: the arithmetic of levels, and that a changed digest is seen.
 * Whether the roots are the right ones is test-merkle-roots.sh's to say.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "merkle.h"

#define KIB UINT64_C (1024)
#define MIB (1024 * KIB)

static void
test_group_counts (void **state)
{
  (void) state;
  assert_true (merkle_groups (0) == 0);
  assert_true (merkle_groups (1) == 1);
  assert_true (merkle_groups (512 * KIB) == 1);
  assert_true (merkle_groups (512 * KIB + 1) == 2);
  assert_true (merkle_groups (UINT64_MAX) == UINT64_MAX / MERKLE_GROUP + 1);
}

static void
test_stored_lengths (void **state)
{
  static const struct {
    uint64_t size, digests;
  } cases[] = {
    { 0, 1 },
    { 1, 1 },
    { 4096, 1 },
    { 512 * KIB, 1 },
    { 512 * KIB + 1, 2 + 1 },
    { 64 * MIB, 128 + 1 },
    { 64 * MIB + 1, 129 + 2 + 1 },
    { 8192 * MIB + 1, 16385 + 129 + 2 + 1 },
  };

  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_true (merkle_stored_len (cases[i].size) == cases[i].digests * MERKLE_DIGEST);
}

/* Made-up group digests: levels above do not care where level 1 came from. */
static uint8_t *
make_levels (uint64_t size, size_t *len)
{
  struct error err = ERROR_INIT;
  uint8_t *stored;

  *len = merkle_stored_len (size);
  stored = malloc (*len);
  assert_non_null (stored);
  for (size_t i = 0; i < *len; i++)
    stored[i] = (uint8_t) (i * 7 + i / 32);
  assert_int_equal (merkle_finish (stored, size, &err), 0);
  return stored;
}

static void
test_every_changed_byte_is_seen (void **state)
{
  static const uint64_t sizes[] = { 512 * KIB + 1, 64 * MIB, 64 * MIB + 1, 200 * MIB };
  struct error err;
  size_t len;

  (void) state;
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    CLEANUP_FREE uint8_t *stored = make_levels (sizes[k], &len);

    assert_int_equal (merkle_check_levels (stored, sizes[k], &err), 0);
    for (size_t i = 0; i < len; i += 31) {
      stored[i] ^= 0x10;
      assert_int_equal (merkle_check_levels (stored, sizes[k], &err), -1);
      assert_non_null (strstr (err.text, "Merkle level"));
      stored[i] ^= 0x10;
    }
  }
}

static void
test_empty_image (void **state)
{
  static const uint8_t zeros[MERKLE_DIGEST];
  uint8_t stored[MERKLE_DIGEST] = { 1 };
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (merkle_check_levels (stored, 0, &err), -1);
  assert_int_equal (merkle_finish (stored, 0, &err), 0);
  assert_memory_equal (stored, zeros, sizeof zeros);
  assert_int_equal (merkle_check_levels (stored, 0, &err), 0);
  assert_ptr_equal (merkle_root (stored, 0), stored);
  stored[0] = 1;
  assert_int_equal (merkle_group_digest (NULL, 0, 0, stored, &err), 0);
  assert_memory_equal (stored, zeros, sizeof zeros);
}

static void
test_padding_is_zeros (void **state)
{
  static const uint8_t data[MERKLE_BLOCK] = { 'x' };
  uint8_t one[MERKLE_DIGEST], block[MERKLE_DIGEST];
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (merkle_group_digest (data, 1, 1, one, &err), 0);
  assert_int_equal (merkle_group_digest (data, sizeof data, 4096, block, &err), 0);
  assert_memory_equal (one, block, sizeof block);
}

static void
test_hex (void **state)
{
  static const uint8_t raw[] = { 0x00, 0x9a, 0xff };
  char hex[2 * sizeof raw + 1];

  (void) state;
  merkle_hex (raw, sizeof raw, hex);
  assert_string_equal (hex, "009aff");
}

/* A size of more than 32 bits; the expected digest comes from Python's hashlib. */
static void
test_fsverity_digest_of_large_file (void **state)
{
  uint8_t root[MERKLE_DIGEST], digest[MERKLE_DIGEST];
  char hex[2 * MERKLE_DIGEST + 1];
  struct error err = ERROR_INIT;

  (void) state;
  for (unsigned i = 0; i < MERKLE_DIGEST; i++)
    root[i] = (uint8_t) (i + 1);
  assert_int_equal (merkle_fsverity_digest (root, UINT64_C (0x123456789a), digest, &err),
                    0);
  merkle_hex (digest, MERKLE_DIGEST, hex);
  assert_string_equal (
    hex, "b36a25aee09e9a968ab607b259e6c002e43b2fb90eaddf9b2f2f321c53cc495a");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_group_counts),
    cmocka_unit_test (test_stored_lengths),
    cmocka_unit_test (test_every_changed_byte_is_seen),
    cmocka_unit_test (test_empty_image),
    cmocka_unit_test (test_padding_is_zeros),
    cmocka_unit_test (test_hex),
    cmocka_unit_test (test_fsverity_digest_of_large_file),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
