/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames waiting to be found: see frame_queue.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame_queue.h"
#include "recoding.h"

/* How long a frame may wait for a later one of its track: by then an anchor would have
 * been met in any stream that has them (video: one in 16 KiB; sound: one in two
 * frames).
 */
#define WAIT_BYTES (UINT64_C (32) << 20)
#define WAIT_FRAMES 32768u /* a power of two: the ring's size */

struct frame_queue {
  struct builder *builder;
  struct queued_frame *ring; /* WAIT_FRAMES of them */
  uint64_t head, tail;       /* numbers: [head, tail) are in the ring */
  uint64_t literal;          /* bytes after the last frame that are in none */
};

struct frame_queue *
frame_queue_new (struct builder *builder)
{
  struct frame_queue *q = calloc (1, sizeof *q);

  if (!q)
    return NULL;
  q->builder = builder;
  q->ring = calloc (WAIT_FRAMES, sizeof *q->ring);
  if (!q->ring) {
    free (q);
    return NULL;
  }
  return q;
}

static struct queued_frame *
slot (struct frame_queue *q, uint64_t number)
{
  return &q->ring[number % WAIT_FRAMES];
}

static void
release (struct queued_frame *f)
{
  if (f->matches != &f->one)
    free (f->matches);
  f->matches = NULL;
}

void
frame_queue_free (struct frame_queue *q)
{
  if (!q)
    return;
  for (uint64_t i = q->head; i < q->tail; i++)
    release (slot (q, i));
  free (q->ring);
  free (q);
}

void
frame_queue_literal (struct frame_queue *q, uint64_t len)
{
  q->literal += len;
}

struct queued_frame *
frame_queue_get (struct frame_queue *q, uint64_t number)
{
  return number >= q->head && number < q->tail ? slot (q, number) : NULL;
}

int
frame_add_match (struct queued_frame *f, uint32_t i, const struct match *match)
{
  if (f->n_matches == f->cap_matches) {
    uint32_t more = 2 * f->cap_matches;
    struct match *p =
      reallocarray (f->matches == &f->one ? NULL : f->matches, more, sizeof *p);

    if (!p)
      return -1;
    if (f->matches == &f->one)
      p[0] = f->one;
    f->matches = p;
    f->cap_matches = more;
  }
  memmove (f->matches + i + 1, f->matches + i, (f->n_matches - i) * sizeof *match);
  f->matches[i] = *match;
  f->n_matches++;
  return 0;
}

uint32_t
frame_matched_end (const struct queued_frame *f)
{
  const struct match *last = f->matches + f->n_matches - 1;

  return f->n_matches > 0 ? last->at + last->len : 0;
}

/* ---- handing over ---- */

/* Where in the payload is what byte `at` of the material makes? */
static uint32_t
payload_at (const struct queued_frame *f, uint32_t at)
{
  struct recoding_unit unit = recoding_unit (f->kind);

  if (unit.in == 0)
    return at > 0 ? f->frame.payload : 0;
  return at / unit.in * unit.out;
}

/* How many spans bytes [from, end) of the payload make: matches and what is between. */
static uint32_t
count_range (const struct queued_frame *f, uint32_t from, uint32_t end)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < f->n_matches && from < end; i++) {
    uint32_t at = payload_at (f, f->matches[i].at);
    uint32_t after = payload_at (f, f->matches[i].at + f->matches[i].len);

    if (after <= from || at >= end)
      continue;
    n += 1 + (at > from);
    from = after;
  }
  return n + (from < end);
}

/* The same for all of it, which may be units with prefixes. */
static uint32_t
count_spans (const struct queued_frame *f)
{
  uint32_t n = 0, from, end;

  if (f->nals.n == 0)
    return count_range (f, 0, f->frame.payload);
  for (unsigned i = 0; i < f->nals.n; i++) {
    nal_body (&f->nals, f->frame.payload, i, &from, &end);
    n += 1 + count_range (f, from, end);
  }
  return n;
}

/* How many spans a header is for: those of its frames, and what it is not modelled of. */
static uint32_t
count_covered (struct frame_queue *q, const struct queued_frame *f)
{
  uint32_t n = f->frame.header > f->frame.head;

  for (uint64_t i = f->number; i <= f->number + f->frame.more && i < q->tail; i++)
    n += count_spans (slot (q, i));
  return n;
}

