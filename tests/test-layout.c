/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/layout.c, layout_event.c, segment_lanes.c and segment_layout.c: where pieces lie comes
 * back, and what is regular costs next to nothing.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forge-segment.h"
#include "naive.h"
#include "random-disc.h"
#include "random-plan.h"
#include "rng.h"
#include "rounds.h"
#include "segment_decoder.h"
#include "segment_encoder.h"

/* ---- from lanes to events, and back ---- */

/* The pieces of a decoded lane are those of the plan's. */
static void
check_lane (const struct lane *lane, const struct plan_lane *want)
{
  size_t n = 0;

  assert_int_equal (lane->source, want->source);
  assert_true (lane->len == want->len);
  for (size_t i = 0; i < lane->n_runs; i++) {
    const struct run *r = &lane->runs[i];

    for (uint32_t k = 0; k < r->count; k++, n++) {
      assert_in_range (n, 0, want->n_pieces - 1);
      assert_true (want->pieces[n].from == r->from + (uint64_t) k * r->period);
      assert_int_equal (want->pieces[n].len, r->chunk);
    }
  }
  assert_int_equal (n, want->n_pieces);
}

static void
decode_layout (const struct encoder *e, const struct buffer *coded)
{
  static const uint64_t sizes[RANDOM_PLAN_SOURCES] = { SOURCE_MAX_SIZE, SOURCE_MAX_SIZE,
                                                       SOURCE_MAX_SIZE };
  struct segment_context ctx = { .len = 1u << 24,
                                 .n_sources = RANDOM_PLAN_SOURCES,
                                 .source_sizes = sizes };
  struct decoder d = { .ctx = &ctx, .r = reader_init (coded->data, coded->len) };

  decoder_parse_walks (&d);
  assert_int_equal (d.n_lanes, e->plan->n_lanes);
  d.ends = e->ends;
  decoder_parse_layout (&d);
  assert_false (d.r.failed);
  assert_int_equal (reader_left (&d.r), 0);
  for (size_t i = 0; i < d.n_lanes; i++)
    check_lane (&d.lanes[i], &e->plan->lanes[e->lanes.lane[i]]);
  memset (&d.ends, 0, sizeof d.ends); /* they are the encoder's */
  decoder_free (&d);
}

/* Code the lanes of a plan, where frames end in them as is said; the bytes of their events. */
static size_t
round_trip (const struct segment_plan *plan, const struct frame_ends *ends)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT, events = BUFFER_INIT;
  struct encoder e = { .plan = plan, .ends = *ends };

  assert_true (lane_order_init (&e.lanes, plan));
  e.lane_start = calloc (plan->n_lanes, sizeof *e.lane_start);
  layout_encode (&e, &coded, &events);
  buffer_varint (&coded, events.len);
  buffer_append (&coded, events.data, events.len);
  assert_false (coded.failed || events.failed);
  decode_layout (&e, &coded);
  lane_order_free (&e.lanes);
  free (e.lane_start);
  return events.len;
}

/* A frame of what has come of the lane since the last one, up to `end`. */
static void
add_frame (struct frame_ends *ends, uint32_t lane, uint64_t end)
{
  uint64_t begin = ends->lanes[lane].next;

  frame_ends_frame (ends);
  frame_ends_copy (ends, lane, begin, end - begin);
}

/* Ends near those of pieces, or anywhere. */
static void
random_ends (uint64_t *rng, const struct segment_plan *plan, struct frame_ends *ends)
{
  memset (ends, 0, sizeof *ends);
  for (uint32_t i = 0; i < plan->n_lanes; i++) {
    uint64_t at = 0, rare = rng_between (rng, 1, 40);

    for (size_t k = 0; k < plan->lanes[i].n_pieces; k++) {
      at += plan->lanes[i].pieces[k].len;
      if (rng_below (rng, rare))
        continue;
      add_frame (ends, i, at - rng_below (rng, rng_below (rng, 3) ? 6 : 300) % at);
    }
  }
  assert_true (frame_ends_finish (ends));
}

static void
test_random_lanes (void **state)
{
  uint64_t rng = 5;

  (void) state;
  for (uint64_t seed = 0; seed < rounds (300); seed++) {
    struct frame_ends ends;
    struct random_plan p;

    if (seed % 2)
      random_plan_make (&p, seed, 2000);
    else
      random_disc_make (&p, seed, 1u << 16);
    random_ends (&rng, &p.plan, &ends);
    round_trip (&p.plan, &ends);
    frame_ends_free (&ends);
    random_plan_free (&p);
  }
}

