/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recipe file's fixed parts, as reader and writer agree on them; docs/format.md
 * is the normative description.  All integers are little-endian.
 */
#ifndef MKVDUP_RECIPE_FORMAT_H
#define MKVDUP_RECIPE_FORMAT_H

#include <stdint.h>

/* Not text, and damaged visibly by whatever converts line ends or strips bit 7. */
#define RECIPE_MAGIC "\x8bmkdr\r\n\x1a"
#define RECIPE_MAGIC_SIZE 8
#define RECIPE_VERSION 1

/* Header: offsets of its fields. */
enum {
  HEADER_MAGIC = 0,
  HEADER_VERSION = 8,     /* u32 */
  HEADER_SECTIONS = 12,   /* u32: how many */
  HEADER_IMAGE_SIZE = 16, /* u64 */
  HEADER_FILE_SIZE = 24,  /* u64 */
  HEADER_TABLE = 32,      /* u64: offset of the section table */
  HEADER_SPAN_LOG2 = 40,  /* u8, then seven zero bytes */
  HEADER_CHECKSUM = 48,   /* u64: XXH3 of all before */
  HEADER_SIZE = 56,
};

/* An entry of the section table; the table ends with the XXH3 of its entries. */
enum {
  SECTION_TYPE = 0,      /* u32: four letters */
  SECTION_FLAGS = 4,     /* u32: RECIPE_SECTION_* */
  SECTION_OFFSET = 8,    /* u64 */
  SECTION_LEN = 16,      /* u64 */
  SECTION_CHECKSUM = 24, /* u64: XXH3 of its bytes, seeded with the type; or 0 */
  SECTION_SIZE = 32,
};

#define SECTION_TAG(a, b, c, d) \
  ((uint32_t) (a) | (uint32_t) (b) << 8 | (uint32_t) (c) << 16 | (uint32_t) (d) << 24)

#define SECTION_SOURCES SECTION_TAG ('S', 'R', 'C', 'S')  /* the source table */
#define SECTION_SEGMENTS SECTION_TAG ('S', 'E', 'G', 'S') /* coded segments, in order */
#define SECTION_INDEX \
  SECTION_TAG ('S', 'I', 'D', 'X') /* their offsets, u64 each, and the end */
#define SECTION_MERKLE SECTION_TAG ('M', 'R', 'K', 'L') /* levels 1 and up */
#define SECTION_ZLIB SECTION_TAG ('Z', 'L', 'I', 'B')  /* what deflated, by its version */
#define SECTION_NOTES SECTION_TAG ('N', 'O', 'T', 'E') /* for people */

/* More is not a recipe of ours; bounds what opening one may allocate. */
#define RECIPE_MAX_SECTIONS 64
#define RECIPE_MAX_SMALL_SECTION (UINT64_C (64) << 20) /* sources */
#define RECIPE_MAX_NOTES (UINT64_C (1) << 20)          /* coded or not */
#define RECIPE_MAX_SOURCE_PATH 4096

/* A coded segment is never larger than its bytes stored, and a few more. */
#define RECIPE_SEGMENT_SLACK 64

#endif /* MKVDUP_RECIPE_FORMAT_H */
