/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where on a UDF file system the bytes of a file or folder are (ECMA-167 4/12): see
 * udf_parts.h.
 *
 * They stand in one piece, but an allocation descriptor's length has 30 bits: there is one
 * for each GiB, less a block.  So many as a file entry has room for reach 234 GiB; a longer
 * file has its last descriptor lead to a block of further ones, and so on.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "bytes.h"
#include "udf_parts.h"

#define MORE_SIZE 24u /* bytes of an allocation extent descriptor */
#define AD_SIZE 8u    /* of a short_ad (4/14.14.1) */
#define ENTRY_ADS ((UDF_BLOCK - UDF_FILE_ENTRY_SIZE) / AD_SIZE)
#define MORE_ADS ((UDF_BLOCK - MORE_SIZE) / AD_SIZE)
#define MAX_EXTENT ((1u << 30) - UDF_BLOCK)
#define IS_MORE (3u << 30)

uint64_t
udf_content_size (const struct udf *udf, uint32_t number)
{
  const struct tree_node *node = &udf->tree->nodes[number];

  return tree_is_folder (node) ? udf_folder_size (udf, number) : node->size;
}

/* Its first block of the partition. */
static uint64_t
content_at (const struct udf *udf, uint32_t number)
{
  if (tree_is_folder (&udf->tree->nodes[number]))
    return udf->folders + udf_folder_at (udf, number) / UDF_BLOCK;
  return udf->fs.file_at[number] / UDF_BLOCK - UDF_PARTITION;
}

static uint64_t
count_extents (uint64_t size)
{
  return size / MAX_EXTENT + (size % MAX_EXTENT != 0);
}

/* Blocks of further descriptors: the file entry and each but the last of them give one
 * descriptor to lead on.
 */
static uint64_t
count_blocks (uint64_t size)
{
  uint64_t n = count_extents (size);

  return n <= ENTRY_ADS ? 0 : (n - ENTRY_ADS + MORE_ADS - 2) / (MORE_ADS - 1);
}

static void
put_short_ad (uint8_t *p, uint32_t size, uint64_t at)
{
  put_le32 (p, size);
  put_le32 (p + 4, (uint32_t) at);
}

/* Descriptors of node `number` from its `first` on, `room` of them at most; if that are not
 * all, the last leads to block `more` of the partition.  Returns how many.
 */
static uint32_t
put_extents (const struct udf *udf, uint8_t *p, uint32_t number, uint64_t first,
             uint32_t room, uint32_t more)
{
  uint64_t size = udf_content_size (udf, number), at = content_at (udf, number);
  uint64_t rest = count_extents (size) - first;
  uint32_t n = rest > room ? room - 1 : (uint32_t) rest;

  for (uint32_t i = 0; i < n; i++) {
    uint64_t from = (first + i) * MAX_EXTENT, left = size - from;

    put_short_ad (p, left < MAX_EXTENT ? (uint32_t) left : MAX_EXTENT,
                  at + from / UDF_BLOCK);
    p += AD_SIZE;
  }
  if (rest > room) {
    put_short_ad (p, UDF_BLOCK | IS_MORE, more);
    n++;
  }
  return n;
}

size_t
udf_put_extents (const struct udf *udf, uint8_t *p, uint32_t number)
{
  uint32_t more = 0;

  for (uint32_t i = 0; i < udf->n_longs; i++)
    if (udf->longs[i].node == number)
      more = udf->longs[i].at;
  return (size_t) put_extents (udf, p, number, 0, ENTRY_ADS, more) * AD_SIZE;
}

/* 4/14.5.  Its checksum covers no descriptors, as before UDF 2.01. */
void
udf_put_more (const struct udf *udf, uint8_t *p, uint32_t at)
{
  uint32_t i = udf->n_longs - 1;
  uint64_t first;

  while (udf->longs[i].at > at)
    i--;
  first = ENTRY_ADS - 1 + (uint64_t) (at - udf->longs[i].at) * (MORE_ADS - 1);
  put_le32 (p + 20, AD_SIZE * put_extents (udf, p + MORE_SIZE, udf->longs[i].node, first,
                                           MORE_ADS, at + 1));
  udf_put_tag (p, UDF_TAG_ALLOCATION_EXTENT, MORE_SIZE, at);
}

int
udf_place_more (struct udf *udf, uint64_t *end, struct error *err)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < udf->tree->n; i++)
    n += count_blocks (udf_content_size (udf, i)) > 0;
  if (n == 0)
    return 0;
  udf->longs = calloc (n, sizeof *udf->longs);
  if (!udf->longs)
    return error_set (err, ENOMEM, "%u long files", n);
  for (uint32_t i = 0; i < udf->tree->n; i++) {
    uint64_t blocks = count_blocks (udf_content_size (udf, i));

    if (blocks == 0)
      continue;
    udf->longs[udf->n_longs++] = (struct udf_long){ i, (uint32_t) *end };
    *end += blocks;
  }
  return 0;
}
