/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an image is compared with leads to its root, however little of the levels is read; and
 * that is little.  The image is as large as four levels take; nothing of it is needed but
 * digests, of which nobody knows the bytes.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"
#include "fake-recipe.h"
#include "image.h"
#include "merkle.h"

#define GROUPS (2 * MERKLE_FANOUT * MERKLE_FANOUT + 3)
#define IMAGE_SIZE (GROUPS * MERKLE_GROUP)

/* First digests of the levels, and how many there are. */
static const struct {
  uint64_t first, n;
} level[] = {
  { 0, GROUPS },
  { GROUPS, 2 * MERKLE_FANOUT + 1 },
  { GROUPS + 2 * MERKLE_FANOUT + 1, 3 },
  { GROUPS + 2 * MERKLE_FANOUT + 4, 1 },
};
#define LEVELS (sizeof level / sizeof level[0])
#define ALL (GROUPS + 2 * MERKLE_FANOUT + 5)

static uint8_t digests[ALL][MERKLE_DIGEST];
static struct recipe recipe;
static struct recipe_state state_of_recipe;
static struct segment_cache *cache;
static size_t blocks_read, digests_read, times_checked;
static bool is_replaced, is_damaged;

int __wrap_recipe_check_merkle (const struct recipe *r, struct error *err);
int __wrap_recipe_check_state (const struct recipe *r, struct error *err);
int __wrap_recipe_digests (const struct recipe *r, uint64_t first, size_t n, uint8_t *to,
                           struct error *err);

int
__wrap_recipe_check_merkle (const struct recipe *r, struct error *err)
{
  (void) r;
  times_checked++;
  return is_damaged ? error_set (err, 0, "damaged") : 0;
}

int
__wrap_recipe_check_state (const struct recipe *r, struct error *err)
{
  (void) r;
  return is_replaced ? error_set (err, ESTALE, "replaced") : 0;
}

int
__wrap_recipe_digests (const struct recipe *r, uint64_t first, size_t n, uint8_t *to,
                       struct error *err)
{
  (void) err;
  assert_true ((first + n) * MERKLE_DIGEST <= r->merkle_len);
  memcpy (to, digests[first], n * MERKLE_DIGEST);
  blocks_read++;
  digests_read += n;
  return 0;
}

/* Other ones for each `seed`. */
static void
make_digests (unsigned seed)
{
  struct error err = ERROR_INIT;
  unsigned at = seed;

  for (size_t i = 0; i < GROUPS; i++)
    for (size_t j = 0; j < MERKLE_DIGEST; j++)
      digests[i][j] = (uint8_t) rand_r (&at);
  assert_int_equal (merkle_stored_len (IMAGE_SIZE), sizeof digests);
  assert_int_equal (merkle_finish (digests[0], IMAGE_SIZE, &err), 0);
}

static int
group_setup (void **state)
{
  (void) state;
  fake_recipe = &recipe;
  cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  return cache ? 0 : -1;
}

static int
group_teardown (void **state)
{
  (void) state;
  segment_cache_free (cache);
  return 0;
}

static struct image *
open_image (uint64_t size)
{
  static const char *const places[] = { "." };
  struct error err = ERROR_INIT;
  struct image *img;

  recipe = (struct recipe){ .path = (char *) "test.mkvdup",
                            .image_size = size,
                            .span_log2 = SEGMENT_MAX_LOG2,
                            .merkle_len = merkle_stored_len (size),
                            .state = &state_of_recipe };
  img = image_open ("test.mkvdup", places, 1, cache, &err);
  assert_non_null (img);
  blocks_read = digests_read = times_checked = 0;
  return img;
}

/* ---- What is right */

static void
expect_digests (struct image *img, uint64_t first, size_t n)
{
  uint8_t got[MERKLE_BLOCK] = { 0 };
  struct error err = ERROR_INIT;

  if (image_digests (img, first, n, got, &err) == -1)
    fail_msg ("%s", err.text);
  assert_memory_equal (got, digests[first], n * MERKLE_DIGEST);
}

static void
expect_root (struct image *img, const uint8_t *want)
{
  uint8_t root[MERKLE_DIGEST];
  struct error err = ERROR_INIT;

  if (image_root (img, root, &err) == -1)
    fail_msg ("%s", err.text);
  assert_memory_equal (root, want, sizeof root);
}

static void
test_all (void **state)
{
  struct image *img;

  (void) state;
  make_digests (1);
  img = open_image (IMAGE_SIZE);
  expect_root (img, digests[ALL - 1]);
  for (size_t l = 0; l < LEVELS; l++)
    for (uint64_t at = 0, n; at < level[l].n; at += n) {
      n = level[l].n - at < MERKLE_FANOUT ? level[l].n - at : MERKLE_FANOUT;
      expect_digests (img, level[l].first + at, n);
      expect_digests (img, level[l].first + at + n - 1, 1);
    }
  image_close (img);
}

/* Who only wants the root reads the first path, and a reader in order the path of each block. */
static void
test_few_are_read (void **state)
{
  const size_t path = 3 * MERKLE_FANOUT + 1;
  struct image *img;

  (void) state;
  make_digests (2);
  img = open_image (IMAGE_SIZE);
  expect_root (img, digests[ALL - 1]);
  assert_true (digests_read <= path);
  blocks_read = 0;
  for (uint64_t i = 0; i < MERKLE_FANOUT; i++)
    expect_digests (img, i, 1);
  assert_int_equal (blocks_read, 0);
  for (uint64_t i = MERKLE_FANOUT; i < 2 * MERKLE_FANOUT; i++)
    expect_digests (img, i, 1);
  assert_int_equal (blocks_read, LEVELS);
  assert_int_equal (times_checked, 0);
  image_close (img);
}

/* ---- What is not */

