/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layouts of segments that are malformed, with a right checksum: refused.  Each differs in
 * one thing from one that is not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "column.h"
#include "forge-segment.h"
#include "segment_format.h"

enum {
  SMALL_SOURCE = 10000
};

/* ---- walks and lanes ---- */

/* A fill of ten bytes; no shapes. */
static const char fill[] = "\x00\x01\x01\x01\x01";
static const char fill_end[] = "\x01\x01\x0a\x01x";

/* Are walks decoded that nothing copies from? */
static bool
unused_decode (struct forged_layout *l, uint64_t source)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  forge_layout_end (l);
  forged_layout_body (&b, l, fill, sizeof fill - 1);
  buffer_append (&b, fill_end, sizeof fill_end - 1);
  assert_false (b.failed || l->walks.failed || l->events.failed);
  forged_layout_free (l);
  return forged_body_decodes (b.data, b.len, 10, source);
}

static bool
unused_decodes (struct forged_walk *w, uint64_t source)
{
  forge_walk_end (w);
  return unused_decode (w->layout, source);
}

/* What is said of a walk without pieces. */
static bool
walk_header_decodes (uint64_t start, uint64_t grid, uint64_t n_lanes, uint64_t lead,
                     uint64_t lane_start)
{
  struct forged_layout l;
  struct forged_walk w;

  forge_layout (&l);
  w = forge_walk (&l, start, grid, (uint32_t) n_lanes);
  w.lead = lead;
  w.lane_start = lane_start;
  return unused_decodes (&w, SMALL_SOURCE);
}

static void
test_forged_walks (void **state)
{
  (void) state;
  assert_true (walk_header_decodes (0, 0, 1, 0, 0));
  assert_true (walk_header_decodes (SOURCE_MAX_SIZE, 0, 1, 0, 0));
  assert_false (walk_header_decodes (SOURCE_MAX_SIZE + 1, 0, 1, 0, 0));
  assert_true (walk_header_decodes (0, 65535, 1, 0, 0));
  assert_false (walk_header_decodes (0, 65536, 1, 0, 0));
  assert_false (walk_header_decodes (0, 0, 0, 0, 0)); /* no lanes */
  assert_true (walk_header_decodes (0, 0, 64, 0, 0));
  assert_false (walk_header_decodes (0, 0, 65, 0, 0));
  assert_true (walk_header_decodes (0, 0, 64, 63, 0));
  assert_false (walk_header_decodes (0, 0, 64, 64, 0));
  assert_false (walk_header_decodes (0, 0, 1, UINT64_MAX, 0));
  assert_true (walk_header_decodes (0, 0, 1, 0, SOURCE_MAX_SIZE));
  assert_false (walk_header_decodes (0, 0, 1, 0, SOURCE_MAX_SIZE + 1));
}

/* So many walks of so many lanes, of one piece each. */
static bool
walks_decode (size_t n, uint32_t lanes)
{
  struct forged_layout l;

  forge_layout (&l);
  for (size_t i = 0; i < n; i++) {
    struct forged_walk w = forge_walk (&l, 0, 0, lanes);

    forge_new (&w, 0, 0, 5);
    forge_walk_end (&w);
  }
  return unused_decode (&l, SMALL_SOURCE);
}

static void
test_forged_numbers_of_walks (void **state)
{
  (void) state;
  assert_true (walks_decode (0, 1));
  assert_true (walks_decode (256, 1));
  assert_false (walks_decode (257, 1));
  assert_true (walks_decode (4, 64)); /* 256 lanes */
  assert_false (walks_decode (5, 64));
  assert_false (walks_decode (86, 3));
}

/* Two walks with so many pieces of a byte each, and events: another lane's turn, mostly. */
static bool
counts_decode (uint64_t pieces, uint64_t events)
{
  struct forged_layout l;

  forge_layout (&l);
  for (uint64_t i = 0; i < 2; i++) {
    struct forged_walk w = forge_walk (&l, 0, 0, 2);

    while (w.n_events + 1 < (events + i) / 2)
      forge_turn (&w, 0, !w.model.lane);
    forge_new (&w, 0, 0, 1);
    w.n_pieces = (pieces + i) / 2;
    forge_walk_end (&w);
  }
  return unused_decode (&l, SMALL_SOURCE);
}

