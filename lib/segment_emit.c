/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the parsed columns of a segment to plain operations.
 *
 * The symbols are walked backwards to learn what each header covers, then
 * forwards to emit operations and literal bytes.  Operations are sorted by position, and
 * those of material go behind all others: they are kept apart until the end.
 */
#include "config.h"

#include "bytes.h"
#include "recoding.h"
#include "segment_decoder.h"

/* ---- measuring ---- */

/* The bytes of header of symbol `i`, whose payload is `len`; -1 if malformed.  Steps
 * its shape's columns back.
 */
static int
measure_header (struct decoder *d, size_t i, struct coded_shape *s, uint64_t *len)
{
  uint8_t header[SHAPE_MAX_HEADER];
  uint64_t covers = 0, covered;

  s->used--;
  *len = 0;
  if (s->lane_plus_1 > 0)
    *len = s->lengths[s->used];
  else
    covers = s->covers[s->used];
  if (*len > d->ctx->len || covers > d->n_symbols - 1 - i)
    return -1;
  covered = *len + d->suffix[i + 1] - d->suffix[i + 1 + covers];
  return shape_render_tokens (s->tokens, s->n_tokens, covered, 0, header);
}

/* The lengths of all symbols, from the last to the first: a header's length depends
 * on what it covers.  Every symbol has to give at least a byte.
 */
static void
measure_symbols (struct decoder *d)
{
  size_t literal = d->n_literal_runs, fill = d->n_fills;

  d->suffix = decoder_array (d, d->n_symbols + 1, sizeof *d->suffix);
  d->headers = decoder_array (d, d->n_symbols, sizeof *d->headers);
  for (size_t i = 0; i < d->n_shapes; i++)
    d->shapes[i].used = d->shapes[i].uses;
  for (size_t i = d->n_symbols; i-- > 0 && !d->r.failed;) {
    uint64_t len;
    int header = 0;

    if (d->symbols[i] == SYMBOL_LITERAL)
      len = d->literal_lens[--literal];
    else if (d->symbols[i] == SYMBOL_FILL)
      len = d->fill_lens[--fill];
    else
      header = measure_header (d, i, &d->shapes[d->symbols[i] - SYMBOL_SHAPE], &len);
    if (header < 0 || len > d->ctx->len || len + (unsigned) header == 0 ||
        len + (unsigned) header > d->ctx->len - d->suffix[i + 1]) {
      d->r.failed = true;
      return;
    }
    d->headers[i] = (uint8_t) header;
    d->suffix[i] = d->suffix[i + 1] + (uint32_t) len + (uint32_t) header;
  }
  if (!d->r.failed && d->suffix[0] != d->ctx->len)
    d->r.failed = true;
}

/* ---- emitting ---- */

/* A copy is an operation for each run it touches: bounded here, so that a few
 * hostile bytes cannot ask for one a byte of the image.
 */
void
decoder_emit_op (struct decoder *d, struct op op)
{
  struct buffer *ops = op.at < d->ctx->len ? &d->ops : &d->material_ops;

  if ((d->ops.len + d->material_ops.len) / sizeof op >= segment_max_ops (d->ctx->len))
    d->r.failed = true;
  else
    buffer_append (ops, &op, sizeof op);
}

static bool
last_op_is_literal (const struct decoder *d)
{
  return d->ops.len > 0 &&
         ((const struct op *) (d->ops.data + d->ops.len))[-1].kind == OP_LITERAL;
}

static void
emit_literal (struct decoder *d, uint32_t at, const uint8_t *bytes, size_t n)
{
  if (n == 0)
    return;
  if (!last_op_is_literal (d))
    decoder_emit_op (d,
                     (struct op){ .kind = OP_LITERAL, .at = at, .from = d->bytes.len });
  buffer_append (&d->bytes, bytes, n);
}

/* A disc has a handful; more are copied chunk by chunk. */
#define MAX_STRIDES 256

/* The number of the stride (chunk, period), a new one if need be; -1 if there are too
 * many.
 */
static int
find_stride (struct decoder *d, const struct run *run)
{
  struct stride s = { .chunk = (uint16_t) run->chunk, .period = run->period };
  const struct stride *known = (const struct stride *) d->strides.data;
  size_t n = d->strides.len / sizeof s;

  for (size_t i = 0; i < n; i++)
    if (known[i].chunk == s.chunk && known[i].period == s.period)
      return (int) i;
  if (n == MAX_STRIDES)
    return -1;
  buffer_append (&d->strides, &s, sizeof s);
  return (int) n;
}

/* An operation for the bytes of a run from `offset` on, `n` at the most; how many
 * it covers.
 */
static uint32_t
emit_run (struct decoder *d, const struct run *run, uint32_t source, uint64_t offset,
          uint32_t n, uint32_t at)
{
  uint64_t chunk = offset / run->chunk, phase = offset % run->chunk;
  struct op op = { .kind = OP_COPY, .source = source, .at = at };
  int stride;

  op.from = run->from + chunk * run->period;
  if (phase + n > run->chunk && run->period != run->chunk) {
    stride = find_stride (d, run);
    if (stride >= 0) {
      op.kind = OP_STRIDED;
      op.arg = (uint32_t) stride << 16 | (uint32_t) phase;
      decoder_emit_op (d, op);
      return n;
    }
    n = run->chunk - (uint32_t) phase;
  }
  op.from += phase;
  decoder_emit_op (d, op);
  return n;
}

