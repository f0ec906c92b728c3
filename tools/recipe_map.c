/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps of recipes: see recipe_map.h.
 *
 * Operations are cut where a column, a row or a transform ends, and each part is added up.
 * That is done by one thread, in the order of the image: it takes less time than decoding.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "each_segment.h"
#include "recipe_map.h"

struct drawing {
  struct recipe_map *map;
  const struct recipe *recipe;
  const struct segment *seg;
  uint64_t base;      /* of the segment, in the image */
  uint32_t transform; /* the first that ends behind what has been drawn */
  unsigned column;    /* that is being drawn */
  uint64_t column_end;
  struct map_run run; /* of literal bytes, up to here; len 0: none */
};

const char *
map_kind_name (enum map_kind kind)
{
  static const char *const names[MAP_KINDS] = {
    [MAP_LITERAL] = "literal",     [MAP_FILL] = "fill",       [MAP_COPY] = "copy",
    [MAP_TRANSFORM] = "transform", [MAP_RECODED] = "recoded",
  };

  return names[kind];
}

/* `size` / n * i, whatever the size. */
static uint64_t
share (uint64_t size, unsigned i, unsigned n)
{
  return size / n * i + size % n * i / n;
}

uint64_t
recipe_map_column_at (const struct recipe_map *map, unsigned i)
{
  return share (map->image_size, i, map->n_columns);
}

/* ---- Runs */

static void
end_run (struct drawing *d)
{
  struct recipe_map *map = d->map;
  unsigned i = map->n_longest;

  if (d->run.len == 0)
    return;
  map->n_runs++;
  if (i == MAP_RUNS && map->runs[MAP_RUNS - 1].len < d->run.len)
    i--;
  if (i < MAP_RUNS) {
    for (; i > 0 && map->runs[i - 1].len < d->run.len; i--)
      map->runs[i] = map->runs[i - 1];
    map->runs[i] = d->run;
    if (map->n_longest < MAP_RUNS)
      map->n_longest++;
  }
  d->run.len = 0;
}

static void
add_run (struct drawing *d, uint64_t at, uint64_t len)
{
  if (d->run.len == 0)
    d->run.at = at;
  d->run.len += len;
}

/* ---- Places */

/* The row of a source's byte. */
static unsigned
row_of (const struct drawing *d, uint32_t source, uint64_t at)
{
  unsigned first = d->map->first_row[source], n = d->map->first_row[source + 1] - first;
  double part = (double) at / (double) d->recipe->sources[source].size;
  unsigned row = (unsigned) (part * n);

  return first + (row < n ? row : n - 1);
}

/* Bytes up to the next row: an operation of more is cut.  A bit more or less is no matter. */
static uint64_t
to_next_row (const struct drawing *d, uint32_t source, uint64_t at)
{
  unsigned n = d->map->first_row[source + 1] - d->map->first_row[source];
  uint64_t height = d->recipe->sources[source].size / n + 1;

  return height - at % height;
}

static void
add_cell (struct drawing *d, uint32_t source, uint64_t from, uint64_t len)
{
  struct recipe_map *map = d->map;

  map->source_bytes[source] += len;
  if (map->n_columns > 0)
    map->cells[(size_t) d->column * map->n_rows + row_of (d, source, from)] += len;
}

static void
next_column (struct drawing *d)
{
  const struct recipe_map *map = d->map;

  if (map->n_columns == 0)
    d->column_end = UINT64_MAX;
  else
    d->column_end = recipe_map_column_at (map, ++d->column + 1);
}

/* ---- Operations */

/* What byte `i` of the operation is of its source; *source UINT32_MAX: of none. */
static uint64_t
place_of (const struct segment *seg, const struct op *op, uint32_t i, uint32_t *source)
{
  const struct stride *s;
  uint64_t at;

  *source = op->source;
  switch ((enum op_kind) op->kind) {
  case OP_COPY:
    return op->from + i;
  case OP_STRIDED:
    s = &seg->strides[op->arg >> 16];
    at = (uint64_t) (op->arg & 0xffff) + i;
    return op->from + at / s->chunk * s->period + at % s->chunk;
  default:
    *source = UINT32_MAX;
    return 0;
  }
}

/* A recoding's result is where its material begins. */
static uint64_t
origin (const struct segment *seg, const struct op *op, uint32_t i, uint32_t *source)
{
  const struct recoding *r;

  if (op->kind != OP_RECODED)
    return place_of (seg, op, i, source);
  r = &seg->recodings[op->arg];
  op = &seg->ops[segment_find (seg, r->at)];
  return place_of (seg, op, r->at - op->at, source);
}

