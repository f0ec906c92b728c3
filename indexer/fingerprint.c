/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking the fingerprint of a disc: see fingerprint.h.
 *
 * Threads take chunks in order, which are read under a lock and demuxed outside of it, as in
 * index.c; nothing else is done with a byte than that.  Each thread keeps its own lowest
 * hashes: those of all are the lowest of these.  A key picture that the end of a chunk cuts,
 * one in hundreds, is not there.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "chunks.h"
#include "cleanup.h"
#include "fingerprint.h"
#include "key_picture.h"

/* Scrambled more than this in a hundred: CSS leaves most packets in the clear, but hardly a
 * picture whole; less of it is a trailer or a menu.
 */
#define SCRAMBLED_PERCENT 10

/* Shared by the threads that read a disc. */
struct reading {
  const struct disc *disc;
  struct fingerprint *f;
  fingerprint_progress_fn *progress;
  void *opaque;

  pthread_mutex_t lock;     /* guards everything below, and `f` */
  size_t file;              /* of the next chunk to be read */
  int fd;                   /* of that file; -1: not open */
  struct chunk_list chunks; /* its own */
  uint32_t chunk;
  uint64_t done; /* bytes */
  bool failed;
  struct error err; /* the first error */
};

/* What a thread has. */
struct worker {
  struct reading *all;
  uint8_t *buffer;
  struct demuxed demuxed;
  struct key_units units;
  struct lowest pictures;
  uint64_t packets, scrambled;
  uint8_t scrambling;
};

/* A chunk that was read.  Its list may be gone when it is demuxed, so it is done at once
 * with what it needs of it.
 */
struct taken {
  const struct disc_file *file;
  struct chunk chunk;
  struct chunk_bytes bytes;
};

static void
close_file (struct reading *r)
{
  if (r->fd >= 0)
    close (take_fd (&r->fd));
  chunk_list_free (&r->chunks);
}

/* Make the current file ready to be read. */
static int
open_file (struct reading *r, struct error *err)
{
  const struct disc_file *file = &r->disc->files[r->file];

  r->fd = open (file->path, O_RDONLY | O_CLOEXEC);
  if (r->fd == -1)
    return error_set (err, errno, "%s", file->path);
  posix_fadvise (r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  r->chunk = 0;
  if (chunk_list_init (&r->chunks, file) == -1)
    return error_set (err, ENOMEM, "%s", file->path);
  return 0;
}

/* Bytes that are of no stream need not be read. */
static bool
is_wanted (const struct disc_file *file, const struct chunk *c)
{
  return file->demuxer && c->part != CHUNK_NO_PART;
}

/* The next chunk, if there is one: 1; 0 at the end. */
static int
read_next (struct reading *r, uint8_t *buffer, struct taken *t, struct error *err)
{
  while (r->file < r->disc->n_files) {
    const struct disc_file *file = &r->disc->files[r->file];

    if (r->fd == -1 && open_file (r, err) == -1)
      return -1;
    while (r->chunk < r->chunks.n) {
      uint32_t number = r->chunk++;

      *t = (struct taken){ .file = file, .chunk = r->chunks.chunks[number] };
      r->done += t->chunk.len;
      if (!is_wanted (file, &t->chunk))
        continue;
      if (chunk_read (&r->chunks, file, r->fd, number, buffer, &t->bytes, err) == -1)
        return -1;
      return 1;
    }
    close_file (r);
    r->file++;
  }
  return 0;
}

static bool
take_chunk (struct reading *r, uint8_t *buffer, struct taken *t)
{
  int got;

  LOCK_FOR_SCOPE (&r->lock);
  if (r->failed)
    return false;
  got = read_next (r, buffer, t, &r->err);
  if (got == 1 && r->progress && !r->progress (r->opaque, r->done))
    got = error_set (&r->err, ECANCELED, "%s", t->file->path);
  r->failed = got == -1;
  return got == 1;
}

static void
add_picture (void *opaque, uint64_t hash)
{
  lowest_add (opaque, hash);
}

/* Key pictures of all streams of a chunk. */
static void
look_into (struct worker *w, const struct taken *t)
{
  struct demuxed *d = &w->demuxed;
  const struct chunk_bytes *b = &t->bytes;

  demuxed_clear (d);
  t->file->demuxer->chunk (b->data, b->before, b->len, b->owned, t->chunk.at, d);
  for (size_t i = 0; i < d->n_streams; i++)
    key_pictures_of_stream (&w->units, d->streams[i].data, d->streams[i].len, add_picture,
                            &w->pictures);
  w->packets += d->packets;
  w->scrambled += d->scrambled;
  w->scrambling |= d->scrambling;
}

static bool
has_failed (const struct worker *w)
{
  return !w->buffer || w->demuxed.failed || w->units.failed || w->pictures.failed;
}

/* What the thread found is added to what is found. */
static void
hand_over (struct worker *w)
{
  struct reading *r = w->all;
  struct fingerprint *f = r->f;

  LOCK_FOR_SCOPE (&r->lock);
  for (size_t i = 0; i < w->pictures.n; i++)
    lowest_add (&f->pictures, w->pictures.numbers[i]);
  f->packets += w->packets;
  f->scrambled += w->scrambled;
  f->scrambling |= w->scrambling;
  if ((has_failed (w) || f->pictures.failed) && !r->failed) {
    error_set (&r->err, ENOMEM, "%s", r->disc->base);
    r->failed = true;
  }
}

static void *
work (void *opaque)
{
  struct worker w = { .all = opaque, .buffer = malloc (CHUNK_BUFFER) };
  struct taken t;

  demuxed_init (&w.demuxed);
  lowest_init (&w.pictures, FINGERPRINT_HASHES, KEY_PICTURE_MAX);
  while (!has_failed (&w) && take_chunk (w.all, w.buffer, &t))
    look_into (&w, &t);
  hand_over (&w);
  lowest_free (&w.pictures);
  key_units_free (&w.units);
  demuxed_free (&w.demuxed);
  free (w.buffer);
  return NULL;
}

static void
run_threads (struct reading *r, unsigned threads)
{
  CLEANUP_FREE pthread_t *ids = calloc (threads, sizeof *ids);
  unsigned started = 0;

  /* Fewer threads than asked for only take longer. */
  while (ids && started + 1 < threads &&
         pthread_create (&ids[started], NULL, work, r) == 0)
    started++;
  work (r);
  while (started > 0)
    pthread_join (ids[--started], NULL);
}

int
fingerprint_disc (struct fingerprint *f, const struct disc *disc, unsigned threads,
                  fingerprint_progress_fn *progress, void *opaque, struct error *err)
{
  struct reading r = {
    .disc = disc, .f = f, .progress = progress, .opaque = opaque, .fd = -1
  };

  *f = (struct fingerprint){ 0 };
  lowest_init (&f->pictures, FINGERPRINT_HASHES, KEY_PICTURE_MAX);
  for (size_t i = 0; i < disc->n_files; i++)
    f->bytes += disc->files[i].size;
  pthread_mutex_init (&r.lock, NULL);
  run_threads (&r, threads);
  close_file (&r);
  pthread_mutex_destroy (&r.lock);
  if (!r.failed) {
    lowest_settle (&f->pictures);
    return 0;
  }
  *err = r.err;
  fingerprint_free (f);
  return -1;
}

void
fingerprint_free (struct fingerprint *f)
{
  lowest_free (&f->pictures);
}

bool
fingerprint_is_scrambled (const struct fingerprint *f)
{
  return 100 * f->scrambled > SCRAMBLED_PERCENT * f->packets;
}
