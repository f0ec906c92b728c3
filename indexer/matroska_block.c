/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header of a Block or SimpleBlock and the frame sizes of its lacing
 * (RFC 9559 §10.1 to §10.3).
 *
 * A lace whose sizes make no sense is given as one frame: what is behind the
 * flags is payload whatever it is.  In a block that the file's end cuts, the
 * sizes are those of the whole block, cut where the file is.
 */
#include "config.h"

#include "bytes.h"
#include "matroska_parts.h"

/* Track number, time and flags. */
#define MAX_BLOCK_HEADER (8 + 2 + 1)

enum lacing {
  LACING_NONE,
  LACING_XIPH,
  LACING_FIXED,
  LACING_EBML
};

/* Where the lace sizes are read: [at, end) of the file, `at` moving on. */
struct lace {
  struct window *w;
  uint64_t at, end;
};

static bool
lace_byte (struct lace *l, uint8_t *v)
{
  size_t got;
  const uint8_t *p = l->at < l->end ? window_get (l->w, l->at, 1, &got) : NULL;

  if (!p)
    return false;
  *v = *p;
  l->at++;
  return true;
}

static bool
lace_vint (struct lace *l, uint64_t *v, unsigned *width)
{
  size_t want = l->end - l->at < 8 ? l->end - l->at : 8, got;
  const uint8_t *p = window_get (l->w, l->at, want, &got);

  *width = p ? ebml_vint (p, got, 8, v) : 0;
  l->at += *width;
  return *width != 0;
}

/* Bytes of 255 and one that is less are added up. */
static bool
xiph_size (struct lace *l, uint64_t *size)
{
  uint8_t v;

  *size = 0;
  do {
    if (!lace_byte (l, &v))
      return false;
    *size += v;
  } while (v == 255);
  return true;
}

/* The first size, then differences, stored with half their range added. */
static bool
ebml_size (struct lace *l, bool first, uint64_t *size)
{
  uint64_t v;
  unsigned width;

  if (!lace_vint (l, &v, &width))
    return false;
  if (first)
    *size = v;
  else
    *size += v - ((UINT64_C (1) << (7 * width - 1)) - 1);
  return true;
}

/* All frames of one size; the lace's end has to be known. */
static bool
fixed_sizes (const struct lace *l, struct matroska_block *b)
{
  uint64_t total = l->end - l->at;

  if (total % b->n_frames)
    return false;
  for (unsigned i = 0; i < b->n_frames; i++)
    b->frame_size[i] = (uint32_t) (total / b->n_frames);
  return true;
}

/* Every size but the last is coded; the last frame has the rest. */
static bool
coded_sizes (struct lace *l, enum lacing lacing, struct matroska_block *b)
{
  uint64_t sum = 0, size = 0;

  for (unsigned i = 0; i + 1 < b->n_frames; i++) {
    bool ok = lacing == LACING_XIPH ? xiph_size (l, &size) : ebml_size (l, i == 0, &size);

    if (!ok || size > l->end - l->at || sum > l->end - l->at - size)
      return false;
    b->frame_size[i] = (uint32_t) size;
    sum += size;
  }
  b->frame_size[b->n_frames - 1] = (uint32_t) (l->end - l->at - sum);
  return true;
}

/* Fill in payload, n_frames and frame_size of a laced block. */
static bool
parse_lace (struct lace *l, enum lacing lacing, struct matroska_block *b)
{
  uint8_t count;
  bool ok;

  if (lacing == LACING_NONE || !lace_byte (l, &count))
    return false;
  b->n_frames = count + 1U;
  ok = lacing == LACING_FIXED ? fixed_sizes (l, b) : coded_sizes (l, lacing, b);
  b->payload = l->at;
  return ok;
}

/* Shorten the frames to the payload that there is. */
static void
cut_frames (struct matroska_block *b)
{
  uint64_t left = b->end - b->payload;

  for (unsigned i = 0; i < b->n_frames; i++) {
    if (b->frame_size[i] > left)
      b->frame_size[i] = (uint32_t) left;
    left -= b->frame_size[i];
  }
}

bool
matroska_block_parse (struct window *w, const struct span *s, uint64_t limit,
                      struct matroska_block *b)
{
  uint64_t end = s->end < limit ? s->end : limit, header;
  size_t want, got;
  const uint8_t *p;
  struct lace l;

  if (s->body >= end || s->end - s->body > UINT32_MAX)
    return false;
  want = end - s->body < MAX_BLOCK_HEADER ? end - s->body : MAX_BLOCK_HEADER;
  p = window_get (w, s->body, want, &got);
  b->track_width = p ? (uint8_t) ebml_vint (p, got, 8, &b->track) : 0;
  if (!b->track_width || got < b->track_width + 3U)
    return false;
  b->inner = s->at;
  b->body = s->body;
  b->end = end;
  b->time = (int16_t) get_be16 (p + b->track_width);
  b->flags = p[b->track_width + 2];
  header = s->body + b->track_width + 3;

  l = (struct lace){ w, header, s->end };
  if (!parse_lace (&l, (enum lacing) (b->flags >> 1 & 3), b) || b->payload > end) {
    b->payload = header;
    b->n_frames = 1;
    b->frame_size[0] = (uint32_t) (s->end - header);
  }
  cut_frames (b);
  return true;
}
