/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indexes that are kept: see index_file.h.
 *
 * Read and written as a stream with a running checksum, so that no second copy of the
 * anchors is in memory.  Nothing is allocated that the rest of the file could not fill.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "atomic_file.h"
#include "bytes.h"
#include "cleanup.h"
#include "index_file.h"
#include "whole_io.h"

static const char magic[8] = "MKVDUPIX";

/* Bytes of a view's chunk, and of an anchor. */
#define CHUNK_BYTES 12
#define ANCHOR_BYTES 16

char *
index_file_path (const char *folder, const struct indexed_disc *d)
{
  XXH3_state_t *state = XXH3_createState ();
  XXH128_canonical_t canonical;
  char *path = NULL;

  if (!state)
    return NULL;
  XXH3_128bits_reset (state);
  XXH3_128bits_update (state, d->disc.base, strlen (d->disc.base) + 1);
  for (size_t i = 0; i < d->disc.n_files; i++)
    XXH3_128bits_update (state, d->disc.files[i].relative,
                         strlen (d->disc.files[i].relative) + 1);
  XXH128_canonicalFromHash (&canonical, XXH3_128bits_digest (state));
  XXH3_freeState (state);
  if (asprintf (&path, "%s/%016" PRIx64 ".mkvdupindex", folder,
                get_be64 (canonical.digest)) == -1)
    return NULL;
  return path;
}

/* ---- Streams with a checksum */

struct stream {
  FILE *fp; /* owned */
  XXH3_state_t *sum;
  uint64_t left; /* reading: bytes in front of the checksum */
  bool failed;   /* writing: errno says why; reading: there are too few */
};

static void
stream_close (struct stream *s)
{
  if (s->fp)
    fclose (s->fp);
  XXH3_freeState (s->sum);
}

/* Takes the descriptor over. */
static int
stream_open (struct stream *s, int fd, const char *mode)
{
  *s = (struct stream){ .fp = fd == -1 ? NULL : fdopen (fd, mode),
                        .sum = XXH3_createState () };
  if (!s->fp && fd >= 0)
    close (fd);
  if (s->sum)
    XXH3_64bits_reset (s->sum);
  return s->fp && s->sum ? 0 : -1;
}

static void
put (struct stream *s, const void *data, size_t len)
{
  XXH3_64bits_update (s->sum, data, len);
  s->failed = s->failed || fwrite (data, 1, len, s->fp) != len;
}

static void
put_u32 (struct stream *s, uint32_t n)
{
  uint8_t bytes[4];

  put_le32 (bytes, n);
  put (s, bytes, sizeof bytes);
}

static void
put_u64 (struct stream *s, uint64_t n)
{
  uint8_t bytes[8];

  put_le64 (bytes, n);
  put (s, bytes, sizeof bytes);
}

static void
put_text (struct stream *s, const char *text)
{
  put_u32 (s, (uint32_t) strlen (text));
  put (s, text, strlen (text));
}

/* All zeros, and `failed`, where there is not so much. */
static void
take (struct stream *s, void *data, size_t len)
{
  if (s->failed || len > s->left || fread (data, 1, len, s->fp) != len) {
    memset (data, 0, len);
    s->failed = true;
    return;
  }
  s->left -= len;
  XXH3_64bits_update (s->sum, data, len);
}

static uint32_t
take_u32 (struct stream *s)
{
  uint8_t bytes[4];

  take (s, bytes, sizeof bytes);
  return get_le32 (bytes);
}

static uint64_t
take_u64 (struct stream *s)
{
  uint8_t bytes[8];

  take (s, bytes, sizeof bytes);
  return get_le64 (bytes);
}

/* Is it this text that comes next? */
static bool
take_text (struct stream *s, const char *text)
{
  size_t len = strlen (text);
  CLEANUP_FREE char *taken = NULL;

  if (take_u32 (s) != len || s->failed)
    return false;
  taken = malloc (len + 1);
  if (!taken)
    return false;
  take (s, taken, len);
  return !s->failed && memcmp (taken, text, len) == 0;
}

/* ---- Writing */

/* Would a change of this file show? */
static bool
is_settled (const struct index_source *s)
{
  struct stat st;

  return fstat (s->fd, &st) == 0 && S_ISREG (st.st_mode) &&
         s->opened_ns - s->id.ctime_ns > FILE_SETTLED_NS;
}

