/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EROFS, Linux's read-only file system, in its oldest form: nothing compressed, nothing
 * inline, no attributes.  Kernels mount that from 5.4 on.  Its specification is the
 * kernel's fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst; names in capitals
 * and of fields are those used there.
 *
 *     block 0        the superblock, 1024 bytes into it
 *     block 1 ...    inodes of 64 bytes, in the order of the tree's nodes
 *     behind them    directories, one for each folder, in the same order
 *     data_at ...    files (fs.h); nothing comes after them
 *
 * Metadata is made from the tree when it is read.  Kept are 8 bytes a file (file_at), 28 a
 * folder and 8 a block of directory.  All of it as bytes would be 13 MB more for 100,000
 * files, beside a tree that says the same, and the code no shorter: directories have to be
 * laid out before the first inode can tell where anything is.
 *
 * Block addresses have 32 bits.  A tree that needs more than UINT32_MAX blocks, 16 TiB less
 * 4 KiB, is an error when the file system is made (EFBIG): no file is left out or cut.
 *
 * Decided against: blocks of other sizes (before 6.4 only those of a page are mounted) and
 * inodes of 32 bytes (they have no time and no size beyond 4 GiB).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "erofs_parts.h"
#include "fs.h"

/* ---- The format */

#define MAX_BLOCKS UINT32_MAX /* the address UINT32_MAX means "none" */

#define SUPER_OFFSET 1024u /* room for a boot sector */
#define SUPER_SIZE 128u
#define SUPER_MAGIC_V1 0xE0F5E1E2u
#define FEATURE_COMPAT_SB_CHKSUM 1u
#define FEATURE_COMPAT_MTIME 2u /* the inodes' time is that of the last change */

#define INODES_PER_BLOCK (EROFS_BLOCK / EROFS_INODE)
/* i_format: bit 0 the extended inode, bits 1 to 3 the data's layout, FLAT_PLAIN = 0. */
#define INODE_LAYOUT_EXTENDED 1u

/* ---- Layout */

struct erofs {
  struct fs fs; /* first, for casts */
  const struct tree *tree;
  uint8_t super[SUPER_SIZE];
  struct erofs_directories directories;
};

/* Directories stand behind the inodes, files behind the directories. */
static int
lay_out (struct erofs *e, struct error *err)
{
  uint64_t inode_blocks =
    ((uint64_t) e->tree->n + INODES_PER_BLOCK - 1) / INODES_PER_BLOCK;

  if (erofs_directories_lay_out (&e->directories, e->tree, EROFS_INODES_AT + inode_blocks,
                                 err) == -1)
    return -1;
  e->fs.data_at = e->directories.end * EROFS_BLOCK;
  if (fs_place_files (&e->fs, e->tree, MAX_BLOCKS, err) == -1)
    return -1;
  e->fs.size = e->fs.data_end;
  return 0;
}

/* ---- What is read */

static void
put_inode (const struct erofs *e, uint32_t number, uint8_t *out)
{
  const struct tree_node *node = &e->tree->nodes[number];
  uint64_t size = node->size;
  uint32_t block = size > 0 ? (uint32_t) (e->fs.file_at[number] / EROFS_BLOCK) : 0;
  uint32_t links = 1;

  if (tree_is_folder (node)) {
    const struct erofs_directory *dir = erofs_directory_find (&e->directories, number);

    size = (uint64_t) (dir->n_blocks - 1) * EROFS_BLOCK + dir->tail;
    block = dir->block;
    links = dir->links;
  }
  put_le16 (out, INODE_LAYOUT_EXTENDED);              /* i_format */
  put_le16 (out + 0x4, (uint16_t) node->stat.mode);   /* i_mode */
  put_le64 (out + 0x8, size);                         /* i_size */
  put_le32 (out + 0x10, block);                       /* raw_blkaddr */
  put_le32 (out + 0x14, number + 1);                  /* i_ino: for 32-bit stat */
  put_le32 (out + 0x18, node->stat.uid);              /* i_uid */
  put_le32 (out + 0x1C, node->stat.gid);              /* i_gid */
  put_le64 (out + 0x20, (uint64_t) node->stat.mtime); /* i_mtime */
  put_le32 (out + 0x28, node->stat.mtime_nsec);       /* i_mtime_nsec */
  put_le32 (out + 0x2C, links);                       /* i_nlink */
}

static void
put_inodes (const struct erofs *e, uint64_t block, uint8_t *out)
{
  uint32_t first = (uint32_t) (block - EROFS_INODES_AT) * INODES_PER_BLOCK;

  for (uint32_t i = 0; i < INODES_PER_BLOCK && first + i < e->tree->n; i++)
    put_inode (e, first + i, out + (size_t) i * EROFS_INODE);
}

