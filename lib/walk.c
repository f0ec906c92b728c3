/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole image, chunk by chunk, in parallel: see walk.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "walk.h"

struct walk {
  uint64_t size;
  walk_chunk_fn *fn;
  walk_progress_fn *progress;
  void *opaque;

  pthread_mutex_t lock; /* guards what follows */
  uint64_t next;        /* offset of the first chunk that nobody has */
  uint64_t done;        /* bytes */
  uint64_t failed_at;   /* the first chunk that failed; UINT64_MAX: none did */
  struct error *err;    /* of that chunk */
};

static void
fail (struct walk *w, uint64_t offset, const struct error *err)
{
  LOCK_FOR_SCOPE (&w->lock);
  if (offset < w->failed_at) {
    w->failed_at = offset;
    *w->err = *err;
  }
}

/* The next chunk; its length, or 0 when there is no more to do. */
static size_t
take_chunk (struct walk *w, uint64_t *offset)
{
  size_t len;

  LOCK_FOR_SCOPE (&w->lock);
  *offset = w->next;
  if (w->failed_at != UINT64_MAX || w->next == w->size)
    return 0;
  len = w->size - w->next < WALK_CHUNK ? (size_t) (w->size - w->next) : WALK_CHUNK;
  w->next += len;
  return len;
}

static int
do_chunk (struct walk *w, uint8_t *memory, size_t len, uint64_t offset, struct error *err)
{
  if (w->fn (w->opaque, memory, len, offset, err) == -1)
    return -1;
  LOCK_FOR_SCOPE (&w->lock);
  w->done += len;
  if (w->progress && !w->progress (w->opaque, w->done))
    return error_set (err, ECANCELED, "reading the image");
  return 0;
}

static void *
worker (void *arg)
{
  struct walk *w = arg;
  CLEANUP_FREE uint8_t *memory = malloc (2 * WALK_CHUNK);
  struct error err = ERROR_INIT;
  uint64_t offset;
  size_t len;

  if (!memory) {
    error_set (&err, ENOMEM, "reading the image");
    fail (w, 0, &err);
    return NULL;
  }
  while ((len = take_chunk (w, &offset)) > 0)
    if (do_chunk (w, memory, len, offset, &err) == -1)
      fail (w, offset, &err);
  return NULL;
}

int
walk_chunks (uint64_t size, unsigned threads, walk_chunk_fn *fn,
             walk_progress_fn *progress, void *opaque, struct error *err)
{
  struct walk w = {
    .size = size,
    .fn = fn,
    .opaque = opaque,
    .progress = progress,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .failed_at = UINT64_MAX,
    .err = err,
  };
  CLEANUP_FREE pthread_t *others = calloc (threads, sizeof *others);
  unsigned n = 0;

  /* This thread is one of the workers.  Fewer than asked for will do. */
  while (others && n + 1 < threads && pthread_create (&others[n], NULL, worker, &w) == 0)
    n++;
  worker (&w);
  while (n > 0)
    pthread_join (others[--n], NULL);
  return w.failed_at == UINT64_MAX ? 0 : -1;
}

/* ---- With reading */

struct reading {
  struct image *img;
  walk_fn *fn;
  walk_progress_fn *progress;
  void *opaque;
};

static int
read_chunk (void *opaque, uint8_t *memory, size_t len, uint64_t offset, struct error *err)
{
  const struct reading *r = opaque;

  if (image_read (r->img, memory, len, offset, err) == -1)
    return -1;
  return r->fn (r->opaque, memory, len, offset, memory + WALK_CHUNK, err);
}

static bool
pass_progress (void *opaque, uint64_t done)
{
  const struct reading *r = opaque;

  return !r->progress || r->progress (r->opaque, done);
}

int
walk_image (struct image *img, unsigned threads, walk_fn *fn, walk_progress_fn *progress,
            void *opaque, struct error *err)
{
  struct reading r = { img, fn, progress, opaque };

  return walk_chunks (image_size (img), threads, read_chunk, pass_progress, &r, err);
}

int
check_groups (const struct recipe *recipe, const uint8_t *merkle, const uint8_t *data,
              size_t len, uint64_t offset, struct error *err)
{
  uint8_t digest[MERKLE_DIGEST];
  size_t n;

  for (size_t at = 0; at < len; at += n) {
    const uint8_t *expected = merkle + (offset + at) / MERKLE_GROUP * MERKLE_DIGEST;

    n = len - at < MERKLE_GROUP ? len - at : MERKLE_GROUP;
    if (merkle_group_digest (data + at, n, recipe->image_size, digest, err) == -1)
      return -1;
    if (memcmp (digest, expected, sizeof digest) != 0)
      return error_set (
        err, 0,
        "%s: bytes %" PRIu64 " to %" PRIu64
        " have not the digest on record: the recipe or a source is damaged",
        recipe->path, offset + at, offset + at + n - 1);
  }
  return 0;
}

size_t
first_difference (const uint8_t *a, const uint8_t *b, size_t len)
{
  size_t i = 0;

  if (memcmp (a, b, len) == 0)
    return len;
  while (a[i] == b[i])
    i++;
  return i;
}
