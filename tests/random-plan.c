/* SPDX-License-Identifier: BSD-3-Clause */
/* Random plans: see random-plan.h. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "naive.h"
#include "random-plan.h"
#include "recoding.h"
#include "rng.h"

static uint64_t
between (struct random_plan *p, uint64_t low, uint64_t high)
{
  return rng_between (&p->rng, low, high);
}

/* One in n. */
static bool
chance (struct random_plan *p, uint64_t n)
{
  return rng_below (&p->rng, n) == 0;
}

/* ---- sources and lanes ---- */

static void
make_sources (struct random_plan *p)
{
  p->n_sources = (uint32_t) between (p, 1, RANDOM_PLAN_SOURCES);
  for (uint32_t i = 0; i < p->n_sources; i++) {
    p->sizes[i] = between (p, 70000, 300000);
    p->sources[i] = malloc (p->sizes[i]);
    rng_fill (&p->rng, p->sources[i], p->sizes[i]);
  }
}

/* Packets of one size at one distance, with a break now and then. */
static void
add_regular_pieces (struct random_plan *p, uint32_t lane, uint64_t size)
{
  uint64_t at = between (p, 0, size / 2);
  uint32_t chunk = (uint32_t) between (p, 1, 3000),
           period = chunk + (chance (p, 4) ? 0 : (uint32_t) between (p, 1, 500));

  while (at + chunk <= size && !chance (p, 200)) {
    segment_plan_piece (&p->plan, lane, at, chunk);
    at += period;
    if (chance (p, 15))
      at += between (p, 0, 3000);
    if (chance (p, 30) && at + chunk / 2 + 1 <= size)
      segment_plan_piece (&p->plan, lane, at, chunk / 2 + 1);
  }
}

/* Anything anywhere: backwards, overlapping, of one byte, of all there may be. */
static void
add_wild_pieces (struct random_plan *p, uint32_t lane, uint64_t size)
{
  for (uint64_t n = between (p, 1, 40); n > 0; n--) {
    uint32_t len = (uint32_t) (chance (p, 20)  ? SEGMENT_MAX_PIECE
                               : chance (p, 5) ? 1
                                               : between (p, 1, 2000));

    segment_plan_piece (&p->plan, lane, between (p, 0, size - len), len);
  }
}

static void
make_lanes (struct random_plan *p)
{
  for (uint64_t n = between (p, 1, 5); n > 0; n--) {
    uint32_t source = (uint32_t) between (p, 0, p->n_sources - 1);
    uint32_t lane = (uint32_t) segment_plan_lane (&p->plan, source);

    if (chance (p, 3))
      add_wild_pieces (p, lane, p->sizes[source]);
    else
      add_regular_pieces (p, lane, p->sizes[source]);
  }
}

/* ---- what a span of a lane gives ---- */

static uint32_t
piece_at (const struct plan_lane *lane, uint64_t at, uint64_t *from)
{
  for (size_t i = 0; i < lane->n_pieces; i++) {
    if (at < lane->pieces[i].len) {
      *from = lane->pieces[i].from + at;
      return (uint32_t) (lane->pieces[i].len - at);
    }
    at -= lane->pieces[i].len;
  }
  abort ();
}

static void
read_lane (const struct random_plan *p, const struct plan_span *s, uint32_t len,
           uint8_t *out)
{
  const struct plan_lane *lane = &p->plan.lanes[s->lane];
  uint32_t n;

  for (uint32_t i = 0; i < len; i += n) {
    uint64_t from = 0;

    n = piece_at (lane, s->lane_at + i, &from);
    if (n > len - i)
      n = len - i;
    memcpy (out + i, p->sources[lane->source] + from, n);
  }
}

/* All that the span's recoding gives, `*len` bytes; the caller frees it. */
static uint8_t *
recode_lane (const struct random_plan *p, const struct plan_span *s, size_t *len)
{
  uint8_t *material = malloc (s->material), *result;

  read_lane (p, s, s->material, material);
  result = naive_recode (s->transform, material, s->material, len);
  free (material);
  return result;
}

static void
copy_lane (const struct random_plan *p, const struct plan_span *s, uint8_t *out)
{
  uint8_t *result;
  size_t n;

  if (plan_span_recodes (s)) {
    result = recode_lane (p, s, &n);
    memcpy (out, result + s->offset, s->len);
    free (result);
    return;
  }
  read_lane (p, s, s->len, out);
  naive_transform (s->transform, out, s->len);
}

/* ---- shapes and spans ---- */

