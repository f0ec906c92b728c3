/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recipes that know nothing of media, for tests of what reads them: where a block of
 * the image is the same as the source's at the same offset it is copied, otherwise it is
 * literal.
 */
#ifndef MKVDUP_TESTS_BLOCK_RECIPE_H
#define MKVDUP_TESTS_BLOCK_RECIPE_H

#include "error.h"
#include "recipe.h"

struct block_recipe {         /* borrows all */
  const char *image, *source; /* paths of files */
  const char *name;           /* of the source in the recipe */
  const char *zlib;           /* its version; NULL: none */
  struct recipe_note note;    /* key NULL: none */
};

/* Make the recipe file `path`, or replace it. */
int block_recipe_write (const struct block_recipe *b, const char *path,
                        struct error *err);

#endif /* MKVDUP_TESTS_BLOCK_RECIPE_H */
