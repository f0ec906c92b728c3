/* SPDX-License-Identifier: BSD-3-Clause */
/* What all canvases have: see canvas.h. */
#include "config.h"

#include "canvas.h"

/* The same as on the page (stats_page.c): each has 3:1 at least against paper and field. */
static const struct {
  unsigned light, dark;
} inks[CANVAS_INKS] = {
  [INK_PAPER] = { 0xffffff, 0x181c21 },      [INK_TEXT] = { 0x1d2126, 0xe8eaed },
  [INK_SOFT] = { 0x545c66, 0xa3acb6 },       [INK_LINE] = { 0xdcdad3, 0x3a4149 },
  [INK_FIELD] = { 0xf6f5f1, 0x12161a },      [INK_SIGNAL] = { 0xd5281b, 0xff6a5c },
  [INK_PALE] = { 0xc9a79f, 0x7d5a55 },       [INK_COLOUR] = { 0x2f66b0, 0x7db1f5 },
  [INK_COLOUR + 1] = { 0x14806a, 0x4fc7a8 }, [INK_COLOUR + 2] = { 0x8650b5, 0xc39bea },
  [INK_COLOUR + 3] = { 0x9a6a00, 0xdfb04f }, [INK_COLOUR + 4] = { 0x4c7a1f, 0x9acb66 },
  [INK_COLOUR + 5] = { 0x0b7f9c, 0x5cc8e2 }, [INK_COLOUR + 6] = { 0x5c6672, 0xa7b2be },
};

unsigned
canvas_light (enum canvas_ink ink)
{
  return inks[ink].light;
}

unsigned
canvas_dark (enum canvas_ink ink)
{
  return inks[ink].dark;
}

void
canvas_rects (struct canvas *c, enum canvas_ink ink, double opacity,
              const struct canvas_rect *rects, size_t n)
{
  if (n > 0)
    c->kind->rects (c, ink, opacity, rects, n);
}

void
canvas_write (struct canvas *c, const struct canvas_text *text)
{
  c->kind->write (c, text);
}

int
canvas_finish (struct canvas *c, struct buffer *out, struct error *err)
{
  return c->kind->finish (c, out, err);
}
