/* SPDX-License-Identifier: BSD-3-Clause */
/* Random plans as discs have them: see random-disc.h. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include "random-disc.h"
#include "rng.h"

#define MAX_STREAMS 5
#define HEADER 6 /* bytes of one in the image */

struct stream {
  uint32_t header, payload; /* bytes of a packet */
  uint32_t low, high;       /* bytes of a frame */
  uint32_t dropped;         /* bytes at the end of each frame that are not in the image */
  uint32_t late; /* so much later than in the packets frames begin in the image */
  bool alone;    /* a packet has bytes of one frame */
  bool at_back;  /* a short one's bytes lie at its end */
  uint64_t due, interval; /* of packets */
  uint64_t frame;         /* the one going on, of which so many bytes are done */
  uint32_t done;
  uint64_t used; /* bytes of the lane */
};

struct disc {
  struct random_plan *p;
  uint32_t packet; /* bytes from one to the next */
  uint32_t n_streams, others;
  struct stream streams[MAX_STREAMS];
};

static uint32_t
between (struct disc *d, uint32_t low, uint32_t high)
{
  return (uint32_t) rng_between (&d->p->rng, low, high);
}

static bool
chance (struct disc *d, uint32_t n)
{
  return between (d, 1, n) == 1;
}

/* The first stream is pictures: most packets, and the largest frames. */
static void
make_stream (struct disc *d, struct stream *s, bool pictures)
{
  uint32_t mean = between (d, 1, pictures ? 8 : 3) * d->packet * 2 / 3;
  bool steady = !pictures && chance (d, 2);

  *s = (struct stream){ .header = between (d, 0, d->packet / 8),
                        .low = steady ? mean : mean / 2,
                        .high = steady ? mean : mean * 2,
                        .dropped = chance (d, 3) ? between (d, 1, 5) : 0,
                        .late = chance (d, 3) ? between (d, 1, 5) : 0,
                        .alone = !chance (d, 3),
                        .at_back = chance (d, 2),
                        .interval = pictures ? 100 : between (d, 150, 2500) };
  s->payload = d->packet - s->header - (chance (d, 3) ? between (d, 0, 20) : 0);
}

/* Bytes of the frame that is going on: the same whenever it is. */
static uint32_t
frame_len (const struct disc *d, const struct stream *s)
{
  uint64_t rng = s->frame * MAX_STREAMS + (uint64_t) (s - d->streams);

  return (uint32_t) rng_between (&rng, s->low, s->high);
}

/* So many bytes of the stream's frames; the last one may end there. */
static void
pass_frames (const struct disc *d, struct stream *s, uint32_t n)
{
  uint32_t left;

  while (n >= (left = frame_len (d, s) - s->done)) {
    n -= left;
    s->frame++;
    s->done = 0;
  }
  s->done += n;
}

/* ---- the disc ---- */

static void
add_packet (struct disc *d, uint32_t i, uint64_t at)
{
  struct stream *s = &d->streams[i];
  uint32_t left = frame_len (d, s) - s->done, n = s->payload;

  if (s->alone && n > left)
    n = left;
  segment_plan_piece (&d->p->plan, i, at + s->header + (s->at_back ? s->payload - n : 0),
                      n);
  pass_frames (d, s, n);
  s->due += s->interval;
}

/* A packet is that of the stream that is due first, or of none of them. */
static void
make_packets (struct disc *d)
{
  for (uint64_t at = 0; at + d->packet <= d->p->sizes[0]; at += d->packet) {
    uint32_t first = 0;

    if (d->others && chance (d, d->others))
      continue;
    for (uint32_t i = 1; i < d->n_streams; i++)
      if (d->streams[i].due < d->streams[first].due)
        first = i;
    add_packet (d, first, at);
  }
}

/* ---- the image ---- */

static void
make_shapes (struct random_plan *p)
{
  for (uint8_t i = 0; i < MAX_STREAMS; i++) {
    shape_add_bytes (&p->shapes[i], &i, 1);
    shape_add_vint_length (&p->shapes[i], 3, 0);
    shape_add_time (&p->shapes[i], 2);
  }
}

/* The next frame of a stream; the first may be what is left of one. */
static void
add_frame (struct disc *d, uint32_t i)
{
  struct stream *s = &d->streams[i];
  struct plan_span header = { .kind = SPAN_HEADER, .len = HEADER, .covers = 1 };
  struct plan_span copy = { .kind = SPAN_COPY, .lane = i, .lane_at = s->used };

  header.clock = (uint8_t) i;
  header.time = (int64_t) s->frame * 40;
  header.shape = &d->p->shapes[i];
  copy.len = frame_len (d, s) + s->late - s->done - s->dropped;
  if (s->frame > 0 || s->done == 0)
    segment_plan_span (&d->p->plan, &header);
  segment_plan_span (&d->p->plan, &copy);
  s->used += copy.len + s->dropped;
  s->frame++;
  s->done = s->late = 0;
}

/* Is there another frame? */
static bool
has_frame (const struct disc *d, uint32_t i)
{
  const struct stream *s = &d->streams[i];

  return s->used + frame_len (d, s) + s->late - s->done <= d->p->plan.lanes[i].len;
}

/* Of the streams that have one, a frame of that of which least is used. */
static void
make_frames (struct disc *d, uint32_t most)
{
  struct plan_span front = { .kind = SPAN_LITERAL, .len = 20 };
  uint64_t sum = front.len;

  segment_plan_span (&d->p->plan, &front);
  for (;;) {
    uint32_t next = d->n_streams;

    for (uint32_t i = 0; i < d->n_streams; i++)
      if (has_frame (d, i) &&
          (next == d->n_streams || d->streams[i].used * d->p->plan.lanes[next].len <
                                     d->streams[next].used * d->p->plan.lanes[i].len))
        next = i;
    if (next == d->n_streams)
      return;
    sum += HEADER + frame_len (d, &d->streams[next]) + d->streams[next].late;
    if (sum > most)
      return;
    add_frame (d, next);
  }
}

void
random_disc_make (struct random_plan *p, uint64_t seed, uint32_t most)
{
  static const uint32_t packets[] = { 188, 192, 2048, 2048, 1316 };
  struct disc d = { .p = p };

  *p = (struct random_plan){ .rng = seed, .n_sources = 1 };
  p->sizes[0] = most + between (&d, 0, most / 4);
  p->sources[0] = malloc (p->sizes[0]);
  rng_fill (&p->rng, p->sources[0], p->sizes[0]);
  make_shapes (p);
  d.packet = packets[between (&d, 0, 4)];
  d.n_streams = between (&d, 1, MAX_STREAMS);
  d.others = chance (&d, 3) ? 0 : between (&d, 2, 20);
  for (uint32_t i = 0; i < d.n_streams; i++) {
    segment_plan_lane (&p->plan, 0);
    make_stream (&d, &d.streams[i], i == 0);
  }
  make_packets (&d);
  for (uint32_t i = 0; i < d.n_streams; i++) {
    struct stream *s = &d.streams[i];

    s->frame = 0;
    s->done = chance (&d, 2) ? between (&d, 1, s->low / 2) : 0;
    s->used = s->done;
  }
  make_frames (&d, most);
  random_plan_image (p);
}
