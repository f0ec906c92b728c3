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
#include <unistd.h>
#include <xxhash.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "index.h"
#include "source.h"

/* What one chunk holds of one stream. */
struct found_stream {
  uint32_t key, len;
  uint32_t n_anchors;
  struct found_anchor {
    uint64_t hash;
    uint32_t at;
  } *anchors; /* owned */
};

struct found_chunk {
  struct found_stream *streams; /* owned */
  size_t n_streams;
};

/* Shared by the threads of one build. */
struct build {
  struct disc_index *index;
  index_progress_fn *progress;
  void *opaque;
  unsigned anchors; /* of a stream in a chunk */

  pthread_mutex_t lock; /* guards everything below */
  size_t source;        /* of the next chunk to be read */
  uint32_t chunk;
  XXH3_state_t *hash;   /* of that source, so far */
  uint64_t done;        /* bytes */
  struct found_chunk **found; /* of each source, by chunk; each entry belongs to who read the chunk */
  bool failed, scrambled;
  struct error err;     /* the first error */
};

int
index_read_chunk (const struct index_source *source, uint32_t chunk, uint8_t *buf,
                  size_t *len, size_t *owned, struct error *err)
{
  uint64_t start = chunk * CHUNK_SIZE, left = source->file->size - start;

  *owned = left < CHUNK_SIZE ? left : CHUNK_SIZE;
  *len = left < CHUNK_SIZE + CHUNK_OVERREAD ? left : CHUNK_SIZE + CHUNK_OVERREAD;
  return read_all (source->fd, buf, *len, start, source->file->path, err);
}

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
  size_t len, owned;
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
  if (index_read_chunk (source, t->chunk, buf, &t->len, &t->owned, &b->err) == -1) {
    b->failed = true;
    return false;
  }
  XXH3_128bits_update (b->hash, buf, t->owned);
  b->done += t->owned;
  if (++b->chunk == source->n_chunks)
    finish_source (b);
  if (b->progress && !b->progress (b->opaque, b->done, b->index->bytes)) {
    error_set (&b->err, ECANCELED, "indexing");
    b->failed = true;
  }
  return !b->failed;
}