static enum map_kind
kind_at (struct drawing *d, const struct op *op, uint32_t at, uint64_t *len)
{
  const struct segment *seg = d->seg;
  const struct transform *t;

  if (op->kind == OP_RECODED)
    return MAP_RECODED;
  while (d->transform < seg->n_transforms &&
         seg->transforms[d->transform].at + seg->transforms[d->transform].len <= at)
    d->transform++;
  t = d->transform < seg->n_transforms ? &seg->transforms[d->transform] : NULL;
  if (t && t->at > at && t->at - at < *len)
    *len = t->at - at;
  if (t && t->at <= at) {
    if (*len > t->at + t->len - at)
      *len = t->at + t->len - at;
    return MAP_TRANSFORM;
  }
  return op->kind == OP_LITERAL ? MAP_LITERAL : op->kind == OP_FILL ? MAP_FILL : MAP_COPY;
}

/* As many bytes from position `at` of the operation on as are in one cell: returned. */
static uint64_t
draw_part (struct drawing *d, const struct op *op, uint32_t at, uint64_t len)
{
  struct recipe_map *map = d->map;
  uint64_t image_at = d->base + at, from;
  enum map_kind kind;
  uint32_t source;

  while (image_at >= d->column_end)
    next_column (d);
  if (len > d->column_end - image_at)
    len = d->column_end - image_at;
  from = origin (d->seg, op, at - op->at, &source);
  if (source != UINT32_MAX && map->n_columns > 0 && op->kind == OP_COPY &&
      len > to_next_row (d, source, from))
    len = to_next_row (d, source, from);
  kind = kind_at (d, op, at, &len);
  map->bytes[kind] += len;
  if (map->n_columns > 0)
    map->columns[d->column][kind] += len;
  if (source != UINT32_MAX)
    add_cell (d, source, from, len);
  if (kind == MAP_LITERAL)
    add_run (d, image_at, len);
  else
    end_run (d);
  return len;
}

static int
draw_segment (void *opaque, uint32_t number, const struct segment *seg, struct error *err)
{
  struct drawing *d = opaque;

  (void) err;
  d->seg = seg;
  d->base = (uint64_t) number << d->recipe->span_log2;
  d->transform = 0;
  for (uint32_t i = 0; i < seg->n_ops && seg->ops[i].at < seg->len; i++) {
    uint32_t end = segment_op_end (seg, i);

    for (uint32_t at = seg->ops[i].at; at < end;)
      at += (uint32_t) draw_part (d, &seg->ops[i], at, end - at);
  }
  return 0;
}

/* ---- The whole */

static void
share_rows (struct recipe_map *map, const struct recipe *recipe, unsigned rows)
{
  unsigned least = recipe->n_sources > 0 ? rows / (4 * recipe->n_sources) : 0;
  uint64_t total = 0;
  unsigned row = 0;

  if (least == 0)
    least = 1;
  for (uint32_t i = 0; i < recipe->n_sources; i++)
    total += recipe->sources[i].size;
  for (uint32_t i = 0; i < recipe->n_sources; i++) {
    double part = total ? (double) recipe->sources[i].size / (double) total : 0;
    unsigned n = (unsigned) (part * rows + 0.5);

    map->first_row[i] = row;
    row += n > least ? n : least;
  }
  map->first_row[recipe->n_sources] = map->n_rows = row;
}

static int
allocate (struct recipe_map *map, const struct recipe *recipe, unsigned rows,
          struct error *err)
{
  map->source_bytes = calloc (map->n_sources + 1u, sizeof *map->source_bytes);
  map->first_row = calloc (map->n_sources + 1u, sizeof *map->first_row);
  map->columns = calloc (map->n_columns + 1u, sizeof *map->columns);
  if (map->source_bytes && map->first_row && map->columns) {
    share_rows (map, recipe, rows);
    map->cells = calloc ((size_t) map->n_columns * map->n_rows + 1, sizeof *map->cells);
  }
  return map->cells ? 0 : error_set (err, ENOMEM, "%s: its map", recipe->path);
}

int
recipe_map_make (struct recipe_map *map, const struct recipe *recipe, unsigned columns,
                 unsigned rows, unsigned threads, struct error *err)
{
  struct drawing d = { .map = map, .recipe = recipe };
  int r;

  *map = (struct recipe_map){ .n_columns = columns,
                              .n_sources = recipe->n_sources,
                              .image_size = recipe->image_size };
  r = allocate (map, recipe, rows, err);
  d.column_end = columns > 0 ? recipe_map_column_at (map, 1) : UINT64_MAX;
  if (r == 0)
    r = each_segment (recipe, threads, draw_segment, &d, err);
  if (r == -1) {
    recipe_map_free (map);
    return -1;
  }
  end_run (&d);
  return 0;
}

void
recipe_map_free (struct recipe_map *map)
{
  free (map->source_bytes);
  free (map->first_row);
  free (map->columns);
  free (map->cells);
  *map = (struct recipe_map){ .n_columns = 0 };
}
