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
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "atomic_file.h"
#include "builder.h"
#include "cleanup.h"
#include "create.h"
#include "disc.h"
#include "feed.h"
#include "image.h"
#include "merkle.h"
#include "segment_coder.h"
#include "walk.h"

/* Bytes of image a segment.  Larger ones make a recipe a little smaller (columns have
 * their fixed costs) and a first touch slower; docs/performance.md has the figures.
 */
#define SPAN_LOG2 22

/* Read the MKV in steps of this many bytes. */
#define MKV_READ (1u << 20)

/* One create, from beginning to end; everything owned. */
struct creation {
  const struct create_options *options;
  struct create_report *report;
  unsigned threads;
  int fd; /* the MKV */
  struct stat st;
  struct disc disc;
  struct disc_index index;
  struct source_numbers sources;
  struct shape_table shapes;
  struct feed feed;
  uint8_t *merkle;
  struct recipe_writer writer;
  struct atomic_file out;
  enum create_phase phase;
  uint64_t total; /* of the phase */
};

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct creation *c = opaque;

  return !c->options->progress ||
         c->options->progress (c->options->opaque, c->phase, done, c->total);
}

static bool
tell_index_progress (void *opaque, uint64_t done, uint64_t total)
{
  (void) total;
  return tell_progress (opaque, done);
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

  c->fd = open (path, O_RDONLY | O_CLOEXEC);
  if (c->fd == -1 || fstat (c->fd, &c->st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (c->st.st_mode))
    return error_set (err, 0, "%s: not a regular file", path);
  c->report->mkv_bytes = (uint64_t) c->st.st_size;
  return 0;
}

static int
index_disc (struct creation *c, struct error *err)
{
  if (disc_find (c->options->sources, c->options->n_sources, &c->disc, err) == -1)
    return -1;
  for (size_t i = 0; i < c->disc.n_files; i++)
    c->total += c->disc.files[i].size;
  if (index_build (&c->index, &c->disc, c->threads, tell_index_progress, c, err) == -1)
    return -1;
  c->report->base = strdup (c->disc.base);
  c->report->source_bytes = c->index.bytes;
  c->report->scrambled = c->index.scrambled;
  if (!c->report->base)
    return error_set (err, ENOMEM, "%s", c->disc.base);
  return source_numbers_init (&c->sources, c->index.n_sources, err);
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
  m->views = view_reader_new (&c->index);
  if (!m->views)
    return error_set (err, ENOMEM, "matching");
  m->coder = segment_coder_new (&setup, err);
  if (!m->coder)
    return -1;
  m->builder = (struct builder){ .index = &c->index,
                                 .views = m->views,
                                 .sources = &c->sources,
                                 .span_log2 = SPAN_LOG2,
                                 .image_size = size,
                                 .next = segment_coder_next,
                                 .opaque = m->coder };
  if (builder_begin (&m->builder, err) == -1)
    return -1;
  m->matcher = matcher_new (&c->index, m->views, &m->builder, c->fd, size, err);
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
  c->feed.window = &m.window;
  c->feed.matcher = m.matcher;
  c->feed.shapes = &c->shapes;
  c->feed.progress = tell_progress;
  c->feed.opaque = c;
  if (feed_file (&c->feed, err) == -1 || builder_finish (&m.builder, err) == -1 ||
      segment_coder_finish (m.coder, err) == -1)
    return -1;
  if (view_reader_failed (m.views, err))
    return -1;
  return report_tracks (c, m.matcher, err);
}

/* ---- finishing the file ---- */

static int
add_note (struct recipe_note *notes, size_t *n, const char *key, const char *fmt, ...)
{
  struct recipe_note *note = &notes[(*n)++];
  va_list args;
  int r;

  note->key = strdup (key);
  va_start (args, fmt);
  r = vasprintf (&note->value, fmt, args);
  va_end (args);
  if (r == -1)
    note->value = NULL;
  return note->key && note->value ? 0 : -1;
}

/* What the recipe tells people about itself.  Names with line ends would be two notes. */
static int
make_notes (const struct creation *c, struct recipe_note *notes, size_t *n)
{
  const char *slash = strrchr (c->options->mkv, '/');
  const char *name = slash ? slash + 1 : c->options->mkv;
  int r = 0;

  r |= add_note (notes, n, "creator", "%s", PACKAGE_STRING);
  if (!strchr (name, '\n'))
    r |= add_note (notes, n, "name", "%s", name);
  r |= add_note (notes, n, "mtime", "%" PRId64 ".%09ld", (int64_t) c->st.st_mtim.tv_sec,
                 c->st.st_mtim.tv_nsec);
  for (size_t i = 0; i < c->report->n_tracks; i++) {
    const struct create_track *t = &c->report->tracks[i];

    r |= add_note (notes, n, "track",
                   "%" PRIu64 " %s frames %" PRIu64 " bytes %" PRIu64 " found %" PRIu64,
                   t->number, t->codec[0] ? t->codec : "-", t->frames, t->bytes,
                   t->found);
  }
  return r;
}

static int
write_end (struct creation *c, const struct recipe_source *sources, struct error *err)
{
  struct recipe_note *notes = calloc (c->report->n_tracks + 3, sizeof *notes);
  size_t n = 0;
  int r;

  if (!notes || make_notes (c, notes, &n) != 0)
    r = error_set (err, ENOMEM, "%s", c->options->out);
  else
    r = recipe_writer_finish (&c->writer, sources, c->sources.n, c->merkle,
                              merkle_stored_len (c->report->mkv_bytes), notes, n, err);
  if (notes)
    recipe_notes_free (notes, n);
  return r;
}

/* Everything behind the segments. */
static int
finish_file (struct creation *c, struct error *err)
{
  CLEANUP_FREE struct recipe_source *sources = NULL;

  if (merkle_finish (c->merkle, c->report->mkv_bytes, err) == -1)
    return -1;
  sources = calloc (c->sources.n + 1, sizeof *sources);
  if (!sources)
    return error_set (err, ENOMEM, "%s", c->options->out);
  for (uint32_t i = 0; i < c->sources.n; i++) {
    const struct index_source *s = &c->index.sources[c->sources.source[i]];

    sources[i].path = s->file->relative; /* borrowed */
    sources[i].size = s->file->size;
    sources[i].sample = s->sample;
    memcpy (sources[i].hash, s->hash, sizeof s->hash);
  }
  c->report->n_sources = c->sources.n;
  if (write_end (c, sources, err) == -1)
    return -1;
  c->report->recipe_bytes = c->writer.at;
  return 0;
}

/* ---- verification ---- */

/* Called by walk_image: the image's bytes have to be the MKV's. */
static int
compare (void *opaque, const uint8_t *data, size_t len, uint64_t offset, uint8_t *scratch,
         struct error *err)
{
  const struct creation *c = opaque;
  size_t i = 0;

  if (read_all (c->fd, scratch, len, offset, c->options->mkv, err) == -1)
    return -1;
  if (memcmp (data, scratch, len) == 0)
    return 0;
  while (data[i] == scratch[i])
    i++;
  return error_set (err, 0,
                    "%s: byte %" PRIu64 " would not be served as it is: the MKV or a "
                    "source changed meanwhile, or this is a flaw of this program",
                    c->options->mkv, offset + i);
}

static int
compare_image (struct creation *c, struct image *img, struct error *err)
{
  if (image_size (img) != c->report->mkv_bytes)
    return error_set (err, 0, "%s: served in another size", c->options->mkv);
  if (image_open_sources (img, err) == -1)
    return -1;
  return walk_image (img, c->threads, compare, tell_progress, c, err);
}

static int
verify (struct creation *c, struct error *err)
{
  const char *places[] = { c->disc.base };
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  struct image *img;
  int r = -1;

  if (!cache)
    return error_set (err, ENOMEM, "verifying");
  img = image_open (c->out.temporary, places, 1, cache, err);
  if (img) {
    r = compare_image (c, img, err);
    image_close (img);
  }
  segment_cache_free (cache);
  return r == -1 ? error_context (err, "verifying what was written") : 0;
}

/* Is the MKV still the file that was read? */
static int
check_mkv (const struct creation *c, struct error *err)
{
  struct stat st;

  if (fstat (c->fd, &st) == -1)
    return error_set (err, errno, "%s", c->options->mkv);
  if (st.st_size != c->st.st_size || st.st_mtim.tv_sec != c->st.st_mtim.tv_sec ||
      st.st_mtim.tv_nsec != c->st.st_mtim.tv_nsec)
    return error_set (err, 0, "%s: changed while it was read", c->options->mkv);
  return 0;
}

/* ---- all of it ---- */

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
  if (index_disc (c, err) == -1)
    return -1;
  end_phase (c);
  begin_phase (c, CREATE_MATCH, size);
  if (match_mkv (c, err) == -1 || finish_file (c, err) == -1)
    return -1;
  end_phase (c);
  begin_phase (c, CREATE_VERIFY, size);
  if (verify (c, err) == -1 || check_mkv (c, err) == -1 ||
      atomic_file_commit (&c->out, err) == -1)
    return -1;
  end_phase (c);
  return 0;
}

static void
creation_free (struct creation *c)
{
  atomic_file_drop (&c->out);
  recipe_writer_free (&c->writer);
  free (c->merkle);
  shape_table_free (&c->shapes);
  source_numbers_free (&c->sources);
  index_free (&c->index);
  disc_free (&c->disc);
  if (c->fd >= 0)
    close (c->fd);
  free (c);
}

int
create_recipe (const struct create_options *options, struct create_report *report,
               struct error *err)
{
  struct creation *c = calloc (1, sizeof *c);
  long processors = sysconf (_SC_NPROCESSORS_ONLN);
  int r;

  *report = (struct create_report){ 0 };
  if (!c)
    return error_set (err, ENOMEM, "%s", options->mkv);
  c->options = options;
  c->report = report;
  c->fd = -1;
  c->out = (struct atomic_file) ATOMIC_FILE_INIT;
  c->threads = options->threads       ? options->threads
               : processors > 0 ? (unsigned) processors
                                : 1;
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
  free (report->tracks);
  *report = (struct create_report){ 0 };
}
