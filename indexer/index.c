/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building the index of a disc: see index.h.
 *
 * Threads take chunks in order under one lock, where they also read and hash
 * them: a disc is read once, forward, and its hash needs no second pass.  What they
 * find is kept by chunk and put together in chunk order at the end, so the
 * index does not depend on who was first.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "cleanup.h"
#include "index_views.h"
#include "source.h"

/* Shared by the threads of one build. */
struct build {
  struct disc_index *index;
  index_progress_fn *progress;
  void *opaque;
  unsigned anchors; /* of a stream in a chunk */

  pthread_mutex_t lock; /* guards everything below, and the sources' counts of packets */
  size_t source;        /* of the next chunk to be read */
  uint32_t chunk;
  XXH3_state_t *hash; /* of that source, so far */
  uint64_t done;      /* bytes */
  struct found_chunk *
    *found; /* of each source, by chunk; each entry belongs to who read the chunk */
  bool failed;
  struct error err; /* the first error */
};

/* ---- one chunk ---- */

static int
pick_anchors (const struct demux_stream *s, struct found_stream *f, unsigned most)
{
  struct anchor_pick picks[ANCHORS_PER_CHUNK];

  f->key = s->key;
  f->len = (uint32_t) s->len;
  f->n_anchors = (uint32_t) anchor_pick (s->data, s->len, picks, most);
  f->anchors = malloc ((f->n_anchors + 1) * sizeof *f->anchors);
  if (!f->anchors)
    return -1;
  for (uint32_t i = 0; i < f->n_anchors; i++)
    f->anchors[i] =
      (struct found_anchor){ anchor_hash (s->data + picks[i].at), picks[i].at };
  return 0;
}

static int
keep_found (const struct demuxed *d, struct found_chunk *found, unsigned most)
{
  found->streams = calloc (d->n_streams ? d->n_streams : 1, sizeof *found->streams);
  if (!found->streams || d->failed)
    return -1;
  found->n_streams = d->n_streams;
  for (size_t i = 0; i < d->n_streams; i++)
    if (pick_anchors (&d->streams[i], &found->streams[i], most) == -1)
      return -1;
  return 0;
}

/* ---- threads ---- */

static void
fail (struct build *b, const struct error *err)
{
  LOCK_FOR_SCOPE (&b->lock);
  if (!b->failed)
    b->err = *err;
  b->failed = true;
}

/* The current source has been read to its end. */
static void
finish_source (struct build *b)
{
  XXH128_canonical_t canonical;

  XXH128_canonicalFromHash (&canonical, XXH3_128bits_digest (b->hash));
  memcpy (b->index->sources[b->source].hash, canonical.digest, RECIPE_HASH_SIZE);
  XXH3_128bits_reset (b->hash);
  b->source++;
  b->chunk = 0;
}

/* A chunk that a thread has taken. */
struct taken {
  size_t source;
  uint32_t chunk;
  struct chunk_bytes bytes;
};

/* Read and hash the next chunk into `buf`; false when there is none (or on failure). */
static bool
take_chunk (struct build *b, uint8_t *buf, struct taken *t)
{
  const struct index_source *source;

  LOCK_FOR_SCOPE (&b->lock);
  if (b->failed || b->source == b->index->n_sources)
    return false;
  source = &b->index->sources[b->source];
  *t = (struct taken){ .source = b->source, .chunk = b->chunk };
  if (chunk_read (&source->chunks, source->file, source->fd, t->chunk, buf, &t->bytes,
                  &b->err) == -1) {
    b->failed = true;
    return false;
  }
  XXH3_128bits_update (b->hash, t->bytes.data, t->bytes.owned);
  b->done += t->bytes.owned;
  if (++b->chunk == source->chunks.n)
    finish_source (b);
  if (b->progress && !b->progress (b->opaque, b->done, b->index->bytes)) {
    error_set (&b->err, ECANCELED, "indexing");
    b->failed = true;
  }
  return !b->failed;
}

static void
count_packets (struct build *b, size_t source, const struct demuxed *d)
{
  LOCK_FOR_SCOPE (&b->lock);
  b->index->sources[source].packets += d->packets;
  b->index->sources[source].scrambled += d->scrambled;
  b->index->sources[source].scrambling |= d->scrambling;
}

static void *
work (void *opaque)
{
  struct build *b = opaque;
  CLEANUP_FREE uint8_t *buf = malloc (CHUNK_BUFFER);
  struct error err = ERROR_INIT;
  struct demuxed demuxed;
  struct taken t;

  demuxed_init (&demuxed);
  if (!buf) {
    error_set (&err, ENOMEM, "indexing");
    fail (b, &err);
  }
  while (buf && take_chunk (b, buf, &t)) {
    const struct index_source *s = &b->index->sources[t.source];

    chunk_demux (&s->chunks, s->file, t.chunk, &t.bytes, &demuxed);
    count_packets (b, t.source, &demuxed);
    if (keep_found (&demuxed, &b->found[t.source][t.chunk], b->anchors) == -1) {
      error_set (&err, ENOMEM, "indexing %s", s->file->path);
      fail (b, &err);
    }
  }
  demuxed_free (&demuxed);
  return NULL;
}

