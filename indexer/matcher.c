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
#include "made.h"
#include "matcher.h"
#include "search.h"

struct track {
  struct search search; /* where its last match ended, and so on */
  uint8_t kind;         /* enum transform_kind: of the frame found last */
  struct matcher_track counts;
  uint64_t last; /* its newest frame in the queue, or FRAME_NONE */
};

struct matcher {
  struct search_context context;
  struct search_places places;
  struct frame_queue *queue;
  struct window window;   /* for frames of the past */
  struct buffer material; /* of the frame at hand, … */
  struct buffer past;     /* … and of one before it */
  uint64_t size;          /* of the MKV */
  uint64_t at;            /* end of the last frame */
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
  m->context = (struct search_context){ index, views, &m->places };
  m->size = size;
  m->queue = frame_queue_new (builder);
  for (size_t i = 0; i < MATCHER_MAX_TRACKS; i++)
    m->tracks[i].last = FRAME_NONE;
  m->tracks[0].search.mixed = true;
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
  buffer_free (&m->material);
  buffer_free (&m->past);
  free (m);
}

/* A place before which a match ends, while the way goes backwards. */
struct place {
  uint32_t view;
  uint64_t at;
};

/*
 * Match backwards what of a frame lies in front of the place, which moves: bytes [from,
 * end) of the material, whose matches become the frame's number `i` and on.  Gaps are
 * looked over, as forwards.  1 if that went to the frame's start (or what was put in
 * front of it), 0 if not, -1 when out of memory.
 */
static int
match_past (struct matcher *m, struct track *t, struct queued_frame *f,
            const struct made *made, uint32_t end, uint32_t i, struct place *place)
{
  uint32_t from = i > 0 ? f->matches[i - 1].at + f->matches[i - 1].len : 0;
  const uint8_t *data = made->material + from;

  for (;;) {
    uint32_t left = end - from;
    uint32_t n =
      (uint32_t) view_match_back (m->context.views, place->view, place->at, data, left);
    struct match match = { end - n, n, place->view, place->at - n, false };

    if (n > 0 && (n == left || n >= SEARCH_MIN_MATCH)) {
      if (made_keep (&t->counts, f, made, i, match) == -1)
        return -1;
      end -= n;
      place->at -= n;
    }
    if (end == from)
      return from == 0;
    left = end - from;
    if (!search_back (&m->context, &t->search, place->view, data, &left, &place->at))
      return from == 0 && end < SEARCH_MAX_PREFIX;
    end = from + left;
  }
}

/* So far behind a match the disc may have the units that follow it. */
#define UNIT_WINDOW 1024u

/* Bytes [from, end) of a frame's material are a unit that was not found.  Is it in the
 * view from the place on, before `limit`?  Then it becomes the frame's match number `i`.
 */
static int
fill_unit (struct matcher *m, struct track *t, struct queued_frame *f,
           const struct made *made, uint32_t i, uint32_t from, uint32_t end,
           const struct place *place, uint64_t limit)
{
  size_t window = limit - place->at < UNIT_WINDOW ? limit - place->at : UNIT_WINDOW;
  struct match match = { from, end - from, place->view, 0, false };
  uint8_t bytes[UNIT_WINDOW];
  const uint8_t *p;

  window = view_read (m->context.views, place->view, place->at, bytes, window);
  p = memmem (bytes, window, made->material + from, end - from);
  if (!p)
    return 0;
  match.from = place->at + (uint64_t) (p - bytes);
  return made_keep (&t->counts, f, made, i, match);
}

/* Where units are that lie before a match: behind the place, if that is near. */
static struct place
place_before (const struct match *next, const struct place *place)
{
  struct place p = { next->view,
                     next->from < UNIT_WINDOW ? 0 : next->from - UNIT_WINDOW };

  if (place->view == p.view && place->at > p.at && place->at <= next->from)
    p.at = place->at;
  return p;
}

/*
 * Units too short to be searched for (delimiters, parameter sets, SEI) are found where
 * their neighbours say.  `place` is where the search was before the frame.
 */
static int
fill_units (struct matcher *m, struct track *t, struct queued_frame *f,
            const struct made *made, struct place place)
{
  uint32_t i = 0, from, end;
  struct place at;

  for (unsigned u = 0; u < f->nals.n; u++) {
    uint64_t limit = UINT64_MAX;

    nal_body (&f->nals, made->len, u, &from, &end);
    for (; i < f->n_matches && f->matches[i].at + f->matches[i].len <= from; i++)
      place =
        (struct place){ f->matches[i].view, f->matches[i].from + f->matches[i].len };
    at = place;
    if (i < f->n_matches) {
      at = place_before (&f->matches[i], &place);
      limit = f->matches[i].from;
    }
    if ((i == f->n_matches || f->matches[i].at >= end) &&
        fill_unit (m, t, f, made, i, from, end, &at, limit) == -1)
      return -1;
  }
  return 0;
}

/* The same for all of a frame in the queue, whose payload is read again. */
static int
match_queued (struct matcher *m, struct track *t, struct queued_frame *f,
              enum transform_kind kind, struct place *place)
{
  const uint8_t *payload;
  struct made made;
  size_t got;
  int whole;

