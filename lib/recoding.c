/* SPDX-License-Identifier: BSD-3-Clause */
/* The recodings: see recoding.h. */
#include "config.h"

#include <xxhash.h>
#include <zlib.h>

#include "channels.h"
#include "recoding.h"

/* Values of 20 bits that are 24 afterwards. */
#define SPLIT20_VALUES 4
#define PAIR20_VALUES 2

struct recoding_unit
recoding_unit (enum transform_kind kind)
{
  const struct channels *c = channels_of (kind);

  switch (kind) {
  case RECODING_SPLIT20_LE:
  case RECODING_SPLIT20_BE:
    return (struct recoding_unit){ SPLIT20_VALUES * 20 / 8, SPLIT20_VALUES * 24 / 8 };
  case RECODING_PAIR20_LE:
  case RECODING_PAIR20_BE:
    return (struct recoding_unit){ PAIR20_VALUES * 20 / 8, PAIR20_VALUES * 24 / 8 };
  case RECODING_KEEP1_16_LE ... RECODING_KEEP7_24_BE:
    return (struct recoding_unit){ (unsigned) c->slots * c->width,
                                   (unsigned) c->n * c->width };
  case RECODING_DEFLATE:
    return (struct recoding_unit){ 0, 0 };
  default:
    return (struct recoding_unit){ transform_unit (kind), transform_unit (kind) };
  }
}

size_t
recoding_bound (enum transform_kind kind, size_t n)
{
  struct recoding_unit unit = recoding_unit (kind);

  if (n == 0 || n > RECODING_MAX_MATERIAL || kind < FIRST_RECODING ||
      kind >= TRANSFORM_KINDS)
    return 0;
  /* zlib's compressBound, but of no release in particular: this is the format's. */
  if (kind == RECODING_DEFLATE)
    return n + (n >> 12) + (n >> 14) + (n >> 25) + 13;
  return n % unit.in == 0 ? n / unit.in * unit.out : 0;
}

/* Units of `values`.  `first` and `last`: where in a value its first byte goes, and its
 * last four bits.
 */
static inline void
join20 (const uint8_t *in, size_t n, size_t values, size_t first, size_t last,
        uint8_t *out)
{
  size_t unit = values * 20 / 8;

  for (; n > 0; n -= unit, in += unit)
    for (size_t i = 0; i < values; i++, out += 3) {
      uint8_t two = in[2 * values + i / 2]; /* values' last four bits */

      out[first] = in[2 * i];
      out[1] = in[2 * i + 1];
      out[last] = (uint8_t) (i % 2 == 0 ? two & 0xf0 : two << 4);
    }
}

static size_t
deflate_all (const uint8_t *material, size_t n, uint8_t *out, size_t room)
{
  uLongf len = room;

  return compress2 (out, &len, material, n, Z_BEST_COMPRESSION) == Z_OK ? len : 0;
}

size_t
recoding_apply (enum transform_kind kind, const uint8_t *material, size_t n, uint8_t *out)
{
  size_t bound = recoding_bound (kind, n);

  switch (kind) {
  case RECODING_SPLIT20_LE:
    join20 (material, n, SPLIT20_VALUES, 2, 0, out);
    return bound;
  case RECODING_SPLIT20_BE:
    join20 (material, n, SPLIT20_VALUES, 0, 2, out);
    return bound;
  case RECODING_PAIR20_LE:
    join20 (material, n, PAIR20_VALUES, 2, 0, out);
    return bound;
  case RECODING_PAIR20_BE:
    join20 (material, n, PAIR20_VALUES, 0, 2, out);
    return bound;
  case RECODING_KEEP1_16_LE ... RECODING_KEEP7_24_BE:
    channels_take (channels_of (kind), material, n / recoding_unit (kind).in, out);
    return bound;
  case RECODING_DEFLATE:
    return deflate_all (material, n, out, bound);
  default:
    return 0;
  }
}

uint32_t
recoding_check (const uint8_t *result, size_t len)
{
  return (uint32_t) XXH3_64bits (result, len);
}

const char *
recoding_zlib (void)
{
  return zlibVersion ();
}
