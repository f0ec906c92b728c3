/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading ES views chunk by chunk: see view.h. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

/* Chunks kept, a megabyte each.  Picture and sound of one moment are seldom more than two
 * chunks apart; beside them there has to be room for all the places that a search tries
 * for one window, or windows that stand everywhere would have each of them read again.
 */
#define SLOTS 16

struct slot {
  uint32_t source, chunk;
  bool valid;
  uint64_t used; /* when last asked for */
  struct demuxed demuxed;
};

/* Where a view was last read: nearly always where it is read next. */
struct cursor {
  size_t chunk; /* index into view->chunks */
};

struct view_reader {
  const struct disc_index *index;
  struct slot slots[SLOTS];
  struct cursor *cursors; /* by view */
  uint8_t *raw;           /* a chunk as read */
  uint64_t clock;
  bool failed;
  struct error err;
};

struct view_reader *
view_reader_new (const struct disc_index *index)
{
  struct view_reader *r = calloc (1, sizeof *r);

  if (!r)
    return NULL;
  r->index = index;
  for (size_t i = 0; i < SLOTS; i++)
    demuxed_init (&r->slots[i].demuxed);
  r->cursors = calloc (index->n_views + 1, sizeof *r->cursors);
  r->raw = malloc (CHUNK_BUFFER);
  if (r->cursors && r->raw)
    return r;
  view_reader_free (r);
  return NULL;
}

void
view_reader_free (struct view_reader *r)
{
  if (!r)
    return;
  for (size_t i = 0; i < SLOTS; i++)
    demuxed_free (&r->slots[i].demuxed);
  free (r->cursors);
  free (r->raw);
  free (r);
}

int
view_reader_failed (const struct view_reader *r, struct error *err)
{
  if (r->failed)
    *err = r->err;
  return r->failed;
}

static int
load (struct view_reader *r, struct slot *s, uint32_t source, uint32_t chunk)
{
  const struct index_source *src = &r->index->sources[source];
  struct chunk_bytes bytes;

  s->valid = false;
  if (chunk_read (&src->chunks, src->file, src->fd, chunk, r->raw, &bytes, &r->err) ==
      -1) {
    r->failed = true;
    return -1;
  }
  chunk_demux (&src->chunks, src->file, chunk, &bytes, &s->demuxed);
  if (s->demuxed.failed) {
    error_set (&r->err, ENOMEM, "%s", src->file->path);
    r->failed = true;
    return -1;
  }
  s->source = source;
  s->chunk = chunk;
  s->valid = true;
  return 0;
}

/* The demuxed chunk, from a slot or read again; NULL on failure. */
static const struct demuxed *
get_chunk (struct view_reader *r, uint32_t source, uint32_t chunk)
{
  struct slot *oldest = &r->slots[0];

  for (size_t i = 0; i < SLOTS; i++) {
    struct slot *s = &r->slots[i];

    if (s->valid && s->source == source && s->chunk == chunk) {
      s->used = ++r->clock;
      return &s->demuxed;
    }
    if (s->used < oldest->used)
      oldest = s;
  }
  if (r->failed || load (r, oldest, source, chunk) == -1)
    return NULL;
  oldest->used = ++r->clock;
  return &oldest->demuxed;
}

/* Does chunk `c` of the view hold byte `at`? */
static bool
holds (const struct view *v, size_t c, uint64_t at)
{
  return v->chunks[c].start <= at &&
         at < (c + 1 < v->n_chunks ? v->chunks[c + 1].start : v->len);
}

/* Which of the view's chunks holds byte `at` < v->len. */
static size_t
find_chunk (struct view_reader *r, uint32_t view, uint64_t at)
{
  const struct view *v = &r->index->views[view];
  struct cursor *cursor = &r->cursors[view];
  size_t low = 0, high = v->n_chunks - 1;

  if (holds (v, cursor->chunk, at))
    return cursor->chunk;
  while (low < high) {
    size_t mid = low + (high - low + 1) / 2;

    if (v->chunks[mid].start <= at)
      low = mid;
    else
      high = mid - 1;
  }
  cursor->chunk = low;
  return low;
}

/* The stream of the view in the chunk that holds byte `at`; *start is where it begins in
 * the view.
 */
static const struct demux_stream *
get_stream (struct view_reader *r, uint32_t view, uint64_t at, uint64_t *start)
{
  const struct view *v = &r->index->views[view];
  const struct demux_stream *s;
  const struct demuxed *d;
  size_t c;

  if (at >= v->len)
    return NULL;
  c = find_chunk (r, view, at);
  d = get_chunk (r, v->source, v->chunks[c].chunk);
  s = d ? demuxed_find (d, v->key) : NULL;
  *start = v->chunks[c].start;
  /* A source that changes under us could have anything here. */
  return s && at - *start < s->len ? s : NULL;
}

const uint8_t *
view_get (struct view_reader *r, uint32_t view, uint64_t at, size_t *avail)
{
  uint64_t start;
  const struct demux_stream *s = get_stream (r, view, at, &start);

  *avail = s ? s->len - (at - start) : 0;
  return s ? s->data + (at - start) : NULL;
}

static size_t
common_prefix (const uint8_t *a, const uint8_t *b, size_t n)
{
  size_t i = 0;

  /* In strides that memcmp does at full speed, then to the byte. */
  while (n - i >= 256 && memcmp (a + i, b + i, 256) == 0)
    i += 256;
  while (i < n && a[i] == b[i])
    i++;
  return i;
}

size_t
view_match (struct view_reader *r, uint32_t view, uint64_t at, const uint8_t *data,
            size_t len)
{
  size_t done = 0;

  while (done < len) {
    size_t avail, n, same;
    const uint8_t *p = view_get (r, view, at + done, &avail);

    if (!p)
      break;
    n = avail < len - done ? avail : len - done;
    same = common_prefix (p, data + done, n);
    done += same;
    if (same < n)
      break;
  }
  return done;
}

size_t
view_match_back (struct view_reader *r, uint32_t view, uint64_t at, const uint8_t *data,
                 size_t len)
{
  size_t done = 0;

  while (done < len && done < at) {
    uint64_t start;
    const struct demux_stream *s = get_stream (r, view, at - done - 1, &start);
    const uint8_t *end;
    size_t n, i;

    if (!s)
      break;
    end = s->data + (at - done - start);
    n = at - done - start < len - done ? at - done - start : len - done;
    for (i = 0; i < n && end[-1 - (ptrdiff_t) i] == data[len - done - 1 - i]; i++)
      ;
    done += i;
    if (i < n)
      break;
  }
  return done;
}

size_t
view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf, size_t len)
{
  size_t done = 0, avail;

  while (done < len) {
    const uint8_t *p = view_get (r, view, at + done, &avail);
    size_t n = avail < len - done ? avail : len - done;

    if (!p)
      break;
    memcpy (buf + done, p, n);
    done += n;
  }
  return done;
}

int
view_piece (struct view_reader *r, uint32_t view, uint64_t at, struct view_piece *piece)
{
  uint64_t start;
  const struct demux_stream *s = get_stream (r, view, at, &start);
  size_t low = 0, high;

  if (!s)
    return -1;
  high = s->n_pieces - 1;
  while (low < high) {
    size_t mid = low + (high - low + 1) / 2;

    if (s->pieces[mid].at <= at - start)
      low = mid;
    else
      high = mid - 1;
  }
  *piece = (struct view_piece){ start + s->pieces[low].at, s->pieces[low].from,
                                s->pieces[low].len };
  return 0;
}
