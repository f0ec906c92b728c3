/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transforms: see segment.h.  Each permutes the bytes of one unit; the swaps are their
 * own inverses.  Plain loops over a unit of constant size: the compiler makes vectors of
 * them.  Channels are moved by channels.c.
 */
#include "config.h"

#include <byteswap.h>

#include "bytes.h"
#include "channels.h"
#include "segment.h"

/* Values of three bytes. */
#define SPLIT24_UNIT 12
#define PAIR24_UNIT 6

#define CHANNELS_MAX_UNIT (3 * CHANNELS_MAX)

unsigned
transform_unit (enum transform_kind kind)
{
  const struct channels *c;

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
    c = channels_of (kind);
    return (unsigned) c->slots * c->width;
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

/* One moment after the other, in place. */
static void
move_channels (uint8_t *data, size_t len, const struct channels *c, bool back)
{
  const size_t n = (size_t) c->slots * c->width;
  uint8_t unit[CHANNELS_MAX_UNIT];

  for (; len > 0; len -= n, data += n) {
    memcpy (unit, data, n);
    (back ? channels_put_back : channels_take) (c, unit, 1, data);
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
    move_channels (data, len, channels_of (kind), false);
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
    move_channels (data, len, channels_of (kind), true);
    break;
  default:
    transform_apply (kind, data, len);
  }
}
