/* SPDX-License-Identifier: BSD-3-Clause */
/* Checking and running segments the obvious way: see naive.h. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zlib.h>

#include "naive.h"
#include "recoding.h"

/* Where byte `i` of a strided operation lies in its source. */
static uint64_t
strided_at (const struct segment *seg, const struct op *op, uint64_t i)
{
  const struct stride *s = &seg->strides[op->arg >> 16];
  uint64_t phase = op->arg & 0xffff;

  return op->from + (phase + i) / s->chunk * s->period + (phase + i) % s->chunk;
}

static const char *
stride_complaint (const struct segment *seg, const struct op *op, uint64_t source_size,
                  uint32_t len)
{
  const struct stride *s;

  if (op->arg >> 16 >= seg->n_strides)
    return "a stride that is not there";
  s = &seg->strides[op->arg >> 16];
  if (s->chunk == 0 || s->period < s->chunk || (op->arg & 0xffff) >= s->chunk)
    return "a stride that is none";
  if (strided_at (seg, op, len - 1) >= source_size)
    return "a strided copy from beyond the source";
  return NULL;
}

static bool
is_pair20 (enum transform_kind kind)
{
  return kind == RECODING_PAIR20_LE || kind == RECODING_PAIR20_BE;
}

/* Values of `width` bytes, `slots` of them at a time, of which these letters are given. */
static const struct layout {
  const char *order;
  uint32_t slots, width;
  bool big_endian;
} layouts[TRANSFORM_KINDS] = {
  [TRANSFORM_ORDER6_16_LE] = { "abcfde", 6, 2, false },
  [TRANSFORM_ORDER6_16_BE] = { "abcfde", 6, 2, true },
  [TRANSFORM_ORDER6_24_LE] = { "abcfde", 6, 3, false },
  [TRANSFORM_ORDER6_24_BE] = { "abcfde", 6, 3, true },
  [TRANSFORM_ORDER8_16_LE] = { "abchefdg", 8, 2, false },
  [TRANSFORM_ORDER8_16_BE] = { "abchefdg", 8, 2, true },
  [TRANSFORM_ORDER8_24_LE] = { "abchefdg", 8, 3, false },
  [TRANSFORM_ORDER8_24_BE] = { "abchefdg", 8, 3, true },
  [RECODING_KEEP1_16_LE] = { "a", 2, 2, false },
  [RECODING_KEEP1_16_BE] = { "a", 2, 2, true },
  [RECODING_KEEP1_24_LE] = { "a", 2, 3, false },
  [RECODING_KEEP1_24_BE] = { "a", 2, 3, true },
  [RECODING_KEEP3_16_LE] = { "abc", 4, 2, false },
  [RECODING_KEEP3_16_BE] = { "abc", 4, 2, true },
  [RECODING_KEEP3_24_LE] = { "abc", 4, 3, false },
  [RECODING_KEEP3_24_BE] = { "abc", 4, 3, true },
  [RECODING_KEEP5_16_LE] = { "abcde", 6, 2, false },
  [RECODING_KEEP5_16_BE] = { "abcde", 6, 2, true },
  [RECODING_KEEP5_24_LE] = { "abcde", 6, 3, false },
  [RECODING_KEEP5_24_BE] = { "abcde", 6, 3, true },
  [RECODING_KEEP7_16_LE] = { "abcefdg", 8, 2, false },
  [RECODING_KEEP7_16_BE] = { "abcefdg", 8, 2, true },
  [RECODING_KEEP7_24_LE] = { "abcefdg", 8, 3, false },
  [RECODING_KEEP7_24_BE] = { "abcefdg", 8, 3, true },
};

/* So many bytes of material, or a multiple, have to be there. */
static uint32_t
recoding_unit_in (enum transform_kind kind)
{
  if (kind == RECODING_DEFLATE)
    return 1;
  if (layouts[kind].order)
    return layouts[kind].slots * layouts[kind].width;
  return is_pair20 (kind) ? 5 : 10;
}

static uint64_t
most_recoded (enum transform_kind kind, uint32_t material)
{
  if (kind == RECODING_DEFLATE)
    return compressBound (material);
  if (layouts[kind].order)
    return material / layouts[kind].slots * strlen (layouts[kind].order);
  return material / 5 * 6;
}

static const char *
recoded_complaint (const struct segment *seg, const struct op *op, uint32_t len)
{
  const struct recoding *r;
  uint64_t most;

  if (op->at >= seg->len)
    return "material that is recoded";
  if (op->arg >= seg->n_recodings)
    return "a recoding that is not there";
  r = &seg->recodings[op->arg];
  most = most_recoded (r->kind, r->len);
  if (op->from > most || len > most - op->from)
    return "more of a recoding than it can give";
  return NULL;
}

