/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Merkle tree of an image: SHA-256, 4 KiB blocks, no salt, over the image
 * padded with zeros to a whole block: at once dm-verity's (hash type 1) and
 * fs-verity's.
 *
 * Level 0 holds a digest a data block; a hash block holds 128 digests, zero
 * padded; level k + 1 holds a digest of each hash block of level k; the root is
 * the one digest of the top.  A recipe stores the digests of level 1 and up (a
 * digest for 512 KiB, 0.006 %), packed without padding, level 1 first, the root
 * last; level 0 is computed from the data when wanted.
 *
 * An image of one block (or none) has only its root: the digest of its block
 * (fs-verity: of an empty file, 32 zero bytes).
 */
#ifndef MKVDUP_MERKLE_H
#define MKVDUP_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define MERKLE_BLOCK ((size_t) 4096)
#define MERKLE_DIGEST ((size_t) 32)
#define MERKLE_FANOUT (MERKLE_BLOCK / MERKLE_DIGEST)
#define MERKLE_GROUP \
  (MERKLE_BLOCK * MERKLE_FANOUT) /* 512 KiB: what a level-1 digest stands for */

/* How many groups an image of `size` bytes has: the level-1 digests.  0 for an empty
 * image, whose stored levels are its root all the same.
 */
uint64_t merkle_groups (uint64_t size);

/* How many digests the level above one of `n` digests has: its hash blocks. */
uint64_t merkle_parents (uint64_t n);

/* Length in bytes of the stored levels of an image of this size, root included. */
uint64_t merkle_stored_len (uint64_t size);

/*
 * The digest that a group contributes to the stored levels: `len` bytes of image
 * (<= MERKLE_GROUP; less only at the end of the image) starting at a multiple of
 * MERKLE_GROUP.  For an image of at most one block (`image_size` <= MERKLE_BLOCK) this
 * is the root itself.  Thread safe.
 */
int merkle_group_digest (const uint8_t *data, size_t len, uint64_t image_size,
                         uint8_t digest[MERKLE_DIGEST], struct error *err);

/* The hash block of level 0 of a group: the digests of its blocks, and zeros. */
int merkle_group_level0 (const uint8_t *data, size_t len, uint8_t level0[MERKLE_BLOCK],
                         struct error *err);

/*
 * Fill in all levels above: `stored` is merkle_stored_len (size) bytes with the
 * groups' digests at its front; the rest is computed.
 */
int merkle_finish (uint8_t *stored, uint64_t size, struct error *err);

/* The digest that `n` <= MERKLE_FANOUT digests of one level have in the level above. */
int merkle_parent (const uint8_t *digests, size_t n, uint8_t digest[MERKLE_DIGEST],
                   struct error *err);

/* Check that levels above 1 follow from level 1: a recipe could claim anything. */
int merkle_check_levels (const uint8_t *stored, uint64_t size, struct error *err);

/* The root within the stored levels. */
const uint8_t *merkle_root (const uint8_t *stored, uint64_t size);

/* What `fsverity digest FILE` prints (without "sha256:"): SHA-256 of the 256-byte
 * fs-verity descriptor of version 1 with this root and the exact size.
 */
int merkle_fsverity_digest (const uint8_t root[MERKLE_DIGEST], uint64_t size,
                            uint8_t digest[MERKLE_DIGEST], struct error *err);

/* Lower-case hexadecimal, terminated. */
void merkle_hex (const uint8_t *digest, size_t n, char *hex /* 2 * n + 1 */);

#endif /* MKVDUP_MERKLE_H */
