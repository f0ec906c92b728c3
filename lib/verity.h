/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash device of an image for dm-verity: a superblock and all levels of the Merkle
 * tree, as `veritysetup format` (version 1, SHA-256, blocks of 4096, no salt) writes
 * them: Linux's Documentation/admin-guide/device-mapper/verity.rst, and the on-disk format in
 * cryptsetup's wiki (DMVerity).  Block 0 is the superblock; the levels follow, the highest first.
 *
 * Level 0 is computed of the image when it is read, 512 KiB for a block of it; the others are
 * the recipe's.  The data device is the image padded with zeros to whole blocks.
 *
 * Thread safety: immutable once made; any number of threads may read.
 */
#ifndef MKVDUP_VERITY_H
#define MKVDUP_VERITY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"

/* 128^8 blocks are more than any image has. */
#define VERITY_MAX_LEVELS 8u

struct verity_level {
  uint64_t block;    /* its first, on the device */
  uint64_t n_blocks; /* each of 128 digests, but the last */
  uint64_t digest;   /* its first, of those that the recipe stores; not of level 0 */
  uint64_t n_digests;
};

struct verity {
  uint64_t size; /* bytes: whole blocks */
  uint64_t data_blocks;
  unsigned n_levels;
  struct verity_level levels[VERITY_MAX_LEVELS]; /* 0 first */
};

/* Of an image of `image_size` bytes. */
void verity_init (struct verity *v, uint64_t image_size);

/* Bytes [offset, offset + count) of the device of `img`. */
int verity_read (const struct verity *v, struct image *img, void *buf, size_t count,
                 uint64_t offset, struct error *err);

#endif /* MKVDUP_VERITY_H */
