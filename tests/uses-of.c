/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uses-of RECIPE NUMBER FROM END: which bytes of the image are made of bytes [FROM, END) of
 * the recipe's source NUMBER?  A line `OFFSET LENGTH` for each range, in order.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "recipe.h"

struct range {
  uint64_t from, end;
};

static unsigned long long source;
static struct range wanted; /* of the source */
static struct range found;  /* of the image; grows until there is a gap */

static void
put (uint64_t from, uint64_t end)
{
  if (from > found.end) {
    if (found.end > found.from)
      printf ("%llu %llu\n", (unsigned long long) found.from,
              (unsigned long long) (found.end - found.from));
    found.from = from;
  }
  if (found.end < end)
    found.end = end;
}

/* Is byte `i` of a copying operation one of those? */
static bool
is_wanted (const struct segment *seg, const struct op *op, uint32_t i)
{
  uint64_t at = op->from + i;

  if (op->kind == OP_STRIDED) {
    const struct stride *s = &seg->strides[op->arg >> 16];
    uint64_t n = (op->arg & 0xffff) + (uint64_t) i;

    at = op->from + n / s->chunk * s->period + n % s->chunk;
  }
  return at >= wanted.from && at < wanted.end;
}

static bool
is_used (const struct segment *seg, uint32_t at)
{
  uint32_t i = segment_find (seg, at);
  const struct op *op = &seg->ops[i];

  if (op->kind == OP_RECODED) {
    const struct recoding *r = &seg->recodings[op->arg];

    for (uint32_t j = r->at; j < r->at + r->len; ++j) {
      if (is_used (seg, j))
        return true;
    }
    return false;
  }
  return (op->kind == OP_COPY || op->kind == OP_STRIDED) && op->source == source &&
         is_wanted (seg, op, at - op->at);
}

/* A unit of a transform is one thing. */
static void
put_units (const struct segment *seg, uint64_t base, uint32_t at)
{
  for (uint32_t i = 0; i < seg->n_transforms; ++i) {
    const struct transform *t = &seg->transforms[i];

    if (at >= t->at && at < t->at + t->len) {
      uint32_t unit = transform_unit (t->kind), from = at - (at - t->at) % unit;

      put (base + from, base + from + unit);
      return;
    }
  }
  put (base + at, base + at + 1);
}

int
main (int argc, char **argv)
{
  struct error err = ERROR_INIT;
  struct recipe *recipe;

  if (argc != 5)
    return 2;
  source = strtoull (argv[2], NULL, 10);
  wanted.from = strtoull (argv[3], NULL, 10);
  wanted.end = strtoull (argv[4], NULL, 10);
  recipe = recipe_open (argv[1], &err);
  for (uint32_t n = 0; recipe && n < recipe->n_segments; ++n) {
    struct segment *seg = recipe_segment (recipe, n, &err);

    for (uint32_t at = 0; seg && at < seg->len; ++at) {
      if (is_used (seg, at))
        put_units (seg, (uint64_t) n << recipe->span_log2, at);
    }
    if (seg)
      segment_free (seg);
  }
  put (UINT64_MAX, UINT64_MAX);
  if (recipe)
    recipe_close (recipe);
  if (err.text[0])
    fprintf (stderr, "uses-of: %s\n", err.text);
  return err.text[0] ? EXIT_FAILURE : EXIT_SUCCESS;
}
