/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gathering reads: see gather.h.
 *
 * Pieces stay in the order they came, the image's.  Each belongs to a stretch: a range
 * of a source that grows while pieces come close to it.  Streams advance side by side,
 * so a piece nearly always belongs to one of the last few stretches; there are as many
 * stretches as streams and jumps, not as pieces, and only they are sorted.
 *
 * Decided against: sorting the pieces, of which there are thousands, and preadv with a
 * vector for each chunk in place of the scattering copy.  From the page cache it was
 * half as fast for 184-byte chunks and a seventh faster for 2 KiB ones: not worth a
 * second way.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "cleanup.h"
#include "gather.h"

/* Source bytes read at a time: large enough to keep a disk busy and to make system calls
 * few, small enough to be in the CPU's second-level cache when it is scattered.
 */
#define MAX_RAW ((size_t) 512 << 10)

/* Pieces noted at a time: half a mebibyte of Blu-ray has some 500, TrueHD more. */
#define MAX_PIECES 2048

#define MAX_STRETCHES 64

/* Bytes nobody wants that are read rather than seeked over.  From the page cache
 * anything from 1 to 16 KiB was the same; on a disk a second request costs far more.
 */
#define MAX_GAP 16384

/* A strided piece has to fit, chunk by chunk. */
_Static_assert(MAX_RAW >= UINT16_MAX + MAX_GAP, "a period must fit in MAX_RAW");

/* `first` bytes at `from`, then chunks with gaps between. */
struct piece {
  uint8_t *dst;
  uint64_t from;
  uint32_t len; /* bytes of payload */
  uint32_t first;
  uint32_t chunk, gap;
  uint32_t stretch; /* index */
};

struct stretch {
  const struct source *source;
  uint64_t start, end;
  uint32_t n_pieces, last_piece;
  const uint8_t *data; /* where `start` is in memory, once it is decided */
};

struct gather {
  struct gather *next; /* in the pool */
  size_t n_raw;        /* bytes of all stretches */
  uint32_t n_pieces, n_stretches, n_reads;
  struct piece pieces[MAX_PIECES];
  struct stretch stretches[MAX_STRETCHES];
  uint32_t order[MAX_STRETCHES];        /* stretches by source and start */
  uint32_t read_stretch[MAX_STRETCHES]; /* the first stretch of each read */
  struct batch_read reads[MAX_STRETCHES];
  uint8_t raw[MAX_RAW];
};

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

struct gather *
gather_get (void)
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
    g = malloc (sizeof *g);
  if (g)
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

