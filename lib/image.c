/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading images: see image.h.
 *
 * A read is cut at the borders of segments.  Within one, its operations are walked:
 * literals and fills are written at once, copies are noted in a gather, which is
 * read when it is full and at the end; then come the transforms.  The segment stays
 * borrowed from the cache meanwhile; no lock is held across I/O, but for the opening
 * of a source.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "gather.h"
#include "image.h"
#include "source.h"

/* An answer to "what is a hole" or "fetch this" covers so many segments at most, which
 * bounds what one request can make us decode.
 */
#define ADVICE_SEGMENTS 4

/* Shorter runs of zeros are not worth an extent of their own to any client. */
#define ZERO_EXTENT_MIN 4096

/* No unit of a transform is larger. */
#define UNIT_MAX 16

/* Looking for a source costs a dozen reads: its outcome holds for so long. */
#define LOOK_AGAIN_NS INT64_C (1000000000)

struct image_source {
  struct source source; /* path and size are fixed once is_open; fd is replaced by dup3 */
  atomic_bool is_open;
  /* Guarded by the image's lock: */
  int64_t looked;        /* when it was last looked for; 0: never */
  struct error *failure; /* what came of it: NULL if it was found; owned */
};

struct image {
  struct recipe *recipe;       /* owned */
  struct segment_cache *cache; /* borrowed */
  char **places;               /* owned */
  size_t n_places;
  pthread_mutex_t lock; /* one thread at a time looks for sources */
  struct image_source *sources;
};

/* ---- Sources */

static int64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Open source `number`, which may be open: then its descriptor is replaced, which
 * readers do not notice.  Called with the lock held.
 */
static int
open_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];
  struct source found;

  if (source_open (&img->recipe->sources[number], (const char *const *) img->places,
                   img->n_places, &found, err) == -1)
    return -1;
  if (!atomic_load_explicit (&s->is_open, memory_order_relaxed)) {
    s->source.fd = found.fd;
    s->source.path = found.path;
    s->source.size = found.size;
    atomic_init (&s->source.ctime, atomic_load (&found.ctime));
    atomic_store_explicit (&s->is_open, true, memory_order_release);
    return 0;
  }
  if (dup3 (found.fd, s->source.fd, O_CLOEXEC) == -1)
    error_set (err, errno, "%s: dup3", found.path);
  else {
    atomic_store (&s->source.ctime, atomic_load (&found.ctime));
    err = NULL;
  }
  source_close (&found);
  return err ? -1 : 0;
}

/* Look for a source, unless that was done a moment ago: then it is the same answer. */
static int
look_for_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];
  LOCK_FOR_SCOPE (&img->lock);

  if (s->looked == 0 || now_ns () - s->looked >= LOOK_AGAIN_NS) {
    free (s->failure);
    s->failure = NULL;
    if (open_source (img, number, err) == -1) {
      s->failure = malloc (sizeof *s->failure);
      if (s->failure)
        *s->failure = *err;
      s->looked = s->failure ? now_ns () : 0;
      return -1;
    }
    s->looked = now_ns ();
  }
  if (s->failure) {
    *err = *s->failure;
    return -1;
  }
  return 0;
}

static const struct source *
image_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];

  if (!atomic_load_explicit (&s->is_open, memory_order_acquire) &&
      look_for_source (img, number, err) == -1)
    return NULL;
  return &s->source;
}

/* A source failed with `err`: is the right one there again?  If not, `err` tells both. */
static int
recover_source (struct image *img, const struct source *failed, struct error *err)
{
  const struct image_source *s = (const struct image_source *) (const void *) failed;
  struct error reason = ERROR_INIT;

  _Static_assert (offsetof (struct image_source, source) == 0, "see the cast");
  if (look_for_source (img, (uint32_t) (s - img->sources), &reason) == 0)
    return 0;
  error_context (&reason, "%s; and now", err->text);
  *err = reason;
  return -1;
}

/* ---- One segment */

/* What a walk through the operations of a segment needs. */
struct walk {
  struct image *img;
  struct gather *gather;
  const struct segment *seg;
  bool prefetch;               /* sources only, and no more than advice */
  const struct source *failed; /* out: the source that an error is about */
};

