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
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "image_parts.h"

/* Looking for a source costs a dozen reads: that it is nowhere holds for so long. */
#define LOOK_AGAIN_MS 1000

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
    image_forget_proof (img);
    atomic_store (&s->source.ctime, atomic_load (&found.ctime));
    err = NULL;
  }
  source_close (&found);
  return err ? -1 : 0;
}

/* Is what is open still the right one, though something happened to it?  It may have been
 * moved, which is seen as a change.
 */
static bool
is_still_right (struct image *img, uint32_t number)
{
  struct source *source = &img->sources[number].source;
  struct error ignored = ERROR_INIT;
  int64_t ctime;

  if (!atomic_load_explicit (&img->sources[number].is_open, memory_order_relaxed))
    return false;
  /* Before the content is looked at: a change after that shows. */
  ctime = source_ctime (source);
  if (ctime == -1 ||
      source_verify (source, &img->recipe->sources[number], &ignored) == -1)
    return false;
  if (ctime != atomic_load (&source->ctime)) {
    image_forget_proof (img);
    atomic_store (&source->ctime, ctime);
  }
  return true;
}

/* Look for a source, unless that was done in vain a moment ago: then it is the same answer. */
static int
look_for_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];
  LOCK_FOR_SCOPE (&img->lock);

  if (is_still_right (img, number))
    return 0;
  if (s->failure && clock_ms () - s->looked < LOOK_AGAIN_MS) {
    *err = *s->failure;
    return -1;
  }
  free (s->failure);
  s->failure = NULL;
  if (open_source (img, number, err) == 0)
    return 0;
  s->looked = clock_ms ();
  s->failure = malloc (sizeof *s->failure);
  if (s->failure)
    *s->failure = *err;
  return -1;
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

const char *
image_source_path (const struct image *img, uint32_t number)
{
  const struct image_source *s = &img->sources[number];

  return atomic_load_explicit (&s->is_open, memory_order_acquire)
           ? s->source.path
           : img->recipe->sources[number].path;
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
