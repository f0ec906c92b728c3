/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Columns over zstd: see column.h.
 *
 * A column begins with a byte: the number of its planes, or COLUMN_PALETTE and the
 * width of an index, or COLUMN_NUMBERS.
 *
 * A plane is a method byte and its data.  The zstd frames lack their constant
 * magic number (four bytes of a segment's thousand, times its columns).
 *
 * Decided against: one zstd frame for all columns of a segment.  zstd has one
 * Huffman table for all literals of a block, and the tables of a dozen small
 * columns cost less than the mixture of their statistics.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "cleanup.h"
#include "column.h"
#include "range_coder.h"

enum plane_method {
  PLANE_STORED,
  PLANE_CONSTANT,
  PLANE_ZSTD,
};

#define COLUMN_MAX_PLANES 8

/* 0x10 | k: a palette, and indexes of 2^k bits, k <= 3. */
#define COLUMN_PALETTE 0x10
#define PALETTE_MAX 256

/* Range coded numbers, with one model for all.  They take ten times as long to decode as
 * planes do, so they have to save one byte in so many.
 */
#define COLUMN_NUMBERS 0x20
#define NUMBERS_GAIN 32

/* Segments are coded once and read for years, but making a recipe is not to take longer
 * than hashing its MKV does.  A DVD's segment of 4 MiB: level 12 takes 0.6 ms and gives
 * 2.2 % more than level 19, which takes 1.5 ms; 15 takes 1.0 ms and gives 0.5 % more.
 */
#define PLANE_ZSTD_LEVEL 15

/* Above this, that level is too slow for what it gains on noise: literal-heavy
 * segments are mostly incompressible.
 */
#define PLANE_LARGE (256u << 10)
#define PLANE_ZSTD_LEVEL_LARGE 3

static const uint8_t zstd_magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

static bool
is_constant (const uint8_t *bytes, size_t n)
{
  return n > 0 && memcmp (bytes, bytes + 1, n - 1) == 0;
}

static void
cleanup_cctx (ZSTD_CCtx **ctx)
{
  ZSTD_freeCCtx (*ctx);
}

/* The length of the frame put into `frame` (without magic), or 0 if zstd does
 * not make it smaller than `n`.
 */
static size_t
compress_plane (uint8_t **frame, const uint8_t *bytes, size_t n)
{
  __attribute__ ((cleanup (cleanup_cctx))) ZSTD_CCtx *ctx = ZSTD_createCCtx ();
  size_t bound = ZSTD_compressBound (n), len;

  *frame = malloc (bound);
  if (!ctx || !*frame)
    return 0;
  ZSTD_CCtx_setParameter (ctx, ZSTD_c_compressionLevel,
                          n > PLANE_LARGE ? PLANE_ZSTD_LEVEL_LARGE : PLANE_ZSTD_LEVEL);
  ZSTD_CCtx_setParameter (ctx, ZSTD_c_checksumFlag, 0);
  len = ZSTD_compress2 (ctx, *frame, bound, bytes, n);
  if (ZSTD_isError (len) || len <= sizeof zstd_magic)
    return 0;
  memmove (*frame, *frame + sizeof zstd_magic, len - sizeof zstd_magic);
  return len - sizeof zstd_magic;
}

void
plane_encode (struct buffer *out, const uint8_t *bytes, size_t n)
{
  CLEANUP_FREE uint8_t *frame = NULL;
  size_t len;

  if (n == 0)
    return;
  if (is_constant (bytes, n)) {
    buffer_u8 (out, PLANE_CONSTANT);
    buffer_u8 (out, bytes[0]);
    return;
  }
  len = compress_plane (&frame, bytes, n);
  if (len > 0 && len + 2 < n) {
    buffer_u8 (out, PLANE_ZSTD);
    buffer_varint (out, len);
    buffer_append (out, frame, len);
  }
  else {
    buffer_u8 (out, PLANE_STORED);
    buffer_append (out, bytes, n);
  }
}

/* Decompress exactly `n` bytes from one frame without its magic. */
static bool
decompress_plane (uint8_t *bytes, size_t n, const uint8_t *data, size_t len)
{
  size_t size = len + sizeof zstd_magic;
  CLEANUP_FREE uint8_t *frame = malloc (size);

  if (!frame)
    return false;
  memcpy (frame, zstd_magic, sizeof zstd_magic);
  memcpy (frame + sizeof zstd_magic, data, len);
  return ZSTD_findFrameCompressedSize (frame, size) == size &&
         ZSTD_decompress (bytes, n, frame, size) == n;
}

void
plane_decode (struct reader *r, uint8_t *bytes, size_t n)
{
  const uint8_t *data = NULL;
  size_t len;

  if (n == 0)
    return;
  switch (reader_u8 (r)) {
  case PLANE_STORED:
    data = reader_take (r, n);
    if (data)
      memcpy (bytes, data, n);
    break;
  case PLANE_CONSTANT:
    memset (bytes, reader_u8 (r), n);
    break;
  case PLANE_ZSTD:
    len = reader_bounded (r, reader_left (r));
    data = reader_take (r, len);
    if (data && !decompress_plane (bytes, n, data, len))
      r->failed = true;
    break;
  default:
    r->failed = true;
  }
}

static unsigned
planes_needed (const uint64_t *values, size_t n)
{
  uint64_t all = 0;

  for (size_t i = 0; i < n; i++)
    all |= values[i];
  return all == 0 ? 0 : (64 - (unsigned) __builtin_clzll (all) + 7) / 8;
}

static void
encode_planes (struct buffer *out, const uint64_t *values, size_t n)
{
  unsigned planes = planes_needed (values, n);
  CLEANUP_FREE uint8_t *plane = malloc (n);

  if (!plane) {
    out->failed = true;
    return;
  }
  buffer_u8 (out, (uint8_t) planes);
  for (unsigned p = 0; p < planes; p++) {
    for (size_t i = 0; i < n; i++)
      plane[i] = (uint8_t) (values[i] >> (8 * p));
    plane_encode (out, plane, n);
  }
}

/* ---- palettes ---- */

/* The different values of a column, in order of first appearance. */
struct palette {
  uint64_t values[PALETTE_MAX];
  size_t n;
};

/* Make the palette of `values` and the index of each; false if there are too many. */
static bool
make_palette (struct palette *p, const uint64_t *values, size_t n, uint8_t *indexes)
{
  size_t k = 0;

  p->n = 0;
  for (size_t i = 0; i < n; i++) {
    if (p->n == 0 || p->values[k] != values[i])
      for (k = 0; k < p->n && p->values[k] != values[i]; k++)
        ;
    if (k == PALETTE_MAX)
      return false;
    if (k == p->n)
      p->values[p->n++] = values[i];
    indexes[i] = (uint8_t) k;
  }
  return true;
}

static size_t
packed_size (size_t n, unsigned log2)
{
  return (n * (1u << log2) + 7) / 8;
}

/* Append the palette form with indexes of 2^log2 bits, the first in a byte's low bits. */
static void
encode_palette (struct buffer *out, const struct palette *p, const uint8_t *indexes,
                size_t n, unsigned log2)
{
  size_t size = packed_size (n, log2);
  CLEANUP_FREE uint8_t *packed = calloc (size, 1);
  unsigned width = 1u << log2, per_byte = 8 / width;

  if (!packed) {
    out->failed = true;
    return;
  }
  for (size_t i = 0; i < n; i++)
    packed[i / per_byte] |= (uint8_t) (indexes[i] << (i % per_byte * width));
  buffer_u8 (out, (uint8_t) (COLUMN_PALETTE | log2));
  buffer_varint (out, p->n);
  for (size_t i = 0; i < p->n; i++)
    buffer_varint (out, p->values[i]);
  plane_encode (out, packed, size);
}

/* ---- numbers ---- */

static void
encode_numbers (struct buffer *out, const uint64_t *values, size_t n)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct range_coder c = range_encoder (&coded);
  struct range_number model = { 0 };

  for (size_t i = 0; i < n; i++)
    range_code_number (&c, &model, values[i]);
  range_encoder_finish (&c);
  buffer_u8 (out, COLUMN_NUMBERS);
  buffer_varint (out, coded.len);
  buffer_append (out, coded.data, coded.len);
  out->failed |= coded.failed;
}

