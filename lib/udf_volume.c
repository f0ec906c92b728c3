/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors of a UDF volume (ECMA-167 part 3, and the file set of part 4): one
 * volume, closed, with one partition that is read-only.  See udf_parts.h.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "udf_parts.h"

#define ACCESS_READ_ONLY 1 /* 3/10.5.7 */
#define INTEGRITY_CLOSED 1 /* 3/10.10.3 */
#define FREE_UNIQUE_ID 16u /* the first that a file may have but the root (UDF 3.2.1) */

/* Blocks of the partition. */
static uint32_t
partition_blocks (const struct udf *udf)
{
  return (uint32_t) (udf->fs.data_end / UDF_BLOCK - UDF_PARTITION);
}

static const struct tree_stat *
latest (const struct udf *udf)
{
  return &udf->tree->nodes[0].stat;
}

/* An extent_ad (3/7.1) of whole blocks. */
static void
put_extent (uint8_t *p, uint32_t blocks, uint32_t at)
{
  put_le32 (p, blocks * UDF_BLOCK);
  put_le32 (p + 4, at);
}

/* 2/9.1: what says that this is ECMA-167. */
static void
put_recognition (uint8_t *p, uint32_t n)
{
  static const char names[3][6] = { "BEA01", "NSR02", "TEA01" };

  if (n >= 3)
    return;
  memcpy (p + 1, names[n], 5);
  p[6] = 1;
}

/* 3/10.2 */
static void
put_anchor (uint8_t *p, uint64_t at)
{
  put_extent (p + 16, UDF_SEQUENCE, UDF_MAIN);
  put_extent (p + 24, UDF_SEQUENCE, UDF_RESERVE);
  udf_put_tag (p, UDF_TAG_ANCHOR, 512, (uint32_t) at);
}

/* 3/10.1.  The volume set's name has to be unique in its first 16 characters (UDF 2.2.2.5). */
static size_t
put_primary (const struct udf *udf, uint8_t *p)
{
  char set[32];

  snprintf (set, sizeof set, "%016llxmkvdup", (unsigned long long) udf->hash);
  udf_put_dstring (p + 24, 32, udf->label);
  put_le16 (p + 56, 1); /* volume 1 ... */
  put_le16 (p + 58, 1); /* ... of 1 */
  put_le16 (p + 60, 2); /* interchange levels: one volume */
  put_le16 (p + 62, 2);
  put_le32 (p + 64, 1); /* character sets: CS0 */
  put_le32 (p + 68, 1);
  udf_put_dstring (p + 72, 128, set);
  udf_put_charset (p + 200);
  udf_put_charset (p + 264);
  udf_put_time (p + 376, latest (udf));
  udf_put_maker (p + 388);
  return 512;
}

/* UDF 2.2.7 */
static size_t
put_implementation (const struct udf *udf, uint8_t *p)
{
  udf_put_udf_entity (p + 20, "*UDF LV Info");
  udf_put_charset (p + 52);
  udf_put_dstring (p + 116, 128, udf->label);
  udf_put_maker (p + 352);
  return 512;
}

/* 3/10.5 */
static size_t
put_partition (const struct udf *udf, uint8_t *p)
{
  put_le16 (p + 20, 1); /* space is allocated */
  udf_put_standard (p + 24, "+NSR02");
  put_le32 (p + 184, ACCESS_READ_ONLY);
  put_le32 (p + 188, UDF_PARTITION);
  put_le32 (p + 192, partition_blocks (udf));
  udf_put_maker (p + 196);
  return 512;
}

/* 3/10.6, with one partition map of type 1 */
static size_t
put_logical (const struct udf *udf, uint8_t *p)
{
  udf_put_charset (p + 20);
  udf_put_dstring (p + 84, 128, udf->label);
  put_le32 (p + 212, UDF_BLOCK);
  udf_put_domain (p + 216);
  udf_put_long_ad (p + 248, UDF_FILE_SET_BLOCKS * UDF_BLOCK, UDF_FILE_SET);
  put_le32 (p + 264, 6); /* bytes of ... */
  put_le32 (p + 268, 1); /* ... one map */
  udf_put_maker (p + 272);
  put_extent (p + 432, UDF_INTEGRITY_BLOCKS, UDF_INTEGRITY);
  p[440] = 1;            /* type */
  p[441] = 6;            /* bytes */
  put_le16 (p + 442, 1); /* volume */
  return 446;
}

