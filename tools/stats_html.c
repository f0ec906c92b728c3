/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page as a whole, its head and the sums: see stats_html.h.  It is made in memory, some
 * kilobytes a title, and written at once.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/evp.h>

#include "cleanup.h"
#include "markup.h"
#include "message.h"
#include "output.h"
#include "stats_html.h"
#include "stats_html_parts.h"
#include "stats_page.h"
#include "whole_io.h"

/* By which a page of ours is known. */
#define MARK "<!DOCTYPE html>\n<!-- mkvdup stats -->\n"

/* As CSP has them: "sha256-" and base64. */
static void
put_hash (FILE *out, const char *text)
{
  unsigned char digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
  unsigned len = 0;

  if (EVP_Digest (text, strlen (text), digest, &len, EVP_sha256 (), NULL) != 1)
    len = 0; /* then a browser runs nothing */
  EVP_EncodeBlock (base64, digest, (int) len);
  fprintf (out, "'sha256-%s'", (const char *) base64);
}

static void
put_head (FILE *out, const struct stats *s)
{
  fputs (MARK "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" "
              "content=\"default-src 'none'; style-src ",
         out);
  put_hash (out, stats_page_style);
  fputs ("; script-src ", out);
  put_hash (out, stats_page_script);
  fprintf (out,
           "; base-uri 'none'; form-action 'none'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
           "<meta name=\"color-scheme\" content=\"light dark\">\n"
           "<title>mkvdup: %zu title%s</title>\n<style>%s</style>\n</head>\n<body>\n",
           s->n_titles, s->n_titles == 1 ? "" : "s", stats_page_style);
}

void
stats_html_percent (FILE *out, uint64_t part, uint64_t whole)
{
  double percent = whole == 0 ? 0 : 100 * (double) part / (double) whole;
  double from_end = percent > 50 ? 100 - percent : percent;
  int digits = 1;

  while (digits < 4 && from_end > 0 && from_end < 1) {
    from_end *= 10;
    digits++;
  }
  fprintf (out, "%.*f&nbsp;%%", part == 0 || part == whole ? 0 : digits, percent);
}

void
stats_html_dot (FILE *out, const char *class_name)
{
  fprintf (out,
           "<svg class=\"dot\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
           "<rect class=\"%s\" width=\"1\" height=\"1\"/></svg>",
           class_name);
}

/* ---- Sums */

/* A figure, and what is said of it, which may be NULL. */
static void
put_figure (FILE *out, const char *what, const char *amount, const char *more)
{
  fprintf (out, "<div><dt>%s</dt><dd>%s", what, amount);
  if (more)
    fprintf (out, "<small>%s</small>", more);
  fputs ("</dd></div>\n", out);
}

static void
put_count (FILE *out, const char *what, size_t n, const char *more)
{
  char text[24];

  snprintf (text, sizeof text, "%zu", n);
  put_figure (out, what, text, more);
}

static void
put_figures (FILE *out, const struct stats *s)
{
  char bytes[AMOUNT_MAX], more[64];

  fputs ("<dl class=\"figures\">\n", out);
  put_count (out, "Titles", s->n_titles, NULL);
  put_figure (out, "As MKVs", amount_bytes (s->image_bytes, bytes), NULL);
  put_figure (out, "As recipes", amount_bytes (s->recipe_bytes, bytes), NULL);
  if (s->depth != STATS_SIZES) {
    snprintf (more, sizeof more, "%.3f %% of the MKVs",
              100 - percent_saved (s->bytes[MAP_LITERAL], s->image_bytes));
    put_figure (out, "On no source", amount_bytes (s->bytes[MAP_LITERAL], bytes), more);
  }
  snprintf (more, sizeof more, "%s", amount_bytes (s->source_bytes, bytes));
  put_count (out, "Sources", s->n_sources, more);
  put_count (out, "Used by several titles", s->n_shared, NULL);
  fputs ("</dl>\n", out);
}

static void
put_sum (FILE *out, const struct stats *s)
{
  uint64_t saved =
    s->image_bytes > s->recipe_bytes ? s->image_bytes - s->recipe_bytes : 0;
  char bytes[AMOUNT_MAX], image[AMOUNT_MAX], recipe[AMOUNT_MAX], date[32];
  struct tm tm;
  time_t now = time (NULL);

  strftime (date, sizeof date, "%F %R", localtime_r (&now, &tm));
  fprintf (out,
           "<header>\n<h1>mkvdup: what this library saves</h1>\n"
           "<p class=\"hero\">%s saved</p>\n<p class=\"lead\">",
           amount_bytes (saved, bytes));
  fprintf (out, "%zu MKV%s of %s %s in recipes of %s: ", s->n_good,
           s->n_good == 1 ? "" : "s", amount_bytes (s->image_bytes, image),
           s->n_good == 1 ? "is" : "are", amount_bytes (s->recipe_bytes, recipe));
  stats_html_percent (out, saved, s->image_bytes);
  fprintf (out, " less, beside the discs that are kept anyway.</p>\n");
  put_figures (out, s);
  fprintf (out, "<p class=\"soft\">As of %s.</p>\n</header>\n<main>\n", date);
}

