/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding frames on a disc (indexer/matcher.c, search.c): elementary streams of random
 * bytes are put into a program stream and into a Matroska file, with whatever a remuxer may
 * leave out or put in, and create_recipe has to find them.  The recipe is then read
 * back through the server's reader and compared with the file.
 *
 * How much work it was is counted, not timed: --wrap counts the bytes of the disc that
 * the matcher looks at.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "buffer.h"
#include "cleanup.h"
#include "create.h"
#include "image.h"
#include "make-file.h"
#include "recoding.h"
#include "rng.h"
#include "rounds.h"
#include "view.h"

#define SPAN (8u << 20) /* of create_recipe */
#define PACK 2048u

static char dir[] = "/tmp/test-matcher.XXXXXX";
static uint64_t seed;

/* ---- what the matcher reads of the views ---- */

static uint64_t looked_at; /* bytes */

size_t __real_view_match (struct view_reader *r, uint32_t view, uint64_t at,
                          const uint8_t *data, size_t len);
size_t __wrap_view_match (struct view_reader *r, uint32_t view, uint64_t at,
                          const uint8_t *data, size_t len);
size_t __real_view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf,
                         size_t len);
size_t __wrap_view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf,
                         size_t len);

size_t
__wrap_view_match (struct view_reader *r, uint32_t view, uint64_t at, const uint8_t *data,
                   size_t len)
{
  size_t n = __real_view_match (r, view, at, data, len);

  looked_at += n + 1;
  return n;
}

size_t
__wrap_view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf,
                  size_t len)
{
  size_t n = __real_view_read (r, view, at, buf, len);

  looked_at += n + 1;
  return n;
}

/* ---- the disc: a program stream of packs of 2048 bytes ---- */

#define VIDEO 0xE0
#define AC3 0x80 /* sub-streams of private_stream_1 */
#define LPCM 0xA0

/* An elementary stream, and how far it has been put into packs. */
struct stream {
  uint8_t id;
  struct buffer es;
  size_t done;
};

/* One pack with as much of the stream as it holds.  The last one is shorter. */
static void
put_pack (struct buffer *ps, struct stream *s)
{
  bool private = s->id < 0xC0;
  unsigned own = s->id == LPCM ? 7 : private ? 4 : 0; /* the sub-stream's header */
  size_t most = PACK - 14 - 9 - own, n = s->es.len - s->done;

  n = n < most ? n : most;
  put_pack_header (ps, 0);
  put_packet_header (ps, private ? 0xBD : s->id, own + n, 0);
  if (private) {
    buffer_u8 (ps, s->id);
    buffer_append (ps, "\1\0\1\0\1\x80", own - 1);
  }
  buffer_append (ps, s->es.data + s->done, n);
  s->done += n;
}

/* The streams interleaved as their sizes demand. */
static void
put_streams (struct buffer *ps, struct stream *s, size_t n)
{
  for (;;) {
    struct stream *next = NULL;

    for (size_t i = 0; i < n; i++)
      if (s[i].done < s[i].es.len &&
          (!next || (double) s[i].done / (double) s[i].es.len <
                      (double) next->done / (double) next->es.len))
        next = &s[i];
    if (!next)
      return;
    put_pack (ps, next);
  }
}

/* ---- the film ---- */

static void
put_id (struct buffer *b, uint32_t id)
{
  for (int shift = 24; shift >= 0; shift -= 8)
    if (id >> shift)
      buffer_u8 (b, (uint8_t) (id >> shift));
}

/* An element's id and size, the latter in four bytes. */
static void
put_element (struct buffer *b, uint32_t id, size_t size)
{
  put_id (b, id);
  buffer_u8 (b, (uint8_t) (0x10 | size >> 24));
  buffer_u8 (b, (uint8_t) (size >> 16));
  put_length (b, size & 0xFFFF);
}

/* ContentEncodings whose only entry has all its defaults: zlib, all frames. */
static const uint8_t zlib[] = { 0x6D, 0x80, 0x83, 0x62, 0x40, 0x80 };

/* `width`: of the prefixes of NAL units, as avcC says; 0: none.  `channels`: of sound. */
static void
put_track (struct buffer *b, uint8_t number, const char *codec, unsigned width,
           bool deflated, unsigned channels)
{
  put_element (b, 0xAE,
               3 * 5 + 1 + strlen (codec) + 1 + (deflated ? sizeof zlib : 0) +
                 (width ? 6 + 5 : 0) + (channels ? 5 + 6 : 0));
  put_element (b, 0xD7, 1);
  buffer_u8 (b, number);
  put_element (b, 0x86, strlen (codec));
  buffer_append (b, codec, strlen (codec));
  put_element (b, 0x83, 1);
  buffer_u8 (b, 1);
  if (deflated)
    buffer_append (b, zlib, sizeof zlib);
  if (width) {
    put_element (b, 0x63A2, 5);
    buffer_append (b, "\1\x64\0\x29", 4);
    buffer_u8 (b, (uint8_t) (0xFC | (width - 1)));
  }
  if (channels) {
    put_element (b, 0xE1, 6);
    put_element (b, 0x9F, 1);
    buffer_u8 (b, (uint8_t) channels);
  }
}

