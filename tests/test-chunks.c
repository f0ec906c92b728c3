/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/chunks.c: chunks cover a source once and in order, and what is demuxed of them
 * is what is in the parts, from where it lies, whatever the parts' extents are.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunks.h"
#include "cleanup.h"
#include "expect-ts.h"
#include "rng.h"

#define BLOCK 2048

/* A source that is being made: its bytes, and which of them are of which part. */
#define MOST_PARTS 2
#define MOST_EXTENTS 400

struct source {
  struct buffer raw;
  struct image_file parts[MOST_PARTS];
  struct image_extent extents[MOST_PARTS][MOST_EXTENTS];
  struct disc_file file;
  int fd;
};

static void
source_init (struct source *s)
{
  static char name[] = "source";

  memset (s, 0, sizeof *s);
  for (unsigned p = 0; p < MOST_PARTS; p++)
    s->parts[p].extents = s->extents[p];
  s->file.path = name;
  s->file.demuxer = &demuxer_ts;
  s->file.parts = s->parts;
}

static void
add_extent (struct source *s, unsigned part, uint64_t offset, uint64_t len)
{
  struct image_file *p = &s->parts[part];

  assert_true (p->n_extents < MOST_EXTENTS);
  p->extents[p->n_extents++] = (struct image_extent){ offset, len };
  p->size += len;
  if (s->file.n_parts <= part)
    s->file.n_parts = part + 1;
}

/* It has all its bytes. */
static void
source_ready (struct source *s)
{
  assert_false (s->raw.failed);
  s->file.size = s->raw.len;
  s->fd = file_of (&s->raw);
}

static void
source_free (struct source *s)
{
  close (s->fd);
  buffer_free (&s->raw);
}

static void
read_chunk (const struct source *s, const struct chunk_list *list, uint32_t number,
            uint8_t *buffer, struct chunk_bytes *bytes)
{
  struct error err = ERROR_INIT;

  assert_int_equal (chunk_read (list, &s->file, s->fd, number, buffer, bytes, &err), 0);
}

/* Those of a part follow each other in its order. */
static void
check_order (const struct chunk_list *list)
{
  for (uint32_t i = 1; i < list->n_order; i++) {
    const struct chunk *a = &list->chunks[list->order[i - 1]];
    const struct chunk *b = &list->chunks[list->order[i]];

    assert_true (a->part < b->part ||
                 (a->part == b->part && a->in_part + a->len <= b->in_part));
  }
}

/* One behind the other they are the source, as its hash needs it. */
static void
check_cover (const struct source *s, const struct chunk_list *list)
{
  CLEANUP_FREE uint8_t *buffer = malloc (CHUNK_BUFFER);
  uint64_t at = 0;

  for (uint32_t i = 0; i < list->n; i++) {
    const struct chunk *c = &list->chunks[i];
    struct chunk_bytes bytes;

    assert_int_equal (c->at, at);
    assert_true (c->len > 0 && c->len <= CHUNK_SIZE && c->at + c->len <= s->raw.len);
    read_chunk (s, list, i, buffer, &bytes);
    assert_int_equal (bytes.owned, c->len);
    assert_memory_equal (bytes.data, s->raw.data + at, c->len);
    at += c->len;
  }
  assert_int_equal (at, s->raw.len);
  check_order (list);
}

/* Append what the chunk has of the stream; each byte lies where it is said to. */
static void
take_stream (const struct source *s, const struct demux_stream *stream,
             struct buffer *got)
{
  size_t at = 0;

  for (size_t k = 0; k < stream->n_pieces; k++) {
    const struct demux_piece *p = &stream->pieces[k];

    assert_int_equal (p->at, at);
    assert_true (p->len > 0 && p->from + p->len <= s->raw.len);
    assert_memory_equal (stream->data + at, s->raw.data + p->from, p->len);
    at += p->len;
  }
  assert_int_equal (at, stream->len);
  buffer_append (got, stream->data, stream->len);
}

