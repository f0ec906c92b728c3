/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shapes (lib/shape.h) of Matroska block headers, and keeping one copy of each.
 *
 * Thread safety: a table belongs to one thread; shapes in it never move or change.
 */
#ifndef MKVDUP_BLOCK_SHAPE_H
#define MKVDUP_BLOCK_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "matroska.h"
#include "shape.h"

/* More different headers than any real file has: from there on they are literals. */
#define SHAPE_TABLE_MAX 4096

struct shape_table {
  struct shape *shapes[SHAPE_TABLE_MAX]; /* owned */
  size_t n;
  uint16_t slots[2 * SHAPE_TABLE_MAX]; /* open addressing: index + 1, or 0 */
};

/* The table's copy of a shape; NULL when the table is full or out of memory. */
const struct shape *shape_table_get (struct shape_table *t, const struct shape *shape);
void shape_table_free (struct shape_table *t);

/*
 * The shape of what stands before a block's payload: `header` is the bytes [block->at,
 * block->payload).  *head is how many of them the shape is for; what is left (the sizes
 * of laced frames) differs from block to block.  False if these bytes are like no header
 * we can model.
 */
bool block_shape (const struct matroska_block *block, const uint8_t *header,
                  struct shape *shape, size_t *head);

#endif /* MKVDUP_BLOCK_SHAPE_H */
