/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is served behind the last byte of an image, so that the export's size is whole
 * blocks: zeros, or a Matroska Void element for readers that would stumble over zeros
 * (RFC 8794, section 11.3.2; a Segment of unknown size is such a case).
 *
 * Thread safety: immutable after padding_init.
 */
#ifndef MKVDUP_PADDING_H
#define MKVDUP_PADDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks are powers of two from 1 (no padding) to this. */
#define PADDING_MAX_BLOCK 65536u

struct padding {
  uint64_t start, end; /* the padding is [start, end) of the export; end is its size */
  bool is_zero;
  uint8_t head[4]; /* a Void's ID and size; zeros follow it */
};

/* Pad `size` bytes to whole blocks.  A Void has at least two bytes: where only one is
 * wanted, it takes a block more.
 */
void padding_init (struct padding *p, uint64_t size, unsigned block, bool as_void);

/* Bytes [offset, offset + count) of the export, all of them padding. */
void padding_read (const struct padding *p, uint8_t *buf, size_t count, uint64_t offset);

#endif /* MKVDUP_PADDING_H */
