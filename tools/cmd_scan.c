/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup scan: find discs, and remember what is on them, so that the disc of an MKV can be
 * found (cmd_probe.c, cmd_create.c).
 *
 * First all that may be a disc is looked at; then what is one, and is not known or has
 * changed, is read, one disc after the other, each once from its beginning to its end.  What
 * was read goes into the library now and then, so that an interrupted scan is gone on with
 * by the next, which finds most discs unchanged.
 *
 * Invariant: what the library says of a disc was read while its files had the identity that
 * stands there.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "command.h"
#include "disc_search.h"
#include "discs.h"
#include "interrupt.h"
#include "message.h"
#include "progress.h"
#include "scan_report.h"

/* So long nothing is written: for many small discs, writing would take longer than reading
 * them.
 */
#define WRITE_SECONDS 10

/* What may be a disc. */
struct item {
  const char *path; /* the search's */
  uint8_t identity[IDENTITY_SIZE];
  uint64_t bytes;
  bool is_known; /* there is something in the library, but it is another */
  bool no_disc;  /* it is none */
  bool wanted;   /* to be read */
};

struct scan {
  const struct options *options;
  char *path;                  /* of the library; owned */
  struct disc_library library; /* as it was at first */
  struct disc_search search;
  struct item *items; /* sorted by path; owned */
  size_t n;

  /* Read, and not written yet: room for all items; their fingerprints are owned. */
  struct disc_addition *added;
  struct fingerprint *fingerprints;
  size_t n_added;
  double written;     /* when last */
  unsigned n_dropped; /* discs, by the update that is under way */

  struct progress progress;
  uint64_t done; /* bytes, before the disc that is being read */
  struct scan_report report;
};

/* ---- looking */

static void
tell_unreadable (void *opaque, const struct error *why)
{
  struct scan *s = opaque;

  scan_report_disc (&s->report, "", SCAN_FAILED, 0, 0, why->text);
}

static int
search (struct scan *s, struct error *err)
{
  struct error why = ERROR_INIT;

  for (size_t i = 0; i < s->options->n_args && !interrupted (); i++)
    if (disc_search_add (&s->search, s->options->args[i], tell_unreadable, s, &why) ==
        -1) {
      if (why.errnum == ENOMEM) {
        *err = why;
        return -1;
      }
      scan_report_disc (&s->report, s->options->args[i], SCAN_FAILED, 0, 0, why.text);
    }
  disc_search_sort (&s->search);
  return 0;
}

/* Is it as the library has it? */
static bool
is_unchanged (const struct scan *s, const struct item *item)
{
  const struct library_disc *known = disc_library_find (&s->library, item->path);

  return known && identity_same (known->identity, item->identity);
}

static void
tell_unchanged (struct scan *s, const struct item *item)
{
  const struct library_disc *known = disc_library_find (&s->library, item->path);
  const char *why = discs_scrambled (known);

  scan_report_disc (&s->report, item->path, why ? SCAN_SCRAMBLED : SCAN_UNCHANGED,
                    known->bytes, known->n_hashes, why);
}

/* Is it a disc at all, and has it to be read? */
static int
look_at (struct scan *s, struct item *item, struct error *err)
{
  bool is_disc;

  if (identity_of_files (item->path, item->identity, &item->bytes, err) == -1)
    return -1;
  if (is_unchanged (s, item)) {
    tell_unchanged (s, item);
    return 0;
  }
  if (disc_search_is_disc (item->path, &is_disc, err) == -1)
    return -1;
  item->is_known = disc_library_find (&s->library, item->path);
  item->no_disc = !is_disc;
  item->wanted = is_disc;
  return 0;
}

static int
look_at_all (struct scan *s, struct error *err)
{
  struct error why = ERROR_INIT;

  s->items = calloc (s->search.n + 1, sizeof *s->items);
  s->added = calloc (s->search.n + 1, sizeof *s->added);
  s->fingerprints = calloc (s->search.n + 1, sizeof *s->fingerprints);
  if (!s->items || !s->added || !s->fingerprints)
    return error_set (err, ENOMEM, "looking for discs");
  for (; s->n < s->search.n && !interrupted (); s->n++) {
    struct item *item = &s->items[s->n];

    item->path = s->search.paths[s->n];
    if (look_at (s, item, &why) == -1)
      scan_report_disc (&s->report, item->path, SCAN_FAILED, 0, 0, why.text);
  }
  return 0;
}

/* ---- writing */

/* Was it below one of the folders that are scanned? */
static bool
is_below_scanned (const struct scan *s, const char *path)
{
  for (size_t i = 0; i < s->options->n_args; i++) {
    CLEANUP_FREE char *place = realpath (s->options->args[i], NULL);
    size_t len = place ? strlen (place) : 0;

    if (place && strncmp (path, place, len) == 0 &&
        (path[len] == '/' || path[len] == '\0' || len == 1))
      return true;
  }
  return false;
}

