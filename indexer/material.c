/* SPDX-License-Identifier: BSD-3-Clause */
/* From payloads to what is on the disc: see material.h. */
#include "config.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "channels.h"
#include "cleanup.h"
#include "material.h"
#include "recoding.h"

/* Linear PCM is big-endian on DVDs and Blu-rays; Matroska has it either way round. */
#define PCM_LE(n, ...)                                                \
  {                                                                   \
    3 + (n),                                                          \
    {                                                                 \
      TRANSFORM_SWAP16, TRANSFORM_SWAP24, __VA_ARGS__, TRANSFORM_NONE \
    }                                                                 \
  }
#define PCM_BE(n, ...)                                                \
  {                                                                   \
    3 + (n),                                                          \
    {                                                                 \
      TRANSFORM_NONE, __VA_ARGS__, TRANSFORM_SWAP16, TRANSFORM_SWAP24 \
    }                                                                 \
  }

/* 20 and 24 bits of a DVD stand in groups of four samples, of two if there is one channel.
 * mkvmerge leaves the groups as they are.
 */
#define FOUR(END) TRANSFORM_SPLIT24_##END, RECODING_SPLIT20_##END
#define TWO(END) TRANSFORM_PAIR24_##END, RECODING_PAIR20_##END

/* Six and more channels of a Blu-ray are in another order, and an odd one has an empty one
 * beside it.
 */
#define MOVED(NAME, END) NAME##_24_##END, NAME##_16_##END

/* By the number of channels: each kind that is tried in vain costs a search. */
#define MOST_CHANNELS 8
#define PCM(END)                                                    \
  {                                                                 \
    [1] = PCM_##END (4, MOVED (RECODING_KEEP1, END), TWO (END)),    \
    [2] = PCM_##END (2, FOUR (END)),                                \
    [3] = PCM_##END (4, MOVED (RECODING_KEEP3, END), FOUR (END)),   \
    [4] = PCM_##END (2, FOUR (END)),                                \
    [5] = PCM_##END (4, MOVED (RECODING_KEEP5, END), FOUR (END)),   \
    [6] = PCM_##END (4, MOVED (TRANSFORM_ORDER6, END), FOUR (END)), \
    [7] = PCM_##END (4, MOVED (RECODING_KEEP7, END), FOUR (END)),   \
    [8] = PCM_##END (4, MOVED (TRANSFORM_ORDER8, END), FOUR (END)), \
  }

static const struct material_kinds little_endian_pcm[MOST_CHANNELS + 1] = PCM (LE);
static const struct material_kinds big_endian_pcm[MOST_CHANNELS + 1] = PCM (BE);

static const struct material_kinds deflated = { 1, { RECODING_DEFLATE } };
static const struct material_kinds as_it_is = { 1, { TRANSFORM_NONE } };

static const struct material_kinds *
pcm_kinds (const struct material_kinds *by_channels, uint64_t channels)
{
  return &by_channels[channels >= 1 && channels <= MOST_CHANNELS ? channels : 2];
}

const struct material_kinds *
material_kinds (const struct matroska_track *track)
{
  if (track && track->compression == MATROSKA_ZLIB)
    return &deflated;
  if (track && strcmp (track->codec, "A_PCM/INT/LIT") == 0)
    return pcm_kinds (little_endian_pcm, track->channels);
  if (track && strcmp (track->codec, "A_PCM/INT/BIG") == 0)
    return pcm_kinds (big_endian_pcm, track->channels);
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

/* What was dropped was zero. */
static bool
undo_dropped (enum transform_kind kind, const uint8_t *payload, uint32_t len,
              struct buffer *out)
{
  struct recoding_unit unit = recoding_unit (kind);
  uint32_t units = count_units (unit, len);
  uint8_t *to = buffer_reserve (out, (size_t) units * unit.in);

  if (!to || units == 0)
    return false;
  channels_put_back (channels_of (kind), payload, units, to);
  out->len += (size_t) units * unit.in;
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
  case RECODING_KEEP1_16_LE ... RECODING_KEEP7_24_BE:
    return undo_dropped (kind, payload, len, out);
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
