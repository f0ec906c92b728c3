/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a coded segment, with the checksum put right: an enemy can compute it too.
 * Refused, or all that segment.h promises; taken apart for its costs alike; traced in pieces
 * that cover it, of parts that are there; and drawn as a map that has each byte once.
 *
 * Input: the segment's length (u32, little-endian, modulo 2^20, plus 1) and its coded
 * bytes without the checksum.  fuzz-corpus.c writes inputs to start from.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "each_segment.h"
#include "naive.h"
#include "recipe_map.h"
#include "recoding.h"
#include "segment_format.h"
#include "segment_plan.h"
#include "segment_trace.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Of at least a random plan's sources, so that its seeds decode. */
static const uint64_t sizes[] = { 300000, 300000, 300000 };
#define N_SOURCES (sizeof sizes / sizeof sizes[0])

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_costs (const uint8_t *coded, size_t n, const struct segment_context *ctx)
{
  struct segment_costs c;
  struct error err = ERROR_INIT;

  require (segment_account (coded, n, ctx, &c, &err) == 0);
  require (coded[0] != SEGMENT_METHOD_COLUMNS ||
           c.layout + c.lengths + c.headers + c.literals ==
             n - SEGMENT_CHECKSUM_SIZE - 1);
}

/* ---- Tracing */

/* Looked at from either end: a segment may be all pieces of a byte … */
#define MOST_PIECES 64
#define NEAR_END 512

/* … and have a recoding of megabytes. */
#define MOST_MATERIAL (64u << 10)

struct tracing {
  const struct segment *seg;
  uint32_t at; /* where the next piece has to begin */
  uint32_t end;
  unsigned pieces;
};

/* Is there what the part names? */
static void
check_part (const struct segment *seg, const struct trace_part *part)
{
  require (part->len > 0);
  switch (part->kind) {
  case OP_LITERAL:
    require (part->from <= seg->n_literals && part->len <= seg->n_literals - part->from);
    break;
  case OP_FILL:
    require (part->from <= 0xff);
    break;
  case OP_COPY:
    require (part->source < N_SOURCES);
    require (part->from <= sizes[part->source] &&
             part->len <= sizes[part->source] - part->from);
    break;
  default:
    abort ();
  }
}

static int
check_piece (void *opaque, const struct trace_piece *piece, struct error *err)
{
  struct tracing *t = opaque;
  uint64_t sum = 0, made;

  (void) err;
  require (piece->at == t->at && piece->len > 0 && piece->len <= t->end - t->at);
  require (piece->n_parts > 0 && piece->method < TRANSFORM_KINDS);
  for (size_t i = 0; i < piece->n_parts; i++) {
    check_part (t->seg, &piece->parts[i]);
    sum += piece->parts[i].len;
  }
  made =
    piece->method < FIRST_RECODING ? sum : recoding_bound (piece->method, (size_t) sum);
  require (piece->skip <= made && piece->len <= made - piece->skip);
  if (piece->method == TRANSFORM_NONE)
    require (piece->n_parts == 1 && piece->skip == 0 && sum == piece->len);
  else
    require (piece->method >= FIRST_RECODING ||
             (sum <= TRACE_MAX_TRANSFORMED + 2 * 24 &&
              sum % transform_unit (piece->method) == 0));
  t->at += piece->len;
  return ++t->pieces == MOST_PIECES;
}

static void
check_range (const struct segment *seg, uint32_t at, uint32_t end)
{
  struct tracing t = { .seg = seg, .at = at, .end = end };
  struct error err = ERROR_INIT;
  int r = segment_trace (seg, at, end, check_piece, &t, &err);

  require (r == 1 || (r == 0 && t.at == end));
}

static void
check_trace (const struct segment *seg)
{
  if (seg->n_material > MOST_MATERIAL)
    return;
  check_range (seg, 0, seg->len);
  check_range (seg, seg->len - (seg->len < NEAR_END ? seg->len : NEAR_END), seg->len);
}

/* ---- A map */

#define COLUMNS 5
#define ROWS 7