static void
test_forged_counts (void **state)
{
  const uint64_t most = segment_max_records (10);

  (void) state;
  assert_true (counts_decode (2, 2));
  assert_true (counts_decode (most, 2));
  assert_false (counts_decode (most + 1, 2));
  assert_true (counts_decode (2, 2 * most));
  assert_false (counts_decode (2, 2 * most + 1));
  assert_false (counts_decode (UINT64_MAX, 2));
}

/* ---- events ---- */

/* A walk that begins with one piece of 5 bytes, at 0, in lane 0. */
static struct forged_walk
forge_first (struct forged_layout *l, uint64_t grid, uint32_t n_lanes)
{
  struct forged_walk w;

  forge_layout (l);
  w = forge_walk (l, 0, grid, n_lanes);
  forge_new (&w, 0, 0, 5);
  return w;
}

/* … with an event, and then so many pieces or less than there are. */
static bool
event_decodes (struct layout_event ev, uint64_t grid, uint32_t n_lanes, uint64_t pieces)
{
  struct forged_layout l;
  struct forged_walk w = forge_first (&l, grid, n_lanes);

  forge_event (&w, ev);
  w.n_pieces = pieces;
  return unused_decodes (&w, SMALL_SOURCE);
}

#define TURN(n, lane) ((struct layout_event){ 0, n, lane, 0, 0, 0, 0, 0 })
#define KNOWN(n, template) ((struct layout_event){ 1, n, 0, 1, template, 0, 0, 0 })
#define NEW(n, gap, len) ((struct layout_event){ 1, n, 0, 0, 0, gap, len, 0 })

static void
test_forged_events (void **state)
{
  (void) state;
  /* Templates. */
  assert_true (event_decodes (KNOWN (0, 0), 0, 1, 2));
  assert_false (event_decodes (KNOWN (0, 1), 0, 1, 2));
  assert_false (event_decodes (KNOWN (0, 64), 0, 1, 2));
  /* More pieces than the walk has, or the source. */
  assert_true (event_decodes (KNOWN (3, 0), 0, 1, 5));
  assert_false (event_decodes (KNOWN (3, 0), 0, 1, 4));
  assert_false (event_decodes (KNOWN (3, 0), 0, 1, 3));
  assert_false (event_decodes (NEW (0, 0, 5), 0, 1, 1));
  assert_true (event_decodes (NEW (0, 9990, 5), 0, 1, 2));
  assert_false (event_decodes (NEW (0, 9991, 5), 0, 1, 2));
  assert_false (event_decodes (NEW (0, 9990, 5), 0, 1, 3));
  assert_true (event_decodes (KNOWN (1998, 0), 0, 1, 2000));
  assert_false (event_decodes (KNOWN (1999, 0), 0, 1, 2001));
  assert_true (event_decodes (KNOWN (0, 0), 0, 1, 2000));
  assert_false (event_decodes (KNOWN (0, 0), 0, 1, 2001));
  /* Lanes. */
  assert_true (event_decodes (TURN (0, 1), 0, 2, 1));
  assert_false (event_decodes (TURN (0, 2), 0, 2, 1));
  assert_false (event_decodes (TURN (0, 65535), 0, 2, 1));
  assert_false (event_decodes (TURN (0, UINT32_MAX), 0, 2, 1)); /* “second”: none */
  assert_false (event_decodes (TURN (0, UINT32_MAX), 0, 1, 1)); /* “first”: none */
  assert_false (event_decodes (TURN (0, 0), 0, 2, 1));          /* its own */
  assert_true (event_decodes (TURN (2, 1), 0, 2, 3));
  assert_false (event_decodes (TURN (2, 1), 0, 2, 2));
  assert_false (event_decodes (TURN ((uint64_t) -1, 1), 0, 2, 3));
  /* Nothing is predicted of a lane without pieces. */
  assert_false (event_decodes (TURN (0, 1), 0, 2, 2));
}