static void
put_block (const struct erofs *e, uint64_t block, uint8_t *out)
{
  memset (out, 0, EROFS_BLOCK);
  if (block < EROFS_INODES_AT)
    memcpy (out + SUPER_OFFSET, e->super, SUPER_SIZE);
  else if (block < e->directories.at)
    put_inodes (e, block, out);
  else
    erofs_directories_put_block (&e->directories, block, out);
}

static void
erofs_read (const struct fs *fs, void *buf, size_t count, uint64_t offset)
{
  uint8_t *out = buf;

  while (count > 0) {
    uint8_t block[EROFS_BLOCK];
    size_t skip = offset % EROFS_BLOCK,
           n = EROFS_BLOCK - skip < count ? EROFS_BLOCK - skip : count;

    put_block ((const struct erofs *) fs, offset / EROFS_BLOCK, block);
    memcpy (out, block + skip, n);
    out += n;
    count -= n;
    offset += n;
  }
}

/* ---- The superblock */

static void
put_super (struct erofs *e, const char *label)
{
  const struct tree_stat *root = &e->tree->nodes[0].stat;
  uint8_t *super = e->super;

  put_le32 (super, SUPER_MAGIC_V1); /* magic */
  put_le32 (super + 0x8, FEATURE_COMPAT_SB_CHKSUM | FEATURE_COMPAT_MTIME);
  super[0xC] = EROFS_BLOCK_BITS;                                  /* blkszbits */
  put_le16 (super + 0xE, (uint16_t) erofs_nid (0));               /* root_nid */
  put_le64 (super + 0x10, e->tree->n);                            /* inos */
  put_le64 (super + 0x18, (uint64_t) root->mtime);                /* build_time */
  put_le32 (super + 0x20, root->mtime_nsec);                      /* build_time_nsec */
  put_le32 (super + 0x24, (uint32_t) (e->fs.size / EROFS_BLOCK)); /* blocks */
  /* volume_name: 16 bytes, but kernels refuse one without a zero at its end. */
  memcpy (super + 0x40, label, strnlen (label, 15));
}

/* A UUID that follows from the metadata: version 8 (RFC 9562, section 5.8), the rest of its
 * bits being a hash.
 */
static int
put_uuid (struct erofs *e, struct error *err)
{
  XXH3_state_t *hash = XXH3_createState ();
  XXH128_canonical_t uuid;

  if (!hash)
    return error_set (err, ENOMEM, "a UUID");
  XXH3_128bits_reset (hash);
  for (uint64_t block = 0; block < e->fs.data_at / EROFS_BLOCK; block++) {
    uint8_t bytes[EROFS_BLOCK];

    put_block (e, block, bytes);
    XXH3_128bits_update (hash, bytes, EROFS_BLOCK);
  }
  XXH128_canonicalFromHash (&uuid, XXH3_128bits_digest (hash));
  XXH3_freeState (hash);
  uuid.digest[6] = (uint8_t) (0x80 | (uuid.digest[6] & 0x0F));
  uuid.digest[8] = (uint8_t) (0x80 | (uuid.digest[8] & 0x3F));
  memcpy (e->super + 0x30, uuid.digest, sizeof uuid.digest); /* uuid */
  return 0;
}

/* CRC-32C, as the kernel has it: begun with all ones, but not inverted at the end. */
static uint32_t
crc32c (const uint8_t *p, size_t n)
{
  uint32_t crc = UINT32_MAX;

  while (n--) {
    crc ^= *p++;
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
  }
  return crc;
}

/* Of the superblock and what is behind it in its block, while the checksum itself is 0. */
static void
put_checksum (struct erofs *e)
{
  uint8_t block[EROFS_BLOCK];

  put_block (e, 0, block);
  put_le32 (e->super + 0x4, crc32c (block + SUPER_OFFSET, EROFS_BLOCK - SUPER_OFFSET));
}

/* ---- Making one */

static void
erofs_release (struct fs *fs)
{
  struct erofs *e = (struct erofs *) fs;

  erofs_directories_free (&e->directories);
  free (e);
}

static int
make (struct erofs *e, const char *label, struct error *err)
{
  if (lay_out (e, err) == -1)
    return -1;
  put_super (e, label);
  if (put_uuid (e, err) == -1)
    return -1;
  put_checksum (e);
  return 0;
}

struct fs *
fs_new_erofs (const struct tree *tree, const char *label, struct error *err)
{
  struct erofs *e = calloc (1, sizeof *e);

  if (!e) {
    error_set (err, ENOMEM, "an EROFS file system");
    return NULL;
  }
  e->tree = tree;
  e->fs =
    (struct fs){ .block = EROFS_BLOCK, .read = erofs_read, .release = erofs_release };
  if (make (e, label, err) == -1) {
    error_context (err, "an EROFS file system");
    fs_free (&e->fs);
    return NULL;
  }
  return &e->fs;
}
