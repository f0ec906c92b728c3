/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the EROFS file system (erofs.c) share: measures of the format, and
 * directories (erofs_directories.c).
 */
#ifndef MKVDUP_EROFS_PARTS_H
#define MKVDUP_EROFS_PARTS_H

#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "tree.h"

#define EROFS_BLOCK_BITS 12u
#define EROFS_BLOCK (1u << EROFS_BLOCK_BITS)

#define EROFS_INODES_AT 1u /* block */
#define EROFS_INODE 64u    /* bytes */

/* The number by which a directory names the inode of a node: in slots of 32 bytes from the
 * disk's start, as meta_blkaddr is 0.
 */
static inline uint64_t
erofs_nid (uint32_t node)
{
  return (EROFS_INODES_AT * EROFS_BLOCK + (uint64_t) node * EROFS_INODE) / 32;
}

/* A folder's names with "." and ".." among them, in as many blocks as they need. */
struct erofs_directory {
  uint32_t node;
  uint32_t block;       /* address of the first one */
  uint32_t n_blocks;    /* at least one */
  uint32_t tail;        /* bytes used of the last one */
  uint32_t dot, dotdot; /* where these two stand among the entries */
  uint32_t links;       /* of the folder */
};

/* Those of all folders of a tree, one behind the other in the order of their nodes. */
struct erofs_directories {
  const struct tree *tree; /* borrowed */
  uint64_t at;             /* block */
  uint64_t end;            /* block behind the last one */
  struct erofs_directory *each;
  uint32_t n;
  struct buffer blocks; /* what begins in each */
};

/* Lay them out from block `at` on, in a structure of zeros.  -1 with `err` set when out of
 * memory; to be freed in any case.  Addresses are good if `end` is at most UINT32_MAX.
 */
int erofs_directories_lay_out (struct erofs_directories *d, const struct tree *tree,
                               uint64_t at, struct error *err);
void erofs_directories_free (struct erofs_directories *d);

/* That of the folder `node`. */
const struct erofs_directory *erofs_directory_find (const struct erofs_directories *d,
                                                    uint32_t node);

/* Make one of their blocks, in zeros. */
void erofs_directories_put_block (const struct erofs_directories *d, uint64_t block,
                                  uint8_t *out);

#endif /* MKVDUP_EROFS_PARTS_H */