static int
build_header (struct frame_queue *q, const struct queued_frame *f, struct error *err)
{
  uint32_t rest = f->frame.header - f->frame.head;

  if (!f->frame.shape)
    return builder_literal (q->builder, f->frame.header, err);
  if (builder_header (q->builder, f->frame.head, f->frame.shape, (uint8_t) f->frame.track,
                      f->frame.time, f->frame.base, count_covered (q, f), err) == -1)
    return -1;
  return builder_literal (q->builder, rest, err);
}

/* Bytes [from, end) of the payload, which are of one match. */
static int
build_match (struct frame_queue *q, const struct queued_frame *f, const struct match *m,
             uint32_t from, uint32_t end, struct error *err)
{
  uint32_t at = payload_at (f, m->at);
  struct builder_recoding recoding = {
    .kind = f->kind, .view = m->view, .at = m->from, .material = m->len, .check = f->check
  };

  if (f->kind < FIRST_RECODING)
    return builder_copy (q->builder, m->view, m->from + (from - at), end - from, f->kind,
                         err);
  return builder_recoded (q->builder, &recoding, end - from, err);
}

static int
build_range (struct frame_queue *q, const struct queued_frame *f, uint32_t from,
             uint32_t end, struct error *err)
{
  for (uint32_t i = 0; i < f->n_matches && from < end; i++) {
    const struct match *m = &f->matches[i];
    uint32_t at = payload_at (f, m->at), after = payload_at (f, m->at + m->len);

    if (after <= from || at >= end)
      continue;
    at = at > from ? at : from;
    after = after < end ? after : end;
    if (builder_literal (q->builder, at - from, err) == -1 ||
        build_match (q, f, m, at, after, err) == -1)
      return -1;
    from = after;
  }
  return builder_literal (q->builder, end - from, err);
}

static int
build_units (struct frame_queue *q, const struct queued_frame *f, struct error *err)
{
  const struct shape *shape = nal_shape (f->nals.width);
  uint32_t from, end;

  for (unsigned i = 0; i < f->nals.n; i++) {
    nal_body (&f->nals, f->frame.payload, i, &from, &end);
    if (builder_header (q->builder, f->nals.width, shape, 0, 0, 0,
                        count_range (f, from, end), err) == -1 ||
        build_range (q, f, from, end, err) == -1)
      return -1;
  }
  return 0;
}

static int
build_payload (struct frame_queue *q, const struct queued_frame *f, struct error *err)
{
  return f->nals.n > 0 ? build_units (q, f, err)
                       : build_range (q, f, 0, f->frame.payload, err);
}

static int
build_frame (struct frame_queue *q, const struct queued_frame *f, struct error *err)
{
  if (builder_literal (q->builder, f->literal, err) == -1 ||
      build_header (q, f, err) == -1)
    return -1;
  return build_payload (q, f, err);
}

static int
pop (struct frame_queue *q, struct error *err)
{
  struct queued_frame *f = slot (q, q->head);
  int r = build_frame (q, f, err);

  release (f);
  q->head++;
  return r;
}

/* Has the first frame, with those that its header is for, been settled? */
static bool
is_settled (struct frame_queue *q)
{
  uint64_t last = q->head + slot (q, q->head)->frame.more;

  for (uint64_t i = q->head; i <= last; i++)
    if (i >= q->tail || slot (q, i)->open)
      return false;
  return true;
}

int
frame_queue_settle (struct frame_queue *q, bool everything, struct error *err)
{
  while (q->head < q->tail) {
    const struct queued_frame *first = slot (q, q->head), *last = slot (q, q->tail - 1);

    if (!everything && !is_settled (q) && last->frame.at - first->frame.at < WAIT_BYTES)
      return 0;
    if (pop (q, err) == -1)
      return -1;
  }
  if (!everything)
    return 0;
  if (builder_literal (q->builder, q->literal, err) == -1)
    return -1;
  q->literal = 0;
  return 0;
}

struct queued_frame *
frame_queue_push (struct frame_queue *q, const struct matcher_frame *frame,
                  uint64_t previous, struct error *err)
{
  struct queued_frame *f;

  if (q->tail - q->head == WAIT_FRAMES && pop (q, err) == -1)
    return NULL;
  f = slot (q, q->tail);
  *f = (struct queued_frame){ .number = q->tail++,
                              .literal = q->literal,
                              .frame = *frame,
                              .previous = previous,
                              .material = frame->payload,
                              .cap_matches = 1 };
  f->matches = &f->one;
  q->literal = 0;
  return f;
}
