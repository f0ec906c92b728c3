/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transforms: see segment.h.  Each permutes the bytes of one unit and is its own
 * inverse.  Plain loops over a unit of constant size: the compiler makes vectors of them.
 */
#include "config.h"

#include <byteswap.h>

#include "bytes.h"
#include "segment.h"

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
  case TRANSFORM_NONE:
  case TRANSFORM_KINDS:
    break;
  }
  return 1;
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
  case TRANSFORM_NONE:
  case TRANSFORM_KINDS:
    break;
  }
}
