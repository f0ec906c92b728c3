/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over a Matroska file, from block to block.
 *
 * It is flat: of all elements only Segment and Cluster are entered, every other one is
 * skipped by its size or is a block.  Hence unknown-size Clusters end where
 * the next one starts, as they should, and nothing a file says makes the walk go deep.
 *
 * Sense is kept by one check: an element is believed only if it ends where its Cluster
 * or the file does, or where an element of a known ID starts.  Where sense is lost a
 * Cluster or a block is searched for (matroska_sync.c).  The walk never goes back, so all
 * of it is linear in the file's size.
 *
 * Decided against: libmatroska, which gives frames and not where they lie, and a tree of
 * nested parsers, which has to undo its nesting wherever a size is unknown or wrong.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "matroska_parts.h"

/* Is `end` a place where an element may end?  With less than a header behind it, who
 * knows.
 */
static bool
ends_well (struct matroska *m, uint64_t end)
{
  struct span next;

  if (end == m->cluster_end || m->w->size - end < EBML_MAX_HEADER)
    return true;
  return matroska_peek (m->w, end, &next) && matroska_kind (next.e.id) != KIND_UNKNOWN;
}

/* Go on at the next Cluster or block behind `at`.  Without one the walk is over. */
static bool
resynchronise (struct matroska *m)
{
  uint64_t at = m->at + 1;

  if (!matroska_find_sense (m, &at)) {
    m->at_end = true;
    return false;
  }
  m->at = at;
  return true;
}

/* What has an unknown ID and is larger than this may be a Cluster, or many blocks, behind
 * a damaged header: it is looked into.
 */
#define MAX_UNKNOWN 4096

/* Can the element be taken as it stands: of known size, within its Cluster, and ending
 * well?
 */
static bool
is_sound (struct matroska *m, const struct span *s)
{
  bool in_cluster = s->at < m->cluster_end;

  if (matroska_kind (s->e.id) == KIND_UNKNOWN && s->e.size > MAX_UNKNOWN)
    return false;
  return !s->e.unknown && s->end <= (in_cluster ? m->cluster_end : m->w->size) &&
         ends_well (m, s->end);
}

static bool
take_group (struct matroska *m, const struct span *group, uint64_t end,
            struct matroska_block *b)
{
  struct span s;

  for (uint64_t at = group->body; at < end; at = s.end) {
    if (!matroska_element (m->w, at, &s) || s.e.unknown)
      return false;
    if (s.e.id == ID_BLOCK)
      return s.end <= group->end && matroska_block_parse (m->w, &s, end, b);
  }
  return false;
}

static void
take_timestamp (struct matroska *m, const struct span *s, uint64_t end)
{
  size_t got, want = end - s->body < 8 ? (size_t) (end - s->body) : 8;
  const uint8_t *p = window_get (m->w, s->body, want, &got);

  m->cluster_time = p ? ebml_uint (p, got) : 0;
}

/* Take what the element holds, whose bytes end at `end`; true if that is a block. */
static bool
take (struct matroska *m, const struct span *s, uint64_t end, struct matroska_block *b)
{
  switch (matroska_kind (s->e.id)) {
  case KIND_TRACKS:
    matroska_tracks_parse (m->w, s->body, end, m->tracks, &m->n_tracks);
    return false;
  case KIND_TIMESTAMP:
    take_timestamp (m, s, end);
    return false;
  case KIND_BLOCK:
    b->at = s->at;
    b->outer_end = end;
    return matroska_block_parse (m->w, s, end, b);
  case KIND_GROUP:
    b->at = s->at;
    b->outer_end = end;
    return take_group (m, s, end, b);
  default:
    return false;
  }
}

static void
enter (struct matroska *m, const struct span *s)
{
  if (s->e.id == ID_CLUSTER) {
    m->cluster_end = s->e.unknown ? 0 : s->end;
    if (m->cluster_end > m->w->size)
      m->cluster_end = m->w->size;
    m->cluster_time = 0;
  }
  m->at = s->body;
}

/*
 * One element, or one resynchronisation, further.  True if the walk goes on; *found if
 * `b` was filled in.  An element that is not sound is taken nevertheless if no Cluster
 * lies behind it: the file was cut there, most likely, and nothing is lost by it.
 */
static bool
step (struct matroska *m, struct matroska_block *b, bool *found)
{
  struct span s;
  uint64_t end;

  if (m->at_end || m->at >= m->w->size)
    return false;
  if (!matroska_element (m->w, m->at, &s))
    return resynchronise (m);
  if (matroska_kind (s.e.id) == KIND_ENTERED) {
    enter (m, &s);
    return true;
  }
  if (!is_sound (m, &s) && (resynchronise (m) || s.e.unknown))
    return !m->at_end;
  end = s.end < m->w->size ? s.end : m->w->size;
  *found = take (m, &s, end, b);
  m->at = end;
  return true;
}

bool
matroska_next (struct matroska *m, struct matroska_block *block)
{
  bool found = false;

  while (!found && step (m, block, &found))
    ;
  if (found)
    block->cluster_time = m->cluster_time;
  return found;
}

/* EBML header, perhaps Void, Segment. */
static bool
begins_well (struct window *w, uint64_t *segment)
{
  struct span s;

  if (!matroska_element (w, 0, &s) || s.e.id != ID_EBML)
    return false;
  do {
    if (s.e.unknown || !matroska_element (w, s.end, &s))
      return false;
  } while (s.e.id == ID_VOID);
  *segment = s.at;
  return s.e.id == ID_SEGMENT;
}

/* Take what is in front of the first Cluster, so that the tracks are known. */
static void
read_front (struct matroska *m)
{
  struct matroska_block none;
  bool found = false;
  struct span s;

  while (matroska_element (m->w, m->at, &s) && s.e.id != ID_CLUSTER &&
         matroska_kind (s.e.id) != KIND_BLOCK && matroska_kind (s.e.id) != KIND_GROUP)
    if (!step (m, &none, &found))
      break;
}

struct matroska *
matroska_open (struct window *window)
{
  struct matroska *m = calloc (1, sizeof *m);

  if (!m)
    return NULL;
  m->w = window;
  m->stop = window->size;
  m->is_matroska = begins_well (window, &m->at);
  if (m->is_matroska)
    read_front (m);
  return m;
}

bool
matroska_seek (struct matroska *m, uint64_t at, uint64_t stop)
{
  m->stop = stop;
  m->cluster_end = m->cluster_time = 0;
  m->at_end = !matroska_find_sense (m, &at);
  m->at = at;
  return !m->at_end;
}

void
matroska_close (struct matroska *m)
{
  free (m);
}

bool
matroska_is_matroska (const struct matroska *m)
{
  return m->is_matroska;
}

const struct matroska_track *
matroska_tracks (const struct matroska *m, size_t *n)
{
  *n = m->n_tracks;
  return m->tracks;
}

const struct matroska_track *
matroska_track (const struct matroska *m, uint64_t number)
{
  for (size_t i = 0; i < m->n_tracks; i++)
    if (m->tracks[i].number == number)
      return &m->tracks[i];
  return NULL;
}