struct film {
  struct buffer mkv;
  unsigned frames;
};

#define FRAMES_A_CLUSTER 40

/* Track 2 is as said; track 1 is video. */
static void
film_begin_track (struct film *f, const char *codec, unsigned width, bool deflated,
                  unsigned channels)
{
  *f = (struct film){ BUFFER_INIT, 0 };
  put_element (&f->mkv, 0x1A45DFA3, 2 + 4 + 7);
  put_element (&f->mkv, 0x4282, 7);
  buffer_append (&f->mkv, "matroska" + 1, 7);
  put_id (&f->mkv, 0x18538067);
  buffer_append (&f->mkv, "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
  put_element (&f->mkv, 0x1654AE6B, 0); /* corrected below */
  {
    size_t at = f->mkv.len;

    put_track (&f->mkv, 1, "V_MPEG2", 0, false, 0);
    put_track (&f->mkv, 2, codec, width, deflated, channels);
    f->mkv.data[at - 1] = (uint8_t) (f->mkv.len - at);
  }
}

static void
film_begin_with (struct film *f, const char *codec, bool deflated)
{
  film_begin_track (f, codec, 0, deflated, 0);
}

static void
film_begin (struct film *f)
{
  film_begin_with (f, "A_AC3", false);
}

/* A SimpleBlock. */
static void
film_frame (struct film *f, uint8_t track, const void *data, size_t len)
{
  if (f->frames % FRAMES_A_CLUSTER == 0) {
    put_id (&f->mkv, 0x1F43B675);
    buffer_append (&f->mkv, "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    put_element (&f->mkv, 0xE7, 4);
    buffer_u8 (&f->mkv, 0);
    buffer_u8 (&f->mkv, (uint8_t) (f->frames >> 16));
    put_length (&f->mkv, f->frames & 0xFFFF);
  }
  put_element (&f->mkv, 0xA3, 4 + len);
  buffer_u8 (&f->mkv, 0x80 | track);
  put_length (&f->mkv, f->frames % FRAMES_A_CLUSTER);
  buffer_u8 (&f->mkv, 0x80);
  buffer_append (&f->mkv, data, len);
  f->frames++;
}

/* ---- putting the two together ---- */

static char *
in_dir (const char *name)
{
  char *path;

  assert_true (asprintf (&path, "%s/%s", dir, name) > 0);
  return path;
}

static void
save (const char *path, const struct buffer *b)
{
  CLEANUP_CLOSE int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  assert_false (b->failed);
  assert_true (fd >= 0);
  assert_int_equal (write (fd, b->data, b->len), (ssize_t) b->len);
}

/* Read the recipe's image, in reads of odd sizes, and compare. */
static void
compare (const char *recipe, const struct buffer *mkv)
{
  const char *places[] = { dir };
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  CLEANUP_FREE uint8_t *data = malloc (mkv->len);
  struct error err = ERROR_INIT;
  struct image *img;
  size_t n;

  assert_non_null (data);
  assert_non_null (cache);
  img = image_open (recipe, places, 1, cache, &err);
  if (!img)
    fail_msg ("%s", err.text);
  assert_int_equal (image_size (img), mkv->len);
  for (size_t at = 0; at < mkv->len; at += n) {
    n = mkv->len - at < 777777 ? mkv->len - at : 777777;
    if (image_read (img, data + at, n, at, &err) == -1)
      fail_msg ("%s", err.text);
  }
  assert_memory_equal (data, mkv->data, mkv->len);
  image_close (img);
  segment_cache_free (cache);
}

/* What was found of tracks 1 and 2, and what there was. */
struct outcome {
  uint64_t frames[3], bytes[3], found[3], recipe;
};

static struct outcome
create (struct stream *streams, size_t n_streams, struct film *film)
{
  CLEANUP_BUFFER struct buffer ps = BUFFER_INIT;
  CLEANUP_FREE char *disc = in_dir ("disc"), *mkv = in_dir ("mkv");
  CLEANUP_FREE char *out = in_dir ("recipe");
  const char *sources[] = { disc };
  struct create_options options = { .mkv = mkv,
                                    .sources = sources,
                                    .n_sources = 1,
                                    .out = out,
                                    .replaces_any = true,
                                    .threads = 2 };
  struct outcome o = { 0 };
  struct create_report report;
  struct error err = ERROR_INIT;

  put_streams (&ps, streams, n_streams);
  save (disc, &ps);
  save (mkv, &film->mkv);
  looked_at = 0;
  if (create_recipe (&options, &report, &err) == -1)
    fail_msg ("%s", err.text);
  compare (out, &film->mkv);
  for (size_t i = 0; i < report.n_tracks; i++) {
    const struct create_track *t = &report.tracks[i];

    assert_true (t->number <= 2);
    o.frames[t->number] = t->frames;
    o.bytes[t->number] = t->bytes;
    o.found[t->number] = t->found;
  }
  assert_int_equal (o.frames[1] + o.frames[2], film->frames);
  o.recipe = report.recipe_bytes;
  create_report_free (&report);
  for (size_t i = 0; i < n_streams; i++)
    buffer_free (&streams[i].es);
  buffer_free (&film->mkv);
  return o;
}

static void
assert_all_found (const struct outcome *o)
{
  assert_int_equal (o->found[1], o->bytes[1]);
  assert_int_equal (o->found[2], o->bytes[2]);
}

/* ---- streams ---- */

static void
put_random (struct buffer *b, size_t n)
{
  uint8_t *p = buffer_reserve (b, n);

  assert_non_null (p);
  rng_fill (&seed, p, n);
  b->len += n;
}

static struct stream
random_stream (uint8_t id, size_t len)
{
  struct stream s = { .id = id, .es = BUFFER_INIT };

  put_random (&s.es, len);
  return s;
}

/* Frames of `low` to `high` bytes of the stream, from one offset to another. */
static void
film_range (struct film *f, uint8_t track, const struct stream *s, size_t from, size_t to,
            size_t low, size_t high)
{
  while (from < to) {
    size_t n = rng_between (&seed, low, high);

    n = n < to - from ? n : to - from;
    film_frame (f, track, s->es.data + from, n);
    from += n;
  }
}

/* Two streams as they are, a bit of one and a bit of the other. */
static void
film_both (struct film *f, const struct stream *video, const struct stream *sound)
{
  const size_t steps = 100;

  for (size_t i = 0; i < steps; i++) {
    film_range (f, 1, video, video->es.len * i / steps, video->es.len * (i + 1) / steps,
                3000, 30000);
    film_range (f, 2, sound, sound->es.len * i / steps, sound->es.len * (i + 1) / steps,
                1792, 1792);
  }
}

/* Before each test: what one does is nothing to the next. */
static int
reseed (void **state)
{
  (void) state;
  seed = 1;
  return 0;
}

static int
enter (void **state)
{
  (void) state;
  return mkdtemp (dir) ? 0 : -1;
}

static int
leave (void **state)
{
  static const char *const names[] = { "disc", "mkv", "recipe" };

  (void) state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    CLEANUP_FREE char *path = in_dir (names[i]);

    unlink (path);
  }
  return rmdir (dir); /* fails if a temporary file was left */
}

/* ---- the tests ---- */

static void
frames_abut (void **state)
{
  struct stream s[] = { random_stream (VIDEO, 3000000), random_stream (AC3, 300000) };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  film_both (&f, &s[0], &s[1]);
  o = create (s, 2, &f);
  assert_int_equal (o.bytes[1], 3000000);
  assert_int_equal (o.bytes[2], 300000);
  assert_all_found (&o);
  /* Little more than the headers of blocks. */
  assert_true (o.recipe < 6000);
}

/* Bytes of the disc that the MKV has not: in the middle of frames, and between them. */
static void
bytes_are_dropped (void **state)
{
  for (size_t gap = 1; gap <= 30000; gap = gap * 3 + 1) {
    struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
    uint64_t wanted = 0;
    struct outcome o;
    struct film f;

    (void) state;
    film_begin (&f);
    for (unsigned i = 0; i < 60; i++) {
      uint8_t frame[20000];
      size_t n = rng_between (&seed, 500, sizeof frame);
      size_t cut = rng_between (&seed, 100, n - 100);

      rng_fill (&seed, frame, n);
      buffer_append (&s.es, frame, cut);
      put_random (&s.es, gap);
      buffer_append (&s.es, frame + cut, n - cut);
      if (i % 2)
        put_random (&s.es, gap);
      film_frame (&f, 1, frame, n);
      wanted += n;
    }
    o = create (&s, 1, &f);
    assert_int_equal (o.bytes[1], wanted);
    assert_all_found (&o);
  }
}

/* `put` bytes in front of each of a frame's units instead of `skip` on the disc. */
static void
prefixes (unsigned put, unsigned skip)
{
  struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
  uint64_t payload = 0;
  struct outcome o;
  struct film f;

  film_begin (&f);
  for (unsigned i = 0; i < 100; i++) {
    CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;

    for (unsigned unit = 0; unit < 6; unit++) {
      size_t n = rng_between (&seed, 64, 4000);

      put_random (&s.es, skip);
      put_random (&frame, put);
      put_random (&s.es, n);
      buffer_append (&frame, s.es.data + s.es.len - n, n);
      payload += n;
    }
    film_frame (&f, 1, frame.data, frame.len);
  }
  o = create (&s, 1, &f);
  /* A few more are equal by chance, at either end. */
  assert_in_range (o.found[1], payload, payload + 60);
}

static void
bytes_are_inserted (void **state)
{
  (void) state;
  prefixes (4, 0);
  prefixes (4, 3);
  prefixes (4, 4);
  prefixes (1, 4);
  prefixes (16, 0);
}

/* Frames as H.264 has them: on the disc each unit has a start code, in the film a length, and
 * the first one, of a few bytes, is left out; then a short one, and a long one.
 */
static void
units_are_short (void **state)
{
  (void) state;
  for (size_t size = 1; size <= 64; size += 7) {
    struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
    struct outcome o;
    struct film f;

    film_begin (&f);
    for (unsigned i = 0; i < 100; i++) {
      CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;
      size_t slice = rng_between (&seed, 1000, 20000);

      buffer_append (&s.es, "\0\0\0\1\x09\xF0\0\0\1", 9);
      put_random (&s.es, size);
      buffer_append (&s.es, "\0\0\1", 3);
      put_random (&s.es, slice);
      put_length (&frame, 0);
      put_length (&frame, size);
      buffer_append (&frame, s.es.data + s.es.len - slice - 3 - size, size);
      put_length (&frame, 0);
      put_length (&frame, slice);
      buffer_append (&frame, s.es.data + s.es.len - slice, slice);
      film_frame (&f, 1, frame.data, frame.len);
    }
    o = create (&s, 1, &f);
    assert_true (o.found[1] + 100 * (8 + 64) >= o.bytes[1]);
  }
}

/* A NAL unit of `n` bytes, on the disc and behind a length in the frame. */
static void
put_unit (struct buffer *es, struct buffer *frame, unsigned width, const uint8_t *unit,
          size_t n)
{
  for (unsigned i = width; i-- > 0;)
    buffer_u8 (frame, (uint8_t) (n >> 8 * i));
  buffer_append (frame, unit, n);
  buffer_append (es, "\0\0\0\1", rng_between (&seed, 0, 1) ? 4 : 0);
  if (memcmp (es->data + es->len - 4, "\0\0\0\1", 4) != 0)
    buffer_append (es, "\0\0\1", 3);
  buffer_append (es, unit, n);
}

/* Units of all sizes behind prefixes: of a delimiter that the film has not to a slice;
 * nothing is stored of any.
 */
static void
units_have_prefixes (void **state)
{
  static const unsigned widths[] = { 1, 2, 4 };

  (void) state;
  for (size_t w = 0; w < 3; w++) {
    size_t most = widths[w] == 1 ? 255 : 15000;
    struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
    struct outcome o;
    struct film f;

    film_begin_track (&f, "V_MPEG4/ISO/AVC", widths[w], false, 0);
    for (unsigned i = 0; i < 300; i++) {
      CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;
      uint8_t unit[15000];

      buffer_append (&s.es, "\0\0\0\1\x09\xF0", 6);
      for (unsigned u = 0; u < 5; u++) {
        size_t n = u < 3 ? rng_between (&seed, 1, 40) : rng_between (&seed, 80, most);

        rng_fill (&seed, unit, n);
        unit[0] |= 1;
        unit[n - 1] |= 1;
        put_unit (&s.es, &frame, widths[w], unit, n);
      }
      film_frame (&f, 2, frame.data, frame.len);
    }
    o = create (&s, 1, &f);
    assert_all_found (&o);
    assert_true (o.recipe < 300 * 5 * 5);
  }
}

/* Some random units of the stream and the frame, behind a delimiter of the stream only. */
static void
put_view (struct stream *s, struct buffer *frame, size_t low, size_t high)
{
  uint8_t unit[5000];

  buffer_append (&s->es, "\0\0\0\1\x09\xF0", 6);
  for (unsigned u = 0; u < 3; u++) {
    size_t n = rng_between (&seed, low, high);

    rng_fill (&seed, unit, n);
    unit[0] |= 1;
    unit[n - 1] |= 1;
    put_unit (&s->es, frame, 4, unit, n);
  }
}

/* 3D: a frame has the units of two streams, most too short to be found by themselves. */
static void
views_alternate (void **state)
{
  struct stream s[] = { { .id = VIDEO, .es = BUFFER_INIT },
                        { .id = VIDEO + 1, .es = BUFFER_INIT } };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin_track (&f, "V_MPEG4/ISO/AVC", 4, false, 0);
  for (unsigned i = 0; i < 1000; i++) {
    CLEANUP_BUFFER struct buffer frame = BUFFER_INIT;
    size_t high = i < 2 ? 5000 : 600;

    put_view (&s[0], &frame, high / 3, high);
    put_view (&s[1], &frame, high / 3, high);
    film_frame (&f, 2, frame.data, frame.len);
  }
  o = create (s, 2, &f);
  assert_all_found (&o);
}

/* Each frame begins with the same bytes, which the MKV has not. */
static void
headers_are_stripped (void **state)
{
  struct stream s = { .id = AC3, .es = BUFFER_INIT };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  for (unsigned i = 0; i < 2000; i++) {
    size_t n = rng_between (&seed, 100, 1792);

    buffer_append (&s.es, "\x0b\x77\x12\x34", 4);
    put_random (&s.es, n);
    film_frame (&f, 2, s.es.data + s.es.len - n, n);
  }
  o = create (&s, 1, &f);
  assert_all_found (&o);
}

/* `n` equal frames on the disc, and in the film with `junk` bytes in front of each. */
#define EQUAL 1500u

static uint64_t
equal_frames (unsigned n, unsigned junk, struct outcome *o)
{
  struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
  uint8_t frame[16 + EQUAL];
  struct film f;

  rng_fill (&seed, frame, sizeof frame);
  film_begin (&f);
  for (unsigned i = 0; i < n; i++) {
    buffer_append (&s.es, frame + 16, EQUAL);
    rng_fill (&seed, frame, 16);
    film_frame (&f, 1, frame + 16 - junk, EQUAL + junk);
  }
  *o = create (&s, 1, &f);
  return looked_at;
}

/* The work has to grow with the film, not with its square. */
static void
content_repeats (void **state)
{
  static const unsigned junk[] = { 0, 4, 16 };

  (void) state;
  for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
    struct outcome o;
    uint64_t few = equal_frames (2500, junk[i], &o), many;

    assert_true (o.found[1] >= 2500 * EQUAL);
    many = equal_frames (10000, junk[i], &o);
    assert_true (o.found[1] >= 10000 * EQUAL);
    assert_true (many < 5 * few);
    /* And a look at a byte a few times is enough. */
    assert_true (many < 4 * o.bytes[1]);
  }
}

