/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may be to blame for a range of an image: see image_blame.h.  The operations say it, as
 * far as it can be told: which of the bytes is wrong, no digest knows.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "image_blame.h"
#include "image_parts.h"

/* The bytes of each source, by number. */
struct extent {
  uint64_t from, end; /* end 0: none */
};

static void
add_extent (struct extent *x, uint64_t from, uint64_t end)
{
  if (x->end == 0 || from < x->from)
    x->from = from;
  if (end > x->end)
    x->end = end;
}

/* Byte `i` of a strided operation, in its source. */
static uint64_t
strided_at (const struct segment *seg, const struct op *op, uint32_t i)
{
  const struct stride *s = &seg->strides[op->arg >> 16];
  uint64_t at = (uint64_t) (op->arg & 0xffff) + i;

  return op->from + at / s->chunk * s->period + at % s->chunk;
}

/* Bytes [at, end) as they are before any transform. */
static void
blame_range (const struct segment *seg, uint32_t at, uint32_t end, struct extent *sources)
{
  for (uint32_t i = segment_find (seg, at); i < seg->n_ops && seg->ops[i].at < end; i++) {
    const struct op *op = &seg->ops[i];
    struct extent *x = &sources[op->source];
    uint32_t op_end = segment_op_end (seg, i);
    uint32_t first = op->at < at ? at - op->at : 0;
    uint32_t last = (op_end < end ? op_end : end) - op->at - 1;

    if (op->kind == OP_COPY)
      add_extent (x, op->from + first, op->from + last + 1);
    else if (op->kind == OP_STRIDED)
      add_extent (x, strided_at (seg, op, first), strided_at (seg, op, last) + 1);
    else if (op->kind == OP_RECODED) {
      const struct recoding *r = &seg->recodings[op->arg];

      blame_range (seg, r->at, r->at + r->len, sources);
    }
  }
}

/* How far position `at` is within a unit that it cuts in two; *unit is that one's length. */
static uint32_t
into_unit (const struct segment *seg, uint32_t at, uint32_t *unit)
{
  uint32_t i = segment_find_transform (seg, at);
  const struct transform *t = &seg->transforms[i];

  *unit = 0;
  if (i == seg->n_transforms || t->at >= at)
    return 0;
  *unit = transform_unit (t->kind);
  return (at - t->at) % *unit;
}

/* A unit that is cut takes bytes from beyond the cut. */
static int
blame_part (struct walk *w, uint32_t at, uint32_t end, void *opaque, struct error *err)
{
  uint32_t unit, before = into_unit (w->seg, at, &unit);
  uint32_t within = into_unit (w->seg, end, &unit);

  (void) err;
  blame_range (w->seg, at - before, within ? end + unit - within : end, opaque);
  return 0;
}

int
image_blame (struct image *img, uint64_t offset, uint64_t len,
             struct image_blame **blames, size_t *n, struct error *err)
{
  uint32_t n_sources = image_recipe (img)->n_sources;
  CLEANUP_FREE struct extent *extents = calloc (n_sources + 1, sizeof *extents);
  CLEANUP_FREE struct image_blame *list = calloc (n_sources + 1, sizeof *list);
  struct walk w = { .img = img };

  *blames = NULL;
  *n = 0;
  if (!extents || !list)
    return error_set (err, ENOMEM, "%s", image_recipe (img)->path);
  if (image_each_segment (&w, offset, len, UINT64_MAX, blame_part, extents, err) == -1)
    return -1;
  for (uint32_t i = 0; i < n_sources; i++)
    if (extents[i].end > 0)
      list[(*n)++] = (struct image_blame){ i, extents[i].from, extents[i].end };
  if (*n > 0)
    *blames = take_ptr (&list);
  return 0;
}
