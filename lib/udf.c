/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A UDF file system over a tree: see fs.h.  It is revision 1.02, because every system that
 * reads UDF at all reads that one, and later ones have nothing that is needed here.
 *
 *     0          recognition, volume descriptors, anchor
 *     257        the partition: file set
 *     259          file entries, a block for each node
 *     folders      what folders hold
 *     more         further allocation descriptors of very long files
 *     data_at      files
 *     data_end   anchors
 *
 * No block is kept: each is made when it is read, from the tree and two numbers a node (where
 * its file and its entry in its folder begin), so that many files cost little memory.
 *
 * What systems make of it: Windows and macOS mount a file system only whose blocks are the
 * device's, here those of a CD-ROM; Linux tries several.  Linux reads no file beyond 4 TiB,
 * and looks up a name by reading its folder up to it: thousands of files in one folder
 * are slow to list with their sizes.
 *
 * Decided against: UDF 2.50, which Blu-rays have, for its metadata partition buys a file
 * system that is only read nothing; small folders within their file entries, since it saves
 * a read but is another form to test; a bridge with ISO 9660, which has no files of 4 GiB
 * that all systems read.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "udf_parts.h"

/* Anchors behind the files, and a block between if that is needed: so the disk's size is a
 * multiple of 4096, and no client that counts in such blocks loses the last.
 */
#define TAIL_BLOCKS (UDF_LAST_ANCHORS + 1)
#define SIZE_BLOCKS 2u

/* Blocks have 32-bit numbers, and Linux mounts no disk of more blocks. */
#define MAX_BLOCKS (UINT32_MAX - TAIL_BLOCKS - SIZE_BLOCKS)

/* ---- Reading */

static void
put_block (const struct udf *udf, uint8_t *p, uint64_t block)
{
  uint32_t at;

  memset (p, 0, UDF_BLOCK);
  if (block < UDF_PARTITION || block >= udf->fs.data_end / UDF_BLOCK) {
    udf_put_volume (udf, p, block);
    return;
  }
  at = (uint32_t) (block - UDF_PARTITION);
  if (at < UDF_ICBS)
    udf_put_file_set (udf, p, at);
  else if (at < udf->folders)
    udf_put_file_entry (udf, p, at);
  else if (at < udf->more)
    udf_put_folder (udf, p, at);
  else
    udf_put_more (udf, p, at);
}

static void
udf_read (const struct fs *fs, void *buf, size_t count, uint64_t offset)
{
  const struct udf *udf = (const struct udf *) fs;
  uint8_t *out = buf;

  while (count > 0) {
    uint8_t block[UDF_BLOCK];
    size_t skip = offset % UDF_BLOCK, n = UDF_BLOCK - skip;

    if (n > count)
      n = count;
    put_block (udf, block, offset / UDF_BLOCK);
    memcpy (out, block + skip, n);
    out += n;
    offset += n;
    count -= n;
  }
}

/* ---- Making */

static void
udf_release (struct fs *fs)
{
  struct udf *udf = (struct udf *) fs;

  free (udf->entry_at);
  free (udf->longs);
  free (udf);
}

static uint64_t
hash_node (const struct tree_node *node, uint64_t seed)
{
  const uint64_t fields[] = {
    node->parent,
    node->file == TREE_FOLDER,
    node->size,
    node->stat.uid,
    node->stat.gid,
    node->stat.mode,
    node->stat.mtime_nsec,
    (uint64_t) node->stat.mtime,
  };
  uint8_t raw[sizeof fields];

  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    put_le64 (raw + 8 * i, fields[i]);
  seed = XXH3_64bits_withSeed (raw, sizeof raw, seed);
  return XXH3_64bits_withSeed (node->name, strlen (node->name), seed);
}

/* What the volume is called, and how many folders there are. */
static void
set_name (struct udf *udf, const char *label)
{
  size_t n = strnlen (label, sizeof udf->label - 1);

  memcpy (udf->label, label, n);
  udf->hash = XXH3_64bits (label, n);
  for (uint32_t i = 0; i < udf->tree->n; i++) {
    udf->hash = hash_node (&udf->tree->nodes[i], udf->hash);
    udf->n_folders += tree_is_folder (&udf->tree->nodes[i]);
  }
}

static int
place (struct udf *udf, struct error *err)
{
  struct fs *fs = &udf->fs;
  uint64_t end;

  if (udf_place_folders (udf, err) == -1)
    return -1;
  udf->folders = UDF_ICBS + (uint64_t) udf->tree->n;
  udf->more = udf->folders + udf->folder_size / UDF_BLOCK;
  end = udf->more;
  if (udf_place_more (udf, &end, err) == -1)
    return -1;
  if (end > MAX_BLOCKS)
    end = MAX_BLOCKS; /* fs_place_files says that it is too much */
  fs->data_at = (UDF_PARTITION + end) * UDF_BLOCK;
  if (fs_place_files (fs, udf->tree, MAX_BLOCKS, err) == -1)
    return -1;
  fs->size = (fs->data_end / UDF_BLOCK + TAIL_BLOCKS + SIZE_BLOCKS - 1) / SIZE_BLOCKS *
             SIZE_BLOCKS * UDF_BLOCK;
  return 0;
}

struct fs *
fs_new_udf (const struct tree *tree, const char *label, struct error *err)
{
  struct udf *udf = calloc (1, sizeof *udf);

  if (!udf) {
    error_set (err, ENOMEM, "a UDF file system of %u files", tree->n);
    return NULL;
  }
  udf->tree = tree;
  udf->fs.block = UDF_BLOCK;
  udf->fs.read = udf_read;
  udf->fs.release = udf_release;
  set_name (udf, label);
  if (place (udf, err) == -1) {
    error_context (err, "UDF");
    fs_free (&udf->fs);
    return NULL;
  }
  return &udf->fs;
}