static bool
is_there (const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static int
by_path (const void *key, const void *item)
{
  return strcmp (key, ((const struct item *) item)->path);
}

/* Has the library it as it had when this scan began?  Zeros are as good an identity as others
 * here: what was to be read again, and has become no disc, is to go, too.
 */
static bool
is_as_at_first (const struct scan *s, const struct library_disc *disc)
{
  const struct library_disc *known = disc_library_find (&s->library, disc->path);

  return known && known->bytes == disc->bytes &&
         memcmp (known->identity, disc->identity, sizeof known->identity) == 0;
}

/* A disc in the library as it is by now.  One that another scan has added meanwhile may be there
 * although there was none when this one looked.
 */
static bool
keep (void *opaque, const struct library_disc *disc)
{
  struct scan *s = opaque;
  const struct item *item =
    s->n ? bsearch (disc->path, s->items, s->n, sizeof *s->items, by_path) : NULL;

  if (item && item->no_disc && is_as_at_first (s, disc))
    return false;
  if (!s->options->prune || is_there (disc->path) || !is_below_scanned (s, disc->path))
    return true;
  s->n_dropped++;
  return false;
}

static void
drop_added (struct scan *s)
{
  for (size_t i = 0; i < s->n_added; i++)
    fingerprint_free (&s->fingerprints[i]);
  s->n_added = 0;
}

static bool
has_changed (const struct scan *s)
{
  for (size_t i = 0; i < s->n; i++)
    if (s->items[i].no_disc && s->items[i].is_known)
      return true;
  return s->n_added > 0 || s->options->prune;
}

/* What was read becomes known. */
static int
write_library (struct scan *s, struct error *err)
{
  int r;

  if (!has_changed (s))
    return 0;
  s->n_dropped = 0; /* the update may ask again */
  r = disc_library_update (s->path, s->added, s->n_added, keep, s, err);
  if (r == 0)
    s->report.forgotten += s->n_dropped;
  drop_added (s);
  s->written = now ();
  return r;
}

/* ---- reading */

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct scan *s = opaque;

  progress_update (&s->progress, s->done + done);
  return !interrupted ();
}

/* The disc was read: it is added if it is what it was. */
static void
add (struct scan *s, struct item *item, const struct fingerprint *f)
{
  struct disc_addition *a = &s->added[s->n_added];
  uint8_t after[IDENTITY_SIZE];
  struct error ignored = ERROR_INIT;
  const char *why;
  uint64_t bytes;

  s->fingerprints[s->n_added++] = *f;
  *a = discs_entry (item->path, f);
  if (identity_of_files (item->path, after, &bytes, &ignored) == 0 &&
      identity_same (after, item->identity))
    memcpy (a->disc.identity, after, sizeof after);
  why = discs_scrambled (&a->disc);
  progress_clear (&s->progress);
  scan_report_disc (&s->report, item->path,
                    why              ? SCAN_SCRAMBLED
                    : item->is_known ? SCAN_CHANGED
                                     : SCAN_NEW,
                    a->disc.bytes, a->disc.n_hashes, why);
}

static void
read_disc (struct scan *s, struct item *item)
{
  struct fingerprint f;
  struct error why = ERROR_INIT;

  if (discs_read (&f, item->path, options_threads (s->options), tell_progress, s, &why) ==
      0) {
    s->report.bytes += f.bytes;
    add (s, item, &f);
  }
  else if (!interrupted ()) {
    progress_clear (&s->progress);
    scan_report_disc (&s->report, item->path, SCAN_FAILED, item->bytes, 0, why.text);
  }
  s->done += item->bytes;
}

static uint64_t
bytes_to_do (const struct scan *s)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < s->n; i++)
    bytes += s->items[i].wanted ? s->items[i].bytes : 0;
  return bytes;
}

static int
read_all_discs (struct scan *s, struct error *err)
{
  for (size_t i = 0; i < s->n && !interrupted (); i++) {
    if (!s->items[i].wanted)
      continue;
    read_disc (s, &s->items[i]);
    if (now () - s->written >= WRITE_SECONDS && write_library (s, err) == -1)
      return -1;
  }
  return 0;
}

/* ---- all */

static void
count_gone (struct scan *s)
{
  for (size_t i = 0; i < s->library.n; i++)
    s->report.gone += !is_there (s->library.discs[i].path);
  s->report.gone -=
    s->report.forgotten < s->report.gone ? s->report.forgotten : s->report.gone;
}

static int
scan_all (struct scan *s, struct error *err)
{
  int r = search (s, err);

  if (r == 0)
    r = look_at_all (s, err);
  progress_start (&s->progress, "scan", bytes_to_do (s), s->options->quiet);
  s->written = now ();
  if (r == 0)
    r = read_all_discs (s, err);
  s->report.seconds = progress_end (&s->progress);
  s->report.is_interrupted = interrupted ();
  if (r == 0)
    r = write_library (s, err);
  count_gone (s);
  return r;
}

static void
release (struct scan *s)
{
  drop_added (s);
  free (s->added);
  free (s->fingerprints);
  free (s->items);
  disc_search_free (&s->search);
  disc_library_free (&s->library);
  free (s->path);
}

static enum exit_status
run (const struct options *options)
{
  struct scan s = { .options = options };
  struct error err = ERROR_INIT;
  int r = -1;
  bool good;

  interrupt_catch ();
  s.path = discs_path (options, &err);
  if (s.path && disc_library_read (&s.library, s.path, &err) == 0) {
    scan_report_begin (&s.report, options);
    r = scan_all (&s, &err);
    scan_report_end (&s.report, s.path);
  }
  if (r == -1)
    message ("%s", err.text);
  if (interrupted ())
    message ("interrupted: the same command goes on where this ended");
  interrupt_forget ();
  good = r == 0 && scan_report_is_good (&s.report);
  release (&s);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_scan = {
  .name = "scan",
  .operands = "DIR...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_DISCS | ACCEPT_PRUNE | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "find discs, and remember what is on them",
  .description =
    "Find all disc images and folders of discs below each DIR, and remember a few "
    "kilobytes\n"
    "of each in a library of discs, so that \"mkvdup probe\" and \"mkvdup create\" can "
    "tell\n"
    "which disc an MKV was made of.  A disc that is known and unchanged is not read "
    "again.\n",
  .run = run,
};