static void
put_source (struct stream *out, const struct index_source *s)
{
  put_text (out, s->file->relative);
  put_u64 (out, s->id.ino);
  put_u64 (out, s->id.size);
  put_u64 (out, (uint64_t) s->id.mtime_ns);
  put_u64 (out, (uint64_t) s->id.ctime_ns);
  put (out, s->hash, sizeof s->hash);
  put_u64 (out, s->sample);
  put_u64 (out, s->packets);
  put_u64 (out, s->scrambled);
  put_u64 (out, s->scrambling);
}

static void
put_view (struct stream *out, const struct view *v)
{
  put_u32 (out, v->source);
  put_u32 (out, v->part);
  put_u32 (out, v->key);
  put_u32 (out, (uint32_t) v->n_chunks);
  put_u64 (out, v->len);
  for (size_t i = 0; i < v->n_chunks; i++) {
    put_u32 (out, v->chunks[i].chunk);
    put_u64 (out, v->chunks[i].start);
  }
}

static void
put_index (struct stream *out, const struct disc_index *index)
{
  put (out, magic, sizeof magic);
  put_text (out, PACKAGE_STRING);
  put_u32 (out, (uint32_t) index->n_sources);
  put_u32 (out, (uint32_t) index->n_views);
  put_u64 (out, index->anchors.n);
  for (size_t i = 0; i < index->n_sources; i++)
    put_source (out, &index->sources[i]);
  for (size_t i = 0; i < index->n_views; i++)
    put_view (out, &index->views[i]);
  for (size_t i = 0; i < index->anchors.n; i++) {
    put_u64 (out, index->anchors.anchors[i].hash);
    put_u64 (out, (uint64_t) index->anchors.anchors[i].view << 48 |
                    index->anchors.anchors[i].at);
  }
  put_u64 (out, XXH3_64bits_digest (out->sum));
}

int
index_file_write (const struct indexed_disc *d, const char *path, struct error *err)
{
  CLEANUP_ATOMIC_FILE struct atomic_file file = ATOMIC_FILE_INIT;
  __attribute__ ((cleanup (stream_close))) struct stream out = { .fp = NULL };

  for (size_t i = 0; i < d->index.n_sources; i++)
    if (!is_settled (&d->index.sources[i]))
      return 1;
  if (atomic_file_open (&file, path, err) == -1)
    return -1;
  if (stream_open (&out, fcntl (file.fd, F_DUPFD_CLOEXEC, 0), "w") == -1)
    return error_set (err, errno, "%s", path);
  put_index (&out, &d->index);
  if (out.failed || fflush (out.fp) != 0)
    return error_set (err, errno, "%s: write", path);
  return atomic_file_commit (&file, err);
}

/* ---- Reading */

/* Is it the file that the disc has now?  Then what is known of it. */
static bool
take_source (struct stream *in, struct index_source *s)
{
  bool is_same = take_text (in, s->file->relative);
  struct file_id id = { .dev = s->id.dev };

  id.ino = take_u64 (in);
  id.size = take_u64 (in);
  id.mtime_ns = (int64_t) take_u64 (in);
  id.ctime_ns = (int64_t) take_u64 (in);
  take (in, s->hash, sizeof s->hash);
  s->sample = take_u64 (in);
  s->packets = take_u64 (in);
  s->scrambled = take_u64 (in);
  s->scrambling = (uint8_t) (take_u64 (in) % SCRAMBLINGS);
  return is_same && file_id_same (&id, &s->id) && s->scrambled <= s->packets;
}

/* Chunks of the view's part, in its order, and starts that grow. */
static bool
take_chunks (struct stream *in, const struct disc_index *index, struct view *v)
{
  const struct chunk_list *chunks = &index->sources[v->source].chunks;
  uint64_t after = 0, in_part = 0;

  for (size_t i = 0; i < v->n_chunks; i++) {
    struct view_chunk *c = &v->chunks[i];

    c->chunk = take_u32 (in);
    c->start = take_u64 (in);
    if (c->chunk >= chunks->n || chunks->chunks[c->chunk].part != v->part ||
        (i == 0 ? c->start != 0
                : c->start <= after || chunks->chunks[c->chunk].in_part <= in_part) ||
        c->start >= v->len)
      return false;
    after = c->start;
    in_part = chunks->chunks[c->chunk].in_part;
  }
  return !in->failed;
}