static void
expect_error (struct image *img, uint64_t first, size_t n, const char *text, int errnum)
{
  uint8_t got[2 * MERKLE_BLOCK];
  struct error err = ERROR_INIT;

  assert_int_equal (image_digests (img, first, n, got, &err), -1);
  if (!strstr (err.text, text))
    fail_msg ("\"%s\" in \"%s\"", text, err.text);
  assert_int_equal (err.errnum, errnum);
}

/* A digest that is wrong is in the paths of all below it, and of its block; others are right,
 * and so are all once it is again what it was.
 */
static void
expect_wrong (struct image *img, uint64_t wrong, uint64_t in_path, uint64_t elsewhere)
{
  digests[wrong][7] ^= 4;
  for (int i = 0; i < 2; i++) {
    expect_error (img, in_path, 1, "test.mkvdup: Merkle digests do not lead", 0);
    expect_error (img, wrong, 1, "test.mkvdup: Merkle digests do not lead", 0);
    if (elsewhere < ALL)
      expect_digests (img, elsewhere, 1);
  }
  digests[wrong][7] ^= 4;
  expect_digests (img, in_path, 1);
}

static void
test_wrong (void **state)
{
  const uint64_t last = GROUPS - 1;
  struct image *img;

  (void) state;
  make_digests (3);
  img = open_image (IMAGE_SIZE);
  expect_root (img, digests[ALL - 1]);
  expect_wrong (img, 300, 299, 5);
  expect_wrong (img, last, last - 2, 5);
  expect_wrong (img, level[1].first + 200, 200 * MERKLE_FANOUT, 5);
  expect_wrong (img, level[1].first + 200, 201 * MERKLE_FANOUT, last);
  expect_wrong (img, level[2].first + 2, last, ALL);
  expect_wrong (img, level[2].first + 2, 9 * MERKLE_FANOUT, ALL);
  expect_wrong (img, level[3].first, last, ALL);
  /* What was asked for last is known, and stays so. */
  expect_digests (img, 5, 1);
  digests[0][0] ^= 1;
  expect_error (img, 300, 301, "more than one hash block", EINVAL);
  digests[0][0] ^= 1;
  image_close (img);
}

/* The root of an image that was just opened is looked at as well. */
static void
test_wrong_at_first (void **state)
{
  uint8_t root[MERKLE_DIGEST];
  struct error err = ERROR_INIT;
  struct image *img;

  (void) state;
  make_digests (4);
  img = open_image (IMAGE_SIZE);
  digests[ALL - 1][0] ^= 1;
  assert_int_equal (image_root (img, root, &err), -1);
  digests[ALL - 1][0] ^= 1;
  expect_root (img, digests[ALL - 1]);
  image_close (img);
}

/* Levels that are right, of another image. */
static void
test_other (void **state)
{
  uint8_t root[MERKLE_DIGEST];
  struct image *img;

  (void) state;
  make_digests (5);
  memcpy (root, digests[ALL - 1], sizeof root);
  img = open_image (IMAGE_SIZE);
  expect_root (img, root);
  make_digests (6);
  expect_error (img, 1000, 1, "do not lead to the root", 0);
  expect_error (img, ALL - 1, 1, "do not lead to the root", 0);
  expect_root (img, root);
  make_digests (5);
  expect_digests (img, 1000, 1);
  image_close (img);
}

/* Nothing is kept of a file that is another by then; and that is what is told. */
static void
test_replaced (void **state)
{
  struct image *img;

  (void) state;
  make_digests (7);
  img = open_image (IMAGE_SIZE);
  is_replaced = true;
  expect_error (img, 1000, 1, "replaced", ESTALE);
  digests[1000][0] ^= 1;
  expect_error (img, 1000, 1, "replaced", ESTALE);
  digests[1000][0] ^= 1;
  is_replaced = false;
  make_digests (8);
  expect_root (img, digests[ALL - 1]);
  expect_digests (img, 1000, 1);
  is_replaced = true;
  expect_error (img, 5000, 1, "replaced", ESTALE);
  is_replaced = false;
  image_close (img);
}

/* Nothing stands above the digest of a single group, or of none: but it has a checksum. */
static void
test_single (void **state)
{
  (void) state;
  make_digests (9);
  for (uint64_t size = 0; size <= MERKLE_GROUP; size += MERKLE_GROUP / 2) {
    struct image *img = open_image (size);

    is_damaged = true;
    expect_error (img, 0, 1, "damaged", 0);
    is_damaged = false;
    expect_root (img, digests[0]);
    expect_digests (img, 0, 1);
    expect_error (img, 1, 1, "no such digest", EINVAL);
    expect_error (img, 0, 2, "more than one", EINVAL);
    image_close (img);
  }
}

static void
test_ranges (void **state)
{
  struct image *img;

  (void) state;
  make_digests (10);
  img = open_image (IMAGE_SIZE);
  expect_error (img, ALL, 1, "no such digest", EINVAL);
  expect_error (img, UINT64_MAX, 1, "no such digest", EINVAL);
  expect_error (img, 1, MERKLE_FANOUT, "more than one hash block", EINVAL);
  expect_error (img, GROUPS - 1, 2, "more than one hash block", EINVAL);
  expect_error (img, 0, SIZE_MAX, "more than one hash block", EINVAL);
  expect_digests (img, 1, MERKLE_FANOUT - 1);
  image_close (img);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_all),    cmocka_unit_test (test_few_are_read),
    cmocka_unit_test (test_wrong),  cmocka_unit_test (test_wrong_at_first),
    cmocka_unit_test (test_other),  cmocka_unit_test (test_replaced),
    cmocka_unit_test (test_single), cmocka_unit_test (test_ranges),
  };

  return cmocka_run_group_tests (tests, group_setup, group_teardown);
}
