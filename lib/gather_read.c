/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading what a gather holds: the stretches, sorted and joined, become a few reads;
 * then each piece is copied out of them.
 *
 * Decided against: preadv with a vector for each chunk in place of the scattering copy.
 * From the page cache it was half as fast for 184-byte chunks and a seventh faster for
 * 2 KiB ones: not worth a second way.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "advice.h"
#include "gather_parts.h"

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
  if (s->start - end > g->max_gap || s->start - end > g->max_raw - g->n_raw)
    return false;
  g->n_raw += (size_t) (s->start - end);
  return true;
}

/* O_DIRECT reads whole blocks, the last of which the source's end may cut short. */
static void
extend_read (struct batch_read *read, const struct source *source, uint64_t end)
{
  read->len = (size_t) (end - read->offset);
  read->beyond = end > source->size ? (size_t) (end - source->size) : 0;
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
        extend_read (read, source, s->end);
      continue;
    }
    source = s->source;
    read = &g->reads[g->n_reads];
    *read = (struct batch_read){ .fd = source->fd,
                                 .offset = s->start,
                                 .direct = source_is_direct (source) };
    extend_read (read, source, s->end);
    g->ctimes[g->n_reads] = atomic_load (&source->ctime);
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

static const struct source *
read_source (const struct gather *g, uint32_t r)
{
  return g->stretches[g->order[g->read_stretch[r]]].source;
}

