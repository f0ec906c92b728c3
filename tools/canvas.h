/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Something to draw on: rectangles and text in a few named inks, as an SVG or a PNG file.
 * Coordinates are pixels from the upper left corner.
 *
 * An SVG takes its inks from the reader's preference of light or dark; a PNG is light.
 *
 * Thread safety: a canvas belongs to one thread.
 */
#ifndef MKVDUP_CANVAS_H
#define MKVDUP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "buffer.h"
#include "error.h"

#define CANVAS_COLOURS 7u /* for things that are many; then they come again */

enum canvas_ink {
  INK_PAPER,
  INK_TEXT,
  INK_SOFT,   /* text that is less important */
  INK_LINE,   /* rules and ticks */
  INK_FIELD,  /* what is behind a plot */
  INK_SIGNAL, /* what is to be seen first */
  INK_PALE,   /* the same, where it is as usual */
  INK_COLOUR, /* the first of CANVAS_COLOURS */
  CANVAS_INKS = INK_COLOUR + CANVAS_COLOURS,
};

enum canvas_anchor {
  ANCHOR_START,
  ANCHOR_MIDDLE,
  ANCHOR_END,
};

struct canvas_rect {
  double x, y, width, height;
};

struct canvas_text {
  enum canvas_ink ink;
  enum canvas_anchor anchor; /* which end of the line is at x */
  double x, y;               /* of its foot */
  double size;               /* pixels */
  bool bold;
  const char *text; /* UTF-8 that may be shown (utf8.h) */
};

struct canvas {
  const struct canvas_kind *kind; /* the file's that made it */
  void *state;                    /* so is this */
};

/* A light and a dark colour, as in 0x2f66b0. */
unsigned canvas_light (enum canvas_ink ink);
unsigned canvas_dark (enum canvas_ink ink);

/* Begin one.  `title` and `words` are what the picture is called and what it says, for who does
 * not see it.  -1 with `err` set.
 */
int canvas_svg (struct canvas *c, double width, double height, const char *title,
                const char *words, struct error *err);
int canvas_png (struct canvas *c, double width, double height, struct error *err);

/* Rectangles in one ink, from 0 to 1 opaque. */
void canvas_rects (struct canvas *c, enum canvas_ink ink, double opacity,
                   const struct canvas_rect *rects, size_t n);
void canvas_write (struct canvas *c, const struct canvas_text *text);

/* The finished file is appended to `out`; the canvas is gone, also on failure. */
int canvas_finish (struct canvas *c, struct buffer *out, struct error *err);

/* ---- For the kinds of canvas alone */

struct canvas_kind {
  void (*rects) (struct canvas *c, enum canvas_ink ink, double opacity,
                 const struct canvas_rect *rects, size_t n);
  void (*write) (struct canvas *c, const struct canvas_text *text);
  int (*finish) (struct canvas *c, struct buffer *out, struct error *err);
};

#endif /* MKVDUP_CANVAS_H */