static int
run_threads (struct build *b, unsigned threads)
{
  CLEANUP_FREE pthread_t *ids = calloc (threads, sizeof *ids);
  unsigned started = 0;

  if (!ids)
    return error_set (&b->err, ENOMEM, "indexing");
  /* Fewer threads than asked for only take longer. */
  while (started + 1 < threads && pthread_create (&ids[started], NULL, work, b) == 0)
    started++;
  work (b);
  while (started > 0)
    pthread_join (ids[--started], NULL);
  return b->failed ? -1 : 0;
}

/* ---- life of a build ---- */

static int
open_sources (struct disc_index *index, const struct disc *disc, bool sampled,
              struct error *err)
{
  index->sources = calloc (disc->n_files ? disc->n_files : 1, sizeof *index->sources);
  if (!index->sources)
    return error_set (err, ENOMEM, "indexing");
  for (size_t i = 0; i < disc->n_files; i++) {
    struct index_source *s = &index->sources[i];
    struct timespec now;
    struct stat st;

    s->file = &disc->files[i];
    s->fd = open (s->file->path, O_RDONLY | O_CLOEXEC);
    if (s->fd == -1)
      return error_set (err, errno, "%s", s->file->path);
    index->n_sources++;
    if (fstat (s->fd, &st) == -1)
      return error_set (err, errno, "%s", s->file->path);
    s->id = file_id_of (&st);
    clock_gettime (CLOCK_REALTIME, &now);
    s->opened_ns = timespec_ns (&now);
    index->bytes += disc->files[i].size;
    if (disc->files[i].size > SOURCE_MAX_SIZE)
      return error_set (err, EFBIG, "%s", s->file->path);
    if (chunk_list_init (&s->chunks, s->file) == -1)
      return error_set (err, ENOMEM, "indexing %s", s->file->path);
    if (sampled && source_sample (s->fd, disc->files[i].size, &s->sample, err) == -1)
      return error_context (err, "%s", s->file->path);
  }
  return 0;
}

static int
open_index (struct disc_index *index, const struct disc *disc, bool sampled,
            struct error *err)
{
  *index = (struct disc_index){ 0 };
  if (open_sources (index, disc, sampled, err) == 0)
    return 0;
  index_free (index);
  return -1;
}

int
index_open (struct disc_index *index, const struct disc *disc, struct error *err)
{
  return open_index (index, disc, false, err);
}

static int
build_init (struct build *b)
{
  const struct disc_index *index = b->index;

  pthread_mutex_init (&b->lock, NULL);
  b->anchors = anchors_per_chunk (index->bytes);
  b->hash = XXH3_createState ();
  b->found = calloc (index->n_sources + 1, sizeof *b->found);
  if (!b->hash || !b->found)
    return error_set (&b->err, ENOMEM, "indexing");
  XXH3_128bits_reset (b->hash);
  for (size_t s = 0; s < index->n_sources; s++) {
    b->found[s] = calloc (index->sources[s].chunks.n + 1, sizeof **b->found);
    if (!b->found[s])
      return error_set (&b->err, ENOMEM, "indexing");
  }
  return 0;
}

static void
found_free (struct found_chunk *found)
{
  for (size_t i = 0; i < found->n_streams; i++)
    free (found->streams[i].anchors);
  free (found->streams);
}

static void
build_free (struct build *b)
{
  for (size_t s = 0; b->found && s < b->index->n_sources; s++) {
    for (uint32_t c = 0; b->found[s] && c < b->index->sources[s].chunks.n; c++)
      found_free (&b->found[s][c]);
    free (b->found[s]);
  }
  free (b->found);
  XXH3_freeState (b->hash);
  pthread_mutex_destroy (&b->lock);
}

int
index_build (struct disc_index *index, const struct disc *disc, unsigned threads,
             index_progress_fn *progress, void *opaque, struct error *err)
{
  struct build b = { .index = index, .progress = progress, .opaque = opaque };
  int r;

  if (open_index (index, disc, true, err) == -1)
    return -1;
  r = build_init (&b);
  if (r == 0)
    r = run_threads (&b, threads);
  if (r == 0 && index_assemble (index, b.found) == -1)
    r = error_set (&b.err, ENOMEM, "indexing");
  build_free (&b);
  if (r == -1) {
    *err = b.err;
    index_free (index);
  }
  return r;
}

void
index_free (struct disc_index *index)
{
  for (size_t i = 0; i < index->n_sources; i++) {
    close (index->sources[i].fd);
    chunk_list_free (&index->sources[i].chunks);
  }
  for (size_t i = 0; i < index->n_views; i++)
    free (index->views[i].chunks);
  free (index->sources);
  free (index->views);
  anchor_table_free (&index->anchors);
  *index = (struct disc_index){ 0 };
}