/* As they come from the image. */
static void
test_random_discs (void **state)
{
  size_t coded_ones = 0;

  (void) state;
  for (uint64_t seed = 0; seed < 100; seed++) {
    CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct random_plan p;
    struct segment *seg;
    uint8_t *out;

    random_disc_make (&p, seed, 1u << 16);
    assert_int_equal (segment_encode (&p.plan, p.image, &p.ctx, &coded, &err), 0);
    coded_ones += coded.data[0] == SEGMENT_METHOD_COLUMNS;
    seg = segment_decode (coded.data, coded.len, &p.ctx, &err);
    assert_non_null (seg);
    assert_null (naive_complaint (seg, &p.ctx));
    out = malloc (p.ctx.len);
    naive_rebuild (seg, (const uint8_t *const *) p.sources, out);
    assert_memory_equal (out, p.image, p.ctx.len);
    free (out);
    segment_free (seg);
    random_plan_free (&p);
  }
  assert_in_range (coded_ones, 95, 100);
}

/* ---- what the walk knows ---- */

static void
check_ends (const struct frame_ends *f, uint32_t lane, const uint64_t *ends, size_t n)
{
  assert_int_equal (f->lanes[lane].ends.len, n * sizeof *ends);
  assert_memory_equal (f->lanes[lane].ends.data, ends, n * sizeof *ends);
}

static void
test_ends_of_frames (void **state)
{
  static const uint64_t first[] = { 15, 25, 40 }, second[] = { 7, 10 }, third[] = { 9 };
  struct frame_ends f = { 0 };

  (void) state;
  frame_ends_copy (&f, 0, 5, 10); /* of a frame that began before the segment */
  frame_ends_frame (&f);
  frame_ends_copy (&f, 0, 17, 3);
  frame_ends_copy (&f, 1, 7, 3);
  frame_ends_copy (&f, 0, 20, 5);
  frame_ends_copy (&f, 2, 0, 9); /* nothing ends at 0 */
  frame_ends_frame (&f);
  frame_ends_copy (&f, 0, 30, 10);
  frame_ends_frame (&f);
  frame_ends_copy (&f, 0, 0, 3);
  frame_ends_frame (&f);
  frame_ends_copy (&f, 0, 4, 3); /* back: nothing ends at 3 */
  assert_true (frame_ends_finish (&f));
  check_ends (&f, 0, first, 3);
  check_ends (&f, 1, second, 2);
  check_ends (&f, 2, third, 1);
  assert_int_equal (f.lanes[3].ends.len, 0);
  frame_ends_free (&f);
}

/* How long a piece at 5 of the lane is, up to `offset` behind an end; 0 if it cannot be. */
static uint32_t
len_to_end (int32_t offset, size_t n_ends)
{
  static const uint64_t ends[] = { 7, 20, 30 };
  const struct layout_walk w = { .pos = 1u << 20 };
  const struct layout_lane l = { .pos = 5, .end = ends, .n_ends = n_ends };
  const struct layout_template t = { .gap = 100, .len = offset, .to_end = true };
  struct layout_piece piece;

  if (!layout_locate (&w, &l, &t, &piece))
    return 0;
  assert_int_equal (piece.from + piece.len, w.pos + 100);
  return piece.len;
}

static void
test_lengths_to_ends (void **state)
{
  (void) state;
  assert_int_equal (len_to_end (0, 3), 2);
  assert_int_equal (len_to_end (4, 3), 6);
  assert_int_equal (len_to_end (-1, 3), 1);
  assert_int_equal (len_to_end (-2, 3), 13); /* the second */
  assert_int_equal (len_to_end (-14, 3), 1);
  assert_int_equal (len_to_end (-15, 3), 0); /* never the third */
  assert_int_equal (len_to_end (-2, 2), 13);
  assert_int_equal (len_to_end (-2, 1), 0);
  assert_int_equal (len_to_end (3, 0), 0);
  assert_int_equal (len_to_end (LAYOUT_MAX_PIECE - 2, 3), LAYOUT_MAX_PIECE);
  assert_int_equal (len_to_end (LAYOUT_MAX_PIECE - 1, 3), 0);
}

#define MANY 300

static void
copy_walk (const struct layout_walk *w, struct layout_walk *copy)
{
  *copy = *w;
  copy->lanes = malloc ((w->n_lanes + 1) * sizeof *w->lanes);
  memcpy (copy->lanes, w->lanes, (w->n_lanes + 1) * sizeof *w->lanes);
}

