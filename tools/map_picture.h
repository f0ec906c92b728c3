/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map of one title as a picture.  The image runs from left to right, its sources from
 * bottom to top, and a cell is as dark as much of its column comes from there.  Below, in a
 * lane of its own, is what is on no source, on a scale of powers of ten; at the right, how much
 * of each part of the sources is used.
 */
#ifndef MKVDUP_MAP_PICTURE_H
#define MKVDUP_MAP_PICTURE_H

#include "canvas.h"
#include "recipe.h"
#include "recipe_map.h"

#define PICTURE_WIDTH 1600
#define PICTURE_HEIGHT 980

/* What recipe_map_make is to be given. */
#define PICTURE_COLUMNS 1120u
#define PICTURE_ROWS 620u

/* A line about it all, malloced; NULL when out of memory. */
char *map_picture_words (const struct recipe *recipe, const struct recipe_map *map);

/* `title` and `words` may be anything. */
int map_picture_draw (struct canvas *c, const struct recipe *recipe,
                      const struct recipe_map *map, const char *title, const char *words,
                      struct error *err);

#endif /* MKVDUP_MAP_PICTURE_H */
