/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Tracks element (RFC 9559 §5.1.4), as far as it says what the blocks hold.
 *
 * Elements nest to a fixed depth here, one function each; none is ever entered
 * that the format does not put there, so a hostile file nests no deeper.  A
 * child that is malformed ends its parent.
 */
#include "config.h"

#include <string.h>

#include "matroska_parts.h"

/* ContentEncodingScope: the frames (and not only CodecPrivate). */
#define SCOPE_FRAMES 1

struct encodings {
  unsigned n;    /* that concern frames */
  uint64_t type; /* of the last: 0 compression, 1 encryption */
  uint64_t algo; /* of the last */
};

/* Up to `max` bytes of the body; returns how many. */
static size_t
read_bytes (struct window *w, const struct span *s, void *to, size_t max)
{
  size_t want = s->end - s->body < max ? s->end - s->body : max, got;
  const uint8_t *p = window_get (w, s->body, want, &got);

  if (p)
    memcpy (to, p, got);
  return got;
}

static void
parse_compression (struct window *w, const struct span *parent, uint64_t *algo,
                   struct matroska_track *t)
{
  uint64_t at = parent->body;
  struct span s;

  while (matroska_child (w, &at, parent->end, &s))
    if (s.e.id == ID_CONTENT_COMP_ALGO)
      *algo = matroska_uint (w, &s);
    else if (s.e.id == ID_CONTENT_COMP_SETTINGS)
      t->n_stripped = read_bytes (w, &s, t->stripped, sizeof t->stripped);
}

/* Every value has a default (RFC 9559 §5.1.4.1.31): zlib over all frames. */
static void
parse_encoding (struct window *w, const struct span *parent, struct encodings *enc,
                struct matroska_track *t)
{
  uint64_t at = parent->body, scope = SCOPE_FRAMES, type = 0, algo = 0;
  struct span s;

  while (matroska_child (w, &at, parent->end, &s))
    if (s.e.id == ID_CONTENT_ENCODING_SCOPE)
      scope = matroska_uint (w, &s);
    else if (s.e.id == ID_CONTENT_ENCODING_TYPE)
      type = matroska_uint (w, &s);
    else if (s.e.id == ID_CONTENT_COMPRESSION)
      parse_compression (w, &s, &algo, t);
  if (scope & SCOPE_FRAMES) {
    enc->n++;
    enc->type = type;
    enc->algo = algo;
  }
}

static void
parse_encodings (struct window *w, const struct span *parent, struct matroska_track *t)
{
  struct encodings enc = { 0, 0, 0 };
  uint64_t at = parent->body;
  struct span s;

  while (matroska_child (w, &at, parent->end, &s))
    if (s.e.id == ID_CONTENT_ENCODING)
      parse_encoding (w, &s, &enc, t);
  if (enc.n == 0)
    t->compression = MATROSKA_UNCOMPRESSED;
  else if (enc.n == 1 && enc.type == 0 && enc.algo <= MATROSKA_STRIPPED)
    t->compression = (int) enc.algo;
  else
    t->compression = MATROSKA_OTHER_ENCODING;
  if (t->compression != MATROSKA_STRIPPED)
    t->n_stripped = 0;
}

static void
parse_audio (struct window *w, const struct span *parent, struct matroska_track *t)
{
  uint64_t at = parent->body;
  struct span s;

  while (matroska_child (w, &at, parent->end, &s))
    if (s.e.id == ID_CHANNELS)
      t->channels = matroska_uint (w, &s);
}

static void
parse_entry (struct window *w, const struct span *parent, struct matroska_track *t)
{
  uint64_t at = parent->body;
  struct span s;

  while (matroska_child (w, &at, parent->end, &s))
    if (s.e.id == ID_TRACK_NUMBER)
      t->number = matroska_uint (w, &s);
    else if (s.e.id == ID_TRACK_TYPE)
      t->type = (uint8_t) matroska_uint (w, &s);
    else if (s.e.id == ID_CODEC_ID)
      t->codec[read_bytes (w, &s, t->codec, sizeof t->codec - 1)] = '\0';
    else if (s.e.id == ID_CODEC_PRIVATE)
      t->n_private = read_bytes (w, &s, t->private, sizeof t->private);
    else if (s.e.id == ID_AUDIO)
      parse_audio (w, &s, t);
    else if (s.e.id == ID_CONTENT_ENCODINGS)
      parse_encodings (w, &s, t);
}

/* Which of the n tracks has this number: n, if none has. */
static size_t
index_of (const struct matroska_track *tracks, size_t n, uint64_t number)
{
  size_t i = 0;

  while (i < n && tracks[i].number != number)
    i++;
  return i;
}

void
matroska_tracks_parse (struct window *w, uint64_t at, uint64_t end,
                       struct matroska_track *tracks, size_t *n)
{
  struct span s;

  while (matroska_child (w, &at, end, &s)) {
    struct matroska_track t = { .compression = MATROSKA_UNCOMPRESSED, .channels = 1 };
    size_t i;

    if (s.e.id != ID_TRACK_ENTRY)
      continue;
    parse_entry (w, &s, &t);
    i = index_of (tracks, *n, t.number);
    if (i == MATROSKA_MAX_TRACKS)
      continue;
    tracks[i] = t;
    if (i == *n)
      ++*n;
  }
}
