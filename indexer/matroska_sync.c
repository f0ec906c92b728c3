/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Elements of a damaged file: what is one at all, and where to go on when sense has been
 * lost.
 *
 * A Cluster is told by its ID of four bytes and what comes first in it.  A block's ID is a
 * byte like any other; it is believed if its track is known, its flags are possible and
 * it begins a chain of elements that each end where another begins.  So what is lost by
 * a damaged size is a block or two, and not the rest of a Cluster of many seconds.
 */
#include "config.h"

#include <string.h>

#include "matroska_parts.h"

/* How much is looked at in one go. */
#define SEARCH_STEP ((size_t) 64 << 10)

/* Elements that have to follow each other.  In noise that happens once in gigabytes. */
#define CHAIN 3

/* Bits of a block's flags that mean nothing (RFC 9559 §10.1, §10.2). */
#define FLAGS_RESERVED 0x70

enum matroska_kind
matroska_kind (uint32_t id)
{
  switch (id) {
  case ID_SEGMENT:
  case ID_CLUSTER:
    return KIND_ENTERED;
  case ID_TRACKS:
    return KIND_TRACKS;
  case ID_TIMESTAMP:
    return KIND_TIMESTAMP;
  case ID_SIMPLE_BLOCK:
    return KIND_BLOCK;
  case ID_BLOCK_GROUP:
    return KIND_GROUP;
  case ID_VOID:
  case ID_CRC32:
  case ID_EBML:
  case ID_SEEK_HEAD:
  case ID_INFO:
  case ID_CUES:
  case ID_CHAPTERS:
  case ID_ATTACHMENTS:
  case ID_TAGS:
  case ID_SILENT_TRACKS:
  case ID_POSITION:
  case ID_PREV_SIZE:
  case ID_ENCRYPTED_BLOCK:
    return KIND_SKIPPED;
  default:
    return KIND_UNKNOWN;
  }
}

static bool
is_cluster_child (uint32_t id)
{
  switch (id) {
  case ID_VOID:
  case ID_CRC32:
  case ID_TIMESTAMP:
  case ID_SILENT_TRACKS:
  case ID_POSITION:
  case ID_PREV_SIZE:
  case ID_SIMPLE_BLOCK:
  case ID_BLOCK_GROUP:
  case ID_ENCRYPTED_BLOCK:
    return true;
  default:
    return false;
  }
}

/* From the bytes at hand to an element of the file. */
static bool
make_span (const uint8_t *p, size_t len, uint64_t at, struct span *s)
{
  if (!ebml_header (p, len, &s->e))
    return false;
  s->at = at;
  s->body = at + s->e.head;
  s->end = s->body + s->e.size;
  return true;
}

bool
matroska_element (struct window *w, uint64_t at, struct span *s)
{
  size_t got;
  const uint8_t *p = window_get (w, at, EBML_MAX_HEADER, &got);

  return p && make_span (p, got, at, s);
}

bool
matroska_peek (struct window *w, uint64_t at, struct span *s)
{
  uint8_t p[EBML_MAX_HEADER];

  return make_span (p, window_peek (w, at, p, sizeof p), at, s);
}

bool
matroska_child (struct window *w, uint64_t *at, uint64_t end, struct span *s)
{
  if (*at >= end || !matroska_element (w, *at, s) || s->e.unknown || s->body > end)
    return false;
  if (s->end > end)
    s->end = end;
  *at = s->end;
  return true;
}

uint64_t
matroska_uint (struct window *w, const struct span *s)
{
  size_t want = s->end - s->body < 8 ? s->end - s->body : 8, got;
  const uint8_t *p = window_get (w, s->body, want, &got);

  return p ? ebml_uint (p, got) : 0;
}

/* Is there a Cluster at `at`, with something in it that belongs there? */
static bool
is_cluster (const struct matroska *m, uint64_t at)
{
  struct span cluster, child;

  return matroska_peek (m->w, at, &cluster) && cluster.e.id == ID_CLUSTER &&
         matroska_peek (m->w, cluster.body, &child) && is_cluster_child (child.e.id);
}

/* Does a block's data begin at `at`, with a track of this file (any, if none has been
 * described)?
 */
static bool
is_block_data (const struct matroska *m, uint64_t at)
{
  uint8_t p[8 + 2 + 1];
  size_t got = window_peek (m->w, at, p, sizeof p);
  uint64_t track;
  unsigned width = ebml_vint (p, got, 8, &track);

  if (width == 0 || got < width + 3U || (p[width + 2] & FLAGS_RESERVED))
    return false;
  return m->n_tracks == 0 ? width == 1 : matroska_track (m, track) != NULL;
}

/* Do elements that are known, and end where the next one begins, follow from `at` on? */
static bool
begins_chain (const struct matroska *m, uint64_t at)
{
  struct span s;

  for (unsigned i = 0; i < CHAIN && at != m->w->size; i++, at = s.end) {
    if (!matroska_peek (m->w, at, &s))
      return false;
    if (s.e.id == ID_CLUSTER)
      return is_cluster (m, at);
    if (matroska_kind (s.e.id) == KIND_UNKNOWN || s.e.unknown || s.end > m->w->size)
      return false;
  }
  return true;
}

static bool
is_block (const struct matroska *m, uint64_t at)
{
  struct span s, block;

  if (!matroska_peek (m->w, at, &s) || s.e.unknown || s.end > m->w->size)
    return false;
  block = s;
  if (s.e.id == ID_BLOCK_GROUP &&
      (!matroska_peek (m->w, s.body, &block) || block.e.id != ID_BLOCK))
    return false;
  return is_block_data (m, block.body) && begins_chain (m, s.end);
}

static bool
makes_sense (const struct matroska *m, uint8_t first, uint64_t at)
{
  switch (first) {
  case ID_CLUSTER >> 24:
    return is_cluster (m, at);
  case ID_SIMPLE_BLOCK:
  case ID_BLOCK_GROUP:
    return is_block (m, at);
  default:
    return false;
  }
}

bool
matroska_find_sense (struct matroska *m, uint64_t *at)
{
  const uint8_t *p;
  size_t got;

  while (*at < m->stop && (p = window_get (m->w, *at, SEARCH_STEP, &got)))
    for (size_t i = 0; i < got && *at < m->stop; i++, ++*at)
      if (makes_sense (m, p[i], *at))
        return true;
  return false;
}
