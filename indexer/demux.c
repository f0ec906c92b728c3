/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all demuxers share: collecting payload by stream, and finding out which
 * demuxer a file is for.
 *
 * A stream is looked up once a packet (184 bytes on a Blu-ray), so a small table of
 * hints by a hash of the key comes before the search; a wrong hint costs only the
 * search.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "demux.h"
#include "image_files.h"
#include "window.h"

/* All that depends on sizes; fuzz-udf has smaller ones, or no image would be large. */
#ifndef PROBE_WHOLE

/* Files up to this are looked at whole when their kind is to be found out, … */
#define PROBE_WHOLE ((size_t) 4 << 20)

/* … larger ones at their start, then where the largest files of an image start, then at
 * places evenly spaced.  A DVD's first VOB may lie far into the image, but VOBs are most
 * of it; if other things are, only the file system tells.
 */
#define PROBE_START ((size_t) 1 << 20)
#define PROBE_PLACE ((size_t) 64 << 10)
#define PROBE_FILES 64
#define PROBE_PLACES 64

#endif

static const struct demuxer *const demuxers[] = {
  &demuxer_ps,
  &demuxer_ts,
};
#define N_DEMUXERS (sizeof demuxers / sizeof demuxers[0])

/* By enum scrambling, as sets. */
static const char *const scrambling_names[SCRAMBLINGS] = {
  "nothing",
  "CSS",
  "AACS",
  "CSS, AACS",
  "conditional access",
  "CSS, conditional access",
  "AACS, conditional access",
  "CSS, AACS, conditional access",
};

const char *
scrambling_name (unsigned set)
{
  return scrambling_names[set % SCRAMBLINGS];
}

void
demuxed_init (struct demuxed *d)
{
  memset (d, 0, sizeof *d);
}

void
demuxed_clear (struct demuxed *d)
{
  d->n_streams = 0;
  d->failed = false;
  d->packets = d->scrambled = d->scrambling = 0;
}

void
demuxed_free (struct demuxed *d)
{
  for (size_t i = 0; i < d->cap_streams; i++) {
    free (d->streams[i].data);
    free (d->streams[i].pieces);
  }
  free (d->streams);
  demuxed_init (d);
}

static uint16_t *
hint_of (struct demuxed *d, uint32_t key)
{
  return &d->hint[(key * UINT32_C (0x9E3779B1)) >> 24 & (DEMUX_HINTS - 1)];
}

struct demux_stream *
demuxed_find (const struct demuxed *d, uint32_t key)
{
  for (size_t i = 0; i < d->n_streams; i++)
    if (d->streams[i].key == key)
      return &d->streams[i];
  return NULL;
}

/* `array`, moved if that is needed to make room for `need` elements; *cap is how many
 * there is room for.  NULL when out of memory: the array is then as it was.
 */
static void *
grow (void *array, size_t *cap, size_t need, size_t element)
{
  size_t n = *cap ? *cap : 16;
  void *p;

  if (need <= *cap)
    return array;
  while (n < need)
    n *= 2;
  p = realloc (array, n * element);
  if (p)
    *cap = n;
  return p;
}

/* A new stream; NULL when out of memory (`failed`) or when there are too many. */
static struct demux_stream *
new_stream (struct demuxed *d, uint32_t key)
{
  size_t had = d->cap_streams;
  struct demux_stream *s;

  if (d->n_streams == DEMUX_MAX_STREAMS)
    return NULL;
  s = grow (d->streams, &d->cap_streams, d->n_streams + 1, sizeof *s);
  if (!s) {
    d->failed = true;
    return NULL;
  }
  d->streams = s;
  if (d->cap_streams > had)
    memset (s + had, 0, (d->cap_streams - had) * sizeof *s);
  s += d->n_streams++;
  s->key = key;
  s->len = s->n_pieces = 0;
  return s;
}

static struct demux_stream *
stream_of (struct demuxed *d, uint32_t key)
{
  uint16_t *hint = hint_of (d, key);
  struct demux_stream *s;

  if (*hint < d->n_streams && d->streams[*hint].key == key)
    return &d->streams[*hint];
  s = demuxed_find (d, key);
  if (!s)
    s = new_stream (d, key);
  if (s)
    *hint = (uint16_t) (s - d->streams);
  return s;
}

