/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading some of an MKV: see rip.h.
 *
 * The file is divided at *places*: where the cues say that a cluster with a picture begins
 * or, if there are too few, at even distances.  A place is visited by looking for the first
 * key picture in it, up to the next place; so whatever a file says, nothing of it is read
 * twice.  A visit reads some 80 KB.  The first round visits one place in so many, the next
 * those half-way between, and so on.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#define ZLIB_CONST
#include <zlib.h>

#include "cleanup.h"
#include "key_picture.h"
#include "matroska.h"
#include "nal.h"
#include "rip.h"
#include "whole_io.h"
#include "window.h"

/* All that depends on sizes; fuzz-matroska has smaller ones, or no file would be large. */
#ifndef RIP_SMALL

/* Files up to this are read whole. */
#define RIP_SMALL (UINT64_C (64) << 20)

/* Visits of the first round, at least, and of all.  A disc has some 15,000 key pictures, and
 * the fingerprint one in 25 of them: of 500 visits, 20 are to one of these.
 */
#define FIRST_VISITS 512
#define MOST_VISITS 4096

/* Where there are no cues: clusters are a few megabytes. */
#define EVEN_DISTANCE (UINT64_C (4) << 20)

#endif

/* So much of a picture's front is looked at: its headers, and slices that are too small. */
#define PICTURE_FRONT 16384

/* Blocks in which a place's key picture is looked for: of all tracks, some seconds. */
#define MOST_BLOCKS 4000

/* Pictures of a file read whole: a day's. */
#define MOST_PICTURES (UINT32_C (1) << 20)

struct rip {
  char *path; /* owned */
  int fd;
  uint64_t size;
  struct window window;
  struct matroska *matroska;
  uint64_t *places; /* sorted, distinct; owned */
  size_t n_places;
  size_t step;   /* one place in so many has been visited; 0: none has */
  size_t visits; /* so far */
  bool done;     /* nothing will be read any more */

  struct key_units units;
  uint8_t front[PICTURE_FRONT]; /* of a picture, decompressed */
  struct lowest pictures;
};

/* ---- a block ---- */

static void
cleanup_inflate (z_stream *z)
{
  inflateEnd (z);
}

/* As much as there is room for of what inflates from the block's front. */
static size_t
inflate_front (struct rip *r, const uint8_t *data, size_t len)
{
  __attribute__ ((cleanup (cleanup_inflate))) z_stream z = { 0 };

  if (inflateInit (&z) != Z_OK)
    return 0;
  z.next_in = data;
  z.avail_in = (uInt) len;
  z.next_out = r->front;
  z.avail_out = sizeof r->front;
  inflate (&z, Z_SYNC_FLUSH);
  return sizeof r->front - z.avail_out;
}

/* What was stripped from each frame, in front of it again. */
static size_t
unstrip (struct rip *r, const struct matroska_track *t, const uint8_t *data, size_t len)
{
  size_t room = sizeof r->front - t->n_stripped;

  memcpy (r->front, t->stripped, t->n_stripped);
  memcpy (r->front + t->n_stripped, data, len < room ? len : room);
  return t->n_stripped + (len < room ? len : room);
}

static void
add_picture (void *opaque, uint64_t hash)
{
  lowest_add (opaque, hash);
}

/* Take the key pictures that the front of a frame, [at, at + len), has. */
static void
take_frame (struct rip *r, const struct matroska_track *t, uint64_t at, uint32_t len)
{
  const uint8_t *data;
  size_t got;

  data = window_get (&r->window, at, len < PICTURE_FRONT ? len : PICTURE_FRONT, &got);
  if (!data)
    return;
  if (t->compression == MATROSKA_ZLIB)
    got = inflate_front (r, data, got);
  else if (t->compression == MATROSKA_STRIPPED)
    got = unstrip (r, t, data, got);
  else if (t->compression != MATROSKA_UNCOMPRESSED)
    return;
  key_pictures_of_frame (&r->units, key_codec (t), nal_width_of_frames (t),
                         t->compression == MATROSKA_UNCOMPRESSED ? data : r->front, got,
                         add_picture, &r->pictures);
}

static void
take_block (struct rip *r, const struct matroska_block *b)
{
  const struct matroska_track *t = matroska_track (r->matroska, b->track);
  uint64_t at = b->payload;

  if (!t || key_codec (t) == KEY_NO_CODEC)
    return;
  for (unsigned i = 0; i < b->n_frames; at += b->frame_size[i++])
    if (b->frame_size[i] > 0)
      take_frame (r, t, at, b->frame_size[i]);
}

/* ---- places ---- */

