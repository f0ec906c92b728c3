/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of where packets lie: what is expected of the next one, and the coding of
 * where that is wrong.
 *
 * A walk goes over a source and meets the pieces of some lanes.  A lane's next piece is
 * predicted from its last ones: it lies as far behind what is before it, and is as long, as the
 * last that was in the same place of its packet or frame (struct layout_template).  Runs of
 * predicted pieces cost nothing; an *event* says where another lane comes in, or where a
 * piece is not as predicted.  The lane with most pieces is the walk's *lead*: others come
 * again after as many of its pieces as last time, more or less, and only the difference is
 * coded.  Packets in none of the lanes, of other streams or of another segment, are a lane of
 * their own, the *hole*; where it comes in for the lead they count as the lead's.
 *
 * The functions here serve encoder and decoder alike, in either direction of the coder
 * (range_coder.h).  docs/format.md, "Layout", is normative.
 *
 * Decided against: a list of (lane, gap, length) templates and indexes of them, given to
 * zstd.  It cost twice as much: it cannot know where frames end, nor count pictures' packets
 * between two of sound.
 *
 * Private to lib/.  One walk belongs to one thread.
 */
#ifndef MKVDUP_LAYOUT_H
#define MKVDUP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "range_coder.h"

#define LAYOUT_MAX_LANES 64     /* of a walk */
#define LAYOUT_MAX_TEMPLATES 64 /* of a lane; more replace the oldest */

/* A template's numbers may be as large.  What is left out of a frame's end is little. */
#define LAYOUT_MAX_GAP (INT64_C (1) << 47)
#define LAYOUT_MAX_PIECE 65535

/* A way in which pieces of a lane lie.  With `to_end` a piece goes up to where a frame ends
 * in the lane, or `len` bytes further, and `gap` is to its end.
 */
struct layout_template {
  int64_t gap; /* from the end of the piece before, of any lane, to this one's start */
  int32_t len;
  bool to_end;
  int8_t trust;     /* > 0: it is left where a frame ends; else after so many pieces */
  uint16_t next;    /* the template that came after it; itself if none did */
  uint64_t repeats; /* how many in a row there were last time … */
  uint64_t ends;    /* … and how many ends up to where it was left */
};

/* When pieces of a lane come, counted in pieces of the lead. */
struct layout_pace {
  uint64_t last, interval;
  uint64_t turn;                        /* the number of its last turn, of all turns */
  int64_t steady_last, steady_interval; /* the same, evened out; in 1/256 */
};

/* Models of a bit are chosen by how near two things are in time, and by what the past says. */
#define LAYOUT_CONTEXTS 7
#define LAYOUT_HINTS 7

struct layout_lane {
  uint64_t pos;        /* the next piece's offset in the lane */
  const uint64_t *end; /* where frames end in the lane, increasing; borrowed */
  size_t n_ends;
  size_t at_end;        /* the first of them behind pos */
  uint64_t reach;       /* the longest piece so far */
  uint32_t n_templates; /* ever made */
  uint16_t last;        /* the last piece's template … */
  uint64_t repeats;     /* … how many in a row had it … */
  uint64_t ends;        /* … and how many ends these passed */
  uint64_t stayed;      /* pieces of its last turn */
  struct layout_pace pace;
  struct layout_template templates[LAYOUT_MAX_TEMPLATES];

  struct range_bit surprise[LAYOUT_HINTS], back[LAYOUT_CONTEXTS][LAYOUT_HINTS], known;
  struct range_number before_surprise, stay, template;
  struct range_sign late[3][LAYOUT_HINTS];
  struct range_number lateness;
};

/* The past: the last events, and where the next one may be in them. */
#define LAYOUT_PAST_EVENTS 4096
#define LAYOUT_PAST_PLACES_LOG2 12

struct layout_past {
  uint32_t n;  /* events so far */
  uint32_t at; /* 1 + the number of the event that the next is expected to be; 0: none */
  uint32_t length;                     /* how many were what was expected, in a row */
  uint64_t events[LAYOUT_PAST_EVENTS]; /* packed, by number */
  uint32_t places[1U << LAYOUT_PAST_PLACES_LOG2]; /* `at`, by what was before it */
};

