/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images: see image.h.  Their life, and reading.
 *
 * A read is cut at the borders of segments, and the operations of each are run by
 * image_walk.c.  The segment stays borrowed from the cache meanwhile; no lock is held
 * across I/O that could hold up others.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "image_parts.h"
#include "merkle.h"
#include "streams.h"

static void fetch_ahead (void *opaque, uint64_t from, uint64_t to);

struct image *
image_open (const char *path, const char *const *places, size_t n_places,
            struct segment_cache *cache, struct error *err)
{
  struct recipe *recipe = recipe_open (path, err);

  return recipe ? image_of_recipe (recipe, places, n_places, cache, err) : NULL;
}

struct image *
image_of_recipe (struct recipe *recipe, const char *const *places, size_t n_places,
                 struct segment_cache *cache, struct error *err)
{
  struct image *img = calloc (1, sizeof *img);

  if (!img) {
    error_set (err, ENOMEM, "%s", recipe->path);
    recipe_close (recipe);
    return NULL;
  }
  pulse_init (&img->recipe_pulse);
  pthread_mutex_init (&img->proof.lock, NULL);
  pthread_mutex_init (&img->digests.lock, NULL);
  pthread_cond_init (&img->proof.released, NULL);
  img->cache = cache;
  img->recipe = recipe;
  atomic_init (&img->recipe_changes, atomic_load (&recipe->state->changes));
  img->ahead = ahead_new (img->recipe->image_size, fetch_ahead, img);
  img->sources = calloc (img->recipe->n_sources + 1, sizeof *img->sources);
  img->places = calloc (n_places + 1, sizeof *img->places);
  for (uint32_t i = 0; img->sources && i < img->recipe->n_sources; ++i)
    image_source_init (&img->sources[i]);
  if (!img->ahead || !img->sources || !img->places)
    goto no_memory;
  for (; img->n_places < n_places; ++img->n_places) {
    img->places[img->n_places] = strdup (places[img->n_places]);
    if (!img->places[img->n_places])
      goto no_memory;
  }
  return img;

no_memory:
  error_set (err, ENOMEM, "%s", recipe->path);
  image_close (img);
  return NULL;
}

bool
image_is_busy (const struct image *img)
{
  return ahead_is_busy (img->ahead);
}

void
image_close (struct image *img)
{
  if (!img)
    return;
  ahead_free (img->ahead);
  if (img->recipe) {
    segment_cache_forget (img->cache, img->recipe);
    for (uint32_t i = 0; img->sources && i < img->recipe->n_sources; ++i)
      image_source_release (&img->sources[i]);
    recipe_close (img->recipe);
  }
  for (size_t i = 0; img->places && i < img->n_places; ++i)
    free (img->places[i]);
  free (img->places);
  free (img->sources);
  free (img->proof.proven);
  pulse_destroy (&img->recipe_pulse);
  pthread_cond_destroy (&img->proof.released);
  pthread_mutex_destroy (&img->proof.lock);
  pthread_mutex_destroy (&img->digests.lock);
  free (img);
}

void
image_read_directly (struct image *img)
{
  img->direct = true;
}

void
image_set_finder (struct image *img, const struct source_finder *finder)
{
  img->finder = finder;
}

void
image_set_notice (struct image *img, image_notice_fn *fn, void *opaque)
{
  img->notice = fn;
  img->notice_opaque = opaque;
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

int
image_would_wait (struct error *err)
{
  return error_set (err, EAGAIN, "would have to wait");
}

/* The recipe's file may hang, for who reads it and for those who wait for that. */
static const struct cached_segment *
get_segment (const struct walk *w, uint32_t number, struct error *err)
{
  struct image *img = w->img;
  const struct cached_segment *got = segment_cache_try (img->cache, img->recipe, number);
  unsigned life;

  if (!got && w->no_wait)
    image_would_wait (err);
  else if (!got && !pulse_begin (&img->recipe_pulse, &life))
    pulse_error (img->recipe->path, err);
  else if (!got) {
    got = segment_cache_get (img->cache, img->recipe, number, err);
    pulse_end (&img->recipe_pulse, life);
  }
  image_note_recipe (img);
  return got;
}

int
image_each_segment (struct walk *w, uint64_t offset, uint64_t count, uint64_t most,
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
    const struct cached_segment *got;
    uint64_t part_end;

    got = get_segment (w, number, err);
    if (!got)
      return -1;
    w->seg = got->segment;
    w->base = (uint64_t) number << log2;
    part_end = w->base + w->seg->len;
    part_end = part_end < end ? part_end : end;
    r =
      fn (w, (uint32_t) (offset - w->base), (uint32_t) (part_end - w->base), opaque, err);
    segment_cache_put (w->img->cache, got);
    offset = part_end;
  }
  return r;
}

