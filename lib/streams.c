/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams: see streams.h.
 *
 * A player must not wait again after its first read, so the first read of a stream is
 * already followed by a fetch, on trust.  Random reads look the same, and for them it
 * is wasted: each such fetch costs trust, and going on in order earns it back.  Readers at
 * random thus lose it after a few reads, and players who seek keep it.
 *
 * Decided against: leaving it to the kernel, which sees reads of the disc: those of
 * pictures and sound apart, and of several clients through one descriptor.
 */
#include "config.h"

#include <string.h>

#include "streams.h"

#define TRUST_FIRST 4
#define TRUST_MAX 8

/* Several requests of one client are under way at once and overtake each other, by so much
 * at most; a stream that has shown no order yet is not given as much.
 */
#define SLACK_CONFIRMED (UINT64_C (1) << 20)
#define SLACK_NEW (UINT64_C (128) << 10)

void
streams_init (struct streams *all)
{
  memset (all, 0, sizeof *all);
  all->trust = TRUST_FIRST;
}

static bool
belongs (const struct stream *s, uint64_t offset)
{
  uint64_t slack = s->confirmed ? SLACK_CONFIRMED : SLACK_NEW;

  return offset + slack >= s->next && offset <= s->next + slack;
}

static struct stream *
find (struct streams *all, uint64_t offset)
{
  for (unsigned i = 0; i < all->n; ++i) {
    if (belongs (&all->streams[i], offset))
      return &all->streams[i];
  }
  return NULL;
}

/* Room for a new one: the least recently used goes, if there is none. */
static struct stream *
take_place (struct streams *all)
{
  struct stream *oldest = &all->streams[0];

  if (all->n < STREAMS_MAX)
    return &all->streams[all->n++];
  for (unsigned i = 1; i < all->n; ++i) {
    if (all->streams[i].last < oldest->last)
      oldest = &all->streams[i];
  }
  return oldest;
}

/* Ask for what lies between what was asked for and the end of the window. */
static struct stream_range
advance (struct stream *s, uint64_t size)
{
  struct stream_range range = { s->ahead, s->ahead };
  uint64_t to = s->window < size - s->next ? s->next + s->window : size;

  if (to <= s->ahead)
    return range;
  s->ahead = range.to = to;
  return range;
}

/* The first sign of order may be chance: it earns trust, but no larger window yet. */
static void
grow (struct streams *all, struct stream *s)
{
  if (s->confirmed && s->window < STREAM_WINDOW_MAX)
    s->window *= 2;
  if (!s->confirmed && all->trust < TRUST_MAX)
    ++all->trust;
  s->confirmed = true;
}

/* It went on in order: once half of its window is read, ask for more.  What is read once
 * more is no step forward.
 */
static struct stream_range
go_on (struct streams *all, struct stream *s, uint64_t end, uint64_t size)
{
  if (end <= s->next)
    return (struct stream_range){ 0, 0 };
  s->next = end;
  if (s->ahead < s->next)
    s->ahead = s->next;
  if (s->confirmed && s->ahead - s->next > s->window / 2)
    return (struct stream_range){ 0, 0 };
  grow (all, s);
  return advance (s, size);
}

static struct stream_range
begin (struct streams *all, uint64_t end, uint64_t size, int64_t now)
{
  struct stream *s = take_place (all);

  *s = (struct stream){
    .next = end, .ahead = end, .window = STREAM_WINDOW_FIRST, .last = now
  };
  if (all->trust == 0)
    return (struct stream_range){ end, end };
  --all->trust;
  return advance (s, size);
}

struct stream_range
streams_note (struct streams *all, uint64_t offset, uint64_t count, uint64_t size,
              bool waits, int64_t now)
{
  struct stream *s = find (all, offset);

  if (s) {
    s->last = now;
    return go_on (all, s, offset + count, size);
  }
  if (waits)
    return begin (all, offset + count, size, now);
  return (struct stream_range){ 0, 0 };
}

unsigned
streams_expire (struct streams *all, int64_t now)
{
  for (unsigned i = all->n; i-- > 0;) {
    if (now - all->streams[i].last > STREAM_IDLE_SECONDS)
      all->streams[i] = all->streams[--all->n];
  }
  return all->n;
}
