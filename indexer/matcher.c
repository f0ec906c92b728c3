/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The matcher: see matcher.h.  Searching is in search.c, the queue of frames in
 * frame_queue.c; here is what a track does with a frame.
 *
 * Decided against: matching over several tracks at once, or by timestamps.  Tracks are
 * independent, and bytes are the only evidence.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame_queue.h"
#include "matcher.h"
#include "search.h"

struct track {
  struct search search; /* where its last match ended, and so on */
  struct matcher_track counts;
  uint64_t last; /* its newest frame in the queue, or FRAME_NONE */
};

struct matcher {
  struct search_context context;
  struct frame_queue *queue;
  struct window window; /* for frames of the past */
  uint64_t size;        /* of the MKV */
  uint64_t at;          /* end of the last frame */
  struct track tracks[MATCHER_MAX_TRACKS];
};

/* Reads of the past are short and rare. */
#define LOOK_BACK_READ (256u << 10)

struct matcher *
matcher_new (const struct disc_index *index, struct view_reader *views,
             struct builder *builder, int fd, uint64_t size, struct error *err)
{
  struct matcher *m = calloc (1, sizeof *m);

  if (!m || window_init (&m->window, fd, size, LOOK_BACK_READ, err) == -1) {
    free (m);
    error_set (err, ENOMEM, "matching");
    return NULL;
  }
  m->context = (struct search_context){ index, views };
  m->size = size;
  m->queue = frame_queue_new (builder);
  for (size_t i = 0; i < MATCHER_MAX_TRACKS; i++)
    m->tracks[i].last = FRAME_NONE;
  if (!m->queue) {
    error_set (err, ENOMEM, "matching");
    matcher_free (m);
    return NULL;
  }
  return m;
}

void
matcher_free (struct matcher *m)
{
  if (!m)
    return;
  frame_queue_free (m->queue);
  window_free (&m->window);
  free (m);
}

/* How much of the end of an earlier frame, from its last match on, lies right before
 * byte `at` of the view?
 */
static uint32_t
match_past (struct matcher *m, const struct queued_frame *f, uint32_t view, uint64_t at)
{
  uint32_t from = frame_matched_end (f), len = f->frame.payload - from;
  size_t got;
  const uint8_t *data =
    window_get (&m->window, f->frame.at + f->frame.header + from, len, &got);

  if (got != len)
    return 0;
  return (uint32_t) view_match_back (m->context.views, view, at, data, len);
}

/* `first` is the first match of a frame: what of the frames of its track before it lies
 * in front of that?  Whatever comes of it, they need not wait any longer.
 */
static int
extend_back (struct matcher *m, struct track *t, uint64_t number,
             const struct match *first)
{
  bool joined = first->at == 0;
  uint64_t at = first->from;

  while (number != FRAME_NONE) {
    struct queued_frame *f = frame_queue_get (m->queue, number);
    uint32_t n, end;

    if (!f || !f->open)
      break;
    end = f->frame.payload;
    n = joined ? match_past (m, f, first->view, at) : 0;
    joined = n == end - frame_matched_end (f);
    if (n > 0 && (joined || n >= SEARCH_MIN_MATCH)) {
      struct match match = { end - n, n, first->view, at - n };

      if (frame_add_match (f, &match) == -1)
        return -1;
      t->counts.found += n;
      at -= n;
    }
    joined = joined && frame_matched_start (f) == 0;
    f->open = false;
    number = f->previous;
  }
  return 0;
}

/* Match as much of a frame as can be. */
static int
match_frame (struct matcher *m, struct track *t, struct queued_frame *f,
             const uint8_t *data)
{
  uint32_t pos = 0, n = f->frame.payload;
  struct match match;

  while (pos < n && search_next (&m->context, &t->search, data, n, pos, &match)) {
    if (frame_add_match (f, &match) == -1)
      return -1;
    t->counts.found += match.len;
    if (f->n_matches == 1 && extend_back (m, t, f->previous, &match) == -1)
      return -1;
    pos = match.at + match.len;
  }
  f->open = pos < n;
  search_frame_end (&t->search, data, n, pos);
  return 0;
}

int
matcher_frame (struct matcher *m, const struct matcher_frame *frame, const uint8_t *data,
               struct error *err)
{
  struct track *t = &m->tracks[frame->track];
  struct queued_frame *f;

  frame_queue_literal (m->queue, frame->at - m->at);
  f = frame_queue_push (m->queue, frame, t->last, err);
  if (!f)
    return -1;
  t->last = f->number;
  t->counts.frames++;
  t->counts.bytes += frame->payload;
  if (match_frame (m, t, f, data) == -1)
    return error_set (err, ENOMEM, "matching");
  m->at = frame->at + frame->header + frame->payload;
  if (view_reader_failed (m->context.views, err))
    return -1;
  return frame_queue_settle (m->queue, false, err);
}

int
matcher_finish (struct matcher *m, struct error *err)
{
  frame_queue_literal (m->queue, m->size - m->at);
  m->at = m->size;
  return frame_queue_settle (m->queue, true, err);
}

const struct matcher_track *
matcher_get_track (const struct matcher *m, uint16_t track)
{
  return &m->tracks[track].counts;
}