/* Equal frames, but each with something after the start that is nowhere: nothing can be
 * predicted, and every anchor has thousands of candidates.
 */
static void
beginnings_repeat (void **state)
{
  uint64_t work[2] = { 0 };

  (void) state;
  for (unsigned round = 0; round < 2; round++) {
    struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
    uint8_t frame[3000];
    struct film f;

    rng_fill (&seed, frame, sizeof frame);
    film_begin (&f);
    for (unsigned i = 0; i < (round ? 8000 : 2000); i++) {
      rng_fill (&seed, frame + 2500, 500);
      buffer_append (&s.es, frame, sizeof frame);
      rng_fill (&seed, frame + 2500, 500);
      film_frame (&f, 1, frame, sizeof frame);
    }
    create (&s, 1, &f);
    work[round] = looked_at;
  }
  assert_true (work[0] > 2000 * 2500);
  assert_true (work[1] < 5 * work[0]);
}

/* Tiny frames, which seldom hold an anchor's window: those before the first one are found by
 * going back from it.
 */
static void
frames_are_tiny (void **state)
{
  static const size_t sizes[] = { 20, 63, 64, 100, 500 };

  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct stream s[] = { random_stream (VIDEO, 2000000), random_stream (AC3, 500000) };
    struct outcome o;
    struct film f;

    film_begin (&f);
    /* From the middle of the stream on. */
    film_range (&f, 2, &s[1], 123457, 400003, sizes[i] / 2, sizes[i]);
    o = create (s, 2, &f);
    assert_all_found (&o);
  }
}

