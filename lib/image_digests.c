/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The digests that an image is compared with: what is on record leads to the root, or is an
 * error.
 *
 * Of a digest its hash block is read, and those above it, one a level; the root is what it
 * was when it was first read.  The block that was asked for last is kept, so that who reads in
 * order looks at a path once in 64 MiB.  Each path is looked at anew, whatever has become of
 * the file.
 *
 * Checking all levels when an image is opened was decided against: 64 bytes for a mebibyte
 * take milliseconds of each connection, and a recipe may claim any number of them.  So was
 * remembering which blocks were right: a path takes a thirtieth of what hashing its group does.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "image_parts.h"
#include "recipe_old.h"

/* Where a level's digests are among all on record. */
struct level {
  uint64_t first, n;
};

/* Digests of one level which have one parent. */
struct hash_block {
  uint64_t first;
  size_t n;
  uint8_t data[MERKLE_BLOCK];
};

/* ---- Paths */

static struct level
level_above (struct level level)
{
  return (struct level){ level.first + level.n, merkle_parents (level.n) };
}

/* That of digest `number`, which there is. */
static struct level
level_of (const struct image *img, uint64_t number)
{
  uint64_t groups = merkle_groups (image_size (img));
  struct level level = { 0, groups ? groups : 1 };

  while (number >= level.first + level.n)
    level = level_above (level);
  return level;
}

/* Block `i` of a level. */
static int
read_block (const struct image *img, struct level level, uint64_t i,
            struct hash_block *block, struct error *err)
{
  uint64_t left = level.n - i * MERKLE_FANOUT;

  block->first = level.first + i * MERKLE_FANOUT;
  block->n = left < MERKLE_FANOUT ? (size_t) left : MERKLE_FANOUT;
  return recipe_digests (img->recipe, block->first, block->n, block->data, err);
}

static int
expect (const struct image *img, const uint8_t *have, const uint8_t *want,
        struct error *err)
{
  return memcmp (have, want, MERKLE_DIGEST) == 0
           ? 0
           : error_set (
               err, 0,
               "%s: Merkle digests do not lead to the root: the recipe is damaged",
               img->recipe->path);
}

/* Block `i` of a level leads to this root. */
static int
check_path (const struct image *img, struct level level, uint64_t i,
            const struct hash_block *block, const uint8_t *root, struct error *err)
{
  struct hash_block at = *block;

  for (; level.n > 1; i /= MERKLE_FANOUT) {
    uint8_t digest[MERKLE_DIGEST];

    level = level_above (level);
    if (merkle_parent (at.data, at.n, digest, err) == -1 ||
        read_block (img, level, i / MERKLE_FANOUT, &at, err) == -1 ||
        expect (img, at.data + i % MERKLE_FANOUT * MERKLE_DIGEST, digest, err) == -1)
      return -1;
  }
  return expect (img, at.data, root, err);
}

/* The block that digest `number` is in. */
static int
find_block (const struct image *img, uint64_t number, const uint8_t *root,
            struct hash_block *block, struct error *err)
{
  struct level level = level_of (img, number);
  uint64_t i = (number - level.first) / MERKLE_FANOUT;

  return read_block (img, level, i, block, err) == -1
           ? -1
           : check_path (img, level, i, block, root, err);
}

/* ---- What is known */

static bool
is_known (struct known_digests *known, uint64_t first, size_t n, uint8_t *digests)
{
  LOCK_FOR_SCOPE (&known->lock);

  if (first < known->first || first - known->first > known->n ||
      n > known->n - (first - known->first))
    return false;
  memcpy (digests, known->block + (first - known->first) * MERKLE_DIGEST,
          n * MERKLE_DIGEST);
  return true;
}

/* What leads to another root than is known is not kept. */
static void
keep (struct known_digests *known, const uint8_t *root, const struct hash_block *block)
{
  LOCK_FOR_SCOPE (&known->lock);

  if (!atomic_load (&known->has_root))
    memcpy (known->root, root, sizeof known->root);
  atomic_store (&known->has_root, true);
  if (memcmp (known->root, root, sizeof known->root) != 0)
    return;
  known->first = block->first;
  known->n = block->n;
  memcpy (known->block, block->data, block->n * MERKLE_DIGEST);
}

/* ---- Asking the recipe */

/* That of a single group has nothing above or below it, but a checksum. */
static int
read_root (const struct image *img, uint8_t *root, struct error *err)
{
  const struct recipe *r = img->recipe;

  if (r->merkle_len <= MERKLE_DIGEST && recipe_check_merkle (r, err) == -1)
    return -1;
  return recipe_digests (r, r->merkle_len / MERKLE_DIGEST - 1, 1, root, err);
}

static int
find (struct image *img, uint64_t number, uint8_t *root, struct hash_block *block,
      struct error *err)
{
  struct known_digests *known = &img->digests;

  if (atomic_load (&known->has_root))
    memcpy (root, known->root, MERKLE_DIGEST);
  else if (read_root (img, root, err) == -1)
    return -1;
  return find_block (img, number, root, block, err);
}

/* Find the block of digest `number`, and the root.  If the recipe is another now, that is what is
 * wrong, whatever else is.
 */
static int
ask (struct image *img, uint64_t number, uint8_t *root, struct hash_block *block,
     struct error *err)
{
  struct error why = ERROR_INIT;
  unsigned life;
  int r, state;

  if (!pulse_begin (&img->recipe_pulse, &life)) {
    pulse_error (img->recipe->path, err);
    return -1;
  }
  r = find (img, number, root, block, &why);
  state = recipe_check_state (img->recipe, err);
  image_note_recipe (img);
  pulse_end (&img->recipe_pulse, life);
  if (r == -1 && state == 0)
    *err = why;
  if (r == -1 || state == -1)
    return -1;
  keep (&img->digests, root, block);
  return expect (img, root, img->digests.root, err);
}

int
image_digests (struct image *img, uint64_t first, size_t n, uint8_t *digests,
               struct error *err)
{
  uint64_t total = img->recipe->merkle_len / MERKLE_DIGEST;
  uint8_t root[MERKLE_DIGEST];
  struct hash_block block;

  if (img->recipe->old)
    return recipe_old_no_digests (img->recipe, err);
  if (is_known (&img->digests, first, n, digests))
    return 0;
  if (first >= total)
    return error_set (err, EINVAL, "%s: there is no such digest", img->recipe->path);
  if (ask (img, first, root, &block, err) == -1)
    return -1;
  if (n > block.n - (first - block.first))
    return error_set (err, EINVAL, "%s: digests of more than one hash block",
                      img->recipe->path);
  memcpy (digests, block.data + (first - block.first) * MERKLE_DIGEST, n * MERKLE_DIGEST);
  return 0;
}

/* It stays, so that who only wants to know it waits for no recipe that hangs. */
int
image_root (struct image *img, uint8_t *root, struct error *err)
{
  struct hash_block block;

  if (img->recipe->old)
    return recipe_old_no_digests (img->recipe, err);
  if (!atomic_load (&img->digests.has_root))
    return ask (img, 0, root, &block, err);
  memcpy (root, img->digests.root, MERKLE_DIGEST);
  return 0;
}
