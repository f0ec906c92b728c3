/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parsers make of a file, for scripts to compare with what others' tools make of it.
 *
 *   dump-es streams FILE        every elementary stream: key, bytes, pieces, kind
 *   dump-es stream FILE KEY     the bytes of one (KEY in hex)
 *   dump-es blocks FILE         every frame of a Matroska file: track, offset of its block's body, size
 *   dump-es tracks FILE         its tracks: number, type, codec, compression
 *   dump-es track FILE NUMBER   the frames of one track, one after the other
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "demux.h"
#include "matroska.h"
#include "window.h"

static void
die (const char *what, const char *why)
{
  fprintf (stderr, "dump-es: %s: %s\n", what, why);
  exit (1);
}

static void
put (const void *data, size_t len)
{
  if (fwrite (data, 1, len, stdout) != len)
    die ("standard output", strerror (errno));
}

/* What is known of one stream over all chunks. */
struct total {
  uint32_t key;
  uint64_t len, pieces;
};

static void
add_totals (const struct demuxed *d, struct total *totals, size_t *n)
{
  for (size_t i = 0; i < d->n_streams; i++) {
    size_t t = 0;

    while (t < *n && totals[t].key != d->streams[i].key)
      t++;
    if (t == DEMUX_MAX_STREAMS)
      continue;
    if (t == *n)
      totals[(*n)++] = (struct total){ d->streams[i].key, 0, 0 };
    totals[t].len += d->streams[i].len;
    totals[t].pieces += d->streams[i].n_pieces;
  }
}

/* All chunks of the file; with a key, its bytes; else a list. */
static void
dump_streams (struct window *w, const char *path, const char *key)
{
  const struct demuxer *demuxer = demuxer_for (w->fd, w->size);
  static struct total totals[DEMUX_MAX_STREAMS];
  struct demuxed d;
  size_t n = 0;

  if (!demuxer)
    die (path, "no demuxer knows it");
  demuxed_init (&d);
  for (uint64_t at = 0; at < w->size; at += CHUNK_SIZE) {
    size_t before = at < demuxer->before ? at : demuxer->before, len;
    const uint8_t *data =
      window_get (w, at - before, before + CHUNK_SIZE + demuxer->after, &len);

    if (!data)
      die (path, strerror (w->errnum));
    len -= before;
    demuxed_clear (&d);
    demuxer->chunk (data + before, before, len, len < CHUNK_SIZE ? len : CHUNK_SIZE, at,
                    &d);
    if (d.failed)
      die (path, "out of memory");
    add_totals (&d, totals, &n);
    if (key) {
      struct demux_stream *s = demuxed_find (&d, (uint32_t) strtoul (key, NULL, 16));

      if (s)
        put (s->data, s->len);
    }
  }
  for (size_t i = 0; !key && i < n; i++) {
    char buf[64];

    printf ("%04" PRIX32 " %" PRIu64 " %" PRIu64 " %s\n", totals[i].key, totals[i].len,
            totals[i].pieces, demuxer->describe (totals[i].key, buf, sizeof buf));
  }
  demuxed_free (&d);
}

static void
dump_tracks (const struct matroska *m)
{
  size_t n;
  const struct matroska_track *t = matroska_tracks (m, &n);

  for (size_t i = 0; i < n; i++, t++) {
    printf ("%" PRIu64 " %u %s %d ", t->number, t->type, t->codec, t->compression);
    for (size_t k = 0; k < t->n_stripped; k++)
      printf ("%02x", t->stripped[k]);
    printf ("\n");
  }
}

/* One frame: in the list, or its bytes. */
static void
dump_frame (struct window *w, const struct matroska_block *b, uint64_t at, uint32_t size,
            const char *track)
{
  size_t got;
  const uint8_t *data;

  if (!track) {
    printf ("%" PRIu64 " %" PRIu64 " %" PRIu32 "\n", b->track, b->body, size);
    return;
  }
  if (b->track != strtoull (track, NULL, 10))
    return;
  data = window_get (w, at, size, &got);
  if (data)
    put (data, got);
}

/* The tracks, or the frames (of one track, or of all). */
static void
dump_matroska (struct window *w, const char *path, bool tracks, const char *track)
{
  struct matroska *m = matroska_open (w);
  struct matroska_block b;

  if (!m)
    die (path, "out of memory");
  if (tracks)
    dump_tracks (m);
  else
    while (matroska_next (m, &b))
      for (uint64_t i = 0, at = b.payload; i < b.n_frames; at += b.frame_size[i++])
        dump_frame (w, &b, at, b.frame_size[i], track);
  matroska_close (m);
}

int
main (int argc, char *argv[])
{
  const char *what = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
  const char *which = argc > 3 ? argv[3] : NULL;
  CLEANUP_CLOSE int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct error err = ERROR_INIT;
  struct window w;
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    die (path, strerror (errno));
  if (window_init (&w, fd, (uint64_t) st.st_size, 1 << 18, &err) == -1)
    die (path, err.text);
  if (strcmp (what, "streams") == 0 || (strcmp (what, "stream") == 0 && which))
    dump_streams (&w, path, which);
  else if (strcmp (what, "blocks") == 0 || (strcmp (what, "track") == 0 && which))
    dump_matroska (&w, path, false, which);
  else if (strcmp (what, "tracks") == 0)
    dump_matroska (&w, path, true, NULL);
  else
    die (what, "usage: dump-es streams|stream|blocks|tracks|track FILE [KEY|NUMBER]");
  window_free (&w);
  if (fflush (stdout) != 0)
    die ("standard output", strerror (errno));
  return 0;
}
