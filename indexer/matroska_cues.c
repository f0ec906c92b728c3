/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cues of a Matroska file (RFC 9559 §5.1.5), found by its SeekHead (§5.1.1) or where they
 * lie in front of the first Cluster.
 */
#include "config.h"

#include <stdlib.h>

#include "matroska_parts.h"

/* Elements in front of the first Cluster that are looked at. */
#define MAX_FRONT 64

/* The Segment element; false: it is no Matroska file. */
static bool
find_segment (struct window *w, struct span *s)
{
  uint64_t at = 0;

  *s = (struct span){ .at = 0 };
  for (unsigned i = 0; i < MAX_FRONT && matroska_element (w, at, s); i++, at = s->end) {
    if (s->e.id == ID_SEGMENT)
      return true;
    if (s->e.unknown)
      break;
  }
  return false;
}

/* What one Seek says of the Cues: their offset in the Segment's body, if it is of them. */
static bool
read_seek (struct window *w, const struct span *seek, uint64_t *position)
{
  uint64_t at = seek->body, id = 0;
  struct span s;

  while (matroska_child (w, &at, seek->end, &s))
    if (s.e.id == ID_SEEK_ID)
      id = matroska_uint (w, &s);
    else if (s.e.id == ID_SEEK_POSITION)
      *position = matroska_uint (w, &s);
  return id == ID_CUES;
}

/* The Cues element, as a SeekHead has it. */
static bool
follow_seek_head (struct window *w, const struct span *segment, const struct span *head,
                  struct span *cues)
{
  uint64_t at = head->body, position = 0;
  struct span s;

  while (matroska_child (w, &at, head->end, &s))
    if (s.e.id == ID_SEEK && read_seek (w, &s, &position) &&
        position < w->size - segment->body)
      return matroska_element (w, segment->body + position, cues) &&
             cues->e.id == ID_CUES && !cues->e.unknown;
  return false;
}

static bool
find_cues (struct window *w, const struct span *segment, struct span *cues)
{
  uint64_t at = segment->body;
  struct span s;

  for (unsigned i = 0; i < MAX_FRONT && at < w->size && matroska_element (w, at, &s);
       i++, at = s.end) {
    if (s.e.id == ID_CLUSTER || s.e.unknown)
      break;
    if (s.e.id == ID_CUES) {
      *cues = s;
      return true;
    }
    if (s.e.id == ID_SEEK_HEAD && follow_seek_head (w, segment, &s, cues))
      return true;
  }
  return false;
}

/* Cues being listed. */
struct listing {
  struct matroska_cue *cues;
  size_t n, cap;
};

static bool
add_cue (struct listing *l, struct matroska_cue cue)
{
  if (l->n == l->cap) {
    size_t cap = 2 * l->cap;
    struct matroska_cue *p = reallocarray (l->cues, cap, sizeof *p);

    if (!p)
      return false;
    l->cues = p;
    l->cap = cap;
  }
  l->cues[l->n++] = cue;
  return true;
}

/* The CueTrackPositions of one CuePoint. */
static bool
list_point (struct window *w, const struct span *segment, const struct span *point,
            struct listing *l)
{
  uint64_t at = point->body;
  struct span positions, s;

  while (l->n < MATROSKA_MAX_CUES && matroska_child (w, &at, point->end, &positions)) {
    struct matroska_cue cue = { 0, 0 };
    uint64_t in = positions.body;

    if (positions.e.id != ID_CUE_TRACK_POSITIONS)
      continue;
    while (matroska_child (w, &in, positions.end, &s))
      if (s.e.id == ID_CUE_TRACK)
        cue.track = matroska_uint (w, &s);
      else if (s.e.id == ID_CUE_CLUSTER_POSITION)
        cue.cluster = matroska_uint (w, &s);
    if (cue.cluster >= w->size - segment->body)
      continue;
    cue.cluster += segment->body;
    if (!add_cue (l, cue))
      return false;
  }
  return true;
}

struct matroska_cue *
matroska_cues (struct matroska *m, size_t *n)
{
  struct listing l = { malloc (sizeof *l.cues), 0, 1 };
  struct span segment, cues, s;
  uint64_t at;

  if (!l.cues)
    return NULL;
  if (find_segment (m->w, &segment) && find_cues (m->w, &segment, &cues)) {
    at = cues.body;
    while (l.n < MATROSKA_MAX_CUES && matroska_child (m->w, &at, cues.end, &s))
      if (s.e.id == ID_CUE_POINT && !list_point (m->w, &segment, &s, &l)) {
        free (l.cues);
        return NULL;
      }
  }
  *n = l.n;
  return l.cues;
}
