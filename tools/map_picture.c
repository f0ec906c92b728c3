/* SPDX-License-Identifier: BSD-3-Clause */
/* The picture of a title: see map_picture.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "map_picture.h"
#include "message.h"
#include "utf8.h"

/* Where things are. */
#define LEFT 272.0 /* of the plots; names of sources are left of them */
#define TOP 118.0
#define WIDTH ((double) PICTURE_COLUMNS)
#define HEIGHT ((double) PICTURE_ROWS)
#define USE_LEFT (LEFT + WIDTH + 24) /* of the margin at the right … */
#define USE_WIDTH 130.0
#define LANE_TOP (TOP + HEIGHT + 36)
#define LANE_HEIGHT 96.0
#define LEGEND_TOP (LANE_TOP + LANE_HEIGHT + 72)

/* The lane's scale: from so small a part of a column up to all of it. */
#define LANE_DECADES 4

/* More of a column than this is not just headers. */
#define MUCH 0.02

/* How dark cells are, in steps: each is a path of its own. */
#define SHADES 5u

/* No stroke is thinner: a film is one thin line across the plot. */
#define THINNEST 2.6

/* Names of sources. */
#define NAME_CHARACTERS 30u

struct picture {
  struct canvas *canvas;
  const struct recipe *recipe;
  const struct recipe_map *map;
  double row_height;
  struct canvas_rect *rects; /* room for one a cell of a path; owned */
  size_t n_rects;
};

/* ---- Small things */

static void
write_text (struct picture *p, enum canvas_ink ink, enum canvas_anchor anchor,
            double size, double x, double y, const char *text)
{
  canvas_write (
    p->canvas,
    &(struct canvas_text){
      .ink = ink, .anchor = anchor, .x = x, .y = y, .size = size, .text = text });
}

static void
write_name (struct picture *p, struct canvas_text text, size_t most)
{
  CLEANUP_FREE char *shown = utf8_shorten (text.text, most);

  text.text = shown ? shown : "";
  canvas_write (p->canvas, &text);
}

static void
fill (struct picture *p, enum canvas_ink ink, double x, double y, double width,
      double height)
{
  const struct canvas_rect rect = { x, y, width, height };

  canvas_rects (p->canvas, ink, 1, &rect, 1);
}

static enum canvas_ink
source_ink (uint32_t source)
{
  return (enum canvas_ink) (INK_COLOUR + source % CANVAS_COLOURS);
}

static uint64_t
column_bytes (const struct recipe_map *map, unsigned column)
{
  return recipe_map_column_at (map, column + 1) - recipe_map_column_at (map, column);
}

static double
literal_share (const struct recipe_map *map, unsigned column)
{
  uint64_t all = column_bytes (map, column);

  return all > 0 ? (double) map->columns[column][MAP_LITERAL] / (double) all : 0;
}

/* 1, 2 or 5 times a power of ten: about `parts` of them are `whole`. */
static double
nice_step (double whole, double parts)
{
  double step = pow (10, floor (log10 (whole / parts)));
  double n = whole / step / parts;

  return n > 5 ? 10 * step : n > 2 ? 5 * step : n > 1 ? 2 * step : step;
}

/* ---- The cells */

static unsigned
shade_of (const struct picture *p, unsigned column, unsigned row)
{
  uint64_t bytes = p->map->cells[(size_t) column * p->map->n_rows + row];
  uint64_t all = column_bytes (p->map, column);

  if (bytes == 0)
    return 0;
  return 1 + (unsigned) ((double) bytes / (double) all * SHADES * 0.999);
}

/* All cells of one shade of one source; those side by side are one rectangle. */
static void
draw_shade (struct picture *p, uint32_t source, unsigned shade)
{
  const struct recipe_map *map = p->map;

  p->n_rects = 0;
  for (unsigned row = map->first_row[source]; row < map->first_row[source + 1]; row++)
    for (unsigned at = 0, end; at < map->n_columns; at = end) {
      end = at + 1;
      if (shade_of (p, at, row) != shade)
        continue;
      while (end < map->n_columns && shade_of (p, end, row) == shade)
        end++;
      p->rects[p->n_rects++] =
        (struct canvas_rect){ LEFT + at, TOP + HEIGHT - (row + 1) * p->row_height,
                              end - at,
                              p->row_height < THINNEST ? THINNEST : p->row_height };
    }
  canvas_rects (p->canvas, source_ink (source), 0.3 + 0.7 * shade / SHADES, p->rects,
                p->n_rects);
}

