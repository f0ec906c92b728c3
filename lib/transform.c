/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transforms: see segment.h.  Each permutes the bytes of one unit; the swaps are their
 * own inverses.  Plain loops over a unit of constant size: the compiler makes vectors of
 * them.  Values in another order are rare, and permuted by a table.
 */
#include "config.h"

#include <byteswap.h>

#include "bytes.h"
#include "segment.h"

/* Values of three bytes. */
#define SPLIT24_UNIT 12
#define PAIR24_UNIT 6

#define ORDER_MAX_UNIT 24

/* Byte i of a unit comes from byte from[i]. */
struct permutation {
  uint8_t unit;
  uint8_t from[ORDER_MAX_UNIT];
};

static const struct permutation orders[] = {
  [TRANSFORM_ORDER6_16_LE] = { 12, { 1, 0, 3, 2, 5, 4, 11, 10, 7, 6, 9, 8 } },
  [TRANSFORM_ORDER6_16_BE] = { 12, { 0, 1, 2, 3, 4, 5, 10, 11, 6, 7, 8, 9 } },
  [TRANSFORM_ORDER6_24_LE] = { 18,
                               { 2, 1, 0, 5, 4, 3, 8, 7, 6, 17, 16, 15, 11, 10, 9, 14, 13,
                                 12 } },
  [TRANSFORM_ORDER6_24_BE] = { 18,
                               { 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 9, 10, 11, 12, 13,
                                 14 } },
  [TRANSFORM_ORDER8_16_LE] = { 16,
                               { 1, 0, 3, 2, 5, 4, 15, 14, 9, 8, 11, 10, 7, 6, 13, 12 } },
  [TRANSFORM_ORDER8_16_BE] = { 16,
                               { 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 6, 7, 12, 13 } },
  [TRANSFORM_ORDER8_24_LE] = { 24, { 2,  1,  0,  5,  4,  3,  8,  7,  6, 23, 22, 21,
                                     14, 13, 12, 17, 16, 15, 11, 10, 9, 20, 19, 18 } },
  [TRANSFORM_ORDER8_24_BE] = { 24, { 0,  1,  2,  3,  4,  5,  6, 7,  8,  21, 22, 23,
                                     12, 13, 14, 15, 16, 17, 9, 10, 11, 18, 19, 20 } },
};

unsigned
transform_unit (enum transform_kind kind)
{
  switch (kind) {
  case TRANSFORM_SWAP16:
    return 2;
  case TRANSFORM_SWAP24:
    return 3;
  case TRANSFORM_SWAP32:
    return 4;
  case TRANSFORM_SPLIT24_LE:
  case TRANSFORM_SPLIT24_BE:
    return SPLIT24_UNIT;
  case TRANSFORM_PAIR24_LE:
  case TRANSFORM_PAIR24_BE:
    return PAIR24_UNIT;
  case TRANSFORM_ORDER6_16_LE ... TRANSFORM_ORDER8_24_BE:
    return orders[kind].unit;
  default:
    return 1;
  }
}

static void
swap16 (uint8_t *data, size_t len)
{
  uint16_t v;

  for (size_t i = 0; i < len; i += sizeof v) {
    memcpy (&v, data + i, sizeof v);
    v = bswap_16 (v);
    memcpy (data + i, &v, sizeof v);
  }
}

static void
swap24 (uint8_t *data, size_t len)
{
  for (size_t i = 0; i < len; i += 3) {
    uint8_t first = data[i];

    data[i] = data[i + 2];
    data[i + 2] = first;
  }
}

static void
swap32 (uint8_t *data, size_t len)
{
  uint32_t v;

  for (size_t i = 0; i < len; i += sizeof v) {
    memcpy (&v, data + i, sizeof v);
    v = bswap_32 (v);
    memcpy (data + i, &v, sizeof v);
  }
}

/* Both ways of split values, `n` of them in a unit: `first` and `last` are where in a value,
 * joined, its first and last byte are; the second is always in the middle.
 */
static inline void
join24 (uint8_t *data, size_t len, size_t n, size_t first, size_t last)
{
  uint8_t unit[SPLIT24_UNIT];

  for (; len > 0; len -= 3 * n, data += 3 * n) {
    memcpy (unit, data, 3 * n);
    for (size_t i = 0; i < n; i++) {
      data[3 * i + first] = unit[2 * i];
      data[3 * i + 1] = unit[2 * i + 1];
      data[3 * i + last] = unit[2 * n + i];
    }
  }
}

static inline void
split24 (uint8_t *data, size_t len, size_t n, size_t first, size_t last)
{
  uint8_t unit[SPLIT24_UNIT];

  for (; len > 0; len -= 3 * n, data += 3 * n) {
    memcpy (unit, data, 3 * n);
    for (size_t i = 0; i < n; i++) {
      data[2 * i] = unit[3 * i + first];
      data[2 * i + 1] = unit[3 * i + 1];
      data[2 * n + i] = unit[3 * i + last];
    }
  }
}

static void
put_in_order (uint8_t *data, size_t len, const struct permutation *p)
{
  uint8_t unit[ORDER_MAX_UNIT];

  for (; len > 0; len -= p->unit, data += p->unit) {
    memcpy (unit, data, p->unit);
    for (size_t i = 0; i < p->unit; i++)
      data[i] = unit[p->from[i]];
  }
}

static void
put_back (uint8_t *data, size_t len, const struct permutation *p)
{
  uint8_t unit[ORDER_MAX_UNIT];

  for (; len > 0; len -= p->unit, data += p->unit) {
    memcpy (unit, data, p->unit);
    for (size_t i = 0; i < p->unit; i++)
      data[p->from[i]] = unit[i];
  }
}

void
transform_apply (enum transform_kind kind, uint8_t *data, size_t len)
{
  switch (kind) {
  case TRANSFORM_SWAP16:
    swap16 (data, len);
    break;
  case TRANSFORM_SWAP24:
    swap24 (data, len);
    break;
  case TRANSFORM_SWAP32:
    swap32 (data, len);
    break;
  case TRANSFORM_SPLIT24_LE:
    join24 (data, len, 4, 2, 0);
    break;
  case TRANSFORM_SPLIT24_BE:
    join24 (data, len, 4, 0, 2);
    break;
  case TRANSFORM_PAIR24_LE:
    join24 (data, len, 2, 2, 0);
    break;
  case TRANSFORM_PAIR24_BE:
    join24 (data, len, 2, 0, 2);
    break;
  case TRANSFORM_ORDER6_16_LE ... TRANSFORM_ORDER8_24_BE:
    put_in_order (data, len, &orders[kind]);
    break;
  default:
    break;
  }
}

void
transform_undo (enum transform_kind kind, uint8_t *data, size_t len)
{
  switch (kind) {
  case TRANSFORM_SPLIT24_LE:
    split24 (data, len, 4, 2, 0);
    break;
  case TRANSFORM_SPLIT24_BE:
    split24 (data, len, 4, 0, 2);
    break;
  case TRANSFORM_PAIR24_LE:
    split24 (data, len, 2, 2, 0);
    break;
  case TRANSFORM_PAIR24_BE:
    split24 (data, len, 2, 0, 2);
    break;
  case TRANSFORM_ORDER6_16_LE ... TRANSFORM_ORDER8_24_BE:
    put_back (data, len, &orders[kind]);
    break;
  default:
    transform_apply (kind, data, len);
  }
}
