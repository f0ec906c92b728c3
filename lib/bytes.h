/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Integers in memory, whatever the host's byte order and the pointer's
 * alignment.  Recipes are little-endian; Matroska and MPEG are big-endian.
 * No bounds are checked here: see buffer.h for readers that do.
 */
#ifndef MKVDUP_BYTES_H
#define MKVDUP_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_ACCESSORS(bits, order, from, to)                     \
  static inline uint##bits##_t get_##order##bits (const void *p)   \
  {                                                                \
    uint##bits##_t v;                                              \
    memcpy (&v, p, sizeof v);                                      \
    return from (v);                                               \
  }                                                                \
  static inline void put_##order##bits (void *p, uint##bits##_t v) \
  {                                                                \
    v = to (v);                                                    \
    memcpy (p, &v, sizeof v);                                      \
  }

BYTES_ACCESSORS (16, le, le16toh, htole16)
BYTES_ACCESSORS (32, le, le32toh, htole32)
BYTES_ACCESSORS (64, le, le64toh, htole64)
BYTES_ACCESSORS (16, be, be16toh, htobe16)
BYTES_ACCESSORS (32, be, be32toh, htobe32)
BYTES_ACCESSORS (64, be, be64toh, htobe64)

#undef BYTES_ACCESSORS

/* Signed values as unsigned ones, small in magnitude staying small:
 * 0, -1, 1, -2, … become 0, 1, 2, 3, …
 */
static inline uint64_t
zigzag (int64_t v)
{
  return ((uint64_t) v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t
unzigzag (uint64_t v)
{
  return (int64_t) (v >> 1) ^ -(int64_t) (v & 1);
}

#endif /* MKVDUP_BYTES_H */
