/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a recipe, from the arguments to the final name: see create.h.
 *
 * Order of work: index the disc; match and code the MKV into a temporary file; read
 * that back and compare; check that the MKV is still what it was; rename.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "creation.h"
#include "merkle.h"
#include "segment_coder.h"
#include "whole_io.h"

/* Bytes of image a segment.  Larger ones make a recipe a little smaller (columns have
 * their fixed costs) and a first touch slower; docs/performance.md has the figures.
 */
#define SPAN_LOG2 23

/* Read the MKV in steps of this many bytes. */
#define MKV_READ (1u << 20)

/* A thread takes some 9 MiB; matching, which is one thread's work, gives more than so many
 * nothing to do.
 */
#define MAX_DEFAULT_THREADS 8

bool
creation_progress (void *opaque, uint64_t done)
{
  struct creation *c = opaque;

  return !c->options->progress ||
         c->options->progress (c->options->opaque, c->phase, done, c->total);
}

static bool
index_progress (void *opaque, uint64_t done, uint64_t total)
{
  (void) total;
  return creation_progress (opaque, done);
}

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* ---- the phases ---- */

static int
open_mkv (struct creation *c, struct error *err)
{
  const char *path = c->options->mkv;

  c->fd = c->options->is_open ? fcntl (c->options->fd, F_DUPFD_CLOEXEC, 0)
                              : open (path, OPEN_UNKNOWN);
  if (c->fd == -1 || fstat (c->fd, &c->st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (c->st.st_mode))
    return error_set (err, 0, "%s: not a regular file", path);
  c->report->mkv_bytes = (uint64_t) c->st.st_size;
  return 0;
}

/* Unless that was done for another rip of it. */
static int
index_disc (struct creation *c, struct error *err)
{
  const struct create_options *o = c->options;
  const struct indexed_disc_options options = { .sources = o->sources,
                                                .n_sources = o->n_sources,
                                                .mkv = &c->st,
                                                .keep = o->keep,
                                                .threads = c->threads,
                                                .progress = index_progress,
                                                .opaque = c };

  if (!o->indexed) {
    c->indexed = &c->own;
    if (indexed_disc_find (&c->own, &options, err) == -1)
      return -1;
    c->total = indexed_disc_bytes (&c->own);
  }
  if (creation_check_names (c, err) == -1 || creation_prepare_sidecar (c, err) == -1)
    return -1;
  return o->indexed ? 0 : indexed_disc_build (&c->own, &options, err);
}

/* What the report says of the disc. */
static int
report_disc (struct creation *c, struct error *err)
{
  const struct scrambled *scrambled = &c->indexed->scrambled;
  struct create_report *r = c->report;

  r->base = strdup (c->indexed->disc.base);
  r->source_bytes = c->indexed->index.bytes;
  r->keeping = c->indexed->keeping;
  r->packets = scrambled->packets;
  r->scrambled = scrambled->of_them;
  r->scrambling = scrambled->by;
  r->scrambled_source = scrambled->source ? strdup (scrambled->source) : NULL;
  if (!r->base || (scrambled->source && !r->scrambled_source))
    return error_set (err, ENOMEM, "%s", c->indexed->disc.base);
  return source_numbers_init (&c->sources, c->indexed->index.n_sources, err);
}

/* What matching needs while it runs. */
struct matching {
  struct window window;
  struct view_reader *views;
  struct segment_coder *coder;
  struct builder builder;
  struct matcher *matcher;
};

static void
matching_free (struct matching *m)
{
  matcher_free (m->matcher);
  builder_free (&m->builder);
  segment_coder_free (m->coder);
  view_reader_free (m->views);
  window_free (&m->window);
}

static int
matching_init (struct creation *c, struct matching *m, struct error *err)
{
  uint64_t size = c->report->mkv_bytes;
  struct coder_setup setup = { .fd = c->fd,
                               .path = c->options->mkv,
                               .size = size,
                               .span_log2 = SPAN_LOG2,
                               .source_sizes = c->sources.sizes,
                               .n_sources = &c->sources.n,
                               .writer = &c->writer,
                               .merkle = c->merkle,
                               .threads = c->threads };

  if (window_init (&m->window, c->fd, size, MKV_READ, err) == -1)
    return -1;
  m->views = view_reader_new (&c->indexed->index);
  if (!m->views)
    return error_set (err, ENOMEM, "matching");
  m->coder = segment_coder_new (&setup, err);
  if (!m->coder)
    return -1;
  m->builder = (struct builder){ .index = &c->indexed->index,
                                 .views = m->views,
                                 .sources = &c->sources,
                                 .span_log2 = SPAN_LOG2,
                                 .image_size = size,
                                 .next = segment_coder_next,
                                 .opaque = m->coder };
  if (builder_begin (&m->builder, err) == -1)
    return -1;
  m->matcher = matcher_new (&c->indexed->index, m->views, &m->builder, c->fd, size, err);
  return m->matcher ? 0 : -1;
}

static int
report_tracks (struct creation *c, const struct matcher *matcher, struct error *err)
{
  struct create_report *r = c->report;

  r->tracks = calloc (c->feed.n_tracks, sizeof *r->tracks);
  if (!r->tracks)
    return error_set (err, ENOMEM, "matching");
  r->literal_bytes = r->mkv_bytes;
  for (uint16_t i = 0; i < c->feed.n_tracks; i++) {
    const struct matcher_track *t = matcher_get_track (matcher, i);
    struct create_track *track = &r->tracks[r->n_tracks];

    if (t->frames == 0)
      continue;
    r->n_tracks++;
    r->literal_bytes -= t->found;
    *track = (struct create_track){ .number = c->feed.tracks[i].number,
                                    .frames = t->frames,
                                    .bytes = t->bytes,
                                    .found = t->found };
    memcpy (track->codec, c->feed.tracks[i].codec, sizeof track->codec);
  }
  return 0;
}

static int
match_mkv (struct creation *c, struct error *err)
{
  __attribute__ ((cleanup (matching_free))) struct matching m = { 0 };
  uint64_t size = c->report->mkv_bytes;

  c->merkle = calloc (1, merkle_stored_len (size));
  if (!c->merkle)
    return error_set (err, ENOMEM, "matching");
  if (matching_init (c, &m, err) == -1)
    return -1;
  c->feed.path = c->options->mkv;
  c->feed.window = &m.window;
  c->feed.matcher = m.matcher;
  c->feed.shapes = &c->shapes;
  c->feed.progress = creation_progress;
  c->feed.opaque = c;
  if (feed_file (&c->feed, err) == -1 || builder_finish (&m.builder, err) == -1 ||
      segment_coder_finish (m.coder, err) == -1)
    return -1;
  if (view_reader_failed (m.views, err))
    return -1;
  c->deflates = m.builder.deflates;
  return report_tracks (c, m.matcher, err);
}

/* ---- all of it ---- */

/* Found less than this of the payload: what is missing is in the scrambled packets.
 * Tracks of another origin may be missing from a sound rip, but not so much.
 */
#define ENOUGH_PERCENT 90.0

/* A disc that was copied without being decrypted (CSS on DVD-Video, AACS on Blu-ray): its
 * payload is no MKV's, and a recipe from it would be the MKV itself in another form.
 *
 * Scrambled packets alone are no reason to fail: the MKV may be of another title of the
 * disc.  With the keys of a later day a scrambled source cannot help either: a recipe
 * copies bytes, it does not decrypt.
 */
static int
check_scrambled (const struct creation *c, struct error *err)
{
  const struct create_report *r = c->report;
  uint64_t bytes = 0, found = 0;

  for (size_t i = 0; i < r->n_tracks; i++) {
    bytes += r->tracks[i].bytes;
    found += r->tracks[i].found;
  }
  if (!r->scrambled_source || 100.0 * (double) found >= ENOUGH_PERCENT * (double) bytes)
    return 0;
  return error_set (err, 0,
                    "%s: %.1f %% of its packets are scrambled (%s), and only %.1f %% of "
                    "the MKV was found: decrypt the disc image first",
                    r->scrambled_source,
                    100.0 * (double) r->scrambled / (double) r->packets, r->scrambling,
                    100.0 * (double) found / (double) bytes);
}

/* Begin a phase; the time the one before it took goes to the report. */
static void
begin_phase (struct creation *c, enum create_phase phase, uint64_t total)
{
  c->phase = phase;
  c->total = total;
  c->report->seconds[phase] = now ();
}

static void
end_phase (struct creation *c)
{
  c->report->seconds[c->phase] = now () - c->report->seconds[c->phase];
}

/* The recipe comes first: a new sidecar is not to give an old recipe another name. */
static int
commit (struct creation *c, struct error *err)
{
  struct atomic_file *const files[] = { &c->out, &c->sidecar };

  return atomic_files_commit_if (files, c->options->sidecar ? 2 : 1, creation_may_replace,
                                 c, err);
}

static int
run (struct creation *c, struct error *err)
{
  uint64_t size;

  if (open_mkv (c, err) == -1)
    return -1;
  size = c->report->mkv_bytes;
  if (atomic_file_open (&c->out, c->options->out, err) == -1 ||
      recipe_writer_begin (&c->writer, c->out.fd, c->out.temporary, size, SPAN_LOG2,
                           err) == -1)
    return -1;
  begin_phase (c, CREATE_INDEX, 0);
  if (index_disc (c, err) == -1 || report_disc (c, err) == -1)
    return -1;
  end_phase (c);
  begin_phase (c, CREATE_MATCH, size);
  if (match_mkv (c, err) == -1 || check_scrambled (c, err) == -1 ||
      creation_finish_file (c, err) == -1)
    return -1;
  end_phase (c);
  begin_phase (c, CREATE_VERIFY, size);
  if (creation_verify (c, err) == -1 || commit (c, err) == -1)
    return -1;
  end_phase (c);
  return 0;
}

static void
creation_free (struct creation *c)
{
  atomic_file_drop (&c->out);
  atomic_file_drop (&c->sidecar);
  recipe_writer_free (&c->writer);
  free (c->merkle);
  shape_table_free (&c->shapes);
  source_numbers_free (&c->sources);
  indexed_disc_free (&c->own);
  if (c->fd >= 0)
    close (c->fd);
  free (c);
}

static unsigned
default_threads (void)
{
  cpu_set_t set;
  int n = sched_getaffinity (0, sizeof set, &set) == 0 ? CPU_COUNT (&set) : 1;

  return n < 1 ? 1 : n < MAX_DEFAULT_THREADS ? (unsigned) n : MAX_DEFAULT_THREADS;
}

int
create_recipe (const struct create_options *options, struct create_report *report,
               struct error *err)
{
  struct creation *c = calloc (1, sizeof *c);
  int r;

  *report = (struct create_report){ 0 };
  if (!c)
    return error_set (err, ENOMEM, "%s", options->mkv);
  c->options = options;
  c->indexed = options->indexed;
  c->report = report;
  c->fd = -1;
  c->out = (struct atomic_file) ATOMIC_FILE_INIT;
  c->sidecar = (struct atomic_file) ATOMIC_FILE_INIT;
  c->threads = options->threads ? options->threads : default_threads ();
  r = run (c, err);
  creation_free (c);
  if (r == -1)
    create_report_free (report);
  return r;
}

void
create_report_free (struct create_report *report)
{
  free (report->base);
  free (report->scrambled_source);
  free (report->source_ids);
  free (report->tracks);
  *report = (struct create_report){ 0 };
}