static void
check_same (const struct layout_walk *a, const struct layout_walk *b)
{
  const struct layout_lane *x = &a->lanes[a->lane], *y = &b->lanes[b->lane];

  assert_true (a->pos == b->pos && a->time == b->time);
  assert_true (x->pos == y->pos && x->reach == y->reach && x->at_end == y->at_end);
  assert_true (x->last == y->last && x->repeats == y->repeats);
  assert_memory_equal (&x->pace, &y->pace, sizeof x->pace);
  for (size_t i = 0; i < LAYOUT_MAX_TEMPLATES; i++) {
    const struct layout_template *s = &x->templates[i], *t = &y->templates[i];

    assert_true (s->trust == t->trust && s->next == t->next && s->repeats == t->repeats);
  }
}

/* So many pieces are placed at once as are predicted one by one; how many. */
static uint64_t
check_steady (const struct layout_walk *w)
{
  struct layout_walk at_once, single;
  struct layout_piece first, piece;
  uint32_t template, predicted;
  uint64_t n;

  if (w->lane == w->n_lanes || !layout_predict (&w->lanes[w->lane], &template) ||
      !layout_locate (w, &w->lanes[w->lane], &w->lanes[w->lane].templates[template],
                      &first))
    return 0;
  n = layout_steady (&w->lanes[w->lane], template);
  assert_true (n > 0);
  n = n < MANY ? n : MANY;
  if (first.from < w->pos) /* runs go forward */
    n = 1;
  copy_walk (w, &at_once);
  copy_walk (w, &single);
  layout_place (&at_once, template, first, n);
  for (uint64_t i = 0; i < n; i++) {
    const struct layout_lane *lane = &single.lanes[w->lane];

    assert_true (layout_predict (lane, &predicted) && predicted == template);
    assert_true (layout_locate (&single, lane, &lane->templates[template], &piece));
    assert_int_equal (piece.len, first.len);
    layout_place (&single, template, piece, 1);
  }
  check_same (&at_once, &single);
  layout_walk_free (&at_once);
  layout_walk_free (&single);
  return n;
}

static void
random_event (uint64_t *rng, struct forged_walk *w)
{
  const struct layout_lane *l = &w->model.lanes[w->model.lane];
  uint32_t known = l->n_templates < LAYOUT_MAX_TEMPLATES ? l->n_templates : 64;
  uint64_t n = known > 0 ? rng_below (rng, rng_below (rng, 4) ? 4 : 40) : 0;
  bool hole = w->model.lane == w->model.n_lanes;

  if (hole || rng_below (rng, 5) == 0)
    forge_turn (w, n, (w->model.lane + 1) % (uint32_t) (w->n_lanes + (w->grid > 0)));
  else if (known > 0 && rng_below (rng, 4) > 0)
    forge_known (w, n, (uint32_t) rng_below (rng, known));
  else if (l->at_end < l->n_ends && rng_below (rng, 2))
    forge_to_end (w, n, (int64_t) rng_below (rng, 3000), (int32_t) rng_below (rng, 20));
  else
    forge_new (w, n, (int64_t) rng_below (rng, 100), (int32_t) rng_between (rng, 1, 200));
}

static void
test_steady_is_one_by_one (void **state)
{
  uint64_t rng = 6, steady = 0, many = 0;

  (void) state;
  for (int i = 0; i < 200; i++) {
    struct forged_layout l;
    struct forged_walk w;
    static uint64_t ends[3][1000];

    forge_layout (&l);
    w = forge_walk (&l, 1u << 20, rng_below (&rng, 2) * 188, 3);
    for (uint32_t k = 0; k < 3; k++) {
      uint64_t end = 0, step = rng_between (&rng, 1, 3000);

      for (size_t j = 0; j < 1000; j++)
        ends[k][j] = end += rng_between (&rng, step / 2 + 1, step * 2);
      w.model.lanes[k].end = ends[k];
      w.model.lanes[k].n_ends = i % 3 ? 1000 : 0;
    }
    for (int k = 0; k < 100 && !w.stuck; k++) {
      uint64_t n;

      random_event (&rng, &w);
      n = w.stuck ? 0 : check_steady (&w.model);
      steady += n > 1 && n < MANY;
      many += n == MANY;
    }
    forge_walk_end (&w);
    forged_layout_free (&l);
  }
  /* Of each there are some. */
  assert_true (steady > 500 && many > 500);
}

/* ---- what it costs ---- */

