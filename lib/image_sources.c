/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources of an image: opened when first wanted, and looked for again when one has
 * failed.  The image's lock is held while a source is looked for, so that one
 * thread does it; reading takes no lock.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "image_parts.h"

/* Looking for a source costs a dozen reads: its outcome holds for so long. */
#define LOOK_AGAIN_NS INT64_C (1000000000)

static int64_t
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* At its places, or wherever the finder finds it. */
static int
find_source (struct image *img, const struct recipe_source *id, struct source *found,
             struct error *err)
{
  struct error reason = ERROR_INIT;

  if (source_open (id, (const char *const *) img->places, img->n_places, img->direct,
                   found, err) == 0)
    return 0;
  if (!img->finder)
    return -1;
  if (img->finder->open (img->finder->opaque, id, img->direct, found, &reason) == 0)
    return 0;
  if (reason.text[0]) {
    error_context (&reason, "%s; and", err->text);
    reason.errnum = err->errnum;
    *err = reason;
  }
  return -1;
}

/* Open source `number`, which may be open: then its descriptor is replaced, which
 * readers do not notice.  Called with the lock held.
 */
static int
open_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];
  struct source found;

  if (find_source (img, &img->recipe->sources[number], &found, err) == -1)
    return -1;
  if (!atomic_load_explicit (&s->is_open, memory_order_relaxed)) {
    s->source.fd = found.fd;
    s->source.path = found.path;
    s->source.size = found.size;
    s->source.align = found.align;
    s->source.advice = found.advice;
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

const struct source *
image_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];

  if (!atomic_load_explicit (&s->is_open, memory_order_acquire) &&
      look_for_source (img, number, err) == -1)
    return NULL;
  return &s->source;
}

int
image_recover_source (struct image *img, const struct source *failed, struct error *err)
{
  const struct image_source *s = (const struct image_source *) (const void *) failed;
  struct error reason = ERROR_INIT;

  _Static_assert(offsetof (struct image_source, source) == 0, "see the cast");
  if (look_for_source (img, (uint32_t) (s - img->sources), &reason) == 0)
    return 0;
  error_context (&reason, "%s; and now", err->text);
  *err = reason;
  return -1;
}