/* The chunks of parts [first, last], in their order, hold this of the stream and no more. */
static void
check_parts (const struct source *s, const struct chunk_list *list, uint32_t first,
             uint32_t last, const struct expected *e)
{
  CLEANUP_FREE uint8_t *buffer = malloc (CHUNK_BUFFER);
  CLEANUP_BUFFER struct buffer got = BUFFER_INIT;
  struct demuxed d;

  demuxed_init (&d);
  for (uint32_t i = 0; i < list->n_order; i++) {
    const struct demux_stream *stream;
    uint32_t part = list->chunks[list->order[i]].part;
    struct chunk_bytes bytes;

    if (part < first || part > last)
      continue;
    read_chunk (s, list, list->order[i], buffer, &bytes);
    chunk_demux (list, &s->file, list->order[i], &bytes, &d);
    assert_false (d.failed);
    stream = demuxed_find (&d, e->key);
    if (stream)
      take_stream (s, stream, &got);
  }
  demuxed_free (&d);
  assert_int_equal (got.len, e->data.len);
  assert_memory_equal (got.data, e->data.data, got.len);
}

/* A clip of video and sound, of at least `size` bytes. */
struct clip {
  struct ts ts;
  struct expected e[2];
};

static void
clip_init (struct clip *c, size_t size, unsigned video, unsigned audio)
{
  ts_init (&c->ts, 192);
  c->e[0] = (struct expected){ KEY (video, 0), BUFFER_INIT };
  c->e[1] = (struct expected){ KEY (audio, CORE), BUFFER_INIT };
  while (c->ts.raw.len < size) {
    put_pes (&c->ts, &c->e[0], 0xE0, PLAIN, 20000);
    put_pes (&c->ts, &c->e[1], 0xFD, EXTENSION_76, 2560);
  }
}

static void
clip_free (struct clip *c)
{
  free_expected (&c->e[0]);
  free_expected (&c->e[1]);
  buffer_free (&c->ts.raw);
}

static void
check_clip (const struct source *s, const struct chunk_list *list, uint32_t part,
            const struct clip *c)
{
  check_parts (s, list, part, part, &c->e[0]);
  check_parts (s, list, part, part, &c->e[1]);
}

static void
check_source (const struct source *s, const struct clip *clips)
{
  struct chunk_list list;

  assert_int_equal (chunk_list_init (&list, &s->file), 0);
  check_cover (s, &list);
  for (unsigned p = 0; p < s->file.n_parts; p++)
    check_clip (s, &list, p, &clips[p]);
  chunk_list_free (&list);
}

/* Write an extent of a clip behind what there is, with `gap` bytes of other packets, which
 * are of no part, before it.
 */
static void
put_extent (struct source *s, unsigned part, const struct clip *c, size_t at, size_t len,
            size_t gap)
{
  buffer_append (&s->raw, c->ts.raw.data, gap);
  buffer_append (&s->raw, c->ts.raw.data + at, len);
  add_extent (s, part, s->raw.len - len, len);
}

/* A source without parts is one. */
static void
test_whole (void **state)
{
  struct source s;
  struct clip c;
  struct chunk_list list;

  (void) state;
  source_init (&s);
  clip_init (&c, 5 * CHUNK_SIZE / 2, VIDEO, AUDIO);
  buffer_append (&s.raw, c.ts.raw.data, c.ts.raw.len);
  source_ready (&s);
  assert_int_equal (chunk_list_init (&list, &s.file), 0);
  assert_int_equal (list.n, 3);
  assert_int_equal (list.n_order, 3);
  check_cover (&s, &list);
  check_clip (&s, &list, 0, &c);
  chunk_list_free (&list);
  source_free (&s);
  clip_free (&c);
}

/* Two extents, the second in front of the first, cut at each byte of a packet. */
static void
test_cut_packet (void **state)
{
  struct clip c;

  (void) state;
  clip_init (&c, 100000, VIDEO, AUDIO);
  for (size_t cut = 40 * BLOCK; cut <= 40 * BLOCK + 192; cut++) {
    struct source s;

    source_init (&s);
    buffer_append (&s.raw, c.ts.raw.data + cut, c.ts.raw.len - cut);
    buffer_append (&s.raw, c.ts.raw.data, cut);
    put_bytes (&s.raw, 1000, 0x55);
    add_extent (&s, 0, c.ts.raw.len - cut, cut);
    add_extent (&s, 0, 0, c.ts.raw.len - cut);
    source_ready (&s);
    check_source (&s, &c);
    source_free (&s);
  }
  clip_free (&c);
}

