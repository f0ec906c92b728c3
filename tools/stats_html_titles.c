/* SPDX-License-Identifier: BSD-3-Clause */
/* The titles on the page, each with its map. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "map_strip.h"
#include "markup.h"
#include "message.h"
#include "stats_html_parts.h"

/* Sources that are named beside a map, and in the details. */
#define NAMED 3u
#define LISTED 40u

static void
put_class (FILE *out, const struct stats_use *use)
{
  char class_name[4];

  snprintf (class_name, sizeof class_name, "s%u", use->number % STRIP_COLOURS);
  stats_html_dot (out, class_name);
}

static int
by_bytes (const void *a, const void *b)
{
  const struct stats_use *x = *(const struct stats_use *const *) a;
  const struct stats_use *y = *(const struct stats_use *const *) b;

  if (x->bytes != y->bytes)
    return x->bytes > y->bytes ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* A title being put. */
struct card {
  FILE *out;
  const struct stats *stats;
  const struct stats_title *title;
  const struct stats_use **uses; /* those with most bytes first; owned */
};

static void
put_share (const struct card *c, const struct stats_use *use)
{
  if (c->stats->depth == STATS_SIZES)
    return;
  putc (' ', c->out);
  stats_html_percent (c->out, use->bytes, c->title->title->size);
}

static void
put_sources (const struct card *c)
{
  const struct stats_title *t = c->title;

  if (t->n_uses == 0)
    return;
  fputs ("<ul class=\"from\" aria-label=\"Sources\">", c->out);
  for (size_t i = 0; i < t->n_uses && i < NAMED; i++) {
    fputs ("<li>", c->out);
    if (t->strip)
      put_class (c->out, c->uses[i]);
    markup_text (c->out, c->uses[i]->id.path);
    put_share (c, c->uses[i]);
    fputs ("</li>", c->out);
  }
  if (t->n_uses > NAMED)
    fprintf (c->out, "<li>and %zu more</li>", t->n_uses - NAMED);
  fputs ("</ul>\n", c->out);
}

static void
put_figures (const struct card *c)
{
  const struct stats_title *t = c->title;
  char bytes[AMOUNT_MAX];

  fprintf (c->out, "<p><span class=\"big\">%s</span>",
           amount_bytes (t->title->size, bytes));
  fprintf (c->out, " in a recipe of %s</p>\n<p class=\"soft\">",
           amount_bytes (t->recipe_size, bytes));
  stats_html_percent (
    c->out, t->title->size > t->recipe_size ? t->title->size - t->recipe_size : 0,
    t->title->size);
  fputs (" saved", c->out);
  if (c->stats->depth != STATS_SIZES) {
    fprintf (c->out, ", %s (", amount_bytes (t->bytes[MAP_LITERAL], bytes));
    stats_html_percent (c->out, t->bytes[MAP_LITERAL], t->title->size);
    fputs (") on no source", c->out);
  }
  fputs ("</p>\n", c->out);
}

/* What the picture says, in words. */
static void
put_map (const struct card *c)
{
  const struct stats_title *t = c->title;

  if (!t->strip)
    return;
  fprintf (c->out,
           "<svg class=\"map\" viewBox=\"0 0 %u %u\" preserveAspectRatio=\"none\" "
           "role=\"img\" aria-label=\"Map of ",
           STRIP_COLUMNS, STRIP_HEIGHT);
  markup_text (c->out, t->title->name);
  fputs (": ", c->out);
  for (size_t i = 0; i < t->n_uses && i < NAMED; i++) {
    stats_html_percent (c->out, c->uses[i]->bytes, t->title->size);
    fputs (" from ", c->out);
    markup_text (c->out, c->uses[i]->id.path);
    fputs (", ", c->out);
  }
  stats_html_percent (c->out, t->bytes[MAP_LITERAL], t->title->size);
  fprintf (c->out, " on no source\"><path class=\"rule\" d=\"M0 %u.5h%u\"/>%s</svg>\n",
           STRIP_ROWS, STRIP_COLUMNS, t->strip);
}

/* ---- Details */

static void
put_tracks (const struct card *c)
{
  const struct stats_title *t = c->title;
  char bytes[AMOUNT_MAX];

  if (t->n_tracks == 0)
    return;
  fputs ("<table><caption>Tracks, as found when the recipe was made</caption>"
         "<thead><tr><th class=\"n\">Track</th><th>Codec</th><th class=\"n\">Frames</th>"
         "<th class=\"n\">Bytes</th><th class=\"n\">Found</th></tr></thead><tbody>\n",
         c->out);
  for (size_t i = 0; i < t->n_tracks && i < LISTED; i++) {
    const struct track_note *track = &t->tracks[i];

    fprintf (c->out, "<tr><td class=\"n\">%" PRIu64 "</td><td>", track->number);
    markup_text (c->out, track->codec);
    fprintf (c->out,
             "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%s</td>"
             "<td class=\"n\">",
             track->frames, amount_bytes (track->bytes, bytes));
    stats_html_percent (c->out, track->found, track->bytes);
    fputs ("</td></tr>\n", c->out);
  }
  fputs ("</tbody></table>\n", c->out);
}

static void
put_runs (const struct card *c)
{
  const struct stats_title *t = c->title;
  const unsigned most = 5;

  if (t->n_longest == 0)
    return;
  fprintf (c->out,
           "<table><caption>On no source: %" PRIu64 " runs, the longest first</caption>"
           "<thead><tr><th class=\"n\">Bytes</th><th class=\"n\">Offset</th>"
           "<th class=\"n\">At</th></tr></thead><tbody>\n",
           t->n_runs);
  for (unsigned i = 0; i < t->n_longest && i < most; i++) {
    fprintf (c->out,
             "<tr><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
             "</td><td class=\"n\">",
             t->runs[i].len, t->runs[i].at);
    fprintf (c->out, "%.1f&nbsp;%%</td></tr>\n",
             100 * (double) t->runs[i].at / (double) t->title->size);
  }
  fputs ("</tbody></table>\n", c->out);
}

static void
put_all_sources (const struct card *c)
{
  const struct stats_title *t = c->title;

  if (t->n_uses <= NAMED)
    return;
  fputs ("<ul class=\"from\" aria-label=\"All sources\">", c->out);
  for (size_t i = 0; i < t->n_uses && i < LISTED; i++) {
    fputs ("<li>", c->out);
    put_class (c->out, c->uses[i]);
    markup_text (c->out, c->uses[i]->id.path);
    put_share (c, c->uses[i]);
    fputs ("</li>", c->out);
  }
  if (t->n_uses > LISTED)
    fprintf (c->out, "<li>and %zu more</li>", t->n_uses - LISTED);
  fputs ("</ul>\n", c->out);
}

static void
put_details (const struct card *c)
{
  fputs ("<details><summary>Details</summary><div class=\"wide\">\n"
         "<p class=\"soft\">Recipe: ",
         c->out);
  markup_text (c->out, c->title->title->recipe);
  fputs ("</p>\n", c->out);
  put_tracks (c);
  if (c->stats->depth != STATS_SIZES)
    put_runs (c);
  put_all_sources (c);
  fputs ("</div></details>\n", c->out);
}

/* ---- The section */

static void
put_wrong (const struct card *c)
{
  fputs ("<li class=\"item wrong\" data-size=\"0\" data-share=\"2\" data-cost=\"2\">"
         "<div><h3>",
         c->out);
  markup_text (c->out, c->title->title->name);
  fputs ("</h3>\n<p class=\"why\">", c->out);
  markup_text (c->out, c->title->error);
  fputs ("</p></div></li>\n", c->out);
}

static void
put_title (const struct card *c)
{
  const struct stats_title *t = c->title;
  double size = t->title->size > 0 ? (double) t->title->size : 1;

  fprintf (c->out,
           "<li class=\"item\" data-size=\"%" PRIu64 "\" data-share=\"%.6f\" "
           "data-cost=\"%.6f\"><div>\n<h3>",
           t->title->size, (double) t->bytes[MAP_LITERAL] / size,
           (double) t->recipe_size / size);
  markup_text (c->out, t->title->name);
  fputs ("</h3>\n", c->out);
  put_figures (c);
  put_sources (c);
  fputs ("</div>\n", c->out);
  put_map (c);
  put_details (c);
  fputs ("</li>\n", c->out);
}

static void
put_controls (FILE *out, const struct stats *s)
{
  fputs ("<div class=\"controls\" id=\"controls\" hidden>"
         "<label>Find a title <span id=\"count\" role=\"status\"></span>"
         "<input id=\"search\" type=\"search\" autocomplete=\"off\"></label>"
         "<label>Order<select id=\"order\"><option value=\"name 1\">By name</option>"
         "<option value=\"size -1\">Largest first</option>"
         "<option value=\"cost -1\">Least saved first</option>",
         out);
  if (s->depth != STATS_SIZES)
    fputs ("<option value=\"share -1\">Most on no source first</option>", out);
  fputs ("</select></label></div>\n", out);
}

static void
put_key (FILE *out)
{
  fputs (
    "<p class=\"soft\">In a map the MKV runs from left to right, and the height says "
    "where on its sources it is: an even slope is a disc read from its begin to its "
    "end.  The lane below is what is on no source, and so in the recipe: its full height "
    "is all of it, half of that a hundredth.</p>\n<ul class=\"key\"><li>",
    out);
  stats_html_dot (out, "s0");
  stats_html_dot (out, "s1");
  stats_html_dot (out, "s2");
  fputs ("the sources of a title</li><li>", out);
  stats_html_dot (out, "h");
  fputs ("on no source: headers between frames, as everywhere</li><li>", out);
  stats_html_dot (out, "u");
  fputs ("on no source: more than that</li></ul>\n", out);
}

void
stats_html_titles (FILE *out, const struct stats *s)
{
  fputs ("<section aria-labelledby=\"h-titles\">\n<h2 id=\"h-titles\">Titles</h2>\n",
         out);
  if (s->n_titles == 0) {
    fputs ("<p>There are none.</p>\n</section>\n", out);
    return;
  }
  put_controls (out, s);
  if (s->depth == STATS_MAPS)
    put_key (out);
  fputs ("<ol class=\"list\" id=\"titles\">\n", out);
  for (size_t i = 0; i < s->n_titles; i++) {
    struct card c = { .out = out, .stats = s, .title = &s->titles[i] };

    if (c.title->error) {
      put_wrong (&c);
      continue;
    }
    c.uses = calloc (c.title->n_uses + 1, sizeof *c.uses);
    if (!c.uses)
      continue;
    for (size_t k = 0; k < c.title->n_uses; k++)
      c.uses[k] = &c.title->uses[k];
    qsort (c.uses, c.title->n_uses, sizeof *c.uses, by_bytes);
    put_title (&c);
    free (c.uses);
  }
  fputs ("</ol>\n</section>\n", out);
}