static int
by_place (const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

/* Clusters that the cues have of tracks with pictures. */
static int
list_cued (struct rip *r)
{
  size_t n_cues, n = 0;
  CLEANUP_FREE struct matroska_cue *cues = matroska_cues (r->matroska, &n_cues);

  r->places = cues ? calloc (n_cues + 1, sizeof *r->places) : NULL;
  if (!r->places)
    return -1;
  for (size_t i = 0; i < n_cues; i++) {
    const struct matroska_track *t = matroska_track (r->matroska, cues[i].track);

    if (t && key_codec (t) != KEY_NO_CODEC)
      r->places[n++] = cues[i].cluster;
  }
  qsort (r->places, n, sizeof *r->places, by_place);
  for (size_t i = 0; i < n; i++)
    if (r->n_places == 0 || r->places[i] != r->places[r->n_places - 1])
      r->places[r->n_places++] = r->places[i];
  return 0;
}

static int
list_even (struct rip *r)
{
  uint64_t n = r->size / EVEN_DISTANCE;

  n = n < FIRST_VISITS ? FIRST_VISITS : n < MOST_VISITS ? n : MOST_VISITS;
  free (r->places);
  r->places = calloc (n, sizeof *r->places);
  if (!r->places)
    return -1;
  for (uint64_t i = 0; i < n; i++)
    r->places[i] = r->size / n * i;
  r->n_places = n;
  return 0;
}

static int
list_places (struct rip *r, struct error *err)
{
  if (r->size <= RIP_SMALL)
    return 0;
  if (list_cued (r) == -1 || (r->n_places < FIRST_VISITS / 4 && list_even (r) == -1))
    return error_set (err, ENOMEM, "%s", r->path);
  /* Without cues a visit goes from block to block: what lies between need not be read. */
  posix_fadvise (r->fd, 0, 0, POSIX_FADV_RANDOM);
  return 0;
}

/* ---- reading ---- */

/* Where reading failed. */
static int
check_read (const struct rip *r, struct error *err)
{
  if (r->window.errnum)
    return error_set (err, r->window.errnum, "%s: read at or after offset %llu", r->path,
                      (unsigned long long) r->window.start);
  if (r->units.failed || r->pictures.failed)
    return error_set (err, ENOMEM, "%s", r->path);
  return 0;
}

/* The first key picture of a place. */
static void
visit (struct rip *r, size_t i)
{
  uint64_t end = i + 1 < r->n_places ? r->places[i + 1] : r->size;
  size_t had = r->pictures.n;
  struct matroska_block b;

  r->visits++;
  if (!matroska_seek (r->matroska, r->places[i], end))
    return;
  for (unsigned n = 0; n < MOST_BLOCKS && r->pictures.n == had &&
                       matroska_next (r->matroska, &b) && b.at < end;
       n++)
    take_block (r, &b);
}

/* The places of the next round. */
static int
visit_more (struct rip *r, struct error *err)
{
  size_t last = r->step;

  if (last == 0) {
    r->step = 1;
    while (r->n_places / (2 * r->step) >= FIRST_VISITS)
      r->step *= 2;
  }
  else
    r->step /= 2;
  for (size_t i = 0; i < r->n_places; i += r->step) {
    if (last != 0 && i % last == 0)
      continue;
    visit (r, i);
    if (check_read (r, err) == -1)
      return -1;
  }
  r->done = r->step == 1 || 2 * r->visits > MOST_VISITS;
  return 0;
}

static int
read_whole (struct rip *r, struct error *err)
{
  struct matroska_block b;

  while (matroska_next (r->matroska, &b))
    take_block (r, &b);
  r->done = true;
  return check_read (r, err);
}

int
rip_read (struct rip *r, struct error *err)
{
  if (r->done)
    return 0;
  if ((r->n_places ? visit_more (r, err) : read_whole (r, err)) == -1)
    return -1;
  lowest_settle (&r->pictures);
  return 1;
}

/* ---- life ---- */

static int
check_tracks (const struct rip *r, struct error *err)
{
  size_t n;
  const struct matroska_track *tracks = matroska_tracks (r->matroska, &n);

  if (!matroska_is_matroska (r->matroska))
    return error_set (err, 0, "%s: is no Matroska file", r->path);
  for (size_t i = 0; i < n; i++)
    if (key_codec (&tracks[i]) != KEY_NO_CODEC)
      return 0;
  return error_set (err, 0, "%s: has no pictures as discs have them", r->path);
}

static int
open_file (struct rip *r, struct error *err)
{
  struct stat st;

  r->fd = open (r->path, OPEN_UNKNOWN);
  if (r->fd == -1 || fstat (r->fd, &st) == -1)
    return error_set (err, errno, "%s", r->path);
  if (!S_ISREG (st.st_mode))
    return error_set (err, 0, "%s: not a regular file", r->path);
  r->size = (uint64_t) st.st_size;
  return window_init (&r->window, r->fd, r->size, PICTURE_FRONT, err);
}

struct rip *
rip_open (const char *path, struct error *err)
{
  struct rip *r = calloc (1, sizeof *r);

  if (!r) {
    error_set (err, ENOMEM, "%s", path);
    return NULL;
  }
  r->fd = -1;
  r->path = strdup (path);
  lowest_init (&r->pictures, MOST_PICTURES, KEY_PICTURE_MAX);
  if (!r->path)
    error_set (err, ENOMEM, "%s", path);
  else if (open_file (r, err) == 0) {
    r->matroska = matroska_open (&r->window);
    if (!r->matroska)
      error_set (err, ENOMEM, "%s", path);
    else if (check_tracks (r, err) == 0 && list_places (r, err) == 0)
      return r;
  }
  rip_close (r);
  return NULL;
}

void
rip_close (struct rip *r)
{
  if (r->matroska)
    matroska_close (r->matroska);
  window_free (&r->window);
  cleanup_close (&r->fd);
  free (r->places);
  key_units_free (&r->units);
  lowest_free (&r->pictures);
  free (r->path);
  free (r);
}

const struct lowest *
rip_pictures (const struct rip *r)
{
  return &r->pictures;
}

uint64_t
rip_size (const struct rip *r)
{
  return r->size;
}
