/* SPDX-License-Identifier: BSD-3-Clause */
/* File entries of a UDF file system (ECMA-167 4/14.9): see udf_parts.h. */
#include "config.h"

#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "udf_parts.h"

enum file_type { /* 4/14.6.6 */
  TYPE_FOLDER = 4,
  TYPE_FILE = 5,
};

enum icb_flags { /* 4/14.6.8; descriptors are short_ad: 0 */
  SET_UID = 1 << 6,
  SET_GID = 1 << 7,
  STICKY = 1 << 8,
};

static uint16_t
icb_flags (uint32_t mode)
{
  return (uint16_t) ((mode & S_ISUID ? SET_UID : 0) | (mode & S_ISGID ? SET_GID : 0) |
                     (mode & S_ISVTX ? STICKY : 0));
}

/* 4/14.9.5: five bits for each, of which the lower three are those of POSIX.  Nobody may
 * change attributes or delete.
 */
static uint32_t
permissions (uint32_t mode)
{
  return (mode & 7) | (mode >> 3 & 7) << 5 | (mode >> 6 & 7) << 10;
}

/* Entries that lead to a node: its own, and those in folders within it.  The root's own
 * is that of its parent.
 */
static uint16_t
count_links (const struct tree *tree, const struct tree_node *node)
{
  uint32_t n = 1;

  for (uint32_t i = 0; i < node->n; i++)
    n += tree_is_folder (&tree->nodes[node->first + i]);
  return n < UINT16_MAX ? (uint16_t) n : UINT16_MAX;
}

static void
put_icb_tag (uint8_t *p, const struct tree_node *node)
{
  put_le16 (p + 4, 4); /* strategy (UDF 2.3.5.1) */
  put_le16 (p + 8, 1); /* entries */
  p[11] = tree_is_folder (node) ? TYPE_FOLDER : TYPE_FILE;
  put_le16 (p + 18, icb_flags (node->stat.mode));
}

static void
put_owner (uint8_t *p, const struct tree_stat *stat)
{
  put_le32 (p, stat->uid);
  put_le32 (p + 4, stat->gid);
  put_le32 (p + 8, permissions (stat->mode));
}

void
udf_put_file_entry (const struct udf *udf, uint8_t *p, uint32_t at)
{
  uint32_t number = at - UDF_ICBS;
  const struct tree_node *node = &udf->tree->nodes[number];
  uint64_t size = udf_content_size (udf, number);
  size_t n = udf_put_extents (udf, p + UDF_FILE_ENTRY_SIZE, number);

  put_icb_tag (p + 16, node);
  put_owner (p + 36, &node->stat);
  put_le16 (p + 48, count_links (udf->tree, node));
  put_le64 (p + 56, size);
  put_le64 (p + 64, (size + UDF_BLOCK - 1) / UDF_BLOCK);
  udf_put_time (p + 72, &node->stat); /* accessed */
  memcpy (p + 84, p + 72, 12);        /* modified */
  memcpy (p + 96, p + 72, 12);        /* attributes changed */
  put_le32 (p + 108, 1);              /* checkpoint */
  udf_put_maker (p + 128);
  put_le64 (p + 160, udf_unique_id (number));
  put_le32 (p + 172, (uint32_t) n);
  udf_put_tag (p, UDF_TAG_FILE_ENTRY, UDF_FILE_ENTRY_SIZE + n, at);
}
