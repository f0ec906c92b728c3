/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recipes that were never written: for tests of what reads them.
 *
 * A test that links fake-recipe.c with
 * -Wl,--wrap=recipe_open,--wrap=recipe_close,--wrap=recipe_segment,--wrap=segment_free
 * gives the segments itself.
 */
#ifndef MKVDUP_FAKE_RECIPE_H
#define MKVDUP_FAKE_RECIPE_H

#include <stdatomic.h>

#include "recipe.h"

/* What recipe_open returns, whatever the path; NULL: it fails. */
extern struct recipe *fake_recipe;

/* What recipe_segment returns: made with fake_segment, or NULL with err set. */
extern struct segment *(*fake_recipe_segment) (const struct recipe *r, uint32_t number,
                                               struct error *err);

/* How many there are at the moment: decoded and not freed. */
extern atomic_int fake_segments;

/* A segment of its own memory with a copy of all that `model` points to. */
struct segment *fake_segment (const struct segment *model);

#endif /* MKVDUP_FAKE_RECIPE_H */
