/* SPDX-License-Identifier: BSD-3-Clause */
/* From payloads to what is on the disc: see material.h. */
#include "config.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "cleanup.h"
#include "material.h"
#include "recoding.h"

/* Linear PCM is big-endian on DVDs and Blu-rays; 20 and 24 bits of a DVD stand in groups of
 * four samples, of two if there is one channel.  Matroska has it either way round.
 * mkvmerge leaves the groups as they are.
 *
 * Six and eight channels of a Blu-ray have the bass last, and one has an empty one beside it.
 */
static const struct material_kinds little_endian_pcm = {
  13,
  { TRANSFORM_SWAP16, TRANSFORM_SWAP24, TRANSFORM_ORDER6_24_LE, TRANSFORM_ORDER6_16_LE,
    TRANSFORM_ORDER8_24_LE, TRANSFORM_ORDER8_16_LE, RECODING_FIRST16_LE,
    RECODING_FIRST24_LE, TRANSFORM_SPLIT24_LE, RECODING_SPLIT20_LE, TRANSFORM_PAIR24_LE,
    RECODING_PAIR20_LE, TRANSFORM_NONE },
};
static const struct material_kinds big_endian_pcm = {
  13,
  { TRANSFORM_NONE, TRANSFORM_ORDER6_24_BE, TRANSFORM_ORDER6_16_BE,
    TRANSFORM_ORDER8_24_BE, TRANSFORM_ORDER8_16_BE, RECODING_FIRST16_BE,
    RECODING_FIRST24_BE, TRANSFORM_SPLIT24_BE, RECODING_SPLIT20_BE, TRANSFORM_PAIR24_BE,
    RECODING_PAIR20_BE, TRANSFORM_SWAP16, TRANSFORM_SWAP24 },
};
static const struct material_kinds deflated = { 1, { RECODING_DEFLATE } };
static const struct material_kinds as_it_is = { 1, { TRANSFORM_NONE } };

const struct material_kinds *
material_kinds (const struct matroska_track *track)
{
  if (track && track->compression == MATROSKA_ZLIB)
    return &deflated;
  if (track && strcmp (track->codec, "A_PCM/INT/LIT") == 0)
    return &little_endian_pcm;
  if (track && strcmp (track->codec, "A_PCM/INT/BIG") == 0)
    return &big_endian_pcm;
  return &as_it_is;
}

bool
material_is_by_frame (const struct material_kinds *kinds)
{
  return kinds == &deflated;
}

static bool
undo_permutation (enum transform_kind kind, const uint8_t *payload, uint32_t len,
                  struct buffer *out)
{
  uint32_t whole = len - len % transform_unit (kind);

  buffer_append (out, payload, whole);
  if (!out->failed)
    transform_undo (kind, out->data, whole);
  return !out->failed && whole > 0;
}

/* Values of 20 bits: their upper 16 bits each, then the half bytes that are left.  `last`
 * and `high` are where in a value of the payload these are.
 */
static bool
pack20 (const uint8_t *v, size_t values, size_t last, size_t high, uint8_t *out)
{
  uint8_t *halves = out + 2 * values;

  for (size_t i = 0; i < values; i++, v += 3) {
    if (v[last] & 0x0F)
      return false;
    out[2 * i] = v[high];
    out[2 * i + 1] = v[1];
    if (i % 2 == 0)
      halves[i / 2] = v[last];
    else
      halves[i / 2] |= v[last] >> 4;
  }
  return true;
}

/* Whole units at a payload's front: as many as can be recoded at once. */
static uint32_t
count_units (struct recoding_unit unit, uint32_t len)
{
  uint32_t n = len / unit.out, most = RECODING_MAX_MATERIAL / unit.in;

  return n < most ? n : most;
}

static bool
undo_20 (enum transform_kind kind, const uint8_t *payload, uint32_t len,
         struct buffer *out)
{
  bool little = kind == RECODING_SPLIT20_LE || kind == RECODING_PAIR20_LE;
  struct recoding_unit unit = recoding_unit (kind);
  uint32_t units = count_units (unit, len);
  uint8_t *to = buffer_reserve (out, (size_t) units * unit.in);

  if (!to || units == 0)
    return false;
  for (uint32_t i = 0; i < units; i++)
    if (!pack20 (payload + (size_t) i * unit.out, unit.out / 3, little ? 0 : 2,
                 little ? 2 : 0, to + (size_t) i * unit.in))
      return false;
  out->len += (size_t) units * unit.in;
  return true;
}

/* The values that were dropped were zero. */
static bool
undo_first (enum transform_kind kind, const uint8_t *payload, uint32_t len,
            struct buffer *out)
{
  bool little = kind == RECODING_FIRST16_LE || kind == RECODING_FIRST24_LE;
  struct recoding_unit unit = recoding_unit (kind);
  uint32_t units = count_units (unit, len), width = unit.out;
  uint8_t *to = buffer_reserve (out, (size_t) units * unit.in);

  if (!to || units == 0)
    return false;
  out->len += (size_t) units * unit.in;
  memset (to, 0, out->len);
  for (uint32_t i = 0; i < units; i++, to += unit.in, payload += unit.out)
    for (uint32_t k = 0; k < width; k++)
      to[k] = payload[little ? width - 1 - k : k];
  return true;
}

static void
cleanup_inflate (z_stream *z)
{
  inflateEnd (z);
}

/* One zlib stream that ends where the payload does. */
static bool
undo_deflate (const uint8_t *payload, uint32_t len, struct buffer *out)
{
  __attribute__ ((cleanup (cleanup_inflate))) z_stream z = { 0 };
  int r = Z_OK;

  if (inflateInit (&z) != Z_OK)
    return false;
  z.next_in = payload;
  z.avail_in = len;
  while (r == Z_OK && out->len < RECODING_MAX_MATERIAL) {
    size_t room = out->len ? out->len : 4 * (size_t) len;

    if (room > RECODING_MAX_MATERIAL - out->len)
      room = RECODING_MAX_MATERIAL - out->len;
    z.next_out = buffer_reserve (out, room);
    z.avail_out = (uInt) room;
    if (!z.next_out)
      return false;
    r = inflate (&z, Z_NO_FLUSH);
    out->len += room - z.avail_out;
  }
  return r == Z_STREAM_END && z.avail_in == 0 && out->len > 0;
}

bool
material_undo (enum transform_kind kind, const uint8_t *payload, uint32_t len,
               struct buffer *out)
{
  out->len = 0;
  switch (kind) {
  case RECODING_DEFLATE:
    return undo_deflate (payload, len, out);
  case RECODING_SPLIT20_LE:
  case RECODING_SPLIT20_BE:
  case RECODING_PAIR20_LE:
  case RECODING_PAIR20_BE:
    return undo_20 (kind, payload, len, out);
  case RECODING_FIRST16_LE:
  case RECODING_FIRST16_BE:
  case RECODING_FIRST24_LE:
  case RECODING_FIRST24_BE:
    return undo_first (kind, payload, len, out);
  default:
    return undo_permutation (kind, payload, len, out);
  }
}

bool
material_reproduces (enum transform_kind kind, const struct buffer *material,
                     const uint8_t *payload, uint32_t len)
{
  size_t bound = recoding_bound (kind, material->len);
  CLEANUP_BUFFER struct buffer result = BUFFER_INIT;
  uint8_t *out = bound ? buffer_reserve (&result, bound) : NULL;

  return out && recoding_apply (kind, material->data, material->len, out) == len &&
         memcmp (out, payload, len) == 0;
}