static const char *
op_complaint (const struct segment *seg, const struct segment_context *ctx, uint32_t i)
{
  const struct op *op = &seg->ops[i];
  uint32_t end = segment_op_end (seg, i), len = end - op->at;

  if (end <= op->at || end > seg->len + seg->n_material)
    return "operations out of order";
  if (op->at < seg->len && end > seg->len)
    return "an operation of both image and material";
  switch (op->kind) {
  case OP_LITERAL:
    return op->from > seg->n_literals || len > seg->n_literals - op->from
             ? "a literal from beyond the literals"
             : NULL;
  case OP_FILL:
    return op->arg > 0xff ? "a fill with no byte" : NULL;
  case OP_COPY:
  case OP_STRIDED:
    if (op->source >= ctx->n_sources)
      return "a source that is not there";
    if (op->kind == OP_STRIDED)
      return stride_complaint (seg, op, ctx->source_sizes[op->source], len);
    if (op->from > ctx->source_sizes[op->source] ||
        len > ctx->source_sizes[op->source] - op->from)
      return "a copy from beyond the source";
    return NULL;
  case OP_RECODED:
    return recoded_complaint (seg, op, len);
  }
  return "an operation of no known kind";
}

static const char *
transform_complaint (const struct segment *seg, const struct transform *t, uint32_t after)
{
  if (t->kind == TRANSFORM_NONE || t->kind >= FIRST_RECODING)
    return "a transform of no known kind";
  if (t->len == 0 || t->len % transform_unit (t->kind) != 0)
    return "a transform of broken units";
  if (t->at < after)
    return "transforms out of order";
  if (t->at > seg->len || t->len > seg->len - t->at)
    return "a transform beyond the segment";
  return NULL;
}

static const char *
recoding_complaint (const struct segment *seg, const struct recoding *r, uint32_t after)
{
  if (r->kind < FIRST_RECODING || r->kind >= TRANSFORM_KINDS)
    return "a recoding of no known kind";
  if (r->len == 0 || r->len > 4 << 20 || r->len % recoding_unit_in (r->kind) > 0)
    return "a recoding of too little, too much or broken units";
  if (r->at != after || r->len > seg->len + seg->n_material - r->at)
    return "material that is not where it has to be";
  return NULL;
}

const char *
naive_complaint (const struct segment *seg, const struct segment_context *ctx)
{
  const char *complaint = NULL;
  uint32_t after = 0;

  if (seg->len != ctx->len)
    return "another length";
  if (seg->n_ops == 0 || seg->ops[0].at != 0)
    return "a segment that begins with nothing";
  if (seg->n_literals > seg->len)
    return "more literal bytes than bytes";
  if (seg->n_material > 64 << 20)
    return "too much material";
  for (uint32_t i = 0; i < seg->n_ops && !complaint; i++)
    complaint = op_complaint (seg, ctx, i);
  for (uint32_t i = 0; i < seg->n_transforms && !complaint; i++) {
    complaint = transform_complaint (seg, &seg->transforms[i], after);
    after = seg->transforms[i].at + seg->transforms[i].len;
  }
  after = seg->len;
  for (uint32_t i = 0; i < seg->n_recodings && !complaint; i++) {
    complaint = recoding_complaint (seg, &seg->recodings[i], after);
    after = seg->recodings[i].at + seg->recodings[i].len;
  }
  if (!complaint && after != seg->len + seg->n_material)
    complaint = "material that nothing is made of";
  return complaint;
}

static uint8_t
byte_at (const struct segment *seg, const struct op *op, const uint8_t *const *sources,
         uint32_t i)
{
  switch (op->kind) {
  case OP_LITERAL:
    return seg->literals[op->from + i];
  case OP_FILL:
    return (uint8_t) op->arg;
  case OP_COPY:
    return sources[op->source][op->from + i];
  default:
    return sources[op->source][strided_at (seg, op, i)];
  }
}

/* Where each byte of a unit goes. */
static const uint8_t swap16[] = { 1, 0 }, swap24[] = { 2, 1, 0 },
                     swap32[] = { 3, 2, 1, 0 },
                     split24_le[] = { 2, 1, 5, 4, 8, 7, 11, 10, 0, 3, 6, 9 },
                     split24_be[] = { 0, 1, 3, 4, 6, 7, 9, 10, 2, 5, 8, 11 },
                     pair24_le[] = { 2, 1, 5, 4, 0, 3 },
                     pair24_be[] = { 0, 1, 3, 4, 2, 5 };

static const struct {
  uint32_t unit;
  const uint8_t *to;
} permutations[] = {
  [TRANSFORM_SWAP16] = { 2, swap16 },
  [TRANSFORM_SWAP24] = { 3, swap24 },
  [TRANSFORM_SWAP32] = { 4, swap32 },
  [TRANSFORM_SPLIT24_LE] = { 12, split24_le },
  [TRANSFORM_SPLIT24_BE] = { 12, split24_be },
  [TRANSFORM_PAIR24_LE] = { 6, pair24_le },
  [TRANSFORM_PAIR24_BE] = { 6, pair24_be },
};

