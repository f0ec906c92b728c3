/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment of a Go program's recipe: the rows that lie in its span of the image become
 * operations, those of the delta literal bytes.
 *
 * Rows are independent of segments, so one may begin before a segment and end behind it.
 * Pairs of bytes that are swapped count from the row's beginning: where a segment's border
 * cuts a pair, either half is a copy of one byte, the other one on the disc.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "recipe_old_parts.h"
#include "segment_build.h"

/* As segment_emit.c has it. */
#define MAX_STRIDES 256u

struct making {
  const struct recipe *r;
  const struct old_proof *proof;
  struct buffer ops, strides, transforms, recodings, bytes;
  struct old_places places;
  uint8_t *delta; /* a block of the delta; owned; NULL: none yet */
  size_t delta_block;
  struct error *err;
};

static void
cleanup_making (struct making *m)
{
  buffer_free (&m->ops);
  buffer_free (&m->strides);
  buffer_free (&m->transforms);
  buffer_free (&m->bytes);
  old_places_free (&m->places);
  free (m->delta);
}

static int
no_memory (const struct making *m)
{
  return error_set (m->err, ENOMEM, "%s", m->r->path);
}

/* ---- Literals */

static int
load_delta (struct making *m, size_t number)
{
  const struct old_section *s = &m->r->old->delta;
  uint64_t at = (uint64_t) number * OLD_DELTA_BLOCK;
  size_t len = s->len - at < OLD_DELTA_BLOCK ? (size_t) (s->len - at) : OLD_DELTA_BLOCK;

  if (m->delta && m->delta_block == number)
    return 0;
  if (!m->delta)
    m->delta = malloc (OLD_DELTA_BLOCK);
  if (!m->delta)
    return no_memory (m);
  m->delta_block = SIZE_MAX;
  if (old_read_block (m->r, m->delta, len, s->at + at, m->proof->delta_sums[number],
                      m->err) == -1)
    return -1;
  m->delta_block = number;
  return 0;
}

static bool
last_is_literal (const struct making *m)
{
  return m->ops.len > 0 &&
         ((const struct op *) (const void *) (m->ops.data + m->ops.len))[-1].kind ==
           OP_LITERAL;
}

static int
emit_delta (struct making *m, uint64_t from, uint32_t len, uint32_t at)
{
  struct op op = { .kind = OP_LITERAL, .at = at, .from = m->bytes.len };

  if (!last_is_literal (m))
    buffer_append (&m->ops, &op, sizeof op);
  while (len > 0) {
    uint32_t skip = (uint32_t) (from % OLD_DELTA_BLOCK);
    uint32_t n = OLD_DELTA_BLOCK - skip < len ? OLD_DELTA_BLOCK - skip : len;

    if (load_delta (m, (size_t) (from / OLD_DELTA_BLOCK)) == -1)
      return -1;
    buffer_append (&m->bytes, m->delta + skip, n);
    from += n;
    len -= n;
  }
  return 0;
}

/* ---- Copies */

static void
emit_copy (struct making *m, uint32_t source, uint64_t from, uint32_t at)
{
  struct op op = { .kind = OP_COPY, .source = source, .from = from, .at = at };

  buffer_append (&m->ops, &op, sizeof op);
}

/* The number of a stride, a new one if need be; -1 if there are too many. */
static int
find_stride (struct making *m, const struct old_run *run)
{
  struct stride s = { .chunk = (uint16_t) run->size, .period = (uint32_t) run->period };
  const struct stride *known = (const struct stride *) (const void *) m->strides.data;
  size_t n = m->strides.len / sizeof s;

  for (size_t i = 0; i < n; i++)
    if (known[i].chunk == s.chunk && known[i].period == s.period)
      return (int) i;
  if (n == MAX_STRIDES)
    return -1;
  buffer_append (&m->strides, &s, sizeof s);
  return (int) n;
}

/* An operation for the bytes of a run from `offset` on, `n` at the most; how many it covers. */
static uint32_t
emit_run (struct making *m, const struct old_run *run, uint32_t source, uint64_t offset,
          uint32_t n, uint32_t at)
{
  uint64_t chunk = offset / run->size, phase = offset % run->size;
  struct op op = { .kind = OP_STRIDED, .source = source, .at = at };
  int stride;

  if (phase + n > run->size && run->period != run->size) {
    stride = find_stride (m, run);
    if (stride >= 0) {
      op.from = run->from + chunk * run->period;
      op.arg = (uint32_t) stride << 16 | (uint32_t) phase;
      buffer_append (&m->ops, &op, sizeof op);
      return n;
    }
    n = (uint32_t) (run->size - phase);
  }
  emit_copy (m, source, run->from + chunk * run->period + phase, at);
  return n;
}

/* ---- Rows */