__attribute__ ((destructor)) static void
pool_free (void)
{
  struct gather *g;

  while ((g = pool)) {
    pool = g->next;
    free (g);
  }
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

/* Does [from, end) touch the stretch, or nearly? */
static bool
is_near (const struct stretch *s, uint64_t from, uint64_t end)
{
  return from <= s->end + MAX_GAP && s->start <= end + MAX_GAP;
}

/* The stretch for a piece, newest first; n_stretches if it needs a new one. */
static uint32_t
find_stretch (const struct gather *g, const struct source *source, uint64_t from,
              uint64_t end)
{
  for (uint32_t i = g->n_stretches; i-- > 0;) {
    if (g->stretches[i].source == source && is_near (&g->stretches[i], from, end))
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
    if (i == MAX_STRETCHES || end - from > MAX_RAW - g->n_raw)
      return false;
    *s = (struct stretch){ .source = source, .start = from, .end = end };
    g->n_raw += (size_t) (end - from);
    ++g->n_stretches;
    return true;
  }
  from = from < s->start ? from : s->start;
  end = end > s->end ? end : s->end;
  more = (size_t) ((end - from) - (s->end - s->start));
  if (more > MAX_RAW - g->n_raw)
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
  uint64_t end;

  if (g->n_pieces == MAX_PIECES)
    return 0;
  p = piece_of (span, dst, len);
  end = piece_end (&p);
  p.stretch = find_stretch (g, span->source, p.from, end);
  if (!grow_stretch (g, p.stretch, span->source, p.from, end))
    return 0;
  g->stretches[p.stretch].n_pieces++;
  g->stretches[p.stretch].last_piece = g->n_pieces;
  g->pieces[g->n_pieces++] = p;
  return p.len;
}

/* ---- Reading */

static bool
stretch_before (const struct stretch *a, const struct stretch *b)
{
  if (a->source != b->source)
    return (uintptr_t) a->source < (uintptr_t) b->source;
  return a->start < b->start;
}

/* Insertion sort: a few stretches, often in order already. */
static void
sort_stretches (struct gather *g)
{
  for (uint32_t i = 0; i < g->n_stretches; ++i) {
    uint32_t j = i;

    for (; j > 0 && stretch_before (&g->stretches[i], &g->stretches[g->order[j - 1]]);
         --j)
      g->order[j] = g->order[j - 1];
    g->order[j] = i;
  }
}

/*
 * Stretches that have grown together become one read.  Gaps between them were not
 * counted in n_raw, so a gap is read only where there is room for it.
 */
static bool
join (struct gather *g, const struct batch_read *read, const struct source *source,
      const struct stretch *s)
{
  uint64_t end = read->offset + read->len;

  if (s->source != source)
    return false;
  if (s->start <= end) {
    g->n_raw -= (size_t) ((s->end < end ? s->end : end) - s->start);
    return true;
  }
  if (s->start - end > MAX_GAP || s->start - end > MAX_RAW - g->n_raw)
    return false;
  g->n_raw += (size_t) (s->start - end);
  return true;
}

/* The reads that bring every stretch, without buffers yet. */
static void
plan_reads (struct gather *g)
{
  const struct source *source = NULL;
  struct batch_read *read = NULL;

  sort_stretches (g);
  g->n_reads = 0;
  for (uint32_t i = 0; i < g->n_stretches; ++i) {
    const struct stretch *s = &g->stretches[g->order[i]];

    if (read && join (g, read, source, s)) {
      if (s->end > read->offset + read->len)
        read->len = (size_t) (s->end - read->offset);
      continue;
    }
    source = s->source;
    read = &g->reads[g->n_reads];
    *read = (struct batch_read){ .fd = source->fd,
                                 .len = (size_t) (s->end - s->start),
                                 .offset = s->start };
    g->read_stretch[g->n_reads++] = i;
  }
}

/* The stretches of read `r`: order[first] … order[*end - 1]. */
static uint32_t
stretches_of (const struct gather *g, uint32_t r, uint32_t *end)
{
  *end = r + 1 < g->n_reads ? g->read_stretch[r + 1] : g->n_stretches;
  return g->read_stretch[r];
}

/* The one piece that is all of this read, just as it is: it can be read in place. */
static struct piece *
only_piece (struct gather *g, uint32_t r)
{
  uint32_t end, first = stretches_of (g, r, &end);
  const struct stretch *s = &g->stretches[g->order[first]];
  struct piece *p = &g->pieces[s->last_piece];

  if (end - first != 1 || s->n_pieces != 1 || p->len != p->first)
    return NULL;
  return p;
}

static void
place_reads (struct gather *g)
{
  uint8_t *free_space = g->raw;

  for (uint32_t r = 0; r < g->n_reads; ++r) {
    struct piece *p = only_piece (g, r);
    uint32_t end, i = stretches_of (g, r, &end);

    g->reads[r].buf = p ? p->dst : free_space;
    if (!p)
      free_space += g->reads[r].len;
    for (; i < end; ++i) {
      struct stretch *s = &g->stretches[g->order[i]];

      s->data = (uint8_t *) g->reads[r].buf + (s->start - g->reads[r].offset);
    }
  }
}

/* `len` > 0 bytes.  The chunk of a transport stream has a size the compiler can use. */
static void
copy_chunks (uint8_t *dst, const uint8_t *src, size_t len, size_t chunk, size_t period)
{
  if (chunk == 184) {
    for (; len > 184; dst += 184, src += period, len -= 184)
      memcpy (dst, src, 184);
  }
  for (; len > chunk; dst += chunk, src += period, len -= chunk)
    memcpy (dst, src, chunk);
  memcpy (dst, src, len);
}

static void
scatter (const struct gather *g)
{
  for (uint32_t i = 0; i < g->n_pieces; ++i) {
    const struct piece *p = &g->pieces[i];
    const struct stretch *s = &g->stretches[p->stretch];
    const uint8_t *src = s->data + (p->from - s->start);

    if (src == p->dst)
      continue;
    memcpy (p->dst, src, p->first);
    if (p->len > p->first)
      copy_chunks (p->dst + p->first, src + p->first + p->gap, p->len - p->first,
                   p->chunk, (size_t) p->chunk + p->gap);
  }
}

static const struct source *
read_source (const struct gather *g, uint32_t r)
{
  return g->stretches[g->order[g->read_stretch[r]]].source;
}

static int
report (const struct gather *g, const struct source **failed, struct error *err)
{
  uint32_t r = 0;
  const struct batch_read *read;
  const struct source *source;

  while (g->reads[r].error == 0)
    ++r;
  read = &g->reads[r];
  source = read_source (g, r);
  *failed = source;
  if (read->error == ENODATA)
    error_set (
      err, 0, "%s: ends at or before offset %llu, although it had %llu bytes when opened",
      source->path, (unsigned long long) (read->offset + read->done),
      (unsigned long long) source->size);
  else
    error_set (err, read->error, "%s: read at offset %llu", source->path,
               (unsigned long long) (read->offset + read->done));
  err->errnum = read->error;
  return -1;
}

/* Has anybody written to the sources?  Asked after reading: no means that what was
 * read is what was there when the source was verified.
 */
static int
check_unchanged (const struct gather *g, const struct source **failed, struct error *err)
{
  const struct source *source, *checked = NULL;
  int64_t now;

  for (uint32_t r = 0; r < g->n_reads; ++r) {
    source = read_source (g, r);
    if (source == checked)
      continue;
    checked = source;
    now = source_ctime (source);
    if (now == atomic_load_explicit (&source->ctime, memory_order_relaxed))
      continue;
    *failed = source;
    if (now == -1)
      return error_set (err, errno, "%s", source->path);
    error_set (err, 0, "%s: was written to since it was opened", source->path);
    err->errnum = ESTALE;
    return -1;
  }
  return 0;
}

int
gather_read (struct gather *g, const struct source **failed, struct error *err)
{
  int r;

  plan_reads (g);
  place_reads (g);
  if (batch_read (g->reads, g->n_reads) == 0)
    r = check_unchanged (g, failed, err);
  else
    r = report (g, failed, err);
  if (r == 0)
    scatter (g);
  gather_reset (g);
  return r;
}

void
gather_prefetch (struct gather *g)
{
  plan_reads (g);
  for (uint32_t r = 0; r < g->n_reads; ++r)
    posix_fadvise (g->reads[r].fd, (off_t) g->reads[r].offset, (off_t) g->reads[r].len,
                   POSIX_FADV_WILLNEED);
  gather_reset (g);
}
