/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of an image for who looks at its Matroska structure: of the MKV; of the recipe with
 * its sources; or of the recipe alone, with zeros where a source is missing.  Headers are what
 * no source has, so that even then most of the structure is there.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_DELTA_INPUT_H
#define MKVDUP_DELTA_INPUT_H

#include <stddef.h>

#include "mkv_regions.h"
#include "open_image.h"

struct delta_input {
  struct mkv_input input; /* whose opaque is this: it must not be moved */
  struct open_image image;
  int fd;           /* of the MKV; -1 */
  const char *of;   /* "the MKV", "the sources", "the recipe"; static */
  struct error err; /* why a read failed */
};

#define CLEANUP_DELTA_INPUT __attribute__ ((cleanup (delta_input_close)))

/* `mkv` may be NULL.  Without it the sources are used, if all of them are where `places` or the
 * sidecar say.  To be closed if it succeeds.
 */
int delta_input_open (struct delta_input *d, const char *recipe, const char *mkv,
                      const char *const *places, size_t n_places, struct error *err);
void delta_input_close (struct delta_input *d);

#endif /* MKVDUP_DELTA_INPUT_H */