static void *
work (void *opaque)
{
  struct build *b = opaque;
  CLEANUP_FREE uint8_t *buf = malloc (CHUNK_SIZE + CHUNK_OVERREAD);
  struct error err = ERROR_INIT;
  struct demuxed demuxed;
  bool scrambled = false;
  struct taken t;

  demuxed_init (&demuxed);
  if (!buf) {
    error_set (&err, ENOMEM, "indexing");
    fail (b, &err);
  }
  while (buf && take_chunk (b, buf, &t)) {
    const struct disc_file *file = b->index->sources[t.source].file;

    demuxed_clear (&demuxed);
    if (file->demuxer)
      file->demuxer->chunk (buf, t.len, t.owned, t.chunk * CHUNK_SIZE, &demuxed);
    scrambled |= demuxed.scrambled;
    if (keep_found (&demuxed, &b->found[t.source][t.chunk], b->anchors) == -1) {
      error_set (&err, ENOMEM, "indexing %s", file->path);
      fail (b, &err);
    }
  }
  demuxed_free (&demuxed);
  if (scrambled) {
    LOCK_FOR_SCOPE (&b->lock);
    b->scrambled = true;
  }
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

/* ---- putting the chunks together ---- */

/* The view of a stream, a new one if need be; NULL when out of memory. */
static struct view *
find_view (struct disc_index *index, size_t first, uint32_t source, uint32_t key)
{
  struct view *v;

  for (size_t i = first; i < index->n_views; i++)
    if (index->views[i].key == key)
      return &index->views[i];
  if (index->n_views == index->cap_views) {
    index->cap_views = index->cap_views ? 2 * index->cap_views : 16;
    v = reallocarray (index->views, index->cap_views, sizeof *v);
    if (!v)
      return NULL;
    index->views = v;
  }
  v = &index->views[index->n_views++];
  *v = (struct view){ .source = source, .key = key };
  return v;
}

static int
extend_view (struct view *v, uint32_t chunk, uint32_t len)
{
  if (v->n_chunks == v->cap_chunks) {
    size_t more = v->cap_chunks ? 2 * v->cap_chunks : 64;
    struct view_chunk *p = reallocarray (v->chunks, more, sizeof *p);

    if (!p)
      return -1;
    v->chunks = p;
    v->cap_chunks = more;
  }
  v->chunks[v->n_chunks++] = (struct view_chunk){ chunk, v->len };
  v->len += len;
  return 0;
}

/* Anchors being gathered from all chunks. */
struct gathering {
  struct anchor *anchors;
  size_t n;
};

static int
add_stream (struct disc_index *index, size_t first_view, uint32_t source, uint32_t chunk,
            const struct found_stream *f, struct gathering *g)
{
  struct view *v = find_view (index, first_view, source, f->key);
  uint64_t start;
  size_t number;

  if (!v)
    return -1;
  number = (size_t) (v - index->views);
  start = v->len;
  if (extend_view (v, chunk, f->len) == -1)
    return -1;
  for (uint32_t i = 0; i < f->n_anchors && number < ANCHOR_MAX_VIEWS; i++)
    g->anchors[g->n++] = (struct anchor){ .hash = f->anchors[i].hash,
                                          .view = number,
                                          .at = start + f->anchors[i].at };
  return 0;
}

static size_t
count_anchors (const struct build *b)
{
  size_t n = 0;

  for (size_t s = 0; s < b->index->n_sources; s++)
    for (uint32_t c = 0; c < b->index->sources[s].n_chunks; c++)
      for (size_t i = 0; i < b->found[s][c].n_streams; i++)
        n += b->found[s][c].streams[i].n_anchors;
  return n;
}

/* Views and anchors from what was found, in the order of sources and chunks. */
static int
assemble (struct build *b)
{
  struct disc_index *index = b->index;
  size_t most = count_anchors (b);
  struct gathering g = { malloc ((most + 1) * sizeof *g.anchors), 0 };

  if (!g.anchors)
    return error_set (&b->err, ENOMEM, "indexing");
  for (size_t s = 0; s < index->n_sources; s++) {
    size_t first = index->n_views;

    for (uint32_t c = 0; c < index->sources[s].n_chunks; c++) {
      const struct found_chunk *f = &b->found[s][c];

      for (size_t i = 0; i < f->n_streams; i++)
        if (add_stream (index, first, (uint32_t) s, c, &f->streams[i], &g) == -1)
          goto no_memory;
    }
  }
  index->scrambled = b->scrambled;
  if (anchor_table_init (&index->anchors, g.anchors, g.n) == 0)
    return 0;
no_memory:
  free (g.anchors);
  return error_set (&b->err, ENOMEM, "indexing");
}

/* ---- life of a build ---- */

static int
open_sources (struct disc_index *index, const struct disc *disc, struct error *err)
{
  index->sources = calloc (disc->n_files ? disc->n_files : 1, sizeof *index->sources);
  if (!index->sources)
    return error_set (err, ENOMEM, "indexing");
  for (size_t i = 0; i < disc->n_files; i++) {
    struct index_source *s = &index->sources[i];

    s->file = &disc->files[i];
    s->fd = open (s->file->path, O_RDONLY | O_CLOEXEC);
    if (s->fd == -1)
      return error_set (err, errno, "%s", s->file->path);
    index->n_sources++;
    index->bytes += s->file->size;
    if (s->file->size > SOURCE_MAX_SIZE)
      return error_set (err, EFBIG, "%s", s->file->path);
    s->n_chunks = (uint32_t) ((s->file->size + CHUNK_SIZE - 1) / CHUNK_SIZE);
    if (source_sample (s->fd, s->file->size, &s->sample, err) == -1)
      return error_context (err, "%s", s->file->path);
  }
  return 0;
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
    b->found[s] = calloc (index->sources[s].n_chunks + 1, sizeof **b->found);
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
    for (uint32_t c = 0; b->found[s] && c < b->index->sources[s].n_chunks; c++)
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

  *index = (struct disc_index){ 0 };
  if (open_sources (index, disc, err) == -1) {
    index_free (index);
    return -1;
  }
  r = build_init (&b);
  if (r == 0)
    r = run_threads (&b, threads);
  if (r == 0)
    r = assemble (&b);
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
  for (size_t i = 0; i < index->n_sources; i++)
    close (index->sources[i].fd);
  for (size_t i = 0; i < index->n_views; i++)
    free (index->views[i].chunks);
  free (index->sources);
  free (index->views);
  anchor_table_free (&index->anchors);
  *index = (struct disc_index){ 0 };
}
