/* SPDX-License-Identifier: BSD-3-Clause */
/* An image opened by a command: see open_image.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "open_image.h"

/* Where the sources are when no option says so.  No sidecar: nowhere. */
static int
places_of_sidecar (struct open_image *o, const char *recipe_path, struct error *err)
{
  CLEANUP_FREE char *path = sidecar_path (recipe_path);

  if (!path)
    return error_set (err, ENOMEM, "%s", recipe_path);
  if (sidecar_read (&o->sidecar, path, err) == -1)
    return err->errnum == ENOENT ? 0 : -1;
  o->places = (const char *const *) &o->sidecar.source_dir;
  o->n_places = 1;
  return 0;
}

static int
open_recipe (struct open_image *o, const char *path, struct error *err)
{
  if (o->n_places == 0 && places_of_sidecar (o, path, err) == -1)
    return -1;
  o->cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  if (!o->cache)
    return error_set (err, ENOMEM, "%s", path);
  o->image = image_open (path, o->places, o->n_places, o->cache, err);
  if (!o->image)
    return -1;
  o->recipe = image_recipe (o->image);
  return 0;
}

static int
open_all (struct open_image *o, const char *path, struct error *err)
{
  if (open_recipe (o, path, err) == -1)
    return -1;
  if (o->n_places == 0 && o->recipe->n_sources > 0)
    return error_set (
      err, 0, "%s: no --source, and no %s.yaml to say where its sources are", path, path);
  if (content_check_begin (&o->check, o->recipe, err) == -1)
    return -1;
  return image_open_sources (o->image, err);
}

typedef int open_fn (struct open_image *o, const char *path, struct error *err);

static int
open_with (open_fn *open, struct open_image *o, const char *path,
           const char *const *places, size_t n_places, struct error *err)
{
  *o = (struct open_image){ .places = places, .n_places = n_places };
  if (open (o, path, err) == -1) {
    open_image_close (o);
    return -1;
  }
  return 0;
}

int
open_image_open (struct open_image *o, const char *path, const char *const *places,
                 size_t n_places, struct error *err)
{
  return open_with (open_all, o, path, places, n_places, err);
}

int
open_image_without_sources (struct open_image *o, const char *path,
                            const char *const *places, size_t n_places, struct error *err)
{
  return open_with (open_recipe, o, path, places, n_places, err);
}

void
open_image_close (struct open_image *o)
{
  if (o->image)
    image_close (o->image);
  if (o->cache)
    segment_cache_free (o->cache);
  sidecar_free (&o->sidecar);
  content_check_free (&o->check);
  *o = (struct open_image){ 0 };
}