static int
flush (struct walk *w, struct error *err)
{
  if (!w->prefetch)
    return gather_read (w->gather, &w->failed, err);
  gather_prefetch (w->gather);
  return 0;
}

/* Note the bytes [skip, skip + len) of a copying operation. */
static int
walk_copy (struct walk *w, const struct op *op, uint32_t skip, size_t len, uint8_t *dst,
           struct error *err)
{
  struct gather_span span = { .from = op->from, .skip = skip };
  size_t n;

  span.source = image_source (w->img, op->source, err);
  if (!span.source)
    return -1;
  if (op->kind == OP_STRIDED) {
    span.stride = &w->seg->strides[op->arg >> 16];
    span.skip += op->arg & 0xffff;
  }
  while (len > 0) {
    n = gather_add (w->gather, &span, dst, len);
    if (n == 0 && flush (w, err) == -1)
      return -1;
    span.skip += n;
    if (dst)
      dst += n;
    len -= n;
  }
  return 0;
}

static int
walk_op (struct walk *w, const struct op *op, uint32_t skip, size_t len, uint8_t *dst,
         struct error *err)
{
  switch ((enum op_kind) op->kind) {
  case OP_LITERAL:
    if (dst)
      memcpy (dst, w->seg->literals + op->from + skip, len);
    return 0;
  case OP_FILL:
    if (dst)
      memset (dst, (int) (op->arg & 0xff), len);
    return 0;
  case OP_COPY:
  case OP_STRIDED:
    return walk_copy (w, op, skip, len, dst, err);
  }
  return error_set (err, 0, "%s: unknown operation %u", w->img->recipe->path,
                    (unsigned) op->kind);
}

/* Go through the operations that make bytes [at, end), as they are before any
 * transform; what is copied is there once the gather has been flushed.
 */
static int
walk_range (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst, struct error *err)
{
  const struct segment *seg = w->seg;

  if (at >= end)
    return 0;
  for (uint32_t i = segment_find (seg, at); at < end; ++i) {
    uint32_t op_end = segment_op_end (seg, i);
    uint32_t len = (op_end < end ? op_end : end) - at;

    if (walk_op (w, &seg->ops[i], at - seg->ops[i].at, len, dst, err) == -1)
      return -1;
    at += len;
    if (dst)
      dst += len;
  }
  return 0;
}

/* ---- Transforms */