/* The segment of a recipe that has no other. */
static const struct segment *the_segment;

int
each_segment (const struct recipe *recipe, unsigned threads, each_segment_fn *fn,
              void *opaque, struct error *err)
{
  (void) recipe;
  (void) threads;
  return fn (opaque, 0, the_segment, err);
}

/* Each column has the bytes that are its, and all of them are of the sources' rows or of none. */
static void
check_sums (const struct recipe_map *map)
{
  uint64_t kinds[MAP_KINDS] = { 0 }, on_sources = 0, in_cells = 0;

  for (unsigned i = 0; i < COLUMNS; i++) {
    uint64_t sum = 0;

    for (unsigned kind = 0; kind < MAP_KINDS; kind++) {
      sum += map->columns[i][kind];
      kinds[kind] += map->columns[i][kind];
    }
    require (sum == recipe_map_column_at (map, i + 1) - recipe_map_column_at (map, i));
  }
  require (memcmp (kinds, map->bytes, sizeof kinds) == 0);
  for (uint32_t i = 0; i < N_SOURCES; i++)
    on_sources += map->source_bytes[i];
  for (unsigned i = 0; i < COLUMNS * map->n_rows; i++)
    in_cells += map->cells[i];
  require (on_sources == in_cells && on_sources <= map->image_size);
}

static void
check_transforms (const struct recipe_map *map, const struct segment *seg)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < seg->n_transforms; i++)
    sum += seg->transforms[i].len;
  require (map->bytes[MAP_TRANSFORM] == sum);
}

static bool
is_literal (const struct segment *seg, uint64_t at)
{
  return seg->ops[segment_find (seg, (uint32_t) at)].kind == OP_LITERAL;
}

/* Within the image, the longest first. */
static void
check_runs (const struct recipe_map *map, const struct segment *seg)
{
  require (map->n_longest <= MAP_RUNS && map->n_longest <= map->n_runs);
  for (unsigned i = 0; i < map->n_longest; i++) {
    const struct map_run *run = &map->runs[i];

    require (run->len > 0 && run->at < seg->len && run->len <= seg->len - run->at);
    require (i == 0 || run->len <= run[-1].len);
    require (is_literal (seg, run->at) && is_literal (seg, run->at + run->len - 1));
  }
}

static void
check_map (const struct segment *seg)
{
  struct recipe_source sources[N_SOURCES] = { 0 };
  struct recipe recipe = { .image_size = seg->len,
                           .span_log2 = SEGMENT_MAX_LOG2,
                           .n_segments = 1,
                           .n_sources = N_SOURCES,
                           .sources = sources };
  struct error err = ERROR_INIT;
  CLEANUP_RECIPE_MAP struct recipe_map map;

  for (size_t i = 0; i < N_SOURCES; i++)
    sources[i].size = sizes[i];
  the_segment = seg;
  require (recipe_map_make (&map, &recipe, COLUMNS, ROWS, 1, &err) == 0);
  check_sums (&map);
  check_transforms (&map, seg);
  check_runs (&map, seg);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct segment_context ctx = { .n_sources = N_SOURCES, .source_sizes = sizes };
  CLEANUP_FREE uint8_t *coded = NULL;
  struct error err = ERROR_INIT;
  struct segment *seg;
  const char *complaint;
  size_t n;

  if (size < 4)
    return 0;
  ctx.len = (get_le32 (data) & 0xfffff) + 1;
  n = size - 4 + SEGMENT_CHECKSUM_SIZE;
  coded = malloc (n);
  if (!coded)
    return 0;
  memcpy (coded, data + 4, size - 4);
  put_le64 (coded + size - 4, segment_checksum (coded, size - 4, 0));
  seg = segment_decode (coded, n, &ctx, &err);
  if (!seg)
    return 0;
  complaint = naive_complaint (seg, &ctx);
  if (complaint) {
    fprintf (stderr, "%s\n", complaint);
    abort ();
  }
  check_trace (seg);
  check_map (seg);
  segment_free (seg);
  check_costs (coded, n, &ctx);
  return 0;
}