static bool
take_view (struct stream *in, struct disc_index *index)
{
  struct view *v = &index->views[index->n_views];

  v->source = take_u32 (in);
  v->part = take_u32 (in);
  v->key = take_u32 (in);
  v->n_chunks = take_u32 (in);
  v->len = take_u64 (in);
  if (in->failed || v->source >= index->n_sources || v->n_chunks == 0 ||
      v->n_chunks > in->left / CHUNK_BYTES)
    return false;
  v->chunks = calloc (v->n_chunks, sizeof *v->chunks);
  if (!v->chunks)
    return false;
  index->n_views++;
  v->cap_chunks = v->n_chunks;
  return take_chunks (in, index, v);
}

static bool
take_anchors (struct stream *in, struct disc_index *index, uint64_t n)
{
  CLEANUP_FREE struct anchor *anchors = NULL;

  if (n > in->left / ANCHOR_BYTES)
    return false;
  anchors = malloc ((n + 1) * sizeof *anchors);
  for (size_t i = 0; anchors && i < n; i++) {
    uint64_t hash = take_u64 (in), place = take_u64 (in);

    anchors[i] = (struct anchor){ hash, place >> 48, place & ((UINT64_C (1) << 48) - 1) };
    if (anchors[i].view >= index->n_views ||
        anchors[i].at + ANCHOR_WINDOW > index->views[anchors[i].view].len)
      return false;
  }
  if (!anchors || in->failed || anchor_table_init (&index->anchors, anchors, n) == -1)
    return false;
  anchors = NULL;
  return true;
}

/* What stands behind the sources. */
static bool
take_views (struct stream *in, struct disc_index *index, uint32_t n_views, uint64_t n)
{
  if (n_views > ANCHOR_MAX_VIEWS || n_views > in->left / CHUNK_BYTES)
    return false;
  index->views = calloc ((size_t) n_views + 1, sizeof *index->views);
  index->cap_views = n_views;
  for (uint32_t i = 0; index->views && i < n_views; i++)
    if (!take_view (in, index))
      return false;
  return index->views && take_anchors (in, index, n) && in->left == 0;
}

/* 1: it is all there; 0: it is of other files; -1: it is damaged. */
static int
take_index (struct stream *in, struct disc_index *index)
{
  char start[sizeof magic];
  uint8_t sum[8];
  uint32_t n_sources, n_views;
  uint64_t n_anchors;

  take (in, start, sizeof start);
  if (memcmp (start, magic, sizeof magic) != 0)
    return -1;
  if (!take_text (in, PACKAGE_STRING))
    return in->failed ? -1 : 0;
  n_sources = take_u32 (in);
  n_views = take_u32 (in);
  n_anchors = take_u64 (in);
  if (n_sources != index->n_sources)
    return in->failed ? -1 : 0;
  for (uint32_t i = 0; i < n_sources; i++)
    if (!take_source (in, &index->sources[i]))
      return in->failed ? -1 : 0;
  if (!take_views (in, index, n_views, n_anchors) ||
      fread (sum, 1, sizeof sum, in->fp) != sizeof sum)
    return -1;
  return get_le64 (sum) == XXH3_64bits_digest (in->sum) ? 1 : -1;
}

int
index_file_read (struct indexed_disc *d, const char *path, struct error *err)
{
  __attribute__ ((cleanup (stream_close))) struct stream in = { .fp = NULL };
  int fd = open (path, OPEN_UNKNOWN), r;
  struct stat st;

  if (fd == -1 && errno == ENOENT)
    return 0;
  if (fd == -1 || stream_open (&in, fd, "r") == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode) || st.st_size < 8)
    return error_set (err, 0, "%s: is no index of mkvdup", path);
  in.left = (uint64_t) st.st_size - 8;
  if (index_open (&d->index, &d->disc, err) == -1)
    return -1;
  r = take_index (&in, &d->index);
  if (r == 1)
    r = indexed_disc_count (d, err) == -1 ? -1 : 1;
  else if (r == -1)
    error_set (err, 0, "%s: is damaged, or no index of mkvdup", path);
  if (r != 1)
    index_free (&d->index);
  return r;
}