struct layout_walk {
  uint64_t pos;     /* in the source: where the last piece, or hole, ended */
  uint64_t grid;    /* bytes from one packet to the next; 0: there are no holes */
  uint32_t n_lanes; /* the hole's lane is that of this number */
  uint32_t lead;    /* the lead's lane */
  uint32_t lane;    /* whose pieces are coming */
  bool leading;     /* … as the lead's: they are, or they are the hole's in its place */
  uint64_t turn;    /* pieces of this turn, up to the last event */
  uint64_t turns;   /* so far */
  uint64_t time;    /* pieces of the lead so far, and packets of the hole in its place */
  uint64_t event_time;       /* … up to the last event */
  struct layout_lane *lanes; /* n_lanes + 1, owned */
  struct layout_past past;

  struct range_bit first[LAYOUT_CONTEXTS][LAYOUT_HINTS];
  struct range_bit other_first[LAYOUT_CONTEXTS][LAYOUT_HINTS];
  struct range_bit second[LAYOUT_HINTS], to_lead[LAYOUT_HINTS];
  struct range_bit to_end;
  struct range_number other, len;
  struct range_sign gap_sign, offset_sign;
  struct range_number gap, offset;
};

/* A piece: bytes that lie together in the source. */
struct layout_piece {
  uint64_t from;
  uint32_t len;
};

/* What happens after `n` more pieces as predicted (or packets, in the hole). */
struct layout_event {
  bool surprise;
  uint64_t n;
  uint32_t lane;     /* no surprise: whose turn it is then; n_lanes: the hole's */
  bool known;        /* a surprise: the piece's template is one there was … */
  uint32_t template; /* … of this number; else, that of the new one … */
  int64_t gap;       /* … which is this */
  int32_t len;
  bool to_end;
};

/* What a new template has for `trust`. */
#define LAYOUT_FIRST_TRUST 1

/* Packets of a hole, or pieces, up to an event. */
#define LAYOUT_MAX_PASSED (UINT64_C (1) << 31)
#define LAYOUT_MAX_GRID 65535

/* Begin a walk whose pos, grid, n_lanes (1 … LAYOUT_MAX_LANES) and lead are set; false when
 * out of memory.  Each lane's `end` and `n_ends` are to be set then.
 */
bool layout_walk_begin (struct layout_walk *w);
void layout_walk_free (struct layout_walk *w);

/* The template that the next piece of the lane should have; false if it has had none. */
bool layout_predict (const struct layout_lane *lane, uint32_t *template);

/* Where a piece with that template would be; false if none can have it there. */
bool layout_locate (const struct layout_walk *w, const struct layout_lane *lane,
                    const struct layout_template *t, struct layout_piece *piece);

/* So many pieces with the predicted template will be predicted one after the other: 1 at
 * least, UINT64_MAX if nothing in sight ends that.
 */
uint64_t layout_steady (const struct layout_lane *lane, uint32_t template);

/* The next `n` pieces of the walk's lane have the template, and the first one is `piece`; n
 * is 1, or not more than layout_steady says.
 */
void layout_place (struct layout_walk *w, uint32_t template, struct layout_piece piece,
                   uint64_t n);

/* So many packets of no lane come, at most LAYOUT_MAX_PASSED: it is the hole's turn. */
void layout_pass_hole (struct layout_walk *w, uint64_t packets);

/* Code the first half of an event: which kind it is, whose turn, after how many pieces (which
 * are placed before or after this, but before the second half).  False: malformed.
 */
bool layout_code_turn (struct layout_walk *w, struct range_coder *c,
                       struct layout_event *ev);

/* The second half: give the turn to the lane, or make the template.  The surprising piece
 * itself is to be placed then.
 */
bool layout_code_rest (struct layout_walk *w, struct range_coder *c,
                       struct layout_event *ev);

/* What the next event is, if it is what followed the same ones before (layout_past.c); false:
 * they have not been before.
 */
bool layout_expect (const struct layout_walk *w, struct layout_event *ev);

/* An event has been coded. */
void layout_remember (struct layout_walk *w, const struct layout_event *ev);

#endif /* MKVDUP_LAYOUT_H */