/* Bytes [from, from + len) of what a row copies from, as they are. */
static int
emit_plain (struct making *m, const struct old_entry *e, uint64_t from, uint32_t len,
            uint32_t at)
{
  const struct recipe_old *old = m->r->old;
  uint32_t source = old->source_of[e->record - 1];
  const struct old_stream *stream;

  if (!old->has_streams) {
    emit_copy (m, source, from, at);
    return 0;
  }
  stream = old_ranges_find (&m->proof->ranges, e->record - 1u, e->flags & OLD_FLAG_VIDEO,
                            e->stream);
  while (len > 0) {
    const struct old_run *run = old_places_seek (&m->places, stream, from, m->err);
    uint64_t left;
    uint32_t n;

    if (!run)
      return -1;
    left = run->size * run->count - (from - run->es);
    n = left < len ? (uint32_t) left : len;
    n = emit_run (m, run, source, from - run->es, n, at);
    from += n;
    at += n;
    len -= n;
  }
  return 0;
}

/* The same, with the bytes of each pair swapped: [skip, skip + len) of the row. */
static int
emit_swapped (struct making *m, const struct old_entry *e, uint64_t skip, uint32_t len,
              uint32_t at)
{
  uint64_t pairs = e->len & ~UINT64_C (1), end = skip + len;
  struct transform t = { .kind = TRANSFORM_SWAP16 };

  if (skip % 2 == 1) {
    if (emit_plain (m, e, e->from + skip - 1, 1, at) == -1)
      return -1;
    skip++;
    at++;
  }
  t.at = at;
  t.len = (uint32_t) (((end < pairs ? end : pairs) - skip) & ~UINT64_C (1));
  if (t.len > 0) {
    if (emit_plain (m, e, e->from + skip, t.len, at) == -1)
      return -1;
    buffer_append (&m->transforms, &t, sizeof t);
    skip += t.len;
    at += t.len;
  }
  if (skip == end)
    return 0;
  /* Half a pair, or the last byte of an odd number. */
  return emit_plain (m, e, e->from + skip + (skip < pairs), 1, at);
}

/* Bytes [skip, skip + len) of a row. */
static int
emit_entry (struct making *m, const struct old_entry *e, uint64_t skip, uint32_t len,
            uint32_t at)
{
  if (e->record == 0)
    return emit_delta (m, e->from + skip, len, at);
  if (e->flags & OLD_FLAG_LPCM)
    return emit_swapped (m, e, skip, len, at);
  return emit_plain (m, e, e->from + skip, len, at);
}

/* The block of rows that has byte `at` of the image. */
static size_t
find_block (const struct old_proof *proof, uint64_t at)
{
  size_t low = 0, high = proof->n_entry_blocks - 1;

  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;

    if (proof->entry_first[middle] <= at)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

/* The row of a block that has byte `at`, which is not in front of the block. */
static size_t
find_row (const uint8_t *block, size_t len, uint64_t at)
{
  size_t low = 0, high = len / OLD_ENTRY_SIZE - 1;

  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;

    if (old_entry_get (block + middle * OLD_ENTRY_SIZE).image <= at)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

/* What a block's rows have of [start, end): *next is moved as far as they go. */
static int
emit_block (struct making *m, size_t number, uint8_t *block, uint64_t start, uint64_t end,
            uint64_t *next)
{
  const struct old_section *s = &m->r->old->entries;
  uint64_t at = (uint64_t) number * OLD_ENTRIES_BLOCK;
  size_t len =
    s->len - at < OLD_ENTRIES_BLOCK ? (size_t) (s->len - at) : OLD_ENTRIES_BLOCK;

  if (old_read_block (m->r, block, len, s->at + at, m->proof->entry_sums[number],
                      m->err) == -1)
    return -1;
  for (size_t i = find_row (block, len, *next); i < len / OLD_ENTRY_SIZE && *next < end;
       i++) {
    struct old_entry e = old_entry_get (block + i * OLD_ENTRY_SIZE);
    uint64_t row_end = e.image + e.len < end ? e.image + e.len : end;

    if (emit_entry (m, &e, *next - e.image, (uint32_t) (row_end - *next),
                    (uint32_t) (*next - start)) == -1)
      return -1;
    *next = row_end;
  }
  return 0;
}

static int
emit_rows (struct making *m, uint64_t start, uint64_t end)
{
  CLEANUP_FREE uint8_t *block = malloc (OLD_ENTRIES_BLOCK);
  uint64_t next = start;

  if (!block)
    return no_memory (m);
  for (size_t i = find_block (m->proof, start); next < end; i++)
    if (emit_block (m, i, block, start, end, &next) == -1)
      return -1;
  return 0;
}

struct segment *
recipe_old_segment (const struct recipe *r, uint32_t number, struct error *err)
{
  __attribute__ ((cleanup (cleanup_making))) struct making m = { .r = r, .err = err };
  uint64_t start = (uint64_t) number << r->span_log2;
  uint64_t end = start + (UINT64_C (1) << r->span_log2);
  struct segment_parts parts = { .ops = &m.ops,
                                 .strides = &m.strides,
                                 .transforms = &m.transforms,
                                 .recodings = &m.recodings,
                                 .bytes = &m.bytes };
  struct segment *seg;

  end = end < r->image_size ? end : r->image_size;
  m.proof = old_proof_get (r, err);
  m.places = (struct old_places){ .r = r, .ranges = m.proof ? &m.proof->ranges : NULL };
  if (!m.proof || emit_rows (&m, start, end) == -1)
    return NULL;
  parts.len = (uint32_t) (end - start);
  seg = segment_build (&parts);
  if (!seg)
    no_memory (&m);
  return seg;
}
