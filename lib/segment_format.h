/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What coder and decoder of segments agree on; docs/format.md, "Segments", is
 * the normative description.  Private to lib/.
 */
#ifndef MKVDUP_SEGMENT_FORMAT_H
#define MKVDUP_SEGMENT_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

#define SEGMENT_METHOD_STORED 0 /* the image's bytes, as one plane */
#define SEGMENT_METHOD_COLUMNS 1

#define SEGMENT_CHECKSUM_SIZE 8

/* Symbols: what comes next in the image.  From SYMBOL_SHAPE on: the shape of that
 * number.
 */
#define SYMBOL_LITERAL 0
#define SYMBOL_FILL 1
#define SYMBOL_SHAPE 2

#define SEGMENT_MAX_LANES 256
#define SEGMENT_MAX_SHAPES 4096
#define SEGMENT_MAX_CLOCKS 256

/* Symbols and pieces a segment may have: one for 16 bytes of image is ten times what the
 * tiniest access units need, and bounds what a hostile segment can make us allocate.
 */
static inline size_t
segment_max_records (uint32_t len)
{
  return len / 16 + 4096;
}

/* Operations it may come to. */
static inline size_t
segment_max_ops (uint32_t len)
{
  return 2 * segment_max_records (len);
}

/* Seeded with the number: a segment in another's place is as wrong as a damaged one. */
static inline uint64_t
segment_checksum (const uint8_t *data, size_t len, uint32_t number)
{
  return XXH3_64bits_withSeed (data, len, number);
}

#endif /* MKVDUP_SEGMENT_FORMAT_H */