static void
decode_numbers (struct reader *r, uint64_t *values, size_t n)
{
  size_t len = reader_bounded (r, reader_left (r));
  const uint8_t *coded = reader_take (r, len);
  struct range_number model = { 0 };
  struct range_coder c;

  if (r->failed)
    return;
  c = range_decoder (coded, len);
  for (size_t i = 0; i < n; i++)
    values[i] = range_code_number (&c, &model, 0);
  r->failed = !range_decoder_finished (&c);
}

/* Replace what `out` has from `start` on by `other`, if that is shorter. */
static void
keep_shorter (struct buffer *out, size_t start, const struct buffer *other)
{
  out->failed |= other->failed;
  if (out->failed || other->len >= out->len - start)
    return;
  out->len = start;
  buffer_append (out, other->data, other->len);
}

static bool
are_numbers (const uint64_t *values, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (values[i] > RANGE_MAX_NUMBER)
      return false;
  return true;
}

void
column_encode (struct buffer *out, const uint64_t *values, size_t n)
{
  CLEANUP_FREE uint8_t *indexes = malloc (n ? n : 1);
  CLEANUP_BUFFER struct buffer other = BUFFER_INIT;
  struct palette palette;
  size_t start = out->len;
  bool few;

  if (n == 0)
    return;
  encode_planes (out, values, n);
  few = indexes && make_palette (&palette, values, n, indexes);
  for (unsigned log2 = 0; few && log2 <= 3; log2++) {
    if (palette.n > 1u << (1u << log2))
      continue;
    other.len = 0;
    encode_palette (&other, &palette, indexes, n, log2);
    keep_shorter (out, start, &other);
  }
  if (!are_numbers (values, n))
    return;
  other.len = 0;
  encode_numbers (&other, values, n);
  if (other.len + other.len / NUMBERS_GAIN < out->len - start)
    keep_shorter (out, start, &other);
}