/* The next extent of a clip, of some blocks; false: there is no more. */
static bool
put_next (struct source *s, unsigned part, const struct clip *c, size_t *at,
          uint64_t *rng)
{
  size_t len = rng_between (rng, 1, 12) * BLOCK, gap = rng_below (rng, 4) * BLOCK;

  if (len > c->ts.raw.len - *at)
    len = c->ts.raw.len - *at;
  if (len > 0)
    put_extent (s, part, c, *at, len, gap);
  *at += len;
  return len > 0;
}

/* Turn the extents of a part around by writing their bytes elsewhere: the first lies last. */
static void
turn_around (struct source *s, unsigned part, const struct clip *c)
{
  struct image_file *f = &s->parts[part];
  size_t at = 0;

  f->n_extents = 0;
  f->size = 0;
  for (size_t left = c->ts.raw.len; left > 0;) {
    size_t len = left % (5 * BLOCK) ? left % (5 * BLOCK) : 5 * BLOCK;

    buffer_append (&s->raw, c->ts.raw.data + left - len, len);
    left -= len;
  }
  for (size_t end = s->raw.len; at < c->ts.raw.len;) {
    size_t len = c->ts.raw.len - at < 5 * BLOCK ? c->ts.raw.len - at : 5 * BLOCK;

    end -= len;
    add_extent (s, part, end, len);
    at += len;
  }
}

/* Two clips in small extents, each among the other's, with bytes of none between; then one
 * of them backwards.
 */
static void
test_shreds (void **state)
{
  uint64_t rng = 1;

  (void) state;
  for (unsigned round = 0; round < 10; round++) {
    struct clip clips[2];
    struct source s;
    size_t at[2] = { 0, 0 };

    source_init (&s);
    clip_init (&clips[0], 300000, VIDEO, AUDIO);
    clip_init (&clips[1], 400000, VIDEO, AUDIO);
    while (put_next (&s, 0, &clips[0], &at[0], &rng) |
           put_next (&s, 1, &clips[1], &at[1], &rng))
      ;
    buffer_append (&s.raw, clips[0].ts.raw.data, 3 * BLOCK + 5);
    if (round % 2)
      turn_around (&s, 1, &clips[1]);
    source_ready (&s);
    check_source (&s, clips);
    source_free (&s);
    clip_free (&clips[0]);
    clip_free (&clips[1]);
  }
}

/* Extents longer than a chunk. */
static void
test_long (void **state)
{
  struct source s;
  struct clip c;
  const size_t first = CHUNK_SIZE + 3 * BLOCK;

  (void) state;
  source_init (&s);
  clip_init (&c, 3 * CHUNK_SIZE, VIDEO, AUDIO);
  put_extent (&s, 0, &c, 0, first, 7);
  put_extent (&s, 0, &c, first, c.ts.raw.len - first, 100000);
  source_ready (&s);
  check_source (&s, &c);
  source_free (&s);
  clip_free (&c);
}

/* How many bytes of the source each part has. */
static void
count_bytes (const struct chunk_list *list, uint64_t bytes[MOST_PARTS + 1])
{
  memset (bytes, 0, (MOST_PARTS + 1) * sizeof *bytes);
  for (uint32_t i = 0; i < list->n; i++) {
    uint32_t part = list->chunks[i].part;

    bytes[part == CHUNK_NO_PART ? MOST_PARTS : part] += list->chunks[i].len;
  }
}

/* Parts that share bytes: whichever starts first has them, of two the one listed first;
 * the other goes on behind them, knowing what they were.
 */