/* A film that begins in the middle of the disc's, with frames larger than the way to the
 * first anchor and smaller ones.
 */
static void
begins_in_the_middle (void **state)
{
  struct stream s[] = { random_stream (VIDEO, 6000000), random_stream (AC3, 300000) };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  for (unsigned part = 0; part < 20; part++) {
    film_range (&f, 1, &s[0], 2345678 + part * 100000, 2345678 + (part + 1) * 100000, 500,
                5000);
    film_range (&f, 2, &s[1], 111111 + part * 5000, 111111 + (part + 1) * 5000, 768, 768);
  }
  o = create (s, 2, &f);
  assert_all_found (&o);
}

/* Parts of the disc left out, others in another order: cuts, and titles made of cells. */
static void
jumps (void **state)
{
  struct stream s[] = { random_stream (VIDEO, 8000000), random_stream (AC3, 800000) };
  static const size_t parts[] = { 5, 1, 7, 0, 3, 3 };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    film_range (&f, 1, &s[0], parts[i] * 1000000, (parts[i] + 1) * 1000000, 2000, 20000);
    film_range (&f, 2, &s[1], parts[i] * 100000, (parts[i] + 1) * 100000, 1792, 1792);
  }
  o = create (s, 2, &f);
  assert_all_found (&o);
}

