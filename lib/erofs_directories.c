/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directories of an EROFS file system: see erofs_parts.h.
 *
 * A block of a directory is its entries of 12 bytes and behind them their names, in the
 * same order and without anything between; the last one ends at a zero or with the block.
 * Entries are sorted by the bytes of their names, "." and ".." too, within a block and
 * across blocks, because the kernel searches by halving.
 *
 * What is kept is where each block begins among the entries of its folder; the block itself
 * is made from the tree when it is read.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "erofs_parts.h"

#define DIRENT_SIZE 12u
#define FT_REG_FILE 1u
#define FT_DIR 2u

/* What begins in a block. */
struct begin {
  uint32_t directory;
  uint32_t entry; /* of that directory */
};

/* ---- Entries: a folder's names, and these two */

struct entry {
  const char *name;
  uint32_t node;
};

static struct entry
entry_at (const struct tree *tree, const struct erofs_directory *dir, uint32_t i)
{
  const struct tree_node *folder = &tree->nodes[dir->node];
  uint32_t node;

  if (i == dir->dot)
    return (struct entry){ ".", dir->node };
  if (i == dir->dotdot)
    return (struct entry){ "..", folder->parent };
  node = folder->first + i - (i > dir->dot) - (i > dir->dotdot);
  return (struct entry){ tree->nodes[node].name, node };
}

/* How many names of a folder sort before `name`: few, if it is "." or "..". */
static uint32_t
names_before (const struct tree *tree, const struct tree_node *folder, const char *name)
{
  uint32_t n = 0;

  while (n < folder->n && strcmp (tree->nodes[folder->first + n].name, name) < 0)
    n++;
  return n;
}

/* Fill a block with entries from `i` on.  The first entry that does not fit, or that there
 * is not; `used` is set to the bytes taken.
 */
static uint32_t
fill_block (const struct tree *tree, const struct erofs_directory *dir, uint32_t i,
            uint32_t *used)
{
  uint32_t end = tree->nodes[dir->node].n + 2;

  for (*used = 0; i < end; i++) {
    uint32_t size = DIRENT_SIZE + (uint32_t) strlen (entry_at (tree, dir, i).name);

    if (size > EROFS_BLOCK - *used)
      break;
    *used += size;
  }
  return i;
}

/* A folder has a link by its name, by its "." and by the ".." of each folder in it. */
static uint32_t
count_links (const struct tree *tree, const struct tree_node *folder)
{
  uint32_t links = 2;

  for (uint32_t i = 0; i < folder->n; i++)
    links += tree_is_folder (&tree->nodes[folder->first + i]);
  return links;
}

/* ---- Where they stand */

static void
lay_out_directory (struct erofs_directories *d, uint32_t node)
{
  const struct tree_node *folder = &d->tree->nodes[node];
  struct erofs_directory *dir = &d->each[d->n];
  uint32_t i = 0;

  dir->node = node;
  dir->block = (uint32_t) d->end;
  dir->dot = names_before (d->tree, folder, ".");
  dir->dotdot = names_before (d->tree, folder, "..") + 1;
  dir->links = count_links (d->tree, folder);
  while (i < folder->n + 2) {
    struct begin begin = { d->n, i };

    buffer_append (&d->blocks, &begin, sizeof begin);
    i = fill_block (d->tree, dir, i, &dir->tail);
    dir->n_blocks++;
  }
  d->end += dir->n_blocks;
  d->n++;
}

static uint32_t
count_folders (const struct tree *tree)
{
  uint32_t n = 1; /* the root */

  for (uint32_t i = 1; i < tree->n; i++)
    n += tree_is_folder (&tree->nodes[i]);
  return n;
}

int
erofs_directories_lay_out (struct erofs_directories *d, const struct tree *tree,
                           uint64_t at, struct error *err)
{
  d->tree = tree;
  d->at = d->end = at;
  d->each = calloc (count_folders (tree), sizeof *d->each);
  for (uint32_t i = 0; d->each && i < tree->n; i++)
    if (tree_is_folder (&tree->nodes[i]))
      lay_out_directory (d, i);
  if (!d->each || d->blocks.failed)
    return error_set (err, ENOMEM, "directories");
  return 0;
}

void
erofs_directories_free (struct erofs_directories *d)
{
  free (d->each);
  buffer_free (&d->blocks);
}

const struct erofs_directory *
erofs_directory_find (const struct erofs_directories *d, uint32_t node)
{
  uint32_t low = 0, high = d->n - 1;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (d->each[middle].node < node)
      low = middle + 1;
    else
      high = middle;
  }
  return &d->each[low];
}

/* ---- What is in a block */

void
erofs_directories_put_block (const struct erofs_directories *d, uint64_t block,
                             uint8_t *out)
{
  const struct begin *at = (const struct begin *) d->blocks.data + (block - d->at);
  const struct erofs_directory *dir = &d->each[at->directory];
  uint32_t used, end = fill_block (d->tree, dir, at->entry, &used);
  size_t name_at = (size_t) (end - at->entry) * DIRENT_SIZE;

  for (uint32_t i = at->entry; i < end; i++) {
    struct entry entry = entry_at (d->tree, dir, i);
    uint8_t *dirent = out + (size_t) (i - at->entry) * DIRENT_SIZE;
    size_t len = strlen (entry.name);

    put_le64 (dirent, erofs_nid (entry.node));
    put_le16 (dirent + 0x8, (uint16_t) name_at); /* nameoff */
    dirent[0xA] = tree_is_folder (&d->tree->nodes[entry.node]) ? FT_DIR : FT_REG_FILE;
    memcpy (out + name_at, entry.name, len);
    name_at += len;
  }
}
