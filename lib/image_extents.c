/* SPDX-License-Identifier: BSD-3-Clause */
/* Which parts of an image are zeros that no source is needed for: see image.h. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>

#include "image_parts.h"

/* Shorter runs of zeros are not worth an extent of their own to any client. */
#define ZERO_EXTENT_MIN 4096

struct extents {
  image_extent_fn *fn;
  void *opaque;
  uint64_t start, len; /* the range not yet told of */
  bool zero;
  int result; /* of the last call */
};

static int
extents_tell (struct extents *x)
{
  if (x->len > 0)
    x->result = x->fn (x->opaque, x->start, x->len, x->zero);
  return x->result;
}

/* A segment that cannot be read is data, as reading it will say what is wrong with it; but what
 * is known of others before it is told.
 */
static int
tell_of_unreadable (struct extents *x, uint64_t offset, uint64_t end, unsigned span_log2)
{
  uint64_t segment_end = ((offset >> span_log2) + 1) << span_log2;

  if (x->len == 0) {
    x->zero = false;
    x->len = (segment_end < end ? segment_end : end) - offset;
  }
  return extents_tell (x);
}

/* A run of zeros?  Not where a transform may carry in a neighbour's byte. */
static bool
is_zero (const struct segment *seg, const struct op *op, uint32_t at, uint32_t len)
{
  uint32_t t = segment_find_transform (seg, at);

  return op->kind == OP_FILL && (op->arg & 0xff) == 0 && len >= ZERO_EXTENT_MIN &&
         (t == seg->n_transforms || seg->transforms[t].at >= at + len);
}

static int
extents_part (struct walk *w, uint32_t at, uint32_t end, void *opaque, struct error *err)
{
  const struct segment *seg = w->seg;
  struct extents *x = opaque;
  int r;

  (void) err;
  for (uint32_t i = segment_find (seg, at); at < end; ++i) {
    const struct op *op = &seg->ops[i];
    uint32_t op_end = segment_op_end (seg, i);
    uint32_t len = (op_end < end ? op_end : end) - at;
    bool zero = is_zero (seg, op, at, len) && image_vouches (w->img, w->base + at, len);

    if (zero != x->zero) {
      r = extents_tell (x);
      if (r != 0)
        return r;
      x->start = w->base + at;
      x->len = 0;
      x->zero = zero;
    }
    x->len += len;
    at += len;
  }
  return 0;
}

int
image_extents (struct image *img, uint64_t offset, uint64_t count, image_extent_fn *fn,
               void *opaque, struct error *err)
{
  struct extents x = { .fn = fn, .opaque = opaque, .start = offset };
  struct walk w = { .img = img };
  int r;

  if (offset > image_size (img) || count > image_size (img) - offset)
    return error_set (err, EINVAL, "%s: asked beyond the image's end", img->recipe->path);
  r = image_each_segment (&w, offset, count, ADVICE_SEGMENTS, extents_part, &x, err);
  if (x.result != 0)
    return x.result;
  return r == 0 ? extents_tell (&x)
                : tell_of_unreadable (&x, offset, offset + count, img->recipe->span_log2);
}