static int
read_part (struct walk *w, uint32_t at, uint32_t end, void *opaque, struct error *err)
{
  uint8_t **dst = opaque;

  /* Again if the source that failed is right, and if another has taken its place. */
  for (int tries = 0;; ++tries) {
    w->failed = NULL;
    if (image_walk (w, at, end, *dst, err) == 0)
      break;
    gather_reset (w->gather);
    if (w->no_wait || !w->failed || tries == 2 ||
        image_recover_source (w->img, w->failed, tries > 0, err) == -1)
      return -1;
  }
  *dst += end - at;
  return 0;
}

static bool
note_wait (void *opaque)
{
  struct note *note = opaque;
  struct error ignored = ERROR_INIT;
  size_t len = note->group_len;

  if (note->no_wait)
    return false;
  if (!note->done)
    ahead_note (note->img->ahead, note->offset, note->count, true);
  note->done = true;
  note->group_len = 0;
  if (len > 0 && !note->img->direct)
    image_prefetch (note->img, note->group_at, len, &ignored);
  return true;
}

int
image_read_unproven (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
                     struct note *note, struct error *err)
{
  struct walk w = { .img = img, .no_wait = note->no_wait };
  int r;

  w.gather = gather_get (false);
  if (!w.gather)
    return error_set (err, ENOMEM, "%s", img->recipe->path);
  gather_before_wait (w.gather, note_wait, note);
  r = image_each_segment (&w, offset, count, UINT64_MAX, read_part, &buf, err);
  gather_put (w.gather);
  return r;
}

static int
read_noted (struct image *img, void *buf, struct note *note, struct error *err)
{
  uint64_t offset = note->offset, count = note->count;
  int r;

  if (offset > image_size (img) || count > image_size (img) - offset)
    return error_set (err, EINVAL, "%s: read beyond the image's end", img->recipe->path);
  r = img->proof.mode == IMAGE_VERIFY_OFF
        ? image_read_unproven (img, buf, count, offset, note, err)
        : image_read_proven (img, buf, count, offset, note, err);
  if (r == 0 && !note->done && ahead_is_watching (img->ahead))
    ahead_note (img->ahead, offset, count, false);
  return r;
}

int
image_read (struct image *img, void *buf, size_t count, uint64_t offset,
            struct error *err)
{
  struct note note = {
    .img = img, .offset = offset, .count = count, .done = img->direct
  };

  return read_noted (img, buf, &note, err);
}

bool
image_try_read (struct image *img, void *buf, size_t count, uint64_t offset)
{
  struct note note = {
    .img = img, .offset = offset, .count = count, .done = img->direct, .no_wait = true
  };
  struct error ignored;

  return !img->direct && read_noted (img, buf, &note, &ignored) == 0;
}

static int
prefetch_part (struct walk *w, uint32_t at, uint32_t end, void *opaque, struct error *err)
{
  (void) opaque;
  return image_walk (w, at, end, NULL, err);
}

static int
prefetch (struct image *img, uint64_t offset, uint64_t count, bool wait,
          struct error *err)
{
  struct walk w = { .img = img, .prefetch = true, .wait = wait };
  int r;

  w.gather = gather_get (true);
  if (!w.gather)
    return error_set (err, ENOMEM, "%s", img->recipe->path);
  r = image_each_segment (&w, offset, count, ADVICE_SEGMENTS, prefetch_part, NULL, err);
  gather_put (w.gather);
  return r;
}

int
image_prefetch (struct image *img, uint64_t offset, uint64_t count, struct error *err)
{
  return prefetch (img, offset, count, false, err);
}

/* What a stream needs first it needs at once: all is asked for together.  There is time for
 * the rest to be read in order.  What cannot be fetched will fail when it is wanted.
 *
 * Where reads are proven they are of whole groups, that of `from` by whoever reads there.
 */
static void
fetch_ahead (void *opaque, uint64_t from, uint64_t to)
{
  struct image *img = opaque;
  struct error ignored = ERROR_INIT;

  if (img->proof.mode != IMAGE_VERIFY_OFF) {
    from = (from + MERKLE_GROUP - 1) / MERKLE_GROUP * MERKLE_GROUP;
    to = (to + MERKLE_GROUP - 1) / MERKLE_GROUP * MERKLE_GROUP;
    to = to < image_size (img) ? to : image_size (img);
  }
  if (from < to)
    prefetch (img, from, to - from, to - from > STREAM_WINDOW_FIRST, &ignored);
}