/* A disc: packets of 2048 bytes, where lane 0 is in all that no other takes. */
struct disc {
  struct segment_plan plan;
  struct frame_ends ends;
  uint64_t at;
};

static void
begin_disc (struct disc *d, unsigned lanes)
{
  memset (d, 0, sizeof *d);
  while (lanes-- > 0)
    segment_plan_lane (&d->plan, 0);
}

static void
add_packet (struct disc *d, uint32_t lane, uint32_t header, uint32_t len)
{
  segment_plan_piece (&d->plan, lane, d->at + header, len);
  d->at += 2048;
}

static size_t
disc_costs (struct disc *d)
{
  size_t n;

  assert_true (frame_ends_finish (&d->ends));
  n = round_trip (&d->plan, &d->ends);
  frame_ends_free (&d->ends);
  segment_plan_free (&d->plan);
  return n;
}

static void
test_packets_of_one_lane_cost_nothing (void **state)
{
  static struct disc d;

  (void) state;
  begin_disc (&d, 1);
  for (int i = 0; i < 10000; i++)
    add_packet (&d, 0, 20, 2028);
  assert_in_range (disc_costs (&d), 1, 8);
}

static void
test_regular_sound_costs_nothing (void **state)
{
  static struct disc d;

  (void) state;
  begin_disc (&d, 2);
  for (int i = 0; i < 10000; i++)
    if (i % 12 == 5)
      add_packet (&d, 1, 31, 2017);
    else
      add_packet (&d, 0, 20, 2028);
  assert_in_range (disc_costs (&d), 1, 30);
}

/* Three lanes that come each after its own number of packets of the fourth, which is not a
 * whole one: 416, 769 and 97 times.
 */
static void
test_sound_in_steps_costs_little (void **state)
{
  static const double every[] = { 23.7, 12.8, 101.3 };
  static struct disc d;
  double due[] = { 10, 7, 50 };

  (void) state;
  begin_disc (&d, 4);
  for (int i = 0; i < 10000; i++) {
    add_packet (&d, 3, 20, 2028);
    for (uint32_t k = 0; k < 3; k++)
      if (i >= due[k]) {
        add_packet (&d, k, 31, 2017);
        due[k] += every[k];
      }
  }
  /* A bit and a half each. */
  assert_in_range (disc_costs (&d), 1, 1300 * 3 / 16);
}

/* A thousand frames of any length, each of which begins with a packet, with a longer header; the
 * last one has what is left, at its end.  Of so many bytes at its end a frame is without, in the
 * image; or has them of the next.
 */
static size_t
frames_cost (int dropped)
{
  static struct disc d;
  uint64_t rng = 7;

  begin_disc (&d, 1);
  for (unsigned i = 0; i < 1000; i++) {
    uint64_t left = rng_between (&rng, 3000, 60000);

    for (uint32_t header = 30; left > 0; header = 20) {
      uint32_t n = 2048 - header < left ? 2048 - header : (uint32_t) left;

      add_packet (&d, 0, 2048 - n, n);
      left -= n;
    }
    add_frame (&d.ends, 0, d.plan.lanes[0].len - (uint64_t) dropped);
  }
  return disc_costs (&d);
}

static void
test_ends_of_frames_cost_nothing (void **state)
{
  (void) state;
  /* Half a bit each. */
  assert_in_range (frames_cost (0), 1, 65);
  assert_in_range (frames_cost (2), 1, 65);
  assert_in_range (frames_cost (-1), 1, 65);
}

/* Packets of other streams: every 40th of any number up to four. */
static void
test_holes (void **state)
{
  static struct disc d;
  uint64_t rng = 9;

  (void) state;
  begin_disc (&d, 1);
  for (int i = 0; i < 10000; i++) {
    add_packet (&d, 0, 20, 2028);
    if (i % 40 == 0)
      d.at += 2048 * rng_between (&rng, 1, 4);
  }
  /* 250 of them, of two bits. */
  assert_in_range (disc_costs (&d), 1, 250 * 2 / 8 * 3 / 2);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_random_lanes),
    cmocka_unit_test (test_random_discs),
    cmocka_unit_test (test_ends_of_frames),
    cmocka_unit_test (test_lengths_to_ends),
    cmocka_unit_test (test_steady_is_one_by_one),
    cmocka_unit_test (test_packets_of_one_lane_cost_nothing),
    cmocka_unit_test (test_regular_sound_costs_nothing),
    cmocka_unit_test (test_sound_in_steps_costs_little),
    cmocka_unit_test (test_ends_of_frames_cost_nothing),
    cmocka_unit_test (test_holes),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
