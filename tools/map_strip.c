/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small maps: see map_strip.h.  Cells of one colour that are side by side are one stroke: a
 * title that is read from the disc in order has as many strokes as rows.
 */
#include "config.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map_strip.h"

/* Less of a column than this part of it is not shown. */
#define VISIBLE 64u

struct strip {
  const struct recipe_map *map;
  FILE *out;
  /* Which rows each column has, of the colour that is being drawn. */
  bool cells[STRIP_COLUMNS][STRIP_ROWS];
};

unsigned
map_magnitude (uint64_t part, uint64_t whole, unsigned most)
{
  double height;

  if (part == 0 || whole == 0)
    return 0;
  height = most * (1 + log10 ((double) part / (double) whole) / 4);
  return height < 1 ? 1 : height > most ? most : (unsigned) (height + 0.5);
}

static uint64_t
column_bytes (const struct recipe_map *map, unsigned column)
{
  return recipe_map_column_at (map, column + 1) - recipe_map_column_at (map, column);
}

/* The first source is at the bottom. */
static unsigned
strip_row (const struct recipe_map *map, unsigned row)
{
  return STRIP_ROWS - 1 - row * STRIP_ROWS / map->n_rows;
}

static bool
mark_cells (struct strip *s, unsigned colour)
{
  const struct recipe_map *map = s->map;
  bool any = false;

  memset (s->cells, 0, sizeof s->cells);
  for (uint32_t i = colour; i < map->n_sources; i += STRIP_COLOURS)
    for (unsigned column = 0; column < STRIP_COLUMNS; column++)
      for (unsigned row = map->first_row[i]; row < map->first_row[i + 1]; row++) {
        uint64_t bytes = map->cells[(size_t) column * map->n_rows + row];

        if (bytes > 0 && bytes >= column_bytes (map, column) / VISIBLE) {
          s->cells[column][strip_row (map, row)] = true;
          any = true;
        }
      }
  return any;
}

static void
draw_row (struct strip *s, unsigned row)
{
  for (unsigned at = 0, end; at < STRIP_COLUMNS; at = end) {
    end = at + 1;
    if (!s->cells[at][row])
      continue;
    while (end < STRIP_COLUMNS && s->cells[end][row])
      end++;
    fprintf (s->out, "M%u %u.5h%u", at, row, end - at);
  }
}

/* A row is a unit high, and so is the stroke. */
static void
draw_sources (struct strip *s)
{
  for (unsigned colour = 0; colour < STRIP_COLOURS && colour < s->map->n_sources;
       colour++) {
    if (!mark_cells (s, colour))
      continue;
    fprintf (s->out, "<path class=\"s%u\" d=\"", colour);
    for (unsigned row = 0; row < STRIP_ROWS; row++)
      draw_row (s, row);
    fputs ("\"/>", s->out);
  }
}

/* How high a column stands in the lane, if it is of this kind. */
static unsigned
lane_height (const struct recipe_map *map, unsigned column, bool is_much)
{
  uint64_t literal = map->columns[column][MAP_LITERAL], all = column_bytes (map, column);

  if ((literal >= all / STRIP_MUCH) != is_much)
    return 0;
  return map_magnitude (literal, all, STRIP_LANE);
}

/* The outline of what is on no source, upwards from the bottom. */
static void
draw_lane (struct strip *s, const char *class_name, bool is_much)
{
  unsigned before = 0, at = 0;
  bool is_begun = false;

  for (unsigned i = 0; i <= STRIP_COLUMNS; i++) {
    unsigned height = i < STRIP_COLUMNS ? lane_height (s->map, i, is_much) : 0;

    if (height == before)
      continue;
    if (!is_begun)
      fprintf (s->out, "<path class=\"%s\" d=\"M0 %u", class_name, STRIP_HEIGHT);
    if (i > at)
      fprintf (s->out, "h%u", i - at);
    fprintf (s->out, "V%u", STRIP_HEIGHT - height);
    is_begun = true;
    at = i;
    before = height;
  }
  if (is_begun)
    fputs ("z\"/>", s->out);
}

char *
map_strip (const struct recipe_map *map)
{
  struct strip s = { .map = map };
  char *text = NULL;
  size_t len;
  bool failed;

  s.out = open_memstream (&text, &len);
  if (!s.out)
    return NULL;
  draw_sources (&s);
  draw_lane (&s, "h", false);
  draw_lane (&s, "u", true);
  failed = ferror (s.out);
  if (fclose (s.out) != 0 || failed) {
    free (text);
    return NULL;
  }
  return text;
}
