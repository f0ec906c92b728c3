/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures and sound made of noise: see stream-content.h. */
#include "config.h"

#include <string.h>

#include "../rng.h"
#include "stream-content.h"

/* ISO/IEC 13818-2 §6.2.1: start codes. */
enum {
  PICTURE_START = 0x00,
  FIRST_SLICE = 0x01,
  EXTENSION = 0xB5,
  GROUP_START = 0xB8
};

#define SLICES 36 /* rows of macroblocks of 576 lines */
#define MIN_SLICE 64u
#define MIN_PICTURE 64u

const uint8_t sequence_header[SEQUENCE_HEADER_LEN] = {
  0x00, 0x00, 0x01, 0xB3, 0x2D, 0x02, 0x40, 0x23, 0x14, 0xC0, 0xA3,
  0x80, 0x00, 0x00, 0x01, 0xB5, 0x14, 0x8A, 0x00, 0x01, 0x00, 0x00,
};

const uint32_t sound_frame_len[SOUND_TRACKS] = { 1792, 768 };

/* Sync word, check, 48 kHz and bit rate, version, channels (ATSC A/52 §5.3): 5.1, 2.0. */
static const uint8_t sound_head[SOUND_TRACKS][8] = {
  { 0x0B, 0x77, 0x5A, 0x5A, 0x1E, 0x40, 0xEB, 0x80 },
  { 0x0B, 0x77, 0xA5, 0xA5, 0x14, 0x40, 0x40, 0x80 },
};

void
content_init (struct content *c, uint64_t seed)
{
  c->video_rng = rng_next (&seed);
  for (unsigned i = 0; i < SOUND_TRACKS; i++)
    c->sound_rng[i] = rng_next (&seed);
}

void
content_free (struct content *c)
{
  buffer_free (&c->gop);
}

/* Eight at a time. */
void
fill_noise (uint64_t *rng, uint8_t *p, size_t n)
{
  uint64_t word;

  for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
    word = rng_next (rng) | UINT64_C (0x1010101010101010);
    memcpy (p, &word, sizeof word);
  }
  word = rng_next (rng) | UINT64_C (0x1010101010101010);
  memcpy (p, &word, n);
}

static void
add_noise (struct content *c, size_t n)
{
  uint8_t *p = buffer_reserve (&c->gop, n);

  if (!p)
    return;
  fill_noise (&c->video_rng, p, n);
  c->gop.len += n;
}

static void
add_start_code (struct buffer *b, uint8_t code)
{
  const uint8_t bytes[] = { 0, 0, 1, code };

  buffer_append (b, bytes, sizeof bytes);
}

/* §6.2.2.6: the time of the GOP's first picture.  Those that are to be equal are all of
 * the first instant.
 */
static void
add_group_header (struct content *c)
{
  uint64_t first = c->equal ? 0 : c->gops * c->gop_pictures;
  uint32_t seconds = (uint32_t) (first / 25), code;

  code = seconds / 3600 % 24 << 26 | seconds / 60 % 60 << 20 | 1u << 19 |
         seconds % 60 << 13 | (uint32_t) (first % 25) << 7 | 1u << 6; /* closed */
  add_start_code (&c->gop, GROUP_START);
  for (int shift = 24; shift >= 0; shift -= 8)
    buffer_u8 (&c->gop, (uint8_t) (code >> shift));
}

/* §6.2.3 and §6.2.3.1: picture header and coding extension. */
static void
add_picture_header (struct buffer *b, unsigned kind, unsigned shown)
{
  static const uint8_t coding[] = { 0x8F, 0xFF, 0xF3, 0x41, 0x80 };

  add_start_code (b, PICTURE_START);
  buffer_u8 (b, (uint8_t) (shown >> 2));
  buffer_u8 (b, (uint8_t) (shown << 6 | kind << 3 | 7));
  buffer_append (b, "\xFF\xFF", 2);
  buffer_u8 (b, kind == INTRA ? 0xF8 : kind == PREDICTED ? 0xFB : 0xFF);
  add_start_code (b, EXTENSION);
  buffer_append (b, coding, sizeof coding);
}

/* Slices of `len` bytes in all. */
static void
add_slices (struct content *c, size_t len)
{
  size_t n = len / MIN_SLICE;

  n = n > SLICES ? SLICES : n > 0 ? n : 1;
  for (size_t i = 0; i < n; i++) {
    size_t part = len / n + (i < len % n);

    add_start_code (&c->gop, (uint8_t) (FIRST_SLICE + i));
    add_noise (c, part > 4 ? part - 4 : 1);
  }
}

unsigned
shown_at (unsigned k, unsigned n, unsigned *kind)
{
  unsigned group = (k + 2) / 3, anchor = 3 * group < n ? 3 * group : n - 1;

  *kind = k == 0 ? INTRA : k % 3 == 1 ? PREDICTED : BIDIRECTIONAL;
  if (*kind != BIDIRECTIONAL)
    return anchor;
  return 3 * (group - 1) + (k % 3 == 2 ? 1 : 2);
}

unsigned
weight_of (unsigned kind)
{
  return kind == INTRA ? 5 : kind == PREDICTED ? 2 : 1;
}

uint32_t
gop_weights (unsigned pictures)
{
  uint32_t sum = weight_of (INTRA);
  unsigned kind;

  for (unsigned k = 1; k < pictures; k++) {
    shown_at (k, pictures, &kind);
    sum += weight_of (kind);
  }
  return sum;
}

static void
add_picture (struct content *c, unsigned k, uint64_t share)
{
  struct picture *p = &c->pictures[k];
  unsigned kind, shown = shown_at (k, c->gop_pictures, &kind);
  uint64_t len = share * weight_of (kind) * rng_between (&c->video_rng, 70, 130) / 100;

  p->at = c->gop.len;
  p->shown = shown;
  if (kind == INTRA) {
    buffer_append (&c->gop, sequence_header, sizeof sequence_header);
    add_group_header (c);
  }
  add_picture_header (&c->gop, kind, shown);
  add_slices (c, len < MIN_PICTURE ? MIN_PICTURE : len);
  p->len = c->gop.len - p->at;
}

static void
make_gop (struct content *c)
{
  uint64_t percent = rng_between (&c->video_rng, 60, 140);
  uint64_t share = c->gop_bytes * percent / 100 / gop_weights (c->gop_pictures);

  c->gop.len = 0;
  for (unsigned k = 0; k < c->gop_pictures; k++)
    add_picture (c, k, share);
}

void
content_next_gop (struct content *c)
{
  if (c->gops == 0 || !c->equal)
    make_gop (c);
  c->gops++;
}

void
content_next_sound (struct content *c, unsigned track)
{
  size_t head = sizeof sound_head[track];

  if (c->sounds[track]++ > 0 && c->equal)
    return;
  memcpy (c->sound[track], sound_head[track], head);
  fill_noise (&c->sound_rng[track], c->sound[track] + head,
              sound_frame_len[track] - head);
}