/* Move lane->at_run to the run that holds lane offset `pos` < lane->len. */
static void
seek_run (struct lane *lane, uint64_t pos)
{
  size_t low = 0, high = lane->n_runs - 1;
  const struct run *r = &lane->runs[lane->at_run];

  if (lane->at_run < lane->n_runs && pos >= r->lane_at &&
      pos < r->lane_at + (uint64_t) r->chunk * r->count)
    return;
  if (lane->at_run + 1 < lane->n_runs && pos == r[1].lane_at) {
    lane->at_run++;
    return;
  }
  while (low < high) {
    size_t mid = low + (high - low + 1) / 2;

    if (lane->runs[mid].lane_at <= pos)
      low = mid;
    else
      high = mid - 1;
  }
  lane->at_run = low;
}

/* The next `len` bytes of a shape's lane go to position `at`. */
static void
emit_copy (struct decoder *d, const struct coded_shape *s, uint32_t at, uint32_t len)
{
  struct lane *lane = &d->lanes[s->lane_plus_1 - 1];
  /* Modulo 2^64: a skip may go back. */
  uint64_t pos = lane->next + (uint64_t) unzigzag (s->skips[s->used]);

  if (pos > lane->len || len > lane->len - pos) {
    d->r.failed = true;
    return;
  }
  lane->next = pos + len;
  while (len > 0 && !d->r.failed) {
    const struct run *run;
    uint64_t offset, left;
    uint32_t n;

    seek_run (lane, pos);
    run = &lane->runs[lane->at_run];
    offset = pos - run->lane_at;
    left = (uint64_t) run->chunk * run->count - offset;
    n = len < left ? len : (uint32_t) left;
    n = emit_run (d, run, lane->source, offset, n, at);
    pos += n;
    at += n;
    len -= n;
  }
}

static void
emit_transform (struct decoder *d, uint8_t kind, uint32_t at, uint32_t len)
{
  struct transform t = { .at = at, .len = len, .kind = kind };

  if (kind == TRANSFORM_NONE)
    return;
  if (len % transform_unit (kind) != 0)
    d->r.failed = true;
  buffer_append (&d->transforms, &t, sizeof t);
}

/* A use of a shape that recodes: the image has `len` bytes of the result at `at`. */
static void
emit_recoded (struct decoder *d, const struct coded_shape *s, uint32_t at, uint32_t len)
{
  uint64_t material = s->materials[s->used], offset = s->offsets[s->used];
  uint64_t check = s->checks ? s->checks[s->used] : 0;
  size_t bound = recoding_bound (s->transform, material);
  struct recoding r = { .at = d->ctx->len + d->n_material,
                        .len = (uint32_t) material,
                        .check = (uint32_t) check,
                        .kind = s->transform };

  if (len == 0 || bound == 0 || offset > bound || len > bound - offset ||
      check > UINT32_MAX || material > SEGMENT_MAX_MATERIAL - d->n_material) {
    d->r.failed = true;
    return;
  }
  decoder_emit_op (d, (struct op){ .kind = OP_RECODED,
                                   .at = at,
                                   .from = offset,
                                   .arg = (uint32_t) (d->recodings.len / sizeof r) });
  buffer_append (&d->recodings, &r, sizeof r);
  d->n_material += r.len;
  emit_copy (d, s, r.at, r.len);
}

/* The time of the next header of a clock, relative to its base. */
static int64_t
next_time (struct decoder *d, uint8_t clock)
{
  while (d->bases[d->base].count == 0)
    d->base_time += d->bases[++d->base].step;
  d->bases[d->base].count--;
  d->clocks[clock] += (uint64_t) unzigzag (d->times[d->clock_at[clock]++]);
  return (int64_t) (d->clocks[clock] - d->base_time);
}

static void
emit_shape (struct decoder *d, struct coded_shape *s, size_t i, uint32_t at)
{
  uint8_t header[SHAPE_MAX_HEADER];
  uint32_t payload = d->suffix[i] - d->suffix[i + 1] - d->headers[i];
  uint64_t covers = s->lane_plus_1 ? 0 : s->covers[s->used];
  uint32_t covered = payload + d->suffix[i + 1] - d->suffix[i + 1 + covers];
  int64_t time = 0;

  if (s->timed)
    time = next_time (d, s->clock);
  if (d->headers[i] > 0) {
    shape_render_tokens (s->tokens, s->n_tokens, covered, time, header);
    emit_literal (d, at, header, d->headers[i]);
  }
  at += d->headers[i];
  if (coded_shape_recodes (s))
    emit_recoded (d, s, at, payload);
  else if (payload > 0) {
    emit_copy (d, s, at, payload);
    emit_transform (d, s->transform, at, payload);
  }
  s->used++;
}

static void
emit_symbols (struct decoder *d)
{
  size_t literal = 0, fill = 0, literal_at = 0;

  for (size_t i = 0; i < d->n_lanes; i++)
    d->lanes[i].next = d->lanes[i].start;
  for (size_t i = 0; i < d->n_symbols && !d->r.failed; i++) {
    uint32_t at = d->ctx->len - d->suffix[i];

    if (d->symbols[i] == SYMBOL_LITERAL) {
      emit_literal (d, at, d->literals + literal_at, d->literal_lens[literal]);
      literal_at += d->literal_lens[literal++];
    }
    else if (d->symbols[i] == SYMBOL_FILL)
      decoder_emit_op (
        d, (struct op){ .kind = OP_FILL, .at = at, .arg = d->fill_bytes[fill++] });
    else
      emit_shape (d, &d->shapes[d->symbols[i] - SYMBOL_SHAPE], i, at);
  }
}

void
decoder_emit (struct decoder *d)
{
  if (!d->r.failed)
    measure_symbols (d);
  if (!d->r.failed)
    emit_symbols (d);
  if (d->material_ops.len > 0)
    buffer_append (&d->ops, d->material_ops.data, d->material_ops.len);
  d->ops.failed |= d->material_ops.failed;
}