static void
test_overlap (void **state)
{
  static const struct {
    uint64_t at[2], len[2], have[2];
  } cases[] = {
    { { 0, 0 }, { 200, 200 }, { 200, 0 } },    /* the same */
    { { 0, 0 }, { 100, 200 }, { 100, 100 } },  /* one goes on */
    { { 0, 0 }, { 200, 100 }, { 200, 0 } },    /* … */
    { { 50, 0 }, { 150, 200 }, { 0, 200 } },   /* within the other */
    { { 100, 0 }, { 100, 150 }, { 50, 150 } }, /* over its end */
    { { 0, 100 }, { 150, 100 }, { 150, 50 } },
    { { 0, 100 }, { 100, 100 }, { 100, 100 } }, /* side by side */
  };

  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint64_t bytes[MOST_PARTS + 1];
    struct chunk_list list;
    struct source s;
    struct clip c;

    source_init (&s);
    clip_init (&c, 210 * BLOCK, VIDEO, AUDIO);
    buffer_append (&s.raw, c.ts.raw.data, 210 * BLOCK);
    for (unsigned p = 0; p < 2; p++)
      add_extent (&s, p, cases[i].at[p] * BLOCK, cases[i].len[p] * BLOCK);
    source_ready (&s);
    assert_int_equal (chunk_list_init (&list, &s.file), 0);
    check_cover (&s, &list);
    count_bytes (&list, bytes);
    assert_int_equal (bytes[0], cases[i].have[0] * BLOCK);
    assert_int_equal (bytes[1], cases[i].have[1] * BLOCK);
    assert_int_equal (bytes[MOST_PARTS],
                      s.raw.len - (cases[i].have[0] + cases[i].have[1]) * BLOCK);
    chunk_list_free (&list);
    source_free (&s);
    clip_free (&c);
  }
}

/* As on 3D discs: both views' clips in turn are a file too.  No byte is missing from all of
 * them.
 */
static void
test_interleaved (void **state)
{
  const size_t unit = 48 * 192;
  struct chunk_list list;
  struct clip clips[2];
  struct source s;

  (void) state;
  source_init (&s);
  clip_init (&clips[0], 300000, VIDEO, AUDIO);
  clip_init (&clips[1], 300000, VIDEO + 1, AUDIO + 1);
  for (size_t at = 0; at < clips[0].ts.raw.len; at += unit)
    for (unsigned i = 0; i < 2; i++) {
      size_t left = clips[i].ts.raw.len - at;

      buffer_append (&s.raw, clips[i].ts.raw.data + at, left < unit ? left : unit);
      if (i == 0)
        add_extent (&s, 0, s.raw.len - (left < unit ? left : unit),
                    left < unit ? left : unit);
    }
  add_extent (&s, 1, 0, s.raw.len);
  source_ready (&s);
  assert_int_equal (chunk_list_init (&list, &s.file), 0);
  check_cover (&s, &list);
  for (unsigned k = 0; k < 2; k++) {
    check_parts (&s, &list, 0, 1, &clips[0].e[k]);
    check_parts (&s, &list, 1, 1, &clips[1].e[k]);
  }
  chunk_list_free (&list);
  source_free (&s);
  clip_free (&clips[0]);
  clip_free (&clips[1]);
}

/* Extents of no bytes, and parts without extents, are no chunks. */
static void
test_empty (void **state)
{
  struct chunk_list list;
  struct source s;
  struct clip c;

  (void) state;
  source_init (&s);
  clip_init (&c, 50000, VIDEO, AUDIO);
  buffer_append (&s.raw, c.ts.raw.data, c.ts.raw.len);
  add_extent (&s, 1, 0, s.raw.len);
  source_ready (&s);
  assert_int_equal (chunk_list_init (&list, &s.file), 0);
  assert_int_equal (list.n, 1);
  check_cover (&s, &list);
  check_clip (&s, &list, 1, &c);
  chunk_list_free (&list);
  source_free (&s);
  clip_free (&c);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_whole),   cmocka_unit_test (test_cut_packet),
    cmocka_unit_test (test_shreds),  cmocka_unit_test (test_long),
    cmocka_unit_test (test_overlap), cmocka_unit_test (test_interleaved),
    cmocka_unit_test (test_empty),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