/* Value by value, each as a number.  How many bytes that gives. */
static size_t
take_channels (const struct layout *l, const uint8_t *in, size_t len, uint8_t *out)
{
  const size_t n = strlen (l->order), values = len / l->width / l->slots * n;

  for (size_t i = 0; i < values; i++) {
    size_t from = i / n * l->slots + (size_t) (l->order[i % n] - 'a');
    uint32_t v = 0;

    for (uint32_t k = 0; k < l->width; k++)
      v = v << 8 | in[from * l->width + k];
    for (uint32_t k = 0; k < l->width; k++)
      out[i * l->width + k] = (uint8_t) (v >> 8 * (l->big_endian ? l->width - 1 - k : k));
  }
  return values * l->width;
}

void
naive_transform (enum transform_kind kind, uint8_t *data, size_t len)
{
  uint8_t unit[24];

  if (kind == TRANSFORM_NONE)
    return;
  if (layouts[kind].order) {
    for (size_t at = 0; at < len; at += transform_unit (kind)) {
      memcpy (unit, data + at, transform_unit (kind));
      take_channels (&layouts[kind], unit, transform_unit (kind), data + at);
    }
    return;
  }
  for (size_t at = 0; at < len; at += permutations[kind].unit) {
    memcpy (unit, data + at, permutations[kind].unit);
    for (uint32_t i = 0; i < permutations[kind].unit; i++)
      data[at + permutations[kind].to[i]] = unit[i];
  }
}

/* The half byte `i` of some bytes, the upper one first. */
static uint8_t
nibble (const uint8_t *bytes, size_t i)
{
  return i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4;
}

static bool
is_big_endian (enum transform_kind kind)
{
  return kind == RECODING_SPLIT20_BE || kind == RECODING_PAIR20_BE;
}

/* Value by value, each from its half bytes, of which a unit has 4 * `values`, and then
 * `values`.
 */
static size_t
join20 (size_t values, bool big_endian, const uint8_t *material, size_t n, uint8_t *out)
{
  for (size_t i = 0; i < n / 5 * 2; i++) {
    const uint8_t *unit = material + i / values * values / 2 * 5;
    size_t number = i % values;
    uint32_t v = 0;

    for (size_t k = 0; k < 4; k++)
      v = v << 4 | nibble (unit, number * 4 + k);
    v = (v << 4 | nibble (unit, values * 4 + number)) << 4;
    for (size_t k = 0; k < 3; k++)
      out[3 * i + k] = (uint8_t) (big_endian ? v >> (16 - 8 * k) : v >> 8 * k);
  }
  return n / 5 * 6;
}

uint8_t *
naive_recode (enum transform_kind kind, const uint8_t *material, size_t n, size_t *len)
{
  uLongf room = compressBound (n) + 2 * n;
  uint8_t *out = malloc (room);

  if (kind == RECODING_DEFLATE) {
    if (compress2 (out, &room, material, n, 9) != Z_OK)
      abort ();
    *len = room;
  }
  else if (layouts[kind].order)
    *len = take_channels (&layouts[kind], material, n, out);
  else
    *len = join20 (is_pair20 (kind) ? 2 : 4, is_big_endian (kind), material, n, out);
  return out;
}

/* Put what a recoding gives where the operation wants it; its check has to be right. */
static void
run_recoded (const struct segment *seg, uint32_t i, uint8_t *bytes)
{
  const struct op *op = &seg->ops[i];
  const struct recoding *r = &seg->recodings[op->arg];
  uint32_t len = segment_op_end (seg, i) - op->at;
  size_t n;
  uint8_t *result = naive_recode (r->kind, bytes + r->at, r->len, &n);

  if (op->from > n || len > n - op->from ||
      (r->kind == RECODING_DEFLATE && (uint32_t) XXH3_64bits (result, n) != r->check))
    abort ();
  memcpy (bytes + op->at, result + op->from, len);
  free (result);
}

void
naive_rebuild (const struct segment *seg, const uint8_t *const *sources, uint8_t *out)
{
  uint8_t *bytes = calloc (seg->len + seg->n_material, 1);

  for (uint32_t i = 0; i < seg->n_ops; i++)
    for (uint32_t at = seg->ops[i].at; at < segment_op_end (seg, i); at++)
      if (seg->ops[i].kind != OP_RECODED)
        bytes[at] = byte_at (seg, &seg->ops[i], sources, at - seg->ops[i].at);
  for (uint32_t i = 0; i < seg->n_transforms; i++) {
    const struct transform *t = &seg->transforms[i];

    naive_transform (t->kind, bytes + t->at, t->len);
  }
  for (uint32_t i = 0; i < seg->n_ops; i++)
    if (seg->ops[i].kind == OP_RECODED)
      run_recoded (seg, i, bytes);
  memcpy (out, bytes, seg->len);
  free (bytes);
}