/* A lane that has had no piece, and is to have one; or is left. */
static void
test_forged_first_pieces (void **state)
{
  (void) state;
  for (uint64_t n = 0; n < 2; n++) {
    struct forged_layout l;
    struct forged_walk w;

    forge_layout (&l);
    w = forge_walk (&l, 0, 0, 2);
    w.n_pieces = n;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), n == 0);
    for (uint32_t lane = 0; lane < 2; lane++) {
      forge_layout (&l);
      w = forge_walk (&l, 0, 0, 2);
      if (lane == 1)
        forge_turn (&w, 0, 1);
      forge_turn (&w, n, !lane);
      forge_new (&w, 0, 0, 5);
      w.n_events = lane + 2;
      w.n_pieces = 1 + n;
      assert_int_equal (unused_decodes (&w, SMALL_SOURCE), n == 0);
    }
  }
}

/* The lane that has its turn may not be given it, nor one that does not exist, whoever asks. */
static void
test_forged_turns (void **state)
{
  static const struct {
    uint32_t lane;
    bool exists;
  } to[] = { { 0, true }, { 1, false }, { 2, true }, { 3, true }, { 4, false } };

  (void) state;
  for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
    struct forged_layout l;
    struct forged_walk w = forge_first (&l, 100, 3); /* lane 3: the hole */

    forge_turn (&w, 0, 1);
    forge_turn (&w, 0, to[i].lane);
    w.n_pieces = 1;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), to[i].exists);
  }
}

/* Numbers that are right but for what is beyond 32 bits. */
static void
test_forged_large_numbers (void **state)
{
  (void) state;
  for (uint64_t high = 0; high < 2; high++) {
    struct forged_layout l;
    struct forged_walk w = forge_first (&l, 0, 4);
    struct layout_walk *m = &w.model;

    /* Lane 3, which is neither due first nor second. */
    range_code_bit (&l.coder, &m->first[2][0], false);
    range_code_bit (&l.coder, &m->lanes[0].surprise[0], false);
    range_code_bit (&l.coder, &m->second[0], false);
    range_code_number (&l.coder, &m->other, high << 32 | 3);
    range_code_signed (&l.coder, &m->lanes[3].late[1][0], &m->lanes[3].lateness, 0);
    w.n_events++;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), high == 0);

    w = forge_first (&l, 0, 4);
    range_code_bit (&l.coder, &w.model.first[2][0], false);
    range_code_bit (&l.coder, &w.model.lanes[0].surprise[0], true);
    range_code_number (&l.coder, &w.model.lanes[0].before_surprise, 0);
    range_code_bit (&l.coder, &w.model.lanes[0].known, true);
    range_code_number (&l.coder, &w.model.lanes[0].template, high << 32);
    w.n_events++;
    w.n_pieces++;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), high == 0);
  }
}

/* The hole's turn, and the lead's again. */
static bool
hole_decodes (uint64_t grid, uint64_t packets, unsigned times, uint64_t pieces)
{
  struct forged_layout l;
  struct forged_walk w = forge_first (&l, grid, 2);

  for (unsigned i = 0; i < times; i++) {
    forge_turn (&w, 0, 2);
    forge_turn (&w, packets, 0);
  }
  w.n_pieces = pieces;
  return unused_decodes (&w, SMALL_SOURCE);
}

static void
test_forged_holes (void **state)
{
  const uint64_t most = LAYOUT_MAX_PASSED;

  (void) state;
  assert_true (hole_decodes (1, 10, 1, 2));
  assert_false (hole_decodes (0, 10, 1, 2)); /* there is none */
  assert_true (hole_decodes (9990, 1, 1, 2));
  assert_false (hole_decodes (9991, 1, 1, 2)); /* beyond the source */
  assert_true (hole_decodes (1, most, 1, 1));
  assert_false (hole_decodes (1, most + 1, 1, 1));
  /* Nowhere near a source. */
  assert_true (hole_decodes (65535, most, 2, 1));
  assert_false (hole_decodes (65535, most, 3, 1));
}

/* A lane comes again before the hole has begun that stands for the lead. */
static void
test_forged_wait_in_a_hole (void **state)
{
  (void) state;
  for (int n = -1; n < 2; n++) {
    struct forged_layout l;
    struct forged_walk w = forge_first (&l, 1, 2);

    forge_turn (&w, 0, 1);
    forge_turn (&w, 0, 2);
    forge_turn (&w, (uint64_t) n, 1);
    w.n_pieces = 1;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), n >= 0);
  }
}

