/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures that look like H.264: see stream-avc.h.  Paragraphs are those of H.264. */
#include "config.h"

#include <string.h>

#include "../rng.h"
#include "stream-avc.h"
#include "stream-content.h"

/* Table 7-1, with nal_ref_idc. */
enum {
  NAL_NOT_REFERENCE = 0x01,
  NAL_REFERENCE = 0x41,
  NAL_IDR = 0x65,
  NAL_SEI = 0x06,
  NAL_DELIMITER = 0x09,
};

/* High profile, level 4.1: 1920 × 1080, 24000/1001 pictures a second, frame_num of 4 bits,
 * pic_order_cnt_lsb of 8.
 */
#define SPS                                                                           \
  0x67, 0x64, 0x00, 0x29, 0xAC, 0xCA, 0x50, 0x1E, 0x00, 0x89, 0xF9, 0x70, 0x11, 0x00, \
    0x00, 0x03, 0x03, 0xE9, 0x00, 0x00, 0xBB, 0x80, 0x84
#define PPS 0x68, 0xEE, 0x3C, 0xB0

static const uint8_t sps[] = { SPS }, pps[] = { PPS };

static const uint8_t configuration[] = {
  1,    0x64, 0x00,       0x29, 0xFF, /* lengths of 4 bytes */
  0xE1, 0,    sizeof sps, SPS,  1,    0, sizeof pps, PPS, 0xFD, 0xF8, 0xF8, 0x00,
};
const uint8_t *const avc_configuration = configuration;
const size_t avc_configuration_len = sizeof configuration;

#define MACROBLOCKS (120 * 68)
#define MIN_SLICE 48

/* Times a picture's weight: those of a black GOP. */
#define BLACK_SHARE 200
#define BLACK_SEED 0xB1ACC

/* Fields of so many bits, joined. */
struct bits {
  uint64_t value;
  unsigned n;
};

static void
put_bits (struct bits *b, unsigned n, uint64_t v)
{
  b->value = b->value << n | v;
  b->n += n;
}

/* §9.1: ue(v) */
static void
put_ue (struct bits *b, uint32_t v)
{
  unsigned n = 32 - (unsigned) __builtin_clz (v + 1);

  put_bits (b, 2 * n - 1, v + 1);
}

/* Append to both forms; `kept`: a remuxer keeps it.  `longer`: its start code has four
 * bytes.
 */
static uint8_t *
add_nal (struct avc *a, size_t len, bool longer, bool kept)
{
  const uint8_t prefix[] = { (uint8_t) (len >> 24), (uint8_t) (len >> 16),
                             (uint8_t) (len >> 8), (uint8_t) len };
  uint8_t *p;

  buffer_append (&a->unit, longer ? "\0\0\0\1" : "\0\0\1", longer ? 4 : 3);
  p = buffer_reserve (&a->unit, len);
  a->unit.len += p ? len : 0;
  if (kept)
    buffer_append (&a->frame, prefix, sizeof prefix);
  return p;
}

/* The unit's last `len` bytes are whole. */
static void
keep_nal (struct avc *a, size_t len)
{
  if (!a->unit.failed)
    buffer_append (&a->frame, a->unit.data + a->unit.len - len, len);
}

static void
add_bytes (struct avc *a, const uint8_t *bytes, size_t len, bool longer, bool kept)
{
  uint8_t *p = add_nal (a, len, longer, kept);

  if (p)
    memcpy (p, bytes, len);
  if (kept)
    keep_nal (a, len);
}

/* Picture timing, whatever it says. */
static void
add_sei (struct avc *a)
{
  uint8_t sei[] = { NAL_SEI, 1, 5, 0, 0, 0, 0, 0, 0x80 };

  fill_noise (&a->rng, sei + 3, 5);
  add_bytes (a, sei, sizeof sei, false, true);
}

/* §7.3.3, up to what differs from one kind of slice to the other. */
static size_t
slice_header (const struct avc *a, unsigned kind, uint32_t first, uint8_t *to)
{
  static const uint8_t slice_types[] = { 0, 7, 5, 6 };
  struct bits b = { 0, 0 };
  size_t n;

  put_ue (&b, first);
  put_ue (&b, slice_types[kind]);
  put_ue (&b, 0);
  put_bits (&b, 4, a->frame_num & 15);
  if (kind == INTRA)
    put_ue (&b, 0);
  put_bits (&b, 8, a->shown * 2 & 0xFF);
  while (b.n % 8)
    put_bits (&b, 1, 1);
  n = b.n / 8;
  for (size_t i = 0; i < n; i++)
    to[i] = (uint8_t) (b.value >> (b.n - 8 * (i + 1)));
  return n;
}

static void
add_slice (struct avc *a, unsigned kind, unsigned i, size_t len)
{
  uint8_t *p = add_nal (a, len, false, true);
  size_t n;

  if (!p)
    return;
  *p = kind == INTRA ? NAL_IDR : kind == PREDICTED ? NAL_REFERENCE : NAL_NOT_REFERENCE;
  n = 1 + slice_header (a, kind, MACROBLOCKS * i / a->slices, p + 1);
  fill_noise (&a->rng, p + n, len - n);
  keep_nal (a, len);
}

static void
begin_gop (struct avc *a, bool black)
{
  uint64_t percent = rng_between (&a->rng, 60, 140);

  a->frame_num = 0;
  a->share =
    black ? BLACK_SHARE
          : (uint32_t) (a->gop_bytes * percent / 100 / gop_weights (AVC_GOP_PICTURES));
}

static void
make_picture (struct avc *a, unsigned k)
{
  unsigned kind;
  uint64_t len;

  a->shown = shown_at (k, AVC_GOP_PICTURES, &kind);
  a->key = kind == INTRA;
  add_bytes (a, (uint8_t[]){ NAL_DELIMITER, (uint8_t) (kind * 0x20 - 0x10) }, 2, true,
             false);
  if (a->key)
    add_bytes (a, sps, sizeof sps, true, true);
  if (a->key || rng_below (&a->rng, 4) == 0)
    add_bytes (a, pps, sizeof pps, true, true);
  add_sei (a);
  len = (uint64_t) a->share * weight_of (kind) * rng_between (&a->rng, 70, 130) / 100;
  for (unsigned i = 0; i < a->slices; i++) {
    uint64_t part = len / a->slices * rng_between (&a->rng, 80, 120) / 100;

    add_slice (a, kind, i, part < MIN_SLICE ? MIN_SLICE : part);
  }
  a->frame_num += kind != BIDIRECTIONAL;
}

void
avc_next (struct avc *a, unsigned k, bool black)
{
  uint64_t rng = a->rng;

  a->unit.len = a->frame.len = 0;
  if (black)
    a->rng = BLACK_SEED + k;
  if (k == 0)
    begin_gop (a, black);
  make_picture (a, k);
  if (black)
    a->rng = rng;
}

void
avc_free (struct avc *a)
{
  buffer_free (&a->unit);
  buffer_free (&a->frame);
}