static void
make_shapes (struct random_plan *p)
{
  for (int i = 0; i < RANDOM_PLAN_SHAPES; i++) {
    struct shape *s = &p->shapes[i];
    uint8_t bytes[8];

    for (uint64_t n = between (p, 1, 5); n > 0; n--) {
      rng_fill (&p->rng, bytes, sizeof bytes);
      switch (between (p, 0, 3)) {
      case 0:
        shape_add_vint_length (s, (unsigned) (chance (p, 2) ? 0 : between (p, 3, 8)),
                               between (p, 0, 9));
        break;
      case 1:
        shape_add_be_length (s, (unsigned) between (p, 3, 8), between (p, 0, 9));
        break;
      case 2:
        shape_add_time (s, (unsigned) between (p, 1, 8));
        break;
      default:
        shape_add_bytes (s, bytes, between (p, 1, sizeof bytes));
      }
    }
  }
}

static void
add_literal (struct random_plan *p)
{
  struct plan_span s = { .kind = SPAN_LITERAL };

  s.len = (uint32_t) (chance (p, 8) ? between (p, 1000, 3000) : between (p, 1, 60));
  segment_plan_span (&p->plan, &s);
}

/* What the span's `len` bytes of the lane are recoded to, or a part of it. */
static void
recode_span (struct random_plan *p, struct plan_span *s)
{
  uint8_t *result;
  size_t n;

  s->material = s->len;
  result = recode_lane (p, s, &n);
  if (s->transform == RECODING_DEFLATE)
    s->check = recoding_check (result, n);
  free (result);
  s->offset = (uint32_t) (chance (p, 5) ? between (p, 0, n - 1) : 0);
  s->len = (uint32_t) (chance (p, 5) ? between (p, 1, n - s->offset) : n - s->offset);
}

/* Bytes of a lane that are copied, or recoded, as one. */
static unsigned
unit_of (enum transform_kind kind)
{
  unsigned i;

  switch (kind) {
  case RECODING_SPLIT20_LE:
  case RECODING_SPLIT20_BE:
    return 10;
  case RECODING_PAIR20_LE:
  case RECODING_PAIR20_BE:
    return 5;
  case RECODING_KEEP1_16_LE ... RECODING_KEEP7_24_BE:
    i = kind - RECODING_KEEP1_16_LE;
    return (i / 4 + 1) * 2 * (2 + i / 2 % 2);
  default:
    return transform_unit (kind);
  }
}

/* A copy that goes on where the lane's last one ended, or nearly so. */
static void
add_copy (struct random_plan *p, uint64_t *next)
{
  uint32_t lane = (uint32_t) between (p, 0, p->plan.n_lanes - 1);
  struct plan_span s = { .kind = SPAN_COPY, .lane = lane };
  uint64_t len = p->plan.lanes[lane].len;
  unsigned unit;

  s.lane_at = next[lane];
  if (chance (p, 10))
    s.lane_at += between (p, 0, 20);
  if (chance (p, 20) || s.lane_at >= len)
    s.lane_at = len > 0 ? between (p, 0, len - 1) : 0;
  s.transform = (uint8_t) (chance (p, 5) ? between (p, 0, TRANSFORM_KINDS - 1) : 0);
  unit = unit_of (s.transform);
  s.len = (uint32_t) between (p, 1, chance (p, 5) ? 20000 : 1500);
  if (s.lane_at + s.len > len)
    s.len = (uint32_t) (len - s.lane_at);
  s.len -= s.len % unit;
  if (s.len == 0) {
    add_literal (p);
    return;
  }
  next[lane] = s.lane_at + s.len;
  if (plan_span_recodes (&s))
    recode_span (p, &s);
  segment_plan_span (&p->plan, &s);
}

static void
add_span (struct random_plan *p, uint64_t *next, int64_t *time, int depth)
{
  size_t at = p->plan.n_spans;
  struct plan_span header = { .kind = SPAN_HEADER };

  if (depth > 9 || chance (p, 2)) {
    if (chance (p, 6))
      add_literal (p);
    else
      add_copy (p, next);
    return;
  }
  *time = chance (p, 10) ? (int64_t) rng_next (&p->rng) : *time / 2 + 40;
  if (chance (p, 10))
    p->base = chance (p, 10) ? (int64_t) rng_next (&p->rng) : *time;
  header.time = *time;
  header.base = p->base;
  header.clock = (uint8_t) (chance (p, 30) ? 255 : between (p, 0, 2));
  header.shape = &p->shapes[between (p, 0, RANDOM_PLAN_SHAPES - 1)];
  segment_plan_span (&p->plan, &header);
  for (uint64_t n = chance (p, 3) ? between (p, 2, 5) : 1; n > 0; n--)
    add_span (p, next, time, depth + 1);
  p->plan.spans[at].covers = (uint32_t) (p->plan.n_spans - at - 1);
  if (chance (p, 50)) /* beyond those around it, or none at all */
    p->plan.spans[at].covers = (uint32_t) between (p, 0, 12);
}