/* How much of each of its rows is used. */
static void
draw_use (struct picture *p, uint32_t source)
{
  const struct recipe_map *map = p->map;
  unsigned first = map->first_row[source], n = map->first_row[source + 1] - first;
  double all = (double) p->recipe->sources[source].size / n;

  p->n_rects = 0;
  for (unsigned row = first; row < first + n; row++) {
    double bytes = 0, part;

    for (unsigned column = 0; column < map->n_columns; column++)
      bytes += (double) map->cells[(size_t) column * map->n_rows + row];
    part = bytes < all ? bytes / all : 1;
    if (part > 0)
      p->rects[p->n_rects++] =
        (struct canvas_rect){ USE_LEFT, TOP + HEIGHT - (row + 1) * p->row_height,
                              part * USE_WIDTH, p->row_height };
  }
  canvas_rects (p->canvas, source_ink (source), 0.85, p->rects, p->n_rects);
}

/* ---- Names and axes */

/* Beside its band, if that is high enough. */
static void
name_source (struct picture *p, uint32_t source)
{
  const struct recipe_source *s = &p->recipe->sources[source];
  double bottom = TOP + HEIGHT - p->map->first_row[source] * p->row_height;
  double top = TOP + HEIGHT - p->map->first_row[source + 1] * p->row_height;
  double y = (bottom + top) / 2 + 4;
  char bytes[AMOUNT_MAX], text[2 * AMOUNT_MAX];
  bool has_room = bottom - top > 36;

  if (source > 0)
    fill (p, INK_LINE, LEFT - 8, bottom, WIDTH + 8, 1);
  fill (p, source_ink (source), LEFT - 8, top + 1, 4, bottom - top - 1);
  if (bottom - top < 11)
    return;
  write_name (p,
              (struct canvas_text){ .ink = INK_TEXT,
                                    .anchor = ANCHOR_END,
                                    .x = LEFT - 16,
                                    .y = has_room ? y - 8 : y,
                                    .size = bottom - top < 16 ? 10 : 13,
                                    .bold = has_room,
                                    .text = s->path },
              NAME_CHARACTERS);
  if (!has_room)
    return;
  snprintf (text, sizeof text, "%s, gives %.4g %%", amount_bytes (s->size, bytes),
            100 * (double) p->map->source_bytes[source] / (double) p->map->image_size);
  write_text (p, INK_SOFT, ANCHOR_END, 12, LEFT - 16, y + 9, text);
}

/* "20 MB" rather than "20.0 MB". */
static const char *
round_bytes (double bytes, char text[AMOUNT_MAX])
{
  char *zero;

  amount_bytes ((uint64_t) bytes, text);
  zero = strstr (text, ".0 ");
  if (zero)
    memmove (zero, zero + 2, strlen (zero + 2) + 1);
  return bytes < 1 ? "0" : text;
}

/* Lines through a plot from `top` to `y`, and offsets in the image below it. */
static void
draw_offsets (struct picture *p, double top, double y, bool has_labels)
{
  double size = (double) p->map->image_size, step = nice_step (size, 10);
  char bytes[AMOUNT_MAX];

  for (unsigned i = 0; i * step <= size; i++) {
    double at = i * step, x = LEFT + at / size * WIDTH;
    enum canvas_anchor anchor = i == 0                  ? ANCHOR_START
                                : x > LEFT + WIDTH - 24 ? ANCHOR_END
                                                        : ANCHOR_MIDDLE;

    fill (p, INK_LINE, x, top, 1, y - top + (has_labels ? 5 : 0));
    if (has_labels)
      write_text (p, INK_SOFT, anchor, 12, x, y + 20, round_bytes (at, bytes));
  }
}

