/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The public interface: see mkvdup.h.  An image with a cache of its own: programs that open
 * many at once are servers, for which there is the plugin.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "image.h"
#include "mkvdup.h"
#include "sidecar.h"

/* Some segments: who reads in order needs one or two. */
#define CACHE_BYTES ((size_t) 64 << 20)

struct mkvdup {
  struct segment_cache *cache;
  struct image *image;
};

static int
places_of_sidecar (const char *recipe, struct sidecar *sidecar, struct error *err)
{
  CLEANUP_FREE char *path = sidecar_path (recipe);

  if (!path)
    return error_set (err, ENOMEM, "%s", recipe);
  return sidecar_read (sidecar, path, err);
}

static int
open_image (struct mkvdup *m, const char *recipe, const char *const *places, size_t n,
            struct error *err)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };

  if (n == 0) {
    if (places_of_sidecar (recipe, &sidecar, err) == -1)
      return -1;
    places = (const char *const *) &sidecar.source_dir;
    n = 1;
  }
  m->cache = segment_cache_new (CACHE_BYTES);
  if (!m->cache)
    return error_set (err, ENOMEM, "%s", recipe);
  m->image = image_open (recipe, places, n, m->cache, err);
  return m->image ? image_set_verify (m->image, IMAGE_VERIFY_LAZY, err) : -1;
}

static void
tell (const struct error *err, char *error, size_t error_size)
{
  if (error && error_size > 0)
    snprintf (error, error_size, "%s", err->text);
}

struct mkvdup *
mkvdup_open (const char *recipe, const char *const *sources, size_t n_sources,
             char *error, size_t error_size)
{
  struct mkvdup *m = calloc (1, sizeof *m);
  struct error err = ERROR_INIT;

  if (!m)
    error_set (&err, ENOMEM, "%s", recipe);
  else if (open_image (m, recipe, sources, n_sources, &err) == 0)
    return m;
  mkvdup_close (m);
  tell (&err, error, error_size);
  return NULL;
}

uint64_t
mkvdup_size (const struct mkvdup *image)
{
  return image_size (image->image);
}

int
mkvdup_read (struct mkvdup *image, void *buf, size_t count, uint64_t offset, char *error,
             size_t error_size)
{
  struct error err = ERROR_INIT;
  uint64_t size = image_size (image->image);
  int r;

  if (offset > size || count > size - offset)
    r = error_set (&err, 0, "%zu bytes from %llu on: it has %llu", count,
                   (unsigned long long) offset, (unsigned long long) size);
  else
    r = image_read (image->image, buf, count, offset, &err);
  if (r == -1)
    tell (&err, error, error_size);
  return r;
}

void
mkvdup_close (struct mkvdup *image)
{
  if (!image)
    return;
  if (image->image)
    image_close (image->image);
  segment_cache_free (image->cache);
  free (image);
}

const char *
mkvdup_version (void)
{
  return PACKAGE_VERSION;
}