/* The one piece that is all of this read, just as it is: it can be read in place. */
static struct piece *
only_piece (struct gather *g, uint32_t r)
{
  uint32_t end, first = stretches_of (g, r, &end);
  const struct stretch *s = &g->stretches[g->order[first]];
  struct piece *p = &g->pieces[s->last_piece];

  if (end - first != 1 || s->n_pieces != 1 || p->len != p->first || g->reads[r].direct)
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

/* ---- Where not all can be read */

/* Bytes [from, from + len) of a source, to where a read that failed would have put them. */
static void
read_chunk (struct batch_read *whole, const struct source *source, uint64_t from,
            uint32_t len)
{
  uint64_t start = from - from % source->align, end = from + len + source->align - 1;
  struct batch_read chunk = *whole;

  if (from + len <= whole->offset + whole->done)
    return;
  chunk.offset = start;
  chunk.buf = (uint8_t *) whole->buf + (start - whole->offset);
  extend_read (&chunk, source, end - end % source->align);
  if (batch_begin (&chunk, 1) == 0 || batch_finish (&chunk, 1) == 0)
    return;
  whole->error = chunk.error;
  whole->done = (size_t) (chunk.offset - whole->offset) + chunk.done; /* for the report */
}

static void
read_piece (struct batch_read *whole, const struct source *source, const struct piece *p)
{
  uint64_t from = p->from;
  uint32_t len = p->first, rest = p->len;

  while (rest > 0 && whole->error == 0) {
    len = len < rest ? len : rest;
    read_chunk (whole, source, from, len);
    rest -= len;
    from += len + p->gap;
    len = p->chunk;
  }
}

/* A read that failed brings bytes that nobody wants, too: once more, without them. */
static void
read_pieces (struct gather *g, uint32_t r)
{
  struct batch_read *whole = &g->reads[r];
  const struct source *source = read_source (g, r);
  uint32_t end, first = stretches_of (g, r, &end);

  whole->error = 0;
  for (uint32_t i = first; i < end; ++i) {
    for (uint32_t n = 0; n < g->n_pieces && whole->error == 0; ++n) {
      if (g->pieces[n].stretch == g->order[i])
        read_piece (whole, source, &g->pieces[n]);
    }
  }
}

/* True: what is wanted is there nevertheless. */
static bool
do_without_gaps (struct gather *g)
{
  for (uint32_t r = 0; r < g->n_reads; ++r) {
    if (g->reads[r].error != 0)
      read_pieces (g, r);
    if (g->reads[r].error != 0)
      return false;
  }
  return true;
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
  if (read->error == BATCH_ENDED)
    error_set (
      err, 0, "%s: ends at or before offset %llu, although it had %llu bytes when opened",
      source->path, (unsigned long long) (read->offset + read->done),
      (unsigned long long) source->size);
  else
    error_set (err, read->error, "%s: read at offset %llu", source->path,
               (unsigned long long) (read->offset + read->done));
  err->errnum = read->error == BATCH_ENDED ? EIO : read->error;
  return -1;
}

/* Has anybody written to the sources?  Asked after reading, and compared with what was
 * believed before it and is now: no means that what was read is what was there when the
 * source was verified.  (Another file, which took its place meanwhile, may have the same time.)
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
    *failed = source;
    if (now == -1)
      return error_set (err, errno, "%s", source->path);
    if (now == g->ctimes[r] && now == atomic_load (&source->ctime))
      continue;
    error_set (err, 0, "%s: was written to since it was opened", source->path);
    err->errnum = ESTALE;
    return -1;
  }
  return 0;
}

/* Have the kernel fetch all of each read: by itself it would fetch no more of a large one at a
 * time than one advice may be about, and wait for each part.
 */
static void
fetch (const struct gather *g)
{
  for (uint32_t r = 0; r < g->n_reads; ++r) {
    const struct batch_read *read = &g->reads[r];
    uint64_t most = read_source (g, r)->advice;

    if (!read->direct && read->len - read->done > most)
      advice_fetch (read->fd, most, read->offset + read->done, read->offset + read->len);
  }
}

/* One that has not answered others is not asked. */
static int
begin_wait (struct gather *g, const struct source **failed, struct error *err)
{
  const struct source *source, *before = NULL;

  for (g->n_waits = 0; g->n_waits < g->n_reads; g->n_waits++) {
    source = read_source (g, g->n_waits);
    if (source == before || !source->pulse)
      continue;
    if (!pulse_begin (source->pulse, &g->lives[g->n_waits])) {
      *failed = source;
      return pulse_error (source->path, err);
    }
    before = source;
  }
  return 0;
}

static void
end_wait (const struct gather *g)
{
  const struct source *source, *before = NULL;

  for (uint32_t r = 0; r < g->n_waits; r++) {
    source = read_source (g, r);
    if (source != before && source->pulse)
      pulse_end (source->pulse, g->lives[r]);
    before = source;
  }
}

/* That a source was written to is the reason of much else. */
static int
read_rest (struct gather *g, const struct source **failed, struct error *err)
{
  bool all;

  fetch (g);
  all = batch_finish (g->reads, g->n_reads) == 0 || do_without_gaps (g);
  if (check_unchanged (g, failed, err) == -1)
    return -1;
  return all ? 0 : report (g, failed, err);
}

/* What is not in memory, with a word to who wants it: this will take a while. */
static int
wait_for_rest (struct gather *g, const struct source **failed, struct error *err)
{
  int r;

  if (g->wait_fn && !g->wait_fn (g->wait_opaque))
    return error_set (err, EAGAIN, "not in memory");
  r = begin_wait (g, failed, err);
  if (r == 0)
    r = read_rest (g, failed, err);
  end_wait (g);
  return r;
}

static bool
any_is_shared (const struct gather *g)
{
  for (uint32_t r = 0; r < g->n_reads; ++r)
    if (atomic_load_explicit (&read_source (g, r)->is_shared, memory_order_relaxed))
      return true;
  return false;
}

/* All was in memory; but whether it has changed another machine may have to say. */
static int
check_rest (struct gather *g, const struct source **failed, struct error *err)
{
  int r;

  if (!any_is_shared (g))
    return check_unchanged (g, failed, err);
  r = begin_wait (g, failed, err);
  if (r == 0)
    r = check_unchanged (g, failed, err);
  end_wait (g);
  return r;
}

int
gather_read (struct gather *g, const struct source **failed, struct error *err)
{
  int r;

  plan_reads (g);
  place_reads (g);
  if (batch_begin (g->reads, g->n_reads) == 0)
    r = check_rest (g, failed, err);
  else
    r = wait_for_rest (g, failed, err);
  if (r == 0)
    scatter (g);
  gather_reset (g);
  return r;
}

/* Reading, the kernel sees who reads in order, and does it with large folios: later reads
 * of what it was only asked for, which is in single pages, took a quarter more.
 */
static void
read_and_forget (const struct source *source, uint64_t from, uint64_t end, uint8_t *space)
{
  ssize_t n;

  while (from < end) {
    n = pread (source->fd, space, end - from < MAX_RAW ? end - from : MAX_RAW,
               (off_t) from);
    if (n <= 0)
      return;
    from += (uint64_t) n;
  }
}

/* Advice may hang, too: it sends for what is wanted; but it need not, whatever has become of the
 * source: so it finds nothing out.
 */
static void
advise (const struct source *source, uint64_t from, uint64_t end)
{
  unsigned life = 0;

  if (source->pulse &&
      (pulse_is_silent (source->pulse) || !pulse_begin (source->pulse, &life)))
    return;
  advice_fetch (source->fd, source->advice, from, end);
  if (source->pulse)
    pulse_leave (source->pulse, life);
}

static void
fetch_and_forget (const struct source *source, uint64_t from, uint64_t end,
                  uint8_t *space)
{
  unsigned life = 0;

  if (source->pulse && !pulse_begin (source->pulse, &life))
    return;
  read_and_forget (source, from, end, space);
  if (source->pulse)
    pulse_end (source->pulse, life);
}

void
gather_prefetch (struct gather *g, bool wait)
{
  plan_reads (g);
  for (uint32_t r = 0; r < g->n_reads; ++r) {
    const struct source *source = read_source (g, r);
    uint64_t from = g->reads[r].offset, end = from + g->reads[r].len;

    if (source_is_direct (source))
      continue;
    if (wait)
      fetch_and_forget (source, from, end, g->raw);
    else
      advise (source, from, end);
  }
  gather_reset (g);
}