static void
draw_sources (struct picture *p)
{
  fill (p, INK_FIELD, LEFT, TOP, WIDTH, HEIGHT);
  fill (p, INK_FIELD, USE_LEFT, TOP, USE_WIDTH, HEIGHT);
  draw_offsets (p, TOP, TOP + HEIGHT, false);
  write_text (
    p, INK_SOFT, ANCHOR_START, 12, LEFT, TOP - 12,
    "Where each part of the MKV lies: a source begins at the bottom of its band, "
    "and ends at its top");
  write_text (p, INK_SOFT, ANCHOR_START, 12, USE_LEFT, TOP - 12, "Used of the source");
  write_text (p, INK_SOFT, ANCHOR_START, 12, USE_LEFT, TOP + HEIGHT + 20, "0");
  write_text (p, INK_SOFT, ANCHOR_END, 12, USE_LEFT + USE_WIDTH, TOP + HEIGHT + 20,
              "100 %");
  for (uint32_t i = 0; i < p->map->n_sources; i++) {
    for (unsigned shade = 1; shade <= SHADES; shade++)
      draw_shade (p, i, shade);
    draw_use (p, i);
    name_source (p, i);
  }
}

/* ---- What is on no source */

static double
lane_height (double share)
{
  double height = share > 0 ? 1 + log10 (share) / LANE_DECADES : 0;

  return share <= 0 ? 0 : height < 0.03 ? 0.03 * LANE_HEIGHT : height * LANE_HEIGHT;
}

static void
draw_columns (struct picture *p, bool is_much)
{
  p->n_rects = 0;
  for (unsigned i = 0; i < p->map->n_columns; i++) {
    double share = literal_share (p->map, i), height = lane_height (share);

    if (height > 0 && (share >= MUCH) == is_much)
      p->rects[p->n_rects++] =
        (struct canvas_rect){ LEFT + i, LANE_TOP + LANE_HEIGHT - height, 1, height };
  }
  canvas_rects (p->canvas, is_much ? INK_SIGNAL : INK_PALE, 1, p->rects, p->n_rects);
}

/* The longest runs, as far as they are worth it and there is room. */
static void
name_runs (struct picture *p)
{
  double taken[MAP_RUNS];
  unsigned n = 0;
  char bytes[AMOUNT_MAX], at[AMOUNT_MAX], text[2 * AMOUNT_MAX + 8];

  for (unsigned i = 0; i < p->map->n_longest && n < 6; i++) {
    const struct map_run *run = &p->map->runs[i];
    double middle = (double) run->at + (double) run->len / 2;
    double x = LEFT + middle / (double) p->map->image_size * WIDTH;
    bool has_room = true;

    if ((double) run->len < MUCH * (double) p->map->image_size / p->map->n_columns)
      break;
    for (unsigned k = 0; k < n; k++)
      has_room = has_room && fabs (taken[k] - x) > 190;
    if (!has_room)
      continue;
    taken[n++] = x;
    snprintf (text, sizeof text, "%s at %s", amount_bytes (run->len, bytes),
              amount_bytes (run->at, at));
    write_text (p, INK_SIGNAL,
                x < LEFT + 95           ? ANCHOR_START
                : x > LEFT + WIDTH - 95 ? ANCHOR_END
                                        : ANCHOR_MIDDLE,
                12,
                x < LEFT + 95           ? LEFT
                : x > LEFT + WIDTH - 95 ? LEFT + WIDTH
                                        : x,
                LANE_TOP - 5, text);
  }
}

