/* SPDX-License-Identifier: BSD-3-Clause */
/* Which bytes of which sources a range of an image is made of: who may be to blame for it. */
#ifndef MKVDUP_IMAGE_BLAME_H
#define MKVDUP_IMAGE_BLAME_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"

/* All that is wanted of a source lies in its bytes [from, end); not all of those need be. */
struct image_blame {
  uint32_t source; /* its number in the recipe */
  uint64_t from, end;
};

/*
 * The sources that bytes [offset, offset + len) of the image are made of, by number; none
 * of them is read.  The caller frees *blames, which is NULL if there is none.  -1 with `err`
 * set: the recipe is damaged there, or memory ran out.  Thread safe.
 */
int image_blame (struct image *img, uint64_t offset, uint64_t len,
                 struct image_blame **blames, size_t *n, struct error *err);

#endif /* MKVDUP_IMAGE_BLAME_H */