/* Bytes that are nowhere, of all lengths, between frames that are on the disc. */
static void
some_is_nowhere (void **state)
{
  struct stream s = { .id = VIDEO, .es = BUFFER_INIT };
  uint64_t wanted = 0;
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  put_random (&s.es, 3000000);
  for (size_t at = 0; at < s.es.len; at += 10000) {
    CLEANUP_BUFFER struct buffer strange = BUFFER_INIT;

    put_random (&strange, rng_between (&seed, 1, 20000));
    film_frame (&f, 1, strange.data, strange.len);
    film_frame (&f, 1, s.es.data + at, 10000);
    wanted += 10000;
  }
  o = create (&s, 1, &f);
  assert_in_range (o.found[1], wanted, wanted + 1000);
}

/* Two tracks with the same bytes. */
static void
tracks_share_packets (void **state)
{
  struct stream s[] = { random_stream (VIDEO, 2000000), random_stream (AC3, 300000) };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  for (size_t part = 0; part < 30; part++) {
    film_range (&f, 1, &s[1], part * 10000, (part + 1) * 10000, 1792, 1792);
    film_range (&f, 2, &s[1], part * 10000, (part + 1) * 10000, 300, 2500);
  }
  o = create (s, 2, &f);
  assert_int_equal (o.bytes[1], 300000);
  assert_int_equal (o.bytes[2], 300000);
  assert_all_found (&o);
}

