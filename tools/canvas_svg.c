/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SVG 1.1, with a style sheet of its own for the inks.  It refers to nothing outside.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "canvas.h"
#include "cleanup.h"
#include "markup.h"

struct svg {
  FILE *out; /* to `text` */
  char *text;
  size_t len;
};

static void
put_inks (FILE *out, unsigned (*colour) (enum canvas_ink ink))
{
  for (int i = 0; i < CANVAS_INKS; i++)
    fprintf (out, ".i%d{fill:#%06x}", i, colour ((enum canvas_ink) i));
}

static void
put_style (FILE *out)
{
  fputs (
    "<style>text{font-family:\"DejaVu Sans\",Verdana,sans-serif}.b{font-weight:bold}",
    out);
  put_inks (out, canvas_light);
  fputs ("@media (prefers-color-scheme:dark){", out);
  put_inks (out, canvas_dark);
  fputs ("}</style>\n", out);
}

/* Of one rectangle in most cases; a path takes less room for many. */
static void
svg_rects (struct canvas *c, enum canvas_ink ink, double opacity,
           const struct canvas_rect *rects, size_t n)
{
  FILE *out = ((struct svg *) c->state)->out;

  fprintf (out, "<path class=\"i%d\"", (int) ink);
  if (opacity < 1)
    fprintf (out, " opacity=\"%.2g\"", opacity);
  fputs (" d=\"", out);
  for (size_t i = 0; i < n; i++)
    fprintf (out, "M%.6g %.6gh%.6gv%.6gh%.6gz", rects[i].x, rects[i].y, rects[i].width,
             rects[i].height, -rects[i].width);
  fputs ("\"/>\n", out);
}

static void
svg_write (struct canvas *c, const struct canvas_text *t)
{
  static const char *const anchors[] = {
    [ANCHOR_START] = "",
    [ANCHOR_MIDDLE] = " text-anchor=\"middle\"",
    [ANCHOR_END] = " text-anchor=\"end\"",
  };
  FILE *out = ((struct svg *) c->state)->out;

  fprintf (out, "<text class=\"i%d%s\" x=\"%.6g\" y=\"%.6g\" font-size=\"%.6g\"%s>",
           (int) t->ink, t->bold ? " b" : "", t->x, t->y, t->size, anchors[t->anchor]);
  markup_text (out, t->text);
  fputs ("</text>\n", out);
}

static int
svg_finish (struct canvas *c, struct buffer *out, struct error *err)
{
  struct svg *svg = c->state;
  bool failed;

  fputs ("</svg>\n", svg->out);
  failed = ferror (svg->out);
  if (fclose (svg->out) != 0 || failed)
    out->failed = true;
  else
    buffer_append (out, svg->text, svg->len);
  free (svg->text);
  free (svg);
  return out->failed ? error_set (err, ENOMEM, "the picture") : 0;
}

static const struct canvas_kind svg_kind = { svg_rects, svg_write, svg_finish };

int
canvas_svg (struct canvas *c, double width, double height, const char *title,
            const char *words, struct error *err)
{
  CLEANUP_FREE struct svg *svg = calloc (1, sizeof *svg);

  if (svg)
    svg->out = open_memstream (&svg->text, &svg->len);
  if (!svg || !svg->out)
    return error_set (err, ENOMEM, "the picture");
  fprintf (svg->out,
           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
           "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.6g %.6g\" "
           "role=\"img\" aria-labelledby=\"title words\">\n<title id=\"title\">",
           width, height);
  markup_text (svg->out, title);
  fputs ("</title>\n<desc id=\"words\">", svg->out);
  markup_text (svg->out, words);
  fputs ("</desc>\n", svg->out);
  put_style (svg->out);
  *c = (struct canvas){ &svg_kind, take_ptr (&svg) };
  return 0;
}