/* The first transform that ends after `at`: its index, or n_transforms. */
static uint32_t
find_transform (const struct segment *seg, uint32_t at)
{
  uint32_t low = 0, high = seg->n_transforms;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (seg->transforms[middle].at + seg->transforms[middle].len > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* A unit that a read has only a part of. */
struct edge {
  uint32_t at, len; /* of the whole unit, in the segment; len 0: there is none */
  enum transform_kind kind;
  uint8_t bytes[UNIT_MAX];
};

/* The unit that position `at` cuts in two, if one is cut. */
static struct edge
edge_at (const struct segment *seg, uint32_t at)
{
  uint32_t i = find_transform (seg, at);
  const struct transform *t = &seg->transforms[i];
  struct edge edge = { .at = at };
  uint32_t unit, into;

  if (i == seg->n_transforms || t->at >= at)
    return edge;
  unit = transform_unit (t->kind);
  into = (at - t->at) % unit;
  assert (unit <= UNIT_MAX);
  if (into > 0) {
    edge.at = at - into;
    edge.len = unit;
    edge.kind = t->kind;
  }
  return edge;
}

/* Copy to dst, which stands for [at, end), what an edge has of it. */
static void
edge_finish (struct edge *edge, uint32_t at, uint32_t end, uint8_t *dst)
{
  uint32_t from = edge->at > at ? edge->at : at;
  uint32_t to = edge->at + edge->len < end ? edge->at + edge->len : end;

  if (edge->len == 0)
    return;
  transform_apply (edge->kind, edge->bytes, edge->len);
  memcpy (dst + (from - at), edge->bytes + (from - edge->at), to - from);
}

/* Apply what lies in [at, end), which cuts no unit. */
static void
transform_range (const struct segment *seg, uint32_t at, uint32_t end, uint8_t *dst)
{
  for (uint32_t i = find_transform (seg, at); i < seg->n_transforms; ++i) {
    const struct transform *t = &seg->transforms[i];
    uint32_t from = t->at > at ? t->at : at;
    uint32_t to = t->at + t->len < end ? t->at + t->len : end;

    if (from >= to)
      break;
    transform_apply (t->kind, dst + (from - at), to - from);
  }
}

/*
 * Bytes [at, end) of a segment with transforms.  Units that the range cuts at its
 * front or back are made whole in `edge` beside it; both may be the same unit.
 */
static int
read_transformed (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst,
                  struct error *err)
{
  struct edge front = edge_at (w->seg, at), back = edge_at (w->seg, end);
  uint32_t body = front.len ? front.at + front.len : at;
  uint32_t body_end = back.len ? back.at : end;

  if (front.len && back.len && front.at == back.at)
    back.len = 0;
  if (walk_range (w, front.at, front.at + front.len, front.bytes, err) == -1 ||
      walk_range (w, body, body_end, dst + (body - at), err) == -1 ||
      walk_range (w, back.at, back.at + back.len, back.bytes, err) == -1 ||
      flush (w, err) == -1)
    return -1;
  if (body < body_end)
    transform_range (w->seg, body, body_end, dst + (body - at));
  edge_finish (&front, at, end, dst);
  edge_finish (&back, at, end, dst);
  return 0;
}

/* ---- Images */

struct image *
image_open (const char *path, const char *const *places, size_t n_places,
            struct segment_cache *cache, struct error *err)
{
  struct image *img = calloc (1, sizeof *img);

  if (!img) {
    error_set (err, errno, "%s", path);
    return NULL;
  }
  pthread_mutex_init (&img->lock, NULL);
  img->cache = cache;
  img->recipe = recipe_open (path, err);
  if (!img->recipe)
    goto failed;
  img->sources = calloc (img->recipe->n_sources + 1, sizeof *img->sources);
  img->places = calloc (n_places + 1, sizeof *img->places);
  if (!img->sources || !img->places)
    goto no_memory;
  for (; img->n_places < n_places; ++img->n_places) {
    img->places[img->n_places] = strdup (places[img->n_places]);
    if (!img->places[img->n_places])
      goto no_memory;
  }
  return img;

no_memory:
  error_set (err, ENOMEM, "%s", path);
failed:
  image_close (img);
  return NULL;
}

void
image_close (struct image *img)
{
  if (!img)
    return;
  if (img->recipe) {
    segment_cache_forget (img->cache, img->recipe);
    for (uint32_t i = 0; img->sources && i < img->recipe->n_sources; ++i) {
      if (atomic_load (&img->sources[i].is_open))
        source_close (&img->sources[i].source);
      free (img->sources[i].failure);
    }
    recipe_close (img->recipe);
  }
  for (size_t i = 0; i < img->n_places; ++i)
    free (img->places[i]);
  free (img->places);
  free (img->sources);
  pthread_mutex_destroy (&img->lock);
  free (img);
}

int
image_open_sources (struct image *img, struct error *err)
{
  for (uint32_t i = 0; i < img->recipe->n_sources; ++i) {
    if (!image_source (img, i, err))
      return -1;
  }
  return 0;
}

uint64_t
image_size (const struct image *img)
{
  return img->recipe->image_size;
}

const struct recipe *
image_recipe (const struct image *img)
{
  return img->recipe;
}

/* ---- Going through the segments of a range */

/* Does something with bytes [at, end) of w->seg, which is the image from `base` on. */
typedef int part_fn (struct walk *w, uint64_t base, uint32_t at, uint32_t end,
                     void *opaque, struct error *err);

/* Call `fn` for each segment that [offset, offset + count) touches, `most` at most. */
static int
each_segment (struct walk *w, uint64_t offset, uint64_t count, uint64_t most,
              part_fn *fn, void *opaque, struct error *err)
{
  unsigned log2 = w->img->recipe->span_log2;
  uint64_t end = offset + count;
  int r = 0;

  if (offset > image_size (w->img) || count > image_size (w->img) - offset)
    return error_set (err, EINVAL, "%s: read beyond the image's end",
                      w->img->recipe->path);
  for (; r == 0 && offset < end && most > 0; --most) {
    uint32_t number = (uint32_t) (offset >> log2);
    uint64_t base = (uint64_t) number << log2;
    const struct cached_segment *got;
    uint64_t part_end;

    got = segment_cache_get (w->img->cache, w->img->recipe, number, err);
    if (!got)
      return -1;
    w->seg = got->segment;
    part_end = base + w->seg->len;
    part_end = part_end < end ? part_end : end;
    r = fn (w, base, (uint32_t) (offset - base), (uint32_t) (part_end - base), opaque,
            err);
    segment_cache_put (w->img->cache, got);
    offset = part_end;
  }
  return r;
}

static int
read_part (struct walk *w, uint64_t base, uint32_t at, uint32_t end, void *opaque,
           struct error *err)
{
  uint8_t **dst = opaque;
  int r;

  (void) base;
  /* Once more if the source that failed is found again. */
  for (int tries = 0; tries < 2; ++tries) {
    w->failed = NULL;
    if (w->seg->n_transforms > 0)
      r = read_transformed (w, at, end, *dst, err);
    else
      r = walk_range (w, at, end, *dst, err) == -1 ? -1 : flush (w, err);
    if (r == 0)
      break;
    gather_reset (w->gather);
    if (!w->failed || recover_source (w->img, w->failed, err) == -1)
      return -1;
  }
  *dst += end - at;
  return r;
}

int
image_read (struct image *img, void *buf, size_t count, uint64_t offset,
            struct error *err)
{
  struct walk w = { .img = img };
  uint8_t *dst = buf;
  int r;

  w.gather = gather_get ();
  if (!w.gather)
    return error_set (err, ENOMEM, "%s", img->recipe->path);
  r = each_segment (&w, offset, count, UINT64_MAX, read_part, &dst, err);
  gather_put (w.gather);
  return r;
}

/* ---- Extents */

struct extents {
  image_extent_fn *fn;
  void *opaque;
  uint64_t start, len; /* the range not yet told of */
  bool zero;
};

static int
extents_tell (struct extents *x)
{
  return x->len > 0 ? x->fn (x->opaque, x->start, x->len, x->zero) : 0;
}

/* A run of zeros?  Not where a transform may carry in a neighbour's byte. */
static bool
is_zero (const struct segment *seg, const struct op *op, uint32_t at, uint32_t len)
{
  uint32_t t = find_transform (seg, at);

  return op->kind == OP_FILL && (op->arg & 0xff) == 0 && len >= ZERO_EXTENT_MIN &&
         (t == seg->n_transforms || seg->transforms[t].at >= at + len);
}

static int
extents_part (struct walk *w, uint64_t base, uint32_t at, uint32_t end, void *opaque,
              struct error *err)
{
  const struct segment *seg = w->seg;
  struct extents *x = opaque;
  int r;

  (void) err;
  for (uint32_t i = segment_find (seg, at); at < end; ++i) {
    const struct op *op = &seg->ops[i];
    uint32_t op_end = segment_op_end (seg, i);
    uint32_t len = (op_end < end ? op_end : end) - at;
    bool zero = is_zero (seg, op, at, len);

    if (zero != x->zero) {
      r = extents_tell (x);
      if (r != 0)
        return r;
      x->start = base + at;
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

  r = each_segment (&w, offset, count, ADVICE_SEGMENTS, extents_part, &x, err);
  return r == 0 ? extents_tell (&x) : r;
}

/* ---- Prefetching */

static int
prefetch_part (struct walk *w, uint64_t base, uint32_t at, uint32_t end, void *opaque,
               struct error *err)
{
  (void) base;
  (void) opaque;
  return walk_range (w, at, end, NULL, err) == -1 ? -1 : flush (w, err);
}

int
image_prefetch (struct image *img, uint64_t offset, uint64_t count, struct error *err)
{
  struct walk w = { .img = img, .prefetch = true };
  int r;

  w.gather = gather_get ();
  if (!w.gather)
    return error_set (err, ENOMEM, "%s", img->recipe->path);
  r = each_segment (&w, offset, count, ADVICE_SEGMENTS, prefetch_part, NULL, err);
  gather_put (w.gather);
  return r;
}
