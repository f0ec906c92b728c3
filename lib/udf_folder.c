/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What folders of a UDF file system hold (ECMA-167 4/14.4): see udf_parts.h.
 *
 * It is all in one area, folder by folder, each from a block's begin on: nodes that stand
 * together in the tree do so there.  So `entry_at` only grows, and is all that is needed to
 * find what stands anywhere.  A folder begins with an entry for the folder above; that
 * belongs to its first node.  Only the root can be without nodes, therefore its own belongs
 * to the root.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "udf_parts.h"

#define IDENTIFIER 38u /* bytes before the name */
#define PARENT_ENTRY 40u
#define MAX_ENTRY (IDENTIFIER + UDF_NAME_MAX + 3)

enum characteristics { /* 4/14.4.3 */
  IS_FOLDER = 2,
  IS_PARENT = 8,
};

static size_t
round_up (size_t n, size_t unit)
{
  return (n + unit - 1) / unit * unit;
}

/* An entry that says `node` is called `name`, at byte `at` of the area. */
static size_t
put_entry (const struct udf *udf, uint8_t *p, uint32_t node, unsigned characteristics,
           const uint8_t *name, size_t len, uint64_t at)
{
  size_t size = round_up (IDENTIFIER + len, 4);

  memset (p, 0, size);
  put_le16 (p + 16, 1); /* version */
  p[18] = (uint8_t) characteristics;
  p[19] = (uint8_t) len;
  udf_put_long_ad (p + 20, UDF_BLOCK, UDF_ICBS + node);
  put_le32 (p + 32, udf_unique_id (node));
  if (len)
    memcpy (p + IDENTIFIER, name, len);
  udf_put_tag (p, UDF_TAG_FILE_IDENTIFIER, size,
               (uint32_t) (udf->folders + at / UDF_BLOCK));
  return size;
}

/* Does the entry of the folder above stand in front of this node's? */
static bool
begins_folder (const struct tree *tree, uint32_t number)
{
  uint32_t parent = tree->nodes[number].parent;

  return number == 0 || (parent != 0 && tree->nodes[parent].first == number);
}

/* All that belongs to a node. */
static size_t
put_entries (const struct udf *udf, uint8_t p[PARENT_ENTRY + MAX_ENTRY], uint32_t number)
{
  const struct tree_node *nodes = udf->tree->nodes;
  uint64_t at = udf->entry_at[number];
  uint8_t name[UDF_NAME_MAX];
  size_t n = 0;

  if (begins_folder (udf->tree, number))
    n = put_entry (udf, p, nodes[nodes[number].parent].parent, IS_FOLDER | IS_PARENT,
                   NULL, 0, at);
  if (number != 0)
    n += put_entry (udf, p + n, number, tree_is_folder (&nodes[number]) ? IS_FOLDER : 0,
                    name, udf_name (udf->tree, number, name), at + n);
  return n;
}

static size_t
entries_size (const struct tree *tree, uint32_t number)
{
  uint8_t name[UDF_NAME_MAX];
  size_t n = begins_folder (tree, number) ? PARENT_ENTRY : 0;

  if (number != 0)
    n += round_up (IDENTIFIER + udf_name (tree, number, name), 4);
  return n;
}

/* The last node whose entries begin at byte `at` of the area or before. */
static uint32_t
find_entry (const struct udf *udf, uint64_t at)
{
  uint32_t low = 0, high = udf->tree->n;

  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;

    if (udf->entry_at[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  return low;
}

void
udf_put_folder (const struct udf *udf, uint8_t *p, uint32_t at)
{
  uint64_t from = (at - udf->folders) * UDF_BLOCK, end = from + UDF_BLOCK;

  for (uint32_t i = find_entry (udf, from); i < udf->tree->n && udf->entry_at[i] < end;
       i++) {
    uint8_t entries[PARENT_ENTRY + MAX_ENTRY];
    uint64_t first = udf->entry_at[i], last = first + put_entries (udf, entries, i);
    uint64_t low = first > from ? first : from, high = last < end ? last : end;

    if (low < high)
      memcpy (p + (low - from), entries + (low - first), high - low);
  }
}

uint64_t
udf_folder_size (const struct udf *udf, uint32_t number)
{
  const struct tree_node *node = &udf->tree->nodes[number];
  uint32_t last = node->n ? node->first + node->n - 1 : number;

  return udf->entry_at[last] + entries_size (udf->tree, last) -
         udf_folder_at (udf, number);
}

uint64_t
udf_folder_at (const struct udf *udf, uint32_t number)
{
  return udf->entry_at[number == 0 ? 0 : udf->tree->nodes[number].first];
}

int
udf_place_folders (struct udf *udf, struct error *err)
{
  const struct tree *tree = udf->tree;
  uint64_t at = 0;

  udf->entry_at = calloc (tree->n, sizeof *udf->entry_at);
  if (!udf->entry_at)
    return error_set (err, ENOMEM, "folders of %u names", tree->n);
  for (uint32_t i = 0; i < tree->n; i++) {
    if (begins_folder (tree, i))
      at = (at + UDF_BLOCK - 1) / UDF_BLOCK * UDF_BLOCK;
    udf->entry_at[i] = at;
    at += entries_size (tree, i);
  }
  udf->folder_size = (at + UDF_BLOCK - 1) / UDF_BLOCK * UDF_BLOCK;
  return 0;
}