/* A frame of more than two segments. */
static void
frames_straddle_segments (void **state)
{
  struct stream s[] = { random_stream (VIDEO, 12000000), random_stream (AC3, 300000) };
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  film_range (&f, 2, &s[1], 0, 150000, 1792, 1792);
  film_range (&f, 1, &s[0], 0, 10000000, 10000000, 10000000);
  film_range (&f, 2, &s[1], 150000, 300000, 1792, 1792);
  film_range (&f, 1, &s[0], 10000000, 12000000, 10000, 100000);
  o = create (s, 2, &f);
  assert_all_found (&o);
}

/* Headers and payloads that end a byte before a segment's end, at it, behind it, ….  Each
 * takes 8 MB: where that is slow, every ninth, as the header has nine bytes.
 */
static void
blocks_meet_segment_ends (void **state)
{
  const size_t step = rounds (8) == 8 ? 1 : 9;

  (void) state;
  for (size_t off = 0; off <= 24; off += step) {
    struct stream s = random_stream (VIDEO, SPAN + 200000);
    struct outcome o;
    struct film f;
    size_t n;

    film_begin (&f);
    film_range (&f, 1, &s, 0, 100000, 5000, 10000);
    /* The block's own header, of 9 bytes, begins `off` bytes before the end. */
    n = SPAN - off - (f.mkv.len + 9);
    film_frame (&f, 1, s.es.data + 100000, n);
    assert_int_equal (f.mkv.len, SPAN - off);
    /* The last one has the image end with the segment. */
    if (off != 24)
      film_range (&f, 1, &s, 100000 + n, s.es.len, 5000, 10000);
    else
      film_frame (&f, 1, s.es.data + 100000 + n, off - 9);
    o = create (&s, 1, &f);
    assert_all_found (&o);
  }
}

static unsigned
channels (enum transform_kind kind)
{
  switch (kind) {
  case TRANSFORM_PAIR24_LE:
  case TRANSFORM_PAIR24_BE:
  case RECODING_PAIR20_LE:
  case RECODING_PAIR20_BE:
    return 1;
  case TRANSFORM_ORDER6_16_LE ... TRANSFORM_ORDER6_24_BE:
    return 6;
  case TRANSFORM_ORDER8_16_LE ... TRANSFORM_ORDER8_24_BE:
    return 8;
  case RECODING_KEEP1_16_LE ... RECODING_KEEP7_24_BE:
    return (kind - RECODING_KEEP1_16_LE) / 4 * 2 + 1;
  default:
    return 2;
  }
}

/* Is byte `i` of what stands behind an odd channel, and is dropped? */
static bool
is_dropped (enum transform_kind kind, size_t i)
{
  size_t width = (kind - RECODING_KEEP1_16_LE) / 2 % 2 ? 3 : 2;

  return kind >= RECODING_KEEP1_16_LE && kind <= RECODING_KEEP7_24_BE &&
         i / width % (channels (kind) + 1) == channels (kind);
}

