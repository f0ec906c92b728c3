/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding key pictures: see key_picture.h.
 *
 * A piece is first cut into units, by start codes or by lengths; what these are says the
 * first byte of each.  Paragraphs are those of ISO/IEC 13818-2 (MPEG-2), ITU-T H.264 and
 * H.265, and SMPTE 421 (VC-1).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "key_picture.h"

#define START_CODE 3 /* bytes: 00 00 01 */

/* What follows it. */
enum {
  /* MPEG-2, table 6-1: slices have a number from 1 on. */
  MPEG_PICTURE = 0x00,
  MPEG_SLICE_MAX = 0xAF,
  MPEG_INTRA = 1, /* picture_coding_type */

  /* VC-1, annex E */
  VC1_FIRST = 0x0A,
  VC1_FRAME = 0x0D,
  VC1_ENTRY_POINT = 0x0E,
  VC1_LAST = 0x0F,

  /* H.264, table 7-1 */
  AVC_SLICE = 1,
  AVC_IDR_SLICE = 5,
  AVC_I_SLICE = 2, /* slice_type modulo 5 */

  /* H.265, table 7-1: pictures that decoding may begin with */
  HEVC_SLICE_LAST = 31,
  HEVC_FIRST_KEY = 16,
  HEVC_LAST_KEY = 21,
};

void
key_units_free (struct key_units *u)
{
  free (u->units);
  *u = (struct key_units){ 0 };
}

/* ---- units ---- */

static bool
add_unit (struct key_units *u, size_t at, size_t end)
{
  if (u->n == u->cap) {
    size_t cap = u->cap ? 2 * u->cap : 256;
    struct key_unit *p = reallocarray (u->units, cap, sizeof *p);

    if (!p) {
      u->failed = true;
      return false;
    }
    u->units = p;
    u->cap = cap;
  }
  u->units[u->n++] = (struct key_unit){ (uint32_t) at, (uint32_t) end };
  return true;
}

/* The first start code's 1 in data[at, len), or `len`. */
static size_t
find_one (const uint8_t *data, size_t len, size_t at)
{
  while (at < len) {
    const uint8_t *p = memchr (data + at, 1, len - at);

    if (!p)
      break;
    at = (size_t) (p - data);
    if (p[-1] == 0 && p[-2] == 0)
      return at;
    at++;
  }
  return len;
}

/* Zeros in front of a start code are nobody's. */
static size_t
without_zeros (const uint8_t *data, size_t at, size_t end)
{
  while (end > at && data[end - 1] == 0)
    end--;
  return end;
}

static void
units_by_start_codes (struct key_units *u, const uint8_t *data, size_t len)
{
  size_t one = len > 2 ? find_one (data, len, 2) : len;

  u->n = 0;
  while (one < len) {
    size_t at = one + 1, next = find_one (data, len, at + START_CODE);
    size_t end = next < len ? next + 1 - START_CODE : len;

    if (at < len && !add_unit (u, at, without_zeros (data, at, end)))
      return;
    one = next;
  }
}

/* The last one may be longer than what there is of it. */
static void
units_by_lengths (struct key_units *u, const uint8_t *data, size_t len, unsigned width)
{
  size_t at = 0;

  u->n = 0;
  while (len - at > width) {
    uint64_t size = 0;

    for (unsigned i = 0; i < width; i++)
      size = size << 8 | data[at + i];
    at += width;
    if (size > len - at)
      size = len - at;
    if (size > 0 && !add_unit (u, at, without_zeros (data, at, at + (size_t) size)))
      return;
    at += (size_t) size;
  }
}

/* ---- key pictures ---- */

/* A piece whose key pictures are given. */
struct piece {
  const struct key_units *u;
  const uint8_t *data;
  size_t len;
  key_picture_fn *fn;
  void *opaque;
};

static void
give (const struct piece *p, size_t at)
{
  XXH64_hash_t hash = XXH3_64bits (p->data + at, KEY_PICTURE_BYTES);

  p->fn (p->opaque, hash >> (64 - KEY_PICTURE_BITS));
}

/* Is a unit so long that it can be one? */
static bool
is_long (const struct key_unit *unit)
{
  return unit->end - unit->at >= KEY_PICTURE_BYTES;
}

/* From the first slice on, whatever the slices' number: §6.2.3, picture_coding_type behind
 * the 10 bits of temporal_reference.
 */
static void
give_mpeg (const struct piece *p)
{
  bool intra = false, in_slices = false;
  size_t first = 0;

  for (size_t i = 0; i <= p->u->n; i++) {
    size_t at = i < p->u->n ? p->u->units[i].at : p->len;
    uint8_t code = at < p->len ? p->data[at] : UINT8_MAX;

    if (code != MPEG_PICTURE && code <= MPEG_SLICE_MAX) {
      if (intra && !in_slices)
        first = at;
      in_slices = true;
      continue;
    }
    /* What is not a slice ends them; at the end of the piece there may be more. */
    if (intra && in_slices &&
        at - first >= KEY_PICTURE_BYTES + (at < p->len ? START_CODE : 0U))
      give (p, first);
    if (in_slices || code == MPEG_PICTURE)
      intra = code == MPEG_PICTURE && p->len - at > 2 &&
              (p->data[at + 2] >> 3 & 7) == MPEG_INTRA;
    in_slices = false;
  }
}

