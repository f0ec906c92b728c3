/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gathering reads: see gather.h.
 *
 * Pieces stay in the order they came, the image's.  Each belongs to a stretch: a range
 * of a source that grows while pieces come close to it.  Streams advance side by side,
 * so a piece nearly always belongs to one of the last few stretches; there are as many
 * stretches as streams and jumps, not as pieces, and only they are sorted.
 *
 * Decided against: sorting the pieces, of which there are thousands.
 */
#include "config.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "gather_parts.h"
#include "memory.h"

/* ---- The pool: as many gathers as there are requests at one moment. */

/* What is kept when all is quiet. */
#define POOL_MAX 32

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gather *pool; /* guarded by pool_lock, as is the next */
static unsigned pool_len;

void
gather_reset (struct gather *g)
{
  g->n_raw = 0;
  g->n_pieces = g->n_stretches = 0;
}

void
gather_before_wait (struct gather *g, gather_wait_fn *fn, void *opaque)
{
  g->wait_fn = fn;
  g->wait_opaque = opaque;
}

struct gather *
gather_get (bool prefetch)
{
  struct gather *g;

  pthread_mutex_lock (&pool_lock);
  g = pool;
  if (g) {
    pool = g->next;
    --pool_len;
  }
  pthread_mutex_unlock (&pool_lock);
  if (!g)
    g = aligned_alloc (_Alignof(struct gather), sizeof *g);
  if (!g)
    return NULL;
  g->wait_fn = NULL;
  g->prefetch = prefetch;
  g->max_raw = prefetch ? MAX_PREFETCH : RAW_SIZE;
  g->max_gap = prefetch ? MAX_PREFETCH_GAP : MAX_GAP;
  gather_reset (g);
  return g;
}

void
gather_put (struct gather *g)
{
  pthread_mutex_lock (&pool_lock);
  if (pool_len < POOL_MAX) {
    g->next = pool;
    pool = g;
    ++pool_len;
    g = NULL;
  }
  pthread_mutex_unlock (&pool_lock);
  free (g);
}

void
gather_warm (void)
{
  struct gather *g = gather_get (false);

  if (!g)
    return;
  memory_warm (g, sizeof *g);
  gather_put (g);
}

/* ---- Noting pieces */

/* The range of its source a piece lies in ends here. */
static uint64_t
piece_end (const struct piece *p)
{
  uint32_t rest = p->len - p->first, chunks;

  if (rest == 0)
    return p->from + p->len;
  chunks = (rest - 1) / p->chunk; /* whole ones before the last */
  return p->from + p->first + p->gap + (uint64_t) chunks * (p->chunk + p->gap) +
         (rest - chunks * p->chunk);
}

/* The piece at the front of a span: all of it, if its source range may be that
 * long, else as many whole chunks as fit in MAX_RAW.
 */
static struct piece
piece_of (const struct gather_span *span, uint8_t *dst, size_t len)
{
  struct piece p = { .dst = dst, .from = span->from + span->skip };
  uint64_t number;
  uint32_t phase;
  size_t most;

  if (!span->stride) {
    p.len = p.first = (uint32_t) (len < MAX_RAW ? len : MAX_RAW);
    return p;
  }
  p.chunk = span->stride->chunk;
  p.gap = span->stride->period - p.chunk;
  number = span->skip / p.chunk;
  phase = (uint32_t) (span->skip % p.chunk);
  p.from = span->from + number * span->stride->period + phase;
  p.first = p.chunk - phase;
  /* Far apart, chunks are pieces of their own, for stretches to make sense of. */
  most = p.first;
  if (p.gap <= MAX_GAP)
    most += (MAX_RAW / span->stride->period - 1) * p.chunk;
  p.len = (uint32_t) (len < most ? len : most);
  if (p.first > p.len)
    p.first = p.len;
  return p;
}

/* The range that has to be read for [*from, *end). */
static void
align (const struct source *source, uint64_t *from, uint64_t *end)
{
  *from -= *from % source->align;
  *end += source->align - 1;
  *end -= *end % source->align;
}

/* Does [from, end) touch the stretch, or nearly? */
static bool
is_near (const struct stretch *s, uint64_t from, uint64_t end, uint64_t gap)
{
  return from <= s->end + gap && s->start <= end + gap;
}

/* The stretch for a piece, newest first; n_stretches if it needs a new one. */
static uint32_t
find_stretch (const struct gather *g, const struct source *source, uint64_t from,
              uint64_t end)
{
  for (uint32_t i = g->n_stretches; i-- > 0;) {
    if (g->stretches[i].source == source &&
        is_near (&g->stretches[i], from, end, g->max_gap))
      return i;
  }
  return g->n_stretches;
}

/* Make [from, end) part of stretch `i`, unless there is no room for it. */
static bool
grow_stretch (struct gather *g, uint32_t i, const struct source *source, uint64_t from,
              uint64_t end)
{
  struct stretch *s = &g->stretches[i];
  size_t more;

  if (i == g->n_stretches) {
    if (i == MAX_STRETCHES || end - from > g->max_raw - g->n_raw)
      return false;
    *s = (struct stretch){ .source = source, .start = from, .end = end };
    g->n_raw += (size_t) (end - from);
    ++g->n_stretches;
    return true;
  }
  from = from < s->start ? from : s->start;
  end = end > s->end ? end : s->end;
  more = (size_t) ((end - from) - (s->end - s->start));
  if (more > g->max_raw - g->n_raw)
    return false;
  s->start = from;
  s->end = end;
  g->n_raw += more;
  return true;
}

size_t
gather_add (struct gather *g, const struct gather_span *span, uint8_t *dst, size_t len)
{
  struct piece p;
  uint64_t from, end;

  if (g->n_pieces == MAX_PIECES)
    return 0;
  p = piece_of (span, dst, len);
  from = p.from;
  end = piece_end (&p);
  align (span->source, &from, &end);
  p.stretch = find_stretch (g, span->source, from, end);
  if (!grow_stretch (g, p.stretch, span->source, from, end))
    return 0;
  if (g->prefetch)
    return p.len;
  g->stretches[p.stretch].n_pieces++;
  g->stretches[p.stretch].last_piece = g->n_pieces;
  g->pieces[g->n_pieces++] = p;
  return p.len;
}