/* What is dropped is zero. */
static void
put_sound (struct buffer *b, size_t n, enum transform_kind kind, bool silent)
{
  size_t at = b->len;

  put_random (b, n);
  for (size_t i = 0; i < n; i++)
    if (silent || is_dropped (kind, i))
      b->data[at + i] = 0;
}

/* Sound as the disc has it, behind a number of bytes, and as a rip has it. */
static void
assert_sound_is_found (const char *codec, enum transform_kind kind, size_t before)
{
  const size_t block = 16 * 9 * 5 * 3; /* whole units of everything */
  size_t recoded = kind >= FIRST_RECODING ? recoding_bound (kind, block) : block;
  struct stream s = random_stream (LPCM, before);
  struct outcome o;
  struct film f;

  film_begin_track (&f, codec, 0, false, channels (kind));
  for (unsigned i = 0; i < 400; i++) {
    CLEANUP_FREE uint8_t *frame = calloc (1, recoded);

    assert_non_null (frame);
    /* Silence before it, and in between. */
    put_sound (&s.es, block, kind, i / 50 % 3 == 0);
    if (kind < FIRST_RECODING) {
      memcpy (frame, s.es.data + s.es.len - block, block);
      transform_apply (kind, frame, block);
    }
    else
      assert_int_equal (recoding_apply (kind, s.es.data + s.es.len - block, block, frame),
                        recoded);
    film_frame (&f, 2, frame, recoded);
  }
  o = create (&s, 1, &f);
  assert_int_equal (o.bytes[2], 400 * recoded);
  assert_all_found (&o);
  assert_true (o.recipe < 8000);
}

static void
sound_is_swapped (void **state)
{
  const size_t further = brief_check () ? 1331 : 11;

  (void) state;
  for (size_t before = 0; before < 200000; before = before * further + 1) {
    assert_sound_is_found ("A_PCM/INT/BIG", TRANSFORM_NONE, before);
    assert_sound_is_found ("A_PCM/INT/LIT", TRANSFORM_SWAP16, before);
    assert_sound_is_found ("A_PCM/INT/LIT", TRANSFORM_SWAP24, before);
    assert_sound_is_found ("A_PCM/INT/LIT", TRANSFORM_SPLIT24_LE, before);
    assert_sound_is_found ("A_PCM/INT/BIG", TRANSFORM_SPLIT24_BE, before);
    assert_sound_is_found ("A_PCM/INT/LIT", RECODING_SPLIT20_LE, before);
    assert_sound_is_found ("A_PCM/INT/BIG", RECODING_SPLIT20_BE, before);
    assert_sound_is_found ("A_PCM/INT/LIT", TRANSFORM_PAIR24_LE, before);
    assert_sound_is_found ("A_PCM/INT/BIG", TRANSFORM_PAIR24_BE, before);
    assert_sound_is_found ("A_PCM/INT/LIT", RECODING_PAIR20_LE, before);
    assert_sound_is_found ("A_PCM/INT/BIG", RECODING_PAIR20_BE, before);
  }
}

/* Kinds come in pairs, little-endian first. */
static const char *
endian_codec (int kind)
{
  return kind % 2 == 0 ? "A_PCM/INT/LIT" : "A_PCM/INT/BIG";
}

static void
channels_are_moved (void **state)
{
  (void) state;
  for (size_t before = 0; before < (brief_check () ? 1 : 200); before += 133) {
    for (int kind = TRANSFORM_ORDER6_16_LE; kind <= TRANSFORM_ORDER8_24_BE; kind++)
      assert_sound_is_found (endian_codec (kind), kind, before);
    for (int kind = RECODING_KEEP1_16_LE; kind <= RECODING_KEEP7_24_BE; kind++)
      assert_sound_is_found (endian_codec (kind), kind, before);
  }
}

/* Swapped sound whose blocks begin and end anywhere around the ends of segments. */
static void
units_straddle_segments (void **state)
{
  (void) state;
  for (size_t off = 0; off < 6; off++) {
    struct stream s = random_stream (LPCM, 12000000);
    CLEANUP_FREE uint8_t *swapped = malloc (s.es.len);
    struct outcome o;
    struct film f;

    assert_non_null (swapped);
    memcpy (swapped, s.es.data, s.es.len);
    transform_apply (TRANSFORM_SWAP24, swapped, s.es.len);
    film_begin_with (&f, "A_PCM/INT/LIT", false);
    put_element (&f.mkv, 0xEC, off); /* Void */
    buffer_append (&f.mkv, "\0\0\0\0\0\0", off);
    for (size_t at = 0; at < s.es.len; at += 6000)
      film_frame (&f, 2, swapped + at, 6000);
    o = create (&s, 1, &f);
    assert_all_found (&o);
    assert_true (o.recipe < 20000);
  }
}