/* §9.1, ue(v): from bit *bit on of the 64. */
static bool
read_ue (uint64_t bits, unsigned *bit, unsigned *v)
{
  uint64_t left = bits << *bit;
  unsigned zeros = left ? (unsigned) __builtin_clzll (left) : 64;

  if (zeros > 15)
    return false;
  *v = (unsigned) (left >> (63 - 2 * zeros)) - 1;
  *bit += 2 * zeros + 1;
  return true;
}

/* What a slice says of its picture; false: it is none. */
static bool
read_slice (enum key_codec codec, const uint8_t *p, bool *first, bool *key)
{
  unsigned type, first_mb, slice_type, bit = 0;

  if (codec == KEY_HEVC) { /* §7.3.1.2, §7.3.6.1 */
    type = p[0] >> 1 & 0x3F;
    *first = p[2] & 0x80;
    *key = type >= HEVC_FIRST_KEY && type <= HEVC_LAST_KEY;
    return type <= HEVC_SLICE_LAST;
  }
  type = p[0] & 0x1F; /* §7.3.1, §7.3.3 */
  if ((type != AVC_SLICE && type != AVC_IDR_SLICE) ||
      !read_ue (get_be64 (p + 1), &bit, &first_mb) ||
      !read_ue (get_be64 (p + 1), &bit, &slice_type))
    return false;
  *first = first_mb == 0;
  *key = slice_type % 5 == AVC_I_SLICE;
  return true;
}

/* Enough for what read_slice looks at. */
#define SLICE_START 9

/* Of each key picture, the first slice that is long enough. */
static void
give_slices (const struct piece *p, enum key_codec codec)
{
  bool given = true; /* where a picture does not begin, it is not known how it did */

  for (size_t i = 0; i < p->u->n; i++) {
    const struct key_unit *unit = &p->u->units[i];
    bool first, key;

    if (unit->end - unit->at < SLICE_START ||
        !read_slice (codec, p->data + unit->at, &first, &key))
      continue;
    if (first)
      given = false;
    if (key && !given && is_long (unit)) {
      give (p, unit->at);
      given = true;
    }
  }
}

/* The frame behind an entry point (§E.5). */
static void
give_vc1 (const struct piece *p)
{
  bool key = false;

  for (size_t i = 0; i < p->u->n; i++) {
    const struct key_unit *unit = &p->u->units[i];
    uint8_t code = p->data[unit->at];

    if (code == VC1_FRAME && key && is_long (unit))
      give (p, unit->at);
    key = code == VC1_ENTRY_POINT || (key && code > VC1_LAST); /* user data between */
  }
}

static void
give_all (const struct piece *p, enum key_codec codec)
{
  switch (codec) {
  case KEY_MPEG:
    give_mpeg (p);
    break;
  case KEY_AVC:
  case KEY_HEVC:
    give_slices (p, codec);
    break;
  case KEY_VC1:
    give_vc1 (p);
    break;
  case KEY_NO_CODEC:
    break;
  }
}

/* ---- what it is ---- */

/*
 * The codec of units behind start codes.  Only MPEG has codes from 80 on (NAL units begin
 * with a zero bit), and in every picture; the others are told by what nearly all of their
 * units begin with.
 */
static enum key_codec
guess_codec (const struct key_units *u, const uint8_t *data)
{
  size_t hevc = 0, vc1 = 0;

  for (size_t i = 0; i < u->n; i++) {
    uint8_t code = data[u->units[i].at];

    if (code & 0x80)
      return KEY_MPEG;
    vc1 += code >= VC1_FIRST && code <= VC1_LAST;
    /* §7.3.1.2: layer 0, and a temporal layer from 1 on. */
    hevc += !(code & 1) && u->units[i].end - u->units[i].at > 1 &&
            data[u->units[i].at + 1] >= 1 && data[u->units[i].at + 1] <= 7;
  }
  if (4 * hevc > 3 * u->n)
    return KEY_HEVC;
  return 4 * vc1 > 3 * u->n ? KEY_VC1 : KEY_AVC;
}

void
key_pictures_of_stream (struct key_units *u, const uint8_t *data, size_t len,
                        key_picture_fn *fn, void *opaque)
{
  const struct piece p = { u, data, len, fn, opaque };

  units_by_start_codes (u, data, len);
  if (u->n > 0)
    give_all (&p, guess_codec (u, data));
}

/* biCompression of a BITMAPINFOHEADER. */
#define FOUR_CC_AT 16

enum key_codec
key_codec (const struct matroska_track *track)
{
  const char *codec = track->codec;

  if (strcmp (codec, "V_MPEG2") == 0 || strcmp (codec, "V_MPEG1") == 0)
    return KEY_MPEG;
  if (strcmp (codec, "V_MPEG4/ISO/AVC") == 0)
    return KEY_AVC;
  if (strcmp (codec, "V_MPEGH/ISO/HEVC") == 0)
    return KEY_HEVC;
  if (strcmp (codec, "V_MS/VFW/FOURCC") == 0 && track->n_private >= FOUR_CC_AT + 4 &&
      memcmp (track->private + FOUR_CC_AT, "WVC1", 4) == 0)
    return KEY_VC1;
  return KEY_NO_CODEC;
}

void
key_pictures_of_frame (struct key_units *u, enum key_codec codec, unsigned nal_width,
                       const uint8_t *data, size_t len, key_picture_fn *fn, void *opaque)
{
  const struct piece p = { u, data, len, fn, opaque };

  if (nal_width > 0)
    units_by_lengths (u, data, len, nal_width);
  else
    units_by_start_codes (u, data, len);
  give_all (&p, codec);
}
