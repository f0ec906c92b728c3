/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image opened by a command: the recipe, its sources where the options or the
 * sidecar say, and what tells whether its bytes are right.
 */
#ifndef MKVDUP_OPEN_IMAGE_H
#define MKVDUP_OPEN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "content_check.h"
#include "error.h"
#include "image.h"
#include "sidecar.h"

struct open_image {
  struct segment_cache *cache;
  struct image *image;
  const struct recipe *recipe; /* the image's */
  struct sidecar sidecar;      /* empty when `places` was given */
  const char *const *places;   /* borrowed, or &sidecar.source_dir */
  size_t n_places;
  struct content_check check;
};

#define CLEANUP_OPEN_IMAGE __attribute__ ((cleanup (open_image_close)))

/* Open the recipe at `path` and all its sources.  `places` has to outlive it; when
 * there are none, the sidecar's source_dir is the one.  On failure nothing is left
 * open.
 */
int open_image_open (struct open_image *o, const char *path, const char *const *places,
                     size_t n_places, struct error *err);

/* The same for those who can do without: sources are opened when they are read, if they are
 * there, and `check` is not begun.
 */
int open_image_without_sources (struct open_image *o, const char *path,
                                const char *const *places, size_t n_places,
                                struct error *err);
void open_image_close (struct open_image *o);

#endif /* MKVDUP_OPEN_IMAGE_H */