static void
decode_planes (struct reader *r, unsigned planes, uint64_t *values, size_t n)
{
  CLEANUP_FREE uint8_t *plane = calloc (n, 1);

  memset (values, 0, n * sizeof *values);
  if (!plane)
    r->failed = true;
  for (unsigned p = 0; p < planes && !r->failed; p++) {
    plane_decode (r, plane, n);
    for (size_t i = 0; i < n && !r->failed; i++)
      values[i] |= (uint64_t) plane[i] << (8 * p);
  }
}

static void
decode_palette (struct reader *r, unsigned log2, uint64_t *values, size_t n)
{
  size_t size = packed_size (n, log2);
  CLEANUP_FREE uint8_t *packed = calloc (size, 1);
  unsigned width = 1u << log2, per_byte = 8 / width;
  struct palette palette = { .n = reader_bounded (r, PALETTE_MAX) };

  for (size_t i = 0; i < palette.n; i++)
    palette.values[i] = reader_varint (r);
  if (packed)
    plane_decode (r, packed, size);
  else
    r->failed = true;
  for (size_t i = 0; i < n && !r->failed; i++) {
    size_t k = packed[i / per_byte] >> (i % per_byte * width) & ((1u << width) - 1);

    if (k >= palette.n)
      r->failed = true;
    else
      values[i] = palette.values[k];
  }
}

void
column_decode (struct reader *r, uint64_t *values, size_t n)
{
  unsigned form;

  if (n == 0)
    return;
  form = reader_u8 (r);
  if (form <= COLUMN_MAX_PLANES)
    decode_planes (r, form, values, n);
  else if (form >= COLUMN_PALETTE && form <= (COLUMN_PALETTE | 3))
    decode_palette (r, form & 3, values, n);
  else if (form == COLUMN_NUMBERS)
    decode_numbers (r, values, n);
  else
    r->failed = true;
  if (r->failed)
    memset (values, 0, n * sizeof *values);
}