/* A frame as zlib gives it; *len bytes, malloced. */
static uint8_t *
deflated (const uint8_t *data, size_t n, int level, size_t *len)
{
  uLongf size = compressBound (n);
  uint8_t *frame = malloc (size);

  assert_non_null (frame);
  assert_int_equal (compress2 (frame, &size, data, n, level), Z_OK);
  *len = size;
  return frame;
}

/* Bytes that can be deflated, but are not alike. */
static void
put_text (struct buffer *b, size_t n)
{
  uint8_t *p = buffer_reserve (b, n);

  assert_non_null (p);
  rng_fill (&seed, p, n);
  for (size_t i = 0; i < n; i++)
    p[i] &= 0x1F;
  b->len += n;
}

static void
frames_are_deflated (void **state)
{
  struct stream s = { .id = AC3, .es = BUFFER_INIT };
  uint64_t lost = 0;
  struct outcome o;
  struct film f;

  (void) state;
  film_begin_with (&f, "S_VOBSUB", true);
  while (f.mkv.len < 3 * SPAN) {
    size_t n = rng_between (&seed, 1, 60000), len;
    uint8_t *frame;

    put_text (&s.es, n);
    frame = deflated (s.es.data + s.es.len - n, n, 9, &len);
    film_frame (&f, 2, frame, len);
    free (frame);
  }
  /* What other settings gave is a literal. */
  for (unsigned i = 0; i < 20; i++) {
    size_t len;
    uint8_t *frame;

    put_text (&s.es, 20000);
    frame = deflated (s.es.data + s.es.len - 20000, 20000, 1, &len);
    film_frame (&f, 2, frame, len);
    free (frame);
    lost += len;
  }
  o = create (&s, 1, &f);
  assert_int_equal (o.found[2], o.bytes[2] - lost);
  assert_true (o.recipe < lost + 60000);
}

/* Frames of two tracks with the same header but for its first bytes, and some that do not
 * matter: neither begins within the other.
 */
static void
tracks_begin_alike (void **state)
{
  const size_t size = 2560, header = 80, n = 40;
  struct stream s[] = { random_stream (AC3, n * size),
                        random_stream (AC3 + 1, n * size) };
  struct outcome o;
  struct film f;

  (void) state;
  for (size_t i = 0; i < n; i++)
    for (unsigned k = 0; k < 2; k++) {
      memcpy (s[k].es.data + i * size + 4, s[0].es.data + 4, header);
      memcpy (s[k].es.data + i * size + 150, s[0].es.data + 90, 60);
    }
  film_begin (&f);
  for (size_t at = 0; at < n * size; at += size) {
    film_range (&f, 1, &s[0], at, at + size, size, size);
    film_range (&f, 2, &s[1], at, at + size, size, size);
  }
  o = create (s, 2, &f);
  assert_all_found (&o);
}

/* A disc of something else, and one with a single short packet. */
static void
nothing_is_found (void **state)
{
  struct stream s = random_stream (VIDEO, 5000), other = random_stream (AC3, 500000);
  struct outcome o;
  struct film f;

  (void) state;
  film_begin (&f);
  film_range (&f, 2, &other, 0, other.es.len, 100, 5000);
  buffer_free (&other.es);
  o = create (&s, 1, &f);
  assert_int_equal (o.bytes[2], 500000);
  assert_int_equal (o.found[2], 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup (frames_abut, reseed),
    cmocka_unit_test_setup (bytes_are_dropped, reseed),
    cmocka_unit_test_setup (bytes_are_inserted, reseed),
    cmocka_unit_test_setup (units_are_short, reseed),
    cmocka_unit_test_setup (units_have_prefixes, reseed),
    cmocka_unit_test_setup (views_alternate, reseed),
    cmocka_unit_test_setup (headers_are_stripped, reseed),
    cmocka_unit_test_setup (content_repeats, reseed),
    cmocka_unit_test_setup (beginnings_repeat, reseed),
    cmocka_unit_test_setup (frames_are_tiny, reseed),
    cmocka_unit_test_setup (begins_in_the_middle, reseed),
    cmocka_unit_test_setup (jumps, reseed),
    cmocka_unit_test_setup (some_is_nowhere, reseed),
    cmocka_unit_test_setup (tracks_share_packets, reseed),
    cmocka_unit_test_setup (frames_straddle_segments, reseed),
    cmocka_unit_test_setup (blocks_meet_segment_ends, reseed),
    cmocka_unit_test_setup (sound_is_swapped, reseed),
    cmocka_unit_test_setup (channels_are_moved, reseed),
    cmocka_unit_test_setup (units_straddle_segments, reseed),
    cmocka_unit_test_setup (frames_are_deflated, reseed),
    cmocka_unit_test_setup (tracks_begin_alike, reseed),
    cmocka_unit_test_setup (nothing_is_found, reseed),
  };

  return cmocka_run_group_tests (tests, enter, leave);
}
