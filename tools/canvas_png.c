/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PNG by cairo, which also finds the font (fontconfig's "sans-serif").  A build without it
 * has SVG alone.
 *
 * The library is loaded when a picture is wanted: linked, it and the twenty libraries behind it
 * would make each start of mkvdup half as slow again, for one command.
 */
#include "config.h"

#include "canvas.h"

#ifdef HAVE_CAIRO

#include <dlfcn.h>
#include <stdint.h>

#include <cairo.h>

/* What is used of it. */
#define FUNCTIONS(F)              \
  F (create)                      \
  F (destroy)                     \
  F (fill)                        \
  F (get_target)                  \
  F (image_surface_create)        \
  F (move_to)                     \
  F (rectangle)                   \
  F (select_font_face)            \
  F (set_font_size)               \
  F (set_source_rgba)             \
  F (show_text)                   \
  F (status)                      \
  F (status_to_string)            \
  F (surface_destroy)             \
  F (surface_write_to_png_stream) \
  F (text_extents)

#define MEMBER(name) __typeof__ (&cairo_##name) name;
static struct {
  FUNCTIONS (MEMBER)
} cairo;

/* Once it is there it stays. */
static int
load (struct error *err)
{
  void *library = dlopen ("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);

  if (!library)
    return error_set (err, 0, "to make a PNG takes cairo: %s", dlerror ());
#define LOAD(name)                                          \
  *(void **) &cairo.name = dlsym (library, "cairo_" #name); \
  if (!cairo.name)                                          \
    return error_set (err, 0, "libcairo.so.2 has no cairo_" #name);
  FUNCTIONS (LOAD)
  return 0;
}

static void
use_ink (cairo_t *cr, enum canvas_ink ink, double opacity)
{
  unsigned rgb = canvas_light (ink);

  cairo.set_source_rgba (cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                         (rgb & 255) / 255.0, opacity);
}

static void
png_rects (struct canvas *c, enum canvas_ink ink, double opacity,
           const struct canvas_rect *rects, size_t n)
{
  cairo_t *cr = c->state;

  use_ink (cr, ink, opacity);
  for (size_t i = 0; i < n; i++)
    cairo.rectangle (cr, rects[i].x, rects[i].y, rects[i].width, rects[i].height);
  cairo.fill (cr);
}

static void
png_write (struct canvas *c, const struct canvas_text *t)
{
  cairo_t *cr = c->state;
  cairo_text_extents_t extents;
  double x = t->x;

  cairo.select_font_face (cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                          t->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo.set_font_size (cr, t->size);
  cairo.text_extents (cr, t->text, &extents);
  if (t->anchor != ANCHOR_START)
    x -= t->anchor == ANCHOR_END ? extents.x_advance : extents.x_advance / 2;
  use_ink (cr, t->ink, 1);
  cairo.move_to (cr, x, t->y);
  cairo.show_text (cr, t->text);
}

static cairo_status_t
append (void *opaque, const unsigned char *data, unsigned len)
{
  struct buffer *out = opaque;

  buffer_append (out, data, len);
  return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static int
check (cairo_status_t status, struct error *err)
{
  if (status == CAIRO_STATUS_SUCCESS)
    return 0;
  return error_set (err, 0, "the picture: %s", cairo.status_to_string (status));
}

static int
png_finish (struct canvas *c, struct buffer *out, struct error *err)
{
  cairo_t *cr = c->state;
  int r = check (cairo.status (cr), err);

  if (r == 0)
    r =
      check (cairo.surface_write_to_png_stream (cairo.get_target (cr), append, out), err);
  cairo.destroy (cr);
  return r;
}

static const struct canvas_kind png_kind = { png_rects, png_write, png_finish };

int
canvas_png (struct canvas *c, double width, double height, struct error *err)
{
  cairo_surface_t *surface;
  cairo_t *cr;

  if (load (err) == -1)
    return -1;
  surface = cairo.image_surface_create (CAIRO_FORMAT_RGB24, (int) width, (int) height);
  cr = cairo.create (surface);
  cairo.surface_destroy (surface); /* cr has it */
  if (check (cairo.status (cr), err) == -1) {
    cairo.destroy (cr);
    return -1;
  }
  *c = (struct canvas){ &png_kind, cr };
  return 0;
}

#else /* !HAVE_CAIRO */

int
canvas_png (struct canvas *c, double width, double height, struct error *err)
{
  (void) c;
  (void) width;
  (void) height;
  return error_set (err, 0, "this mkvdup was built without cairo, and makes no PNG");
}

#endif