static void
test_forged_hole_has_no_pieces (void **state)
{
  struct forged_layout l;
  struct forged_walk w;

  (void) state;
  for (uint64_t pieces = 1; pieces < 3; pieces++) {
    w = forge_first (&l, 1, 2);
    forge_turn (&w, 0, 2);
    w.n_pieces = pieces;
    assert_int_equal (unused_decodes (&w, SMALL_SOURCE), pieces == 1);
  }
  w = forge_first (&l, 1, 2);
  forge_turn (&w, 0, 2);
  forge_new (&w, 0, 0, 5); /* a surprise */
  w.n_pieces = 2;
  assert_false (unused_decodes (&w, SMALL_SOURCE));
}

/* ---- templates ---- */

static bool
template_decodes (uint64_t start, int64_t gap, int32_t len)
{
  struct forged_layout l;
  struct forged_walk w;

  forge_layout (&l);
  w = forge_walk (&l, start, 0, 1);
  forge_new (&w, 0, gap, len);
  w.n_pieces = 1;
  return unused_decodes (&w, SOURCE_MAX_SIZE);
}

static void
test_forged_templates (void **state)
{
  (void) state;
  assert_true (template_decodes (0, LAYOUT_MAX_GAP, 5));
  assert_false (template_decodes (0, LAYOUT_MAX_GAP + 1, 5));
  assert_true (template_decodes (LAYOUT_MAX_GAP + 1, -LAYOUT_MAX_GAP, 5));
  assert_false (template_decodes (LAYOUT_MAX_GAP + 1, -LAYOUT_MAX_GAP - 1, 5));
  /* Gaps that no sum could hold. */
  assert_false (template_decodes (0, (int64_t) RANGE_MAX_NUMBER, 5));
  assert_false (template_decodes (SOURCE_MAX_SIZE, -(int64_t) RANGE_MAX_NUMBER, 5));
  assert_true (template_decodes (0, 0, 1));
  assert_true (template_decodes (0, 0, LAYOUT_MAX_PIECE));
  assert_false (template_decodes (0, 0, LAYOUT_MAX_PIECE + 1));
  assert_false (template_decodes (0, 0, INT32_MAX));
}

/* The 65th template of a lane has the place of the first. */
static void
test_forged_places (void **state)
{
  (void) state;
  for (uint32_t n = 63; n < 67; n++)
    for (uint32_t place = 61; place < 66; place++) {
      struct forged_layout l;
      struct forged_walk w;

      forge_layout (&l);
      w = forge_walk (&l, 0, 0, 1);
      for (uint32_t i = 0; i < n; i++)
        forge_new (&w, 0, i, 5);
      forge_known (&w, 0, place);
      w.n_pieces = n + 1;
      assert_int_equal (unused_decodes (&w, SMALL_SOURCE), place < 64 && place < n);
    }
}

/* Of the only frame, which is `frame` bytes long, five are a piece; the next is up to so far
 * behind its end.
 */
static bool
to_end_decodes (uint64_t frame, int64_t gap, int32_t offset)
{
  static const char copy[] = "\x01\x01\x01\x01\x00\x00\x00\x01\x01\x01\x02";
  CLEANUP_BUFFER struct buffer columns = BUFFER_INIT;
  struct forged_layout l;
  struct forged_walk w;

  buffer_append (&columns, copy, sizeof copy - 1);
  column_encode (&columns, &frame, 1);
  buffer_u8 (&columns, 0); /* no skip */
  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  w.model.lanes[0].end = &frame;
  w.model.lanes[0].n_ends = 1;
  forge_new (&w, 0, 0, 5);
  forge_to_end (&w, 0, gap, offset);
  forge_new (&w, 0, 0, LAYOUT_MAX_PIECE);
  w.n_events = 3;
  w.n_pieces = 4;
  forge_walk_end (&w);
  forge_layout_end (&l);
  return forged_layout_decodes (&l, columns.data, columns.len, (uint32_t) frame,
                                1u << 20);
}