/* ---- What is wrong */

static void
put_missing (FILE *out, const struct stats *s, const struct stats_source *source)
{
  const size_t most = 5;

  fputs ("<li>", out);
  markup_text (out, source->why_not);
  for (size_t i = 0; i < source->n_uses && i < most; i++) {
    fputs (i == 0 ? " (needed by " : ", ", out);
    markup_text (out, s->titles[source->uses[i]->title].title->name);
  }
  if (source->n_uses > most)
    fprintf (out, " and %zu more", source->n_uses - most);
  fputs (")</li>\n", out);
}

/* So many lines of a kind: nobody reads more. */
#define MOST_LINES 200u

static void
put_more (FILE *out, size_t n, const char *of)
{
  if (n > MOST_LINES)
    fprintf (out, "<li>and %zu more %s</li>\n", n - MOST_LINES, of);
}

static void
put_problems (FILE *out, const struct stats *s)
{
  size_t n_wrong = s->n_titles - s->n_good, told = 0;

  for (size_t i = 0; i < s->library.n_problems && i < MOST_LINES; i++) {
    fputs ("<li>", out);
    markup_text (out, s->library.problems[i]);
    fputs ("</li>\n", out);
  }
  put_more (out, s->library.n_problems, "problems");
  for (size_t i = 0; i < s->n_titles && told < MOST_LINES; i++)
    if (s->titles[i].error) {
      fputs ("<li>", out);
      markup_text (out, s->titles[i].title->name);
      fputs (": ", out);
      markup_text (out, s->titles[i].error);
      fputs ("</li>\n", out);
      told++;
    }
  put_more (out, n_wrong, "titles");
  told = 0;
  for (size_t i = 0; i < s->n_sources && told < MOST_LINES; i++)
    if (!s->sources[i].found) {
      put_missing (out, s, &s->sources[i]);
      told++;
    }
  put_more (out, s->n_missing, "missing sources");
}

static void
put_state (FILE *out, const struct stats *s)
{
  if (stats_is_good (s)) {
    fputs ("<section class=\"note\">\n<h2>All sources are there</h2>\n"
           "<p class=\"soft\">By size and sample; whether every byte is right is told by "
           "mkvdup check.</p>\n</section>\n",
           out);
    return;
  }
  fputs ("<section class=\"note bad\">\n<h2>Needs attention</h2>\n<ul>\n", out);
  put_problems (out, s);
  fputs ("</ul>\n</section>\n", out);
}

/* ---- The page */

static void
put_page (FILE *out, const struct stats *s)
{
  put_head (out, s);
  put_sum (out, s);
  put_state (out, s);
  stats_html_titles (out, s);
  stats_html_discs (out, s);
  fputs ("</main>\n<footer>Made by " PACKAGE_STRING
         ".  This page loads nothing.</footer>\n",
         out);
  if (s->n_titles > 0)
    fprintf (out, "<script>%s</script>\n", stats_page_script);
  fputs ("</body>\n</html>\n", out);
}

static bool
is_page (int fd)
{
  char begin[sizeof MARK - 1];
  struct stat st;

  if (fstat (fd, &st) == -1 || !S_ISREG (st.st_mode))
    return false;
  return st.st_size == 0 ||
         (read_patiently (fd, begin, sizeof begin, 0) == (ssize_t) sizeof begin &&
          memcmp (begin, MARK, sizeof begin) == 0);
}

/* Is there nothing at `path`, or a page of ours?  What cannot be opened may be anything, and a
 * rename would replace it all the same.
 */
static int
check_place (const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);

  if (fd == -1)
    return errno == ENOENT ? 0 : error_set (err, errno, "%s", path);
  return is_page (fd) ? 0
                      : error_set (err, 0,
                                   "%s: is no page of mkvdup: not replaced without "
                                   "--force",
                                   path);
}

int
stats_html_write (const struct stats *stats, const char *path, bool force,
                  struct error *err)
{
  CLEANUP_FREE char *text = NULL;
  size_t len = 0;
  struct stat st;
  FILE *out;
  bool failed, is_new = !force && lstat (path, &st) == -1 && errno == ENOENT;

  if (!force && check_place (path, err) == -1)
    return -1;
  out = open_memstream (&text, &len);
  if (!out)
    return error_set (err, ENOMEM, "%s", path);
  put_page (out, stats);
  failed = ferror (out);
  if (fclose (out) != 0 || failed)
    return error_set (err, ENOMEM, "%s", path);
  return output_put (path, text, len, !is_new, err);
}