/* 3/10.10 */
static size_t
put_integrity (const struct udf *udf, uint8_t *p)
{
  udf_put_time (p + 16, latest (udf));
  put_le32 (p + 28, INTEGRITY_CLOSED);
  put_le64 (p + 40, (uint64_t) FREE_UNIQUE_ID + udf->tree->n);
  put_le32 (p + 72, 1);  /* partitions */
  put_le32 (p + 76, 46); /* bytes from 88 on */
  put_le32 (p + 80, 0);  /* free blocks */
  put_le32 (p + 84, partition_blocks (udf));
  udf_put_maker (p + 88);
  put_le32 (p + 120, udf->tree->n - udf->n_folders);
  put_le32 (p + 124, udf->n_folders);
  put_le16 (p + 128, UDF_REVISION); /* to be read, ... */
  put_le16 (p + 130, UDF_REVISION); /* ... written, ... */
  put_le16 (p + 132, UDF_REVISION); /* ... and was written at most */
  return 134;
}

/* 3/10.8: there is none. */
static size_t
put_unallocated (const struct udf *udf, uint8_t *p)
{
  (void) udf;
  put_le32 (p + 20, 0);
  return 24;
}

/* Block `n` of a volume descriptor sequence, which stands in block `at`. */
static void
put_sequence (const struct udf *udf, uint8_t *p, uint32_t n, uint32_t at)
{
  static const struct {
    enum udf_tag tag;
    size_t (*put) (const struct udf *udf, uint8_t *p); /* returns its size */
  } sequence[] = {
    { UDF_TAG_PRIMARY, put_primary },
    { UDF_TAG_IMPLEMENTATION, put_implementation },
    { UDF_TAG_PARTITION, put_partition },
    { UDF_TAG_LOGICAL, put_logical },
    { UDF_TAG_UNALLOCATED, put_unallocated },
  };
  const uint32_t end = sizeof sequence / sizeof sequence[0];

  if (n < end) {
    size_t size = sequence[n].put (udf, p);

    put_le32 (p + 16, n);
    udf_put_tag (p, sequence[n].tag, size, at);
  }
  else if (n == end) {
    udf_put_tag (p, UDF_TAG_TERMINATING, 512, at);
  }
}

/* Block `n` of the integrity sequence. */
static void
put_integrity_sequence (const struct udf *udf, uint8_t *p, uint32_t n)
{
  if (n == 0)
    udf_put_tag (p, UDF_TAG_INTEGRITY, put_integrity (udf, p), UDF_INTEGRITY);
  else if (n == 1)
    udf_put_tag (p, UDF_TAG_TERMINATING, 512, UDF_INTEGRITY + 1);
}

/* 4/14.1 */
void
udf_put_file_set (const struct udf *udf, uint8_t *p, uint32_t at)
{
  if (at != UDF_FILE_SET) {
    udf_put_tag (p, UDF_TAG_TERMINATING, 512, at);
    return;
  }
  udf_put_time (p + 16, latest (udf));
  put_le16 (p + 28, 3); /* interchange levels (UDF 2.3.2.1) */
  put_le16 (p + 30, 3);
  put_le32 (p + 32, 1); /* character sets: CS0 */
  put_le32 (p + 36, 1);
  udf_put_charset (p + 48);
  udf_put_dstring (p + 112, 128, udf->label);
  udf_put_charset (p + 240);
  udf_put_dstring (p + 304, 32, udf->label);
  udf_put_long_ad (p + 400, UDF_BLOCK, UDF_ICBS);
  udf_put_domain (p + 416);
  udf_put_tag (p, UDF_TAG_FILE_SET, 512, at);
}

/* One of the blocks before the first anchor. */
static void
put_front (const struct udf *udf, uint8_t *p, uint32_t block)
{
  if (block >= UDF_INTEGRITY)
    put_integrity_sequence (udf, p, block - UDF_INTEGRITY);
  else if (block >= UDF_RESERVE)
    put_sequence (udf, p, block - UDF_RESERVE, block);
  else if (block >= UDF_MAIN)
    put_sequence (udf, p, block - UDF_MAIN, block);
  else if (block >= UDF_RECOGNITION)
    put_recognition (p, block - UDF_RECOGNITION);
}

void
udf_put_volume (const struct udf *udf, uint8_t *p, uint64_t block)
{
  uint64_t last = udf->fs.size / UDF_BLOCK - 1;

  if (block == UDF_ANCHOR || block == last || block == last - UDF_LAST_ANCHORS)
    put_anchor (p, block);
  else if (block < UDF_ANCHOR)
    put_front (udf, p, (uint32_t) block);
}