static void
draw_lane (struct picture *p)
{
  static const char *const shares[LANE_DECADES + 1] = { "0.01 %", "0.1 %", "1 %", "10 %",
                                                        "all" };
  char bytes[AMOUNT_MAX], text[2 * AMOUNT_MAX];
  uint64_t literal = p->map->bytes[MAP_LITERAL];

  fill (p, INK_FIELD, LEFT, LANE_TOP, WIDTH, LANE_HEIGHT);
  for (unsigned i = 0; i <= LANE_DECADES; i++) {
    double y = LANE_TOP + LANE_HEIGHT - LANE_HEIGHT * i / LANE_DECADES;

    fill (p, INK_LINE, LEFT, y, WIDTH, 1);
    write_text (p, INK_SOFT, ANCHOR_START, 11, LEFT + WIDTH + 8, y + 4, shares[i]);
  }
  draw_offsets (p, LANE_TOP, LANE_TOP + LANE_HEIGHT, true);
  draw_columns (p, false);
  draw_columns (p, true);
  canvas_write (p->canvas, &(struct canvas_text){ .ink = INK_TEXT,
                                                  .anchor = ANCHOR_END,
                                                  .x = LEFT - 16,
                                                  .y = LANE_TOP + LANE_HEIGHT / 2 - 4,
                                                  .size = 13,
                                                  .bold = true,
                                                  .text = "On no source" });
  snprintf (text, sizeof text, "%s, %.3g %%", amount_bytes (literal, bytes),
            100 * (double) literal / (double) p->map->image_size);
  write_text (p, INK_SOFT, ANCHOR_END, 12, LEFT - 16, LANE_TOP + LANE_HEIGHT / 2 + 13,
              text);
  name_runs (p);
  write_text (p, INK_SOFT, ANCHOR_MIDDLE, 12, LEFT + WIDTH / 2,
              LANE_TOP + LANE_HEIGHT + 42, "Offset in the MKV");
}

/* ---- The legend */

/* A square and what it means; where the next one goes. */
static double
explain (struct picture *p, enum canvas_ink ink, double opacity, double x,
         const char *text)
{
  const struct canvas_rect square = { x, LEGEND_TOP, 12, 12 };

  canvas_rects (p->canvas, ink, opacity, &square, 1);
  write_text (p, INK_SOFT, ANCHOR_START, 12, x + 18, LEGEND_TOP + 11, text);
  return x + 44 + 7.0 * (double) strlen (text);
}

static void
draw_legend (struct picture *p)
{
  double x = LEFT;

  x = explain (p, INK_COLOUR, 1, x, "most of that part of the MKV");
  x = explain (p, INK_COLOUR, 0.44, x, "some of it (a colour a source)");
  x = explain (p, INK_PALE, 1, x, "headers between frames, as everywhere");
  explain (p, INK_SIGNAL, 1, x, "more than 2 % on no source");
}

/* ---- All of it */

char *
map_picture_words (const struct recipe *recipe, const struct recipe_map *map)
{
  uint64_t literal = map->bytes[MAP_LITERAL],
           other = map->bytes[MAP_TRANSFORM] + map->bytes[MAP_RECODED];
  char image[AMOUNT_MAX], small[AMOUNT_MAX], form[AMOUNT_MAX + 64] = "", *words;

  if (other > 0) {
    snprintf (form, sizeof form, ", %s in another form there",
              amount_bytes (other, image));
  }
  if (asprintf (
        &words,
        "%s from %" PRIu32 " source%s, in a recipe of %s: %.4f %% saved, %.4g %% on "
        "no source%s",
        amount_bytes (map->image_size, image), map->n_sources,
        map->n_sources == 1 ? "" : "s", amount_bytes (recipe->file_size, small),
        percent_saved (recipe->file_size, map->image_size),
        map->image_size > 0 ? 100 * (double) literal / (double) map->image_size : 0,
        form) == -1)
    return NULL;
  return words;
}

int
map_picture_draw (struct canvas *c, const struct recipe *recipe,
                  const struct recipe_map *map, const char *title, const char *words,
                  struct error *err)
{
  CLEANUP_FREE struct canvas_rect *rects =
    calloc ((size_t) map->n_columns * (map->n_rows + 1u), sizeof *rects);
  struct picture p = { .canvas = c, .recipe = recipe, .map = map, .rects = rects };

  if (!rects)
    return error_set (err, ENOMEM, "the picture");
  p.row_height = map->n_rows > 0 ? HEIGHT / map->n_rows : HEIGHT;
  fill (&p, INK_PAPER, 0, 0, PICTURE_WIDTH, PICTURE_HEIGHT);
  write_name (
    &p,
    (struct canvas_text){
      .ink = INK_TEXT, .x = 32, .y = 48, .size = 26, .bold = true, .text = title },
    90);
  write_name (
    &p,
    (struct canvas_text){ .ink = INK_SOFT, .x = 32, .y = 75, .size = 15, .text = words },
    180);
  if (map->image_size > 0) {
    draw_sources (&p);
    draw_lane (&p);
  }
  draw_legend (&p);
  return 0;
}
