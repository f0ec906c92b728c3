/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources on the page, as discs: the files of a BDMV or VIDEO_TS folder are one, so that
 * a Blu-ray of a hundred clips is a line and not a hundred.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "message.h"
#include "stats_html_parts.h"

/* Titles that are named with a disc, and discs of one page. */
#define NAMED 6u

struct disc {
  const struct stats_source *first; /* of its sources, which lie side by side */
  size_t n;
  uint64_t size, missing;
  size_t n_titles; /* that use it */
};

/* How much of a source's path is that of its disc: up to the folder that all discs have. */
static size_t
disc_len (const char *path)
{
  static const char *const folders[] = { "BDMV/", "VIDEO_TS/" };

  const char *at = path;

  do {
    at += *at == '/';
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
      if (strncmp (at, folders[i], strlen (folders[i])) == 0)
        return (size_t) (at - path);
    at = strchr (at, '/');
  } while (at);
  return strlen (path);
}

static bool
same_disc (const struct stats_source *a, const struct stats_source *b)
{
  size_t len = disc_len (a->id->path);

  return a->id->path[len] && disc_len (b->id->path) == len && b->id->path[len] &&
         memcmp (a->id->path, b->id->path, len) == 0 &&
         strcmp (a->folder ? a->folder : "", b->folder ? b->folder : "") == 0;
}

/* The titles of all its sources, each once, by index. */
static size_t *
titles_of (const struct disc *d, size_t n_all, size_t *n)
{
  size_t *titles = calloc (n_all + 1, sizeof *titles);
  bool *seen = calloc (n_all + 1, sizeof *seen);

  *n = 0;
  for (size_t i = 0; titles && seen && i < d->n; i++)
    for (size_t k = 0; k < d->first[i].n_uses; k++) {
      size_t title = d->first[i].uses[k]->title;

      if (!seen[title])
        titles[(*n)++] = title;
      seen[title] = true;
    }
  free (seen);
  return titles;
}

/* ---- What of it is used */

/* How many titles have each part of the disc, its sources one behind the other. */
static void
count_users (const struct disc *d, unsigned users[STATS_PARTS])
{
  double at = 0, size = d->size > 0 ? (double) d->size : 1;

  for (size_t i = 0; i < d->n; i++) {
    const struct stats_source *source = &d->first[i];
    double width = (double) source->id->size * STATS_PARTS / size;

    for (unsigned part = 0; part < STATS_PARTS; part++) {
      unsigned from = (unsigned) (at + width * part / STATS_PARTS);
      unsigned end = (unsigned) (at + width * (part + 1) / STATS_PARTS);
      unsigned n = 0;

      for (size_t k = 0; k < source->n_uses; k++)
        n += source->uses[k]->parts[part / 8] >> part % 8 & 1;
      for (unsigned to = from; to < STATS_PARTS && (to < end || to == from); to++)
        if (users[to] < n)
          users[to] = n;
    }
    at += width;
  }
}

static void
put_parts (FILE *out, const unsigned users[STATS_PARTS], const char *class_name,
           unsigned low, unsigned high)
{
  fprintf (out, "<path class=\"%s\" d=\"", class_name);
  for (unsigned at = 0, end; at < STATS_PARTS; at = end) {
    end = at + 1;
    if (users[at] < low || users[at] > high)
      continue;
    while (end < STATS_PARTS && users[end] >= low && users[end] <= high)
      end++;
    fprintf (out, "M%u 0h%uv1H%uz", at, end - at, at);
  }
  fputs ("\"/>", out);
}

static void
put_coverage (FILE *out, const struct disc *d)
{
  unsigned users[STATS_PARTS] = { 0 }, used = 0;

  count_users (d, users);
  for (unsigned i = 0; i < STATS_PARTS; i++)
    used += users[i] > 0;
  fprintf (out,
           "<svg class=\"map disc\" viewBox=\"0 0 %u 1\" preserveAspectRatio=\"none\" "
           "role=\"img\" aria-label=\"About %u %% of it is used\">",
           STATS_PARTS, (used * 100 + STATS_PARTS / 2) / STATS_PARTS);
  put_parts (out, users, "once", 1, 1);
  put_parts (out, users, "more", 2, UINT32_MAX);
  fputs ("</svg>\n", out);
}

/* ---- A disc */

static void
put_name (FILE *out, const struct disc *d)
{
  size_t len = disc_len (d->first->id->path);
  char *name = NULL;

  if (d->first->id->path[len] == '\0')
    name = strdup (d->first->found ? d->first->found : d->first->id->path);
  else if (asprintf (&name, "%s/%.*s", d->first->folder ? d->first->folder : "",
                     (int) len, d->first->id->path) == -1)
    name = NULL;
  markup_text (out, name ? name : d->first->id->path);
  free (name);
}

static void
put_users (FILE *out, const struct stats *s, const struct disc *d)
{
  size_t n, *titles = titles_of (d, s->n_titles, &n);

  fprintf (out, "<p class=\"soft\">For %zu title%s: ", n, n == 1 ? "" : "s");
  for (size_t i = 0; i < n && i < NAMED; i++) {
    if (i > 0)
      fputs (", ", out);
    markup_text (out, s->titles[titles[i]].title->name);
  }
  if (n > NAMED)
    fprintf (out, " and %zu more", n - NAMED);
  fputs ("</p>\n", out);
  free (titles);
}

static void
put_disc (FILE *out, const struct stats *s, const struct disc *d)
{
  char bytes[AMOUNT_MAX];

  fprintf (out, "<li class=\"item%s\"><div>\n<h3>", d->missing > 0 ? " wrong" : "");
  put_name (out, d);
  fprintf (out, "</h3>\n<p><span class=\"big\">%s</span>", amount_bytes (d->size, bytes));
  if (d->n > 1)
    fprintf (out, " in %zu files", d->n);
  if (d->missing > 0)
    fprintf (out, " <strong class=\"away\">%s</strong>",
             d->missing == d->n ? "missing" : "some files are missing");
  fputs ("</p>\n", out);
  put_users (out, s, d);
  fputs ("</div>\n", out);
  if (s->depth == STATS_MAPS)
    put_coverage (out, d);
  fputs ("</li>\n", out);
}

void
stats_html_discs (FILE *out, const struct stats *s)
{
  fputs ("<section aria-labelledby=\"h-discs\">\n<h2 id=\"h-discs\">Discs</h2>\n", out);
  if (s->depth == STATS_MAPS) {
    fputs (
      "<p class=\"soft\">What of each disc the titles are made of, from its begin to "
      "its end.</p>\n<ul class=\"key\"><li>",
      out);
    stats_html_dot (out, "s0");
    fputs ("used by one title</li><li>", out);
    stats_html_dot (out, "s2");
    fputs ("used by several</li></ul>\n", out);
  }
  fputs ("<ul class=\"list\">\n", out);
  for (size_t i = 0; i < s->n_sources;) {
    struct disc d = { .first = &s->sources[i] };

    do {
      d.size += s->sources[i].id->size;
      d.missing += !s->sources[i].found;
      d.n++;
      i++;
    } while (i < s->n_sources && same_disc (d.first, &s->sources[i]));
    put_disc (out, s, &d);
  }
  fputs ("</ul>\n</section>\n", out);
}