/* Remember where the `len` bytes about to be appended come from. */
static bool
add_piece (struct demux_stream *s, size_t len, uint64_t from)
{
  struct demux_piece *last = s->n_pieces ? &s->pieces[s->n_pieces - 1] : NULL;
  struct demux_piece *pieces;

  if (last && last->from + last->len == from) {
    last->len += (uint32_t) len;
    return true;
  }
  pieces = grow (s->pieces, &s->cap_pieces, s->n_pieces + 1, sizeof *pieces);
  if (!pieces)
    return false;
  s->pieces = pieces;
  pieces[s->n_pieces++] =
    (struct demux_piece){ .from = from, .at = (uint32_t) s->len, .len = (uint32_t) len };
  return true;
}

static bool
add_data (struct demux_stream *s, const uint8_t *data, size_t len)
{
  uint8_t *p = grow (s->data, &s->cap, s->len + len, 1);

  if (!p)
    return false;
  s->data = p;
  memcpy (p + s->len, data, len);
  s->len += len;
  return true;
}

void
demuxed_add (struct demuxed *d, uint32_t key, const uint8_t *data, size_t len,
             uint64_t from)
{
  struct demux_stream *s;

  if (len == 0)
    return;
  s = stream_of (d, key);
  if (!s)
    return;
  if (len > UINT32_MAX - s->len || !add_piece (s, len, from) || !add_data (s, data, len))
    d->failed = true;
}

/* The same for one stream: its last pieces, since there is little behind a chunk. */
static bool
relocate (struct demux_stream *s, uint64_t end, uint64_t to)
{
  for (size_t i = s->n_pieces; i-- > 0;) {
    struct demux_piece *p = &s->pieces[i];
    uint64_t piece_end = p->from + p->len;
    struct demux_piece rest = { to, p->at, p->len };

    if (piece_end <= end)
      return true;
    if (p->from >= end) {
      p->from = to + (p->from - end);
      continue;
    }
    p->len = (uint32_t) (end - p->from);
    rest.at += p->len;
    rest.len -= p->len;
    p = grow (s->pieces, &s->cap_pieces, s->n_pieces + 1, sizeof *p);
    if (!p)
      return false;
    s->pieces = p;
    memmove (p + i + 2, p + i + 1, (s->n_pieces - i - 1) * sizeof *p);
    p[i + 1] = rest;
    s->n_pieces++;
    return true;
  }
  return true;
}

void
demuxed_relocate (struct demuxed *d, uint64_t end, uint64_t to)
{
  for (size_t i = 0; i < d->n_streams; i++)
    if (!relocate (&d->streams[i], end, to))
      d->failed = true;
}

/* The demuxer that knows the `len` bytes at `offset`, or NULL. */
static const struct demuxer *
probe_at (struct window *w, uint64_t offset, size_t len)
{
  const uint8_t *data = window_get (w, offset, len, &len);

  for (size_t i = 0; data && i < N_DEMUXERS; i++)
    if (demuxers[i]->probe (data, len, offset))
      return demuxers[i];
  return NULL;
}

static int
larger_first (const void *a, const void *b)
{
  const struct image_file *x = a, *y = b;

  return x->size > y->size ? -1 : x->size < y->size;
}

/* The demuxer that knows one of the files in the image, by their first bytes. */
static const struct demuxer *
probe_files (struct window *w)
{
  const struct demuxer *found = NULL;
  struct error ignored;
  struct image_files list;

  if (image_files_read (&list, w->fd, w->size, &ignored) == -1)
    return NULL;
  if (list.n_files)
    qsort (list.files, list.n_files, sizeof *list.files, larger_first);
  for (size_t i = 0; !found && i < list.n_files && i < PROBE_FILES; i++) {
    const struct image_file *f = &list.files[i];

    if (f->n_extents)
      found =
        probe_at (w, f->extents[0].offset,
                  f->extents[0].len < PROBE_PLACE ? f->extents[0].len : PROBE_PLACE);
  }
  image_files_free (&list);
  return found;
}

const struct demuxer *
demuxer_for (int fd, uint64_t size)
{
  struct error err = ERROR_INIT;
  struct window w;
  const struct demuxer *found;

  /* One byte ahead: the places are far apart. */
  if (window_init (&w, fd, size, 1, &err) == -1)
    return NULL;
  found = probe_at (&w, 0, size <= PROBE_WHOLE ? PROBE_WHOLE : PROBE_START);
  if (!found && size > PROBE_WHOLE)
    found = probe_files (&w);
  for (unsigned i = 1; !found && size > PROBE_WHOLE && i <= PROBE_PLACES; i++)
    found = probe_at (&w, size / (PROBE_PLACES + 1) * i, PROBE_PLACE);
  window_free (&w);
  return found;
}