  if (f->frame.payload == 0)
    return 1;
  payload =
    window_get (&m->window, f->frame.at + f->frame.header, f->frame.payload, &got);
  if (got != f->frame.payload || (f->n_matches > 0 && f->kind != kind) ||
      !made_undo (kind, f, payload, &m->past, &made))
    return m->past.failed ? -1 : 0;
  whole = match_past (m, t, f, &made, made.len, f->n_matches, place);
  if (whole != -1 && f->n_matches > 0 &&
      fill_units (m, t, f, &made, (struct place){ place->view, 0 }) == -1)
    return -1;
  return whole;
}

/* What of the frames of a track, from this one backwards, lies in front of the place?  A
 * frame of which nothing does is passed over, as it would be forwards; where one breaks
 * off for good the search ends.  Whatever comes of it, they need not wait any longer.
 */
static int
extend_back (struct matcher *m, struct track *t, uint64_t number,
             enum transform_kind kind, struct place *place)
{
  bool going = true;

  while (number != FRAME_NONE) {
    struct queued_frame *f = frame_queue_get (m->queue, number);
    uint32_t had;
    int whole;

    if (!f || !f->open)
      break;
    had = f->n_matches;
    whole = going ? match_queued (m, t, f, kind, place) : 0;
    if (whole == -1)
      return -1;
    going = going && (whole || (had == 0 && f->n_matches == 0));
    f->open = false;
    number = f->previous;
  }
  return 0;
}

/*
 * Take a match.  If it came from an anchor, nothing is known of what lies before it in the
 * frame; and the first match of a frame tells where the frames before it may be.
 */
static int
take_match (struct matcher *m, struct track *t, struct queued_frame *f,
            const struct made *made, const struct match *match)
{
  struct place place = { match->view, match->from };
  uint32_t before = f->n_matches;
  int start = before == 0;

  if (made_keep (&t->counts, f, made, before, *match) == -1)
    return -1;
  if (match->anchored && f->n_matches > before)
    start = match_past (m, t, f, made, match->at, before, &place);
  if (start == -1)
    return -1;
  return start && f->n_matches > 0 ? extend_back (m, t, f->previous, made->kind, &place)
                                   : 0;
}

/* Match as much of bytes [from, end) of a frame as can be; *found is where that ends, if
 * anything is found.
 */
static int
match_range (struct matcher *m, struct track *t, struct queued_frame *f,
             const struct made *made, struct search *s, uint32_t from, uint32_t end,
             uint32_t *found)
{
  struct match match;

  while (from < end && search_next (&m->context, s, made->material, end, from, &match)) {
    if (take_match (m, t, f, made, &match) == -1)
      return -1;
    *found = from = match.at + match.len;
  }
  return 0;
}

/* The same for a frame; unit by unit, since a prefix may begin as a start code does. */
static int
match_material (struct matcher *m, struct track *t, struct queued_frame *f,
                const struct made *made, struct search *s)
{
  struct place place = { s->view, s->next };
  bool lately = s->found;
  uint32_t found = 0, from, end;

  if (f->nals.n == 0 && match_range (m, t, f, made, s, 0, made->len, &found) == -1)
    return -1;
  for (unsigned u = 0; u < f->nals.n; u++) {
    nal_body (&f->nals, made->len, u, &from, &end);
    if (match_range (m, t, f, made, s, from, end, &found) == -1)
      return -1;
  }
  if ((lately || f->n_matches > 0) && fill_units (m, t, f, made, place) == -1)
    return -1;
  f->open = frame_matched_end (f) < made->len;
  search_frame_end (s, made->material, made->len, found);
  return 0;
}

/* Try one kind on a frame that has no match yet: the one that its track had last goes on
 * from there, others start anew.
 */
static int
try_kind (struct matcher *m, struct track *t, struct queued_frame *f,
          enum transform_kind kind, const uint8_t *payload)
{
  struct search anew = { .found = false }, *s = kind == t->kind ? &t->search : &anew;
  struct made made;

  if (!made_undo (kind, f, payload, &m->material, &made))
    return m->material.failed ? -1 : 0;
  if (match_material (m, t, f, &made, s) == -1)
    return -1;
  if (f->n_matches > 0 && s == &anew) {
    t->search = anew;
    t->kind = (uint8_t) kind;
  }
  return 0;
}

static int
match_frame (struct matcher *m, struct track *t, struct queued_frame *f,
             const uint8_t *payload)
{
  const struct material_kinds *kinds =
    f->frame.kinds ? f->frame.kinds : material_kinds (NULL);

  if (memchr (kinds->kind, t->kind, kinds->n) &&
      try_kind (m, t, f, t->kind, payload) == -1)
    return -1;
  for (uint8_t i = 0; i < kinds->n && f->n_matches == 0; i++)
    if (kinds->kind[i] != t->kind && try_kind (m, t, f, kinds->kind[i], payload) == -1)
      return -1;
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
  t->counts.frames += !frame->continues;
  nal_parse (data, frame->payload, frame->nal_width, &f->nals);
  t->counts.bytes += frame->payload - f->nals.n * f->nals.width;
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
