/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash device of dm-verity: see verity.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "merkle.h"
#include "verity.h"

/* The superblock: struct verity_sb.  Unnamed bytes are zero. */
enum {
  SB_SIGNATURE = 0,
  SB_VERSION = 8,
  SB_HASH_TYPE = 12,
  SB_UUID = 16,
  SB_ALGORITHM = 32,
  SB_DATA_BLOCK_SIZE = 64,
  SB_HASH_BLOCK_SIZE = 68,
  SB_DATA_BLOCKS = 72,
};

void
verity_init (struct verity *v, uint64_t image_size)
{
  uint64_t n, stored = 0, block = 1;

  *v = (struct verity){ .data_blocks =
                          image_size / MERKLE_BLOCK + (image_size % MERKLE_BLOCK != 0) };
  /* One block needs no tree: its digest is the root. */
  for (n = v->data_blocks; n > 1; n = v->levels[v->n_levels++].n_blocks) {
    struct verity_level *l = &v->levels[v->n_levels];

    l->n_digests = n;
    l->n_blocks = merkle_parents (n);
    if (v->n_levels > 0) {
      l->digest = stored;
      stored += n;
    }
  }
  for (unsigned i = v->n_levels; i-- > 0;) {
    v->levels[i].block = block;
    block += v->levels[i].n_blocks;
  }
  v->size = block * MERKLE_BLOCK;
}

/* ---- Blocks */

static int
make_superblock (const struct verity *v, struct image *img, uint8_t *block,
                 struct error *err)
{
  uint8_t root[MERKLE_DIGEST];

  if (image_root (img, root, err) == -1)
    return -1;
  memcpy (block + SB_SIGNATURE, "verity", strlen ("verity"));
  put_le32 (block + SB_VERSION, 1);
  put_le32 (block + SB_HASH_TYPE, 1);
  /* Of the image: version 8 of RFC 9562, section 5.8. */
  memcpy (block + SB_UUID, root, 16);
  block[SB_UUID + 6] = (uint8_t) ((block[SB_UUID + 6] & 0x0f) | 0x80);
  block[SB_UUID + 8] = (uint8_t) ((block[SB_UUID + 8] & 0x3f) | 0x80);
  memcpy (block + SB_ALGORITHM, "sha256", strlen ("sha256"));
  put_le32 (block + SB_DATA_BLOCK_SIZE, MERKLE_BLOCK);
  put_le32 (block + SB_HASH_BLOCK_SIZE, MERKLE_BLOCK);
  put_le64 (block + SB_DATA_BLOCKS, v->data_blocks);
  return 0;
}

/* Block `i` of level 0: the digests of a group's blocks. */
static int
hash_group (struct image *img, uint64_t i, uint8_t *block, struct error *err)
{
  uint64_t at = i * MERKLE_GROUP, left = image_size (img) - at;
  size_t len = left < MERKLE_GROUP ? (size_t) left : MERKLE_GROUP;
  CLEANUP_FREE uint8_t *group = malloc (len);

  if (!group)
    return error_set (err, ENOMEM, "a group of an image");
  if (image_read (img, group, len, at, err) == -1)
    return -1;
  return merkle_group_level0 (group, len, block, err);
}

static int
make_block (const struct verity *v, struct image *img, uint64_t number, uint8_t *block,
            struct error *err)
{
  unsigned k = 0;
  uint64_t i, first, n;

  memset (block, 0, MERKLE_BLOCK);
  if (number == 0)
    return make_superblock (v, img, block, err);
  while (number < v->levels[k].block)
    k++;
  i = number - v->levels[k].block;
  if (k == 0)
    return hash_group (img, i, block, err);
  first = i * MERKLE_FANOUT;
  n = v->levels[k].n_digests - first;
  return image_digests (img, v->levels[k].digest + first,
                        n < MERKLE_FANOUT ? n : MERKLE_FANOUT, block, err);
}

int
verity_read (const struct verity *v, struct image *img, void *buf, size_t count,
             uint64_t offset, struct error *err)
{
  uint8_t block[MERKLE_BLOCK];
  uint8_t *to = buf;

  if (offset > v->size || count > v->size - offset)
    return error_set (err, EINVAL, "read beyond a hash device's end");
  while (count > 0) {
    size_t skip = offset % MERKLE_BLOCK;
    size_t len = count < MERKLE_BLOCK - skip ? count : MERKLE_BLOCK - skip;

    if (make_block (v, img, offset / MERKLE_BLOCK, block, err) == -1)
      return -1;
    memcpy (to, block + skip, len);
    to += len;
    offset += len;
    count -= len;
  }
  return 0;
}
