/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A read-only file system synthesised over a tree (tree.h): where each file's bytes stand
 * on the disk, and all other bytes of it.  What files hold is not known here; disk.h puts
 * both together.
 *
 * A disk of `size` bytes is metadata in [0, data_at), files in [data_at, data_end) and
 * metadata again in [data_end, size), which may be nothing.  Files stand in the order of
 * their nodes, each at a multiple of `block`; the rest of a file's last block is zeros.  A
 * file of no bytes stands nowhere.
 *
 * Whatever is on it follows from the tree alone: the same tree, the same bytes.
 *
 * Thread safety: immutable once made; any number of threads may read.
 */
#ifndef MKVDUP_FS_H
#define MKVDUP_FS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "tree.h"

/* What a maker of file systems fills in. */
struct fs {
  uint32_t block;    /* bytes; a power of two */
  uint64_t data_at;  /* bytes; a multiple of `block`, as are the next two */
  uint64_t data_end; /* bytes */
  uint64_t size;     /* bytes */
  uint64_t *file_at; /* bytes, by node: where a file begins; owned */

  /* Bytes [offset, offset + count), all of them metadata.  Needs no memory, cannot fail. */
  void (*read) (const struct fs *fs, void *buf, size_t count, uint64_t offset);
  void (*release) (struct fs *fs);
};

/*
 * `tree` is borrowed and has to outlive the file system; `label` is the volume's name, at
 * most 15 bytes of ASCII.  NULL with `err` set: out of memory, or more than the
 * file system can hold.
 */
struct fs *fs_new_erofs (const struct tree *tree, const char *label, struct error *err);
struct fs *fs_new_udf (const struct tree *tree, const char *label, struct error *err);
void fs_free (struct fs *fs);

/* For makers: set `file_at` of all files and `data_end`, from `block` and `data_at` on.
 * -1 with `err` set when out of memory, or when there are more than `max_blocks` blocks
 * before data_end.
 */
int fs_place_files (struct fs *fs, const struct tree *tree, uint64_t max_blocks,
                    struct error *err);

#endif /* MKVDUP_FS_H */