static void
make_spans (struct random_plan *p, uint32_t most)
{
  uint64_t *next = calloc (p->plan.n_lanes, sizeof *next), sum = 0;
  int64_t time = (int64_t) between (p, 0, 100000);
  size_t counted = 0;

  while (sum < most) {
    add_span (p, next, &time, 0);
    for (; counted < p->plan.n_spans; counted++)
      sum += p->plan.spans[counted].len;
  }
  free (next);
}

/* ---- the image ---- */

/* From the last to the first: a header counts the bytes of those behind it. */
static void
measure_headers (struct random_plan *p, uint8_t (*headers)[SHAPE_MAX_HEADER])
{
  for (size_t i = p->plan.n_spans; i-- > 0;) {
    struct plan_span *s = &p->plan.spans[i];
    uint64_t covered = 0;
    int len;

    if (s->kind != SPAN_HEADER)
      continue;
    for (size_t k = i + 1; k <= i + s->covers && k < p->plan.n_spans; k++)
      covered += p->plan.spans[k].len;
    len = shape_render (s->shape, covered,
                        (int64_t) ((uint64_t) s->time - (uint64_t) s->base), headers[i]);
    if (len <= 0) /* too long for its field: some bytes that are none of its */
      s->len = 3;
    else
      s->len = (uint32_t) len;
  }
}

static uint64_t
plan_bytes (const struct segment_plan *plan)
{
  uint64_t sum = 0;

  for (size_t i = 0; i < plan->n_spans; i++)
    sum += plan->spans[i].len;
  return sum;
}

void
random_plan_image (struct random_plan *p)
{
  uint8_t (*headers)[SHAPE_MAX_HEADER] = calloc (p->plan.n_spans + 1, sizeof *headers);
  uint8_t *at;

  measure_headers (p, headers);
  p->ctx = (struct segment_context){ .number = (uint32_t) rng_below (&p->rng, 1000),
                                     .len = (uint32_t) plan_bytes (&p->plan),
                                     .n_sources = p->n_sources,
                                     .source_sizes = p->sizes };
  at = p->image = malloc (p->ctx.len + 1);
  for (size_t i = 0; i < p->plan.n_spans; i++) {
    const struct plan_span *s = &p->plan.spans[i];

    if (s->kind == SPAN_COPY)
      copy_lane (p, s, at);
    else if (s->kind == SPAN_HEADER)
      memcpy (at, headers[i], s->len);
    else if (s->len > 900)
      memset (at, (int) rng_next (&p->rng), s->len);
    else
      rng_fill (&p->rng, at, s->len);
    at += s->len;
  }
  free (headers);
}

/* Some headers are not as their shape has them. */
static void
spoil_headers (struct random_plan *p)
{
  uint8_t *at = p->image;

  for (size_t i = 0; i < p->plan.n_spans; at += p->plan.spans[i++].len)
    if (p->plan.spans[i].kind == SPAN_HEADER && chance (p, 40))
      at[rng_below (&p->rng, p->plan.spans[i].len)] ^= 1;
}

/* What is left of a span when bytes are cut from its front or its end. */
static void
cut_span (struct plan_span *s, uint32_t front, uint32_t end)
{
  s->len -= front + end;
  if (plan_span_recodes (s))
    s->offset += front;
  else if (s->kind == SPAN_COPY && s->transform != TRANSFORM_NONE)
    s->kind = SPAN_LITERAL;
  else
    s->lane_at += front;
}

/* Segments begin and end where they happen to. */
static void
cut_ends (struct random_plan *p, uint32_t front, uint32_t end)
{
  struct segment_plan *plan = &p->plan;
  size_t first = 0;

  p->ctx.len -= front + end;
  memmove (p->image, p->image + front, p->ctx.len);
  while (front >= plan->spans[first].len)
    front -= plan->spans[first++].len;
  while (end >= plan->spans[plan->n_spans - 1].len)
    end -= plan->spans[--plan->n_spans].len;
  cut_span (&plan->spans[first], front, 0);
  cut_span (&plan->spans[plan->n_spans - 1], 0, end);
  plan->n_spans -= first;
  memmove (plan->spans, plan->spans + first, plan->n_spans * sizeof *plan->spans);
}

void
random_plan_make (struct random_plan *p, uint64_t seed, uint32_t most)
{
  *p = (struct random_plan){ .rng = seed };
  make_sources (p);
  make_lanes (p);
  make_shapes (p);
  make_spans (p, (uint32_t) between (p, most / 64 + 1, most));
  random_plan_image (p);
  spoil_headers (p);
  if (p->plan.n_spans > 6)
    cut_ends (p, (uint32_t) between (p, 0, p->ctx.len / 4),
              (uint32_t) between (p, 0, p->ctx.len / 4));
}

void
random_plan_free (struct random_plan *p)
{
  for (uint32_t i = 0; i < p->n_sources; i++)
    free (p->sources[i]);
  segment_plan_free (&p->plan);
  free (p->image);
}
