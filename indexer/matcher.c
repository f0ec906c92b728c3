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
#include "recoding.h"
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

/* The payload of a frame and what it is made of, if that is `kind`. */
struct made {
  enum transform_kind kind;
  const uint8_t *payload, *material;
  uint32_t len; /* of the material */
  const struct buffer *buffer;
};

/* Undo `kind`, into `buffer` if there is anything to do.  False if the payload is not of
 * that kind.
 */
static bool
make_material (enum transform_kind kind, const struct queued_frame *f,
               const uint8_t *payload, struct buffer *buffer, struct made *made)
{
  *made = (struct made){ kind, payload, payload, f->frame.payload, buffer };
  if (kind == TRANSFORM_NONE)
    return true;
  if (!material_undo (kind, payload, f->frame.payload, buffer))
    return false;
  made->material = buffer->data;
  made->len = (uint32_t) buffer->len;
  return true;
}

/* Is all of a payload found that can only be made as a whole, and does that give it? */
static bool
is_whole (const struct queued_frame *f, const struct made *made,
          const struct match *match)
{
  return match->len == made->len &&
         material_reproduces (made->kind, made->buffer, made->payload, f->frame.payload);
}

/* A match, cut to whole units, becomes the frame's number `i`. */
static int
keep_match (struct track *t, struct queued_frame *f, const struct made *made, uint32_t i,
            struct match match)
{
  struct recoding_unit unit = recoding_unit (made->kind);

  if (unit.in == 0) {
    if (!is_whole (f, made, &match))
      return 0;
    f->check = recoding_check (made->payload, f->frame.payload);
    t->counts.found += f->frame.payload;
  }
  else {
    uint32_t cut = (unit.in - match.at % unit.in) % unit.in;

    if (match.len < cut + unit.in)
      return 0;
    match.at += cut;
    match.from += cut;
    match.len -= cut + (match.len - cut) % unit.in;
    t->counts.found += (uint64_t) match.len / unit.in * unit.out;
  }
  f->kind = (uint8_t) made->kind;
  f->material = made->len;
  return frame_add_match (f, i, &match);
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
      if (keep_match (t, f, made, i, match) == -1)
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

/* The same for all of a frame in the queue, whose payload is read again. */
static int
match_queued (struct matcher *m, struct track *t, struct queued_frame *f,
              enum transform_kind kind, struct place *place)
{
  const uint8_t *payload;
  struct made made;
  size_t got;

  if (f->frame.payload == 0)
    return 1;
  payload =
    window_get (&m->window, f->frame.at + f->frame.header, f->frame.payload, &got);
  if (got != f->frame.payload || (f->n_matches > 0 && f->kind != kind) ||
      !make_material (kind, f, payload, &m->past, &made))
    return m->past.failed ? -1 : 0;
  return match_past (m, t, f, &made, made.len, f->n_matches, place);
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

  if (keep_match (t, f, made, before, *match) == -1)
    return -1;
  if (match->anchored && f->n_matches > before)
    start = match_past (m, t, f, made, match->at, before, &place);
  if (start == -1)
    return -1;
  return start && f->n_matches > 0 ? extend_back (m, t, f->previous, made->kind, &place)
                                   : 0;
}

/* Match as much of a frame as can be. */
static int
match_material (struct matcher *m, struct track *t, struct queued_frame *f,
                const struct made *made, struct search *s)
{
  uint32_t pos = 0, n = made->len;
  struct match match;

  while (pos < n && search_next (&m->context, s, made->material, n, pos, &match)) {
    if (take_match (m, t, f, made, &match) == -1)
      return -1;
    pos = match.at + match.len;
  }
  f->open = pos < n;
  search_frame_end (s, made->material, n, pos);
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

  if (!make_material (kind, f, payload, &m->material, &made))
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
  static const struct material_kinds as_it_is = { 1, { TRANSFORM_NONE } };
  const struct material_kinds *kinds = f->frame.kinds ? f->frame.kinds : &as_it_is;

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
