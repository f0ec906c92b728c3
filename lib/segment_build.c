/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting a segment together: see segment_build.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "segment_build.h"

/* Copy a buffer into the segment's one block of memory. */
static const void *
place (uint8_t **next, const struct buffer *b)
{
  uint8_t *p = *next;

  if (b->len > 0)
    memcpy (p, b->data, b->len);
  *next += (b->len + 15) & ~(size_t) 15;
  return p;
}

struct segment *
segment_build (const struct segment_parts *p)
{
  const struct buffer *const parts[] = { p->ops, p->strides, p->transforms, p->recodings,
                                         p->bytes };
  size_t size = (sizeof (struct segment) + 15) & ~(size_t) 15;
  struct segment *seg;
  uint8_t *next;

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (parts[i]->failed)
      return NULL;
    size += (parts[i]->len + 15) & ~(size_t) 15;
  }
  seg = malloc (size);
  if (!seg)
    return NULL;
  next = (uint8_t *) seg + ((sizeof *seg + 15) & ~(size_t) 15);
  *seg =
    (struct segment){ .len = p->len, .n_material = p->n_material, .footprint = size };
  seg->n_ops = (uint32_t) (p->ops->len / sizeof (struct op));
  seg->ops = place (&next, p->ops);
  seg->n_strides = (uint32_t) (p->strides->len / sizeof (struct stride));
  seg->strides = place (&next, p->strides);
  seg->n_transforms = (uint32_t) (p->transforms->len / sizeof (struct transform));
  seg->transforms = place (&next, p->transforms);
  seg->n_recodings = (uint32_t) (p->recodings->len / sizeof (struct recoding));
  seg->recodings = place (&next, p->recodings);
  seg->n_literals = p->bytes->len;
  seg->literals = place (&next, p->bytes);
  return seg;
}
