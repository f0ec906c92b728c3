/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shapes of Matroska block headers: see block_shape.h.
 *
 *   SimpleBlock  A3 size track time flags [lacing] payload
 *   BlockGroup   A0 size A1 size track time flags [lacing] payload [more elements]
 *
 * RFC 9559 §10 has the layout.  A guess that is wrong costs a few bytes: the coder
 * compares what a shape renders with what is there.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "block_shape.h"

#define ID_SIZE 1 /* of SimpleBlock, Block and BlockGroup */
#define TIME_SIZE 2
#define FLAGS_SIZE 1

/* What fits in a shape beside the rest. */
#define LACE_MAX 32

static uint64_t
hash_shape (const struct shape *s)
{
  return XXH3_64bits (s->tokens, s->len);
}

#define SLOTS (sizeof ((struct shape_table *) NULL)->slots / sizeof (uint16_t))

const struct shape *
shape_table_get (struct shape_table *t, const struct shape *shape)
{
  size_t slot = hash_shape (shape) % SLOTS;
  struct shape *copy;

  for (; t->slots[slot] != 0; slot = (slot + 1) % SLOTS)
    if (shape_equal (t->shapes[t->slots[slot] - 1], shape))
      return t->shapes[t->slots[slot] - 1];
  if (t->n == SHAPE_TABLE_MAX || !(copy = malloc (sizeof *copy)))
    return NULL;
  *copy = *shape;
  t->shapes[t->n++] = copy;
  t->slots[slot] = (uint16_t) t->n;
  return copy;
}

void
shape_table_free (struct shape_table *t)
{
  for (size_t i = 0; i < t->n; i++)
    free (t->shapes[i]);
}

/* Add an element's ID and size, `size_width` bytes of it; `behind` is what the
 * element holds behind what the header covers.
 */
static bool
add_element (struct shape *s, const uint8_t *id, size_t size_width, uint64_t content,
             uint64_t behind)
{
  size_t least = 1;

  while (least < 8 && content > (UINT64_C (1) << (7 * least)) - 2)
    least++;
  return size_width >= 1 && size_width <= 8 && shape_add_bytes (s, id, ID_SIZE) &&
         shape_add_vint_length (s, size_width == least ? 0 : (unsigned) size_width,
                                behind);
}

/* Of the bytes that a lace has in front of its frames, those for the shape: all if they
 * are the same in each block, because the frames are all of one size and the list is
 * short; else at most the frames' number.
 */
static size_t
lace_bytes (const struct matroska_block *block, size_t lacing)
{
  bool even = lacing <= LACE_MAX;

  for (unsigned i = 1; even && i < block->n_frames; i++)
    even = block->frame_size[i] == block->frame_size[0];
  return lacing <= 1 || even ? lacing : 0;
}

bool
block_shape (const struct matroska_block *block, const uint8_t *header,
             struct shape *shape, size_t *head)
{
  size_t inner = block->inner - block->at, body = block->body - block->at;
  size_t fixed = block->track_width + TIME_SIZE + FLAGS_SIZE;
  size_t lace = lace_bytes (block, block->payload - block->body - fixed);
  size_t group_size = inner - ID_SIZE, size = body - inner - ID_SIZE;

  shape->len = 0;
  if (inner > 0 &&
      !add_element (shape, header, group_size, block->outer_end - block->inner,
                    block->outer_end - block->end))
    return false;
  if (!add_element (shape, header + inner, size, block->end - block->body, 0) ||
      !shape_add_bytes (shape, header + body, block->track_width) ||
      !shape_add_time (shape, TIME_SIZE))
    return false;
  *head = body + fixed + lace;
  return shape_add_bytes (shape, header + body + fixed - FLAGS_SIZE, FLAGS_SIZE + lace);
}
