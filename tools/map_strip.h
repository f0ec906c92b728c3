/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map of a title as small as it gets, for pages with thousands of them: what is inside of an
 * <svg viewBox="0 0 240 96">.  From left to right runs the image, from bottom to top the
 * sources; below, in a lane of its own, is how much of the image is on no source, by orders of
 * magnitude.  Colours are classes: "s0" to "s6" for sources, by number; "u" for much that is on
 * none, "h" for the little of headers that nearly all of an MKV has.
 */
#ifndef MKVDUP_MAP_STRIP_H
#define MKVDUP_MAP_STRIP_H

#include "recipe_map.h"

#define STRIP_COLUMNS 240u
#define STRIP_ROWS 72u /* of the sources */
#define STRIP_LANE 20u /* of what is on none, with a gap above */
#define STRIP_HEIGHT 96u
#define STRIP_COLOURS 7u
#define STRIP_MUCH 50u /* a part of a column in so many is much */

/* Of a map with STRIP_COLUMNS; malloced, NULL when out of memory. */
char *map_strip (const struct recipe_map *map);

/* 0 for none, else 1 to `most` for up to 0.0001, …, 1: how high a share stands. */
unsigned map_magnitude (uint64_t part, uint64_t whole, unsigned most);

#endif /* MKVDUP_MAP_STRIP_H */