static void
test_forged_templates_to_an_end (void **state)
{
  (void) state;
  assert_true (to_end_decodes (10, 5, 0));
  assert_true (to_end_decodes (10, 0, 0));
  assert_false (to_end_decodes (10, -1, 0)); /* before the source */
  assert_true (to_end_decodes (10, 5, -4));
  assert_false (to_end_decodes (10, 5, -5)); /* of no length */
  assert_true (to_end_decodes (6, 5, 0));
  assert_false (to_end_decodes (5, 5, 0)); /* no end */
  assert_false (to_end_decodes (5, 5, 3));
  assert_true (to_end_decodes (10, 65535, 65530));
  assert_false (to_end_decodes (10, 65536, 65531)); /* too long */
  assert_true (to_end_decodes (6, 65535, 65534));
  assert_false (to_end_decodes (6, 65535, 65536));
  assert_true (to_end_decodes (65541, 1, -65535));
  assert_false (to_end_decodes (65542, 1, -65536));
  assert_true (to_end_decodes (10, LAYOUT_MAX_GAP >> 30, 0));
  assert_false (to_end_decodes (10, LAYOUT_MAX_GAP + 1, 0));
}

/* ---- events of several walks ---- */

/* Two walks of a lane each; a piece each, the second one of so many with a template it has. */
static bool
two_walks_decode (uint32_t template, uint64_t first_events)
{
  static const char columns[] = "\x02\x01\x00\x01\x02\x00\x00\x00\x02\x01\x00\x02\x03\x01"
                                "\x01\x05\x00\x01\x01\x05\x00";
  struct forged_layout l;

  forge_layout (&l);
  for (uint32_t i = 0; i < 2; i++) {
    struct forged_walk w = forge_walk (&l, 0, 0, 1);

    forge_new (&w, 0, 0, 5);
    if (i == 1)
      forge_known (&w, 0, template);
    else
      w.n_events = first_events;
    forge_walk_end (&w);
  }
  forge_layout_end (&l);
  return forged_layout_decodes (&l, columns, sizeof columns - 1, 10, SMALL_SOURCE);
}

static void
test_forged_walks_are_apart (void **state)
{
  (void) state;
  assert_true (two_walks_decode (0, 1));
  assert_false (two_walks_decode (1, 1)); /* no such template */
  assert_false (two_walks_decode (0, 0));
  assert_false (two_walks_decode (0, 2)); /* takes the second walk's first */
}

/* Events whose code is zeros, so that nothing but its length is wrong. */
static bool
zeros_decode (size_t n, size_t *right)
{
  struct forged_layout l;
  uint8_t zeros[64] = { 0 };

  forge_layout (&l);
  for (int i = 0; i < 8; i++) {
    struct forged_walk w = forge_walk (&l, 0, 0, 2);

    /* What is most likely is a bit of 1. */
    for (int k = 0; k < 100; k++)
      forge_turn (&w, 0, !w.model.lane);
    forge_walk_end (&w);
  }
  *right = l.events.len;
  assert_in_range (*right, 5, sizeof zeros - 6);
  assert_memory_equal (l.events.data, zeros, *right);
  buffer_append (&l.events, zeros, 6);
  l.events.len = n;
  return unused_decode (&l, SMALL_SOURCE);
}

static void
test_forged_length_of_events (void **state)
{
  size_t right = 0;

  (void) state;
  for (size_t n = 0; n <= right + 6; n++) {
    bool decoded = zeros_decode (n, &right);

    assert_int_equal (decoded, n >= right && n <= right + 4);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_forged_walks),
    cmocka_unit_test (test_forged_numbers_of_walks),
    cmocka_unit_test (test_forged_counts),
    cmocka_unit_test (test_forged_events),
    cmocka_unit_test (test_forged_first_pieces),
    cmocka_unit_test (test_forged_turns),
    cmocka_unit_test (test_forged_large_numbers),
    cmocka_unit_test (test_forged_holes),
    cmocka_unit_test (test_forged_wait_in_a_hole),
    cmocka_unit_test (test_forged_hole_has_no_pieces),
    cmocka_unit_test (test_forged_templates),
    cmocka_unit_test (test_forged_places),
    cmocka_unit_test (test_forged_templates_to_an_end),
    cmocka_unit_test (test_forged_walks_are_apart),
    cmocka_unit_test (test_forged_length_of_events),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
