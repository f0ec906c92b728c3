/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/matroska*.c: every block of a file is found where it lies, in whatever way the
 * file is laid out; and what is damaged costs no more than it has to.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "ebml.h"
#include "make-file.h"
#include "matroska.h"
#include "rounds.h"

/* ---- Putting files together */

#define UNKNOWN UINT64_MAX

static void
put_id (struct buffer *b, uint32_t id)
{
  for (int shift = 24; shift >= 0; shift -= 8)
    if (id >> shift)
      buffer_u8 (b, (uint8_t) (id >> shift));
}

/* A size, in `width` bytes. */
static void
put_size (struct buffer *b, uint64_t size, unsigned width)
{
  uint64_t marked =
    size == UNKNOWN ? (UINT64_C (2) << 7 * width) - 1 : size | UINT64_C (1) << 7 * width;

  while (width--)
    buffer_u8 (b, (uint8_t) (marked >> 8 * width));
}

static void
put_element (struct buffer *b, uint32_t id, const void *body, size_t n)
{
  put_id (b, id);
  put_size (b, n, n < 127 ? 1 : 4);
  buffer_append (b, body, n);
}

/* An element with the content of another buffer, which is emptied. */
static void
put_parent (struct buffer *b, uint32_t id, struct buffer *body)
{
  put_element (b, id, body->data, body->len);
  buffer_free (body);
}

static void
put_uint (struct buffer *b, uint32_t id, uint8_t value)
{
  put_element (b, id, &value, 1);
}

/* An element of n bytes of payload. */
static void
put_filler (struct buffer *b, uint32_t id, size_t n)
{
  put_id (b, id);
  put_size (b, n, 4);
  put_payload (b, n);
}

static void
put_start (struct buffer *b)
{
  put_element (b, ID_EBML, "\x42\x82\x88matroska", 11);
  put_id (b, ID_SEGMENT);
  put_size (b, UNKNOWN, 8);
}

static void
put_cluster (struct buffer *b, uint64_t size)
{
  put_id (b, ID_CLUSTER);
  put_size (b, size, 8);
}

/* A SimpleBlock or Block of track 1 with n bytes behind the flags. */
static void
put_block (struct buffer *b, uint32_t id, uint8_t flags, size_t n)
{
  put_id (b, id);
  put_size (b, 4 + n, 4);
  buffer_append (b, "\x81\x01\x02", 3);
  buffer_u8 (b, flags);
  put_payload (b, n);
}

/* ---- What comes out, as text: "TRACK@PAYLOAD+SIZE" a frame, blocks separated by spaces,
 * laced frames by commas. */

static void
check_block (const struct matroska_block *b, uint64_t done, uint64_t size)
{
  uint64_t sum = 0;

  assert_true (done <= b->at);
  assert_true (b->at <= b->inner && b->inner < b->body && b->body < b->payload);
  assert_true (b->payload <= b->end && b->end <= b->outer_end && b->outer_end <= size);
  assert_in_range (b->n_frames, 1, 256);
  for (unsigned i = 0; i < b->n_frames; i++)
    sum += b->frame_size[i];
  assert_int_equal (sum, b->end - b->payload);
}

static void
describe_block (struct buffer *text, const struct matroska_block *b)
{
  char s[64];
  int n = snprintf (s, sizeof s, "%s%ju@%ju+", text->len ? " " : "", (uintmax_t) b->track,
                    (uintmax_t) b->payload);

  buffer_append (text, s, (size_t) n);
  for (unsigned i = 0; i < b->n_frames; i++) {
    n = snprintf (s, sizeof s, "%s%u", i ? "," : "", b->frame_size[i]);
    buffer_append (text, s, (size_t) n);
  }
}

struct parsed {
  struct buffer text; /* of all blocks */
  size_t n_blocks;
  struct matroska_block first;
  bool is_matroska;
  struct matroska_track tracks[MATROSKA_MAX_TRACKS];
  size_t n_tracks;
};

static void
parse (const struct buffer *file, size_t ahead, struct parsed *r)
{
  CLEANUP_CLOSE int fd = file_of (file);
  struct error err = ERROR_INIT;
  struct matroska_block b;
  struct matroska *m;
  struct window w;
  uint64_t done = 0;
  const struct matroska_track *tracks;

  assert_false (file->failed);
  memset (r, 0, sizeof *r);
  assert_int_equal (window_init (&w, fd, file->len, ahead, &err), 0);
  m = matroska_open (&w);
  r->is_matroska = matroska_is_matroska (m);
  while (matroska_next (m, &b)) {
    check_block (&b, done, file->len);
    done = b.outer_end;
    if (r->n_blocks++ == 0)
      r->first = b;
    describe_block (&r->text, &b);
  }
  assert_false (matroska_next (m, &b));
  tracks = matroska_tracks (m, &r->n_tracks);
  memcpy (r->tracks, tracks, r->n_tracks * sizeof *tracks);
  buffer_u8 (&r->text, 0);
  matroska_close (m);
  window_free (&w);
}

/* The file (which is freed) has to give these blocks. */
static void
check_blocks (struct buffer *file, const char *expected)
{
  static const size_t aheads[] = { 1, 100, 65536 };

  for (size_t i = 0; i < 3; i++) {
    struct parsed r;

    parse (file, aheads[i], &r);
    assert_string_equal ((const char *) r.text.data, expected);
    buffer_free (&r.text);
  }
  buffer_free (file);
}

/* ---- EBML */

static void
test_vint (void **state)
{
  uint64_t v;

  (void) state;
  assert_int_equal (ebml_vint ((const uint8_t *) "\x81", 1, 8, &v), 1);
  assert_int_equal (v, 1);
  assert_int_equal (ebml_vint ((const uint8_t *) "\x40\x02", 2, 8, &v), 2);
  assert_int_equal (v, 2);
  assert_int_equal (ebml_vint ((const uint8_t *) "\x01\1\2\3\4\5\6\7", 8, 8, &v), 8);
  assert_int_equal (v, UINT64_C (0x01020304050607));
  assert_int_equal (ebml_vint ((const uint8_t *) "\x40\x02", 1, 8, &v), 0);
  assert_int_equal (ebml_vint ((const uint8_t *) "\x40\x02", 2, 1, &v), 0);
  assert_int_equal (
    ebml_vint ((const uint8_t *) "\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9, 8, &v), 0);
  assert_int_equal (ebml_vint (NULL, 0, 8, &v), 0);
}

static void
test_header (void **state)
{
  struct ebml_element e;

  (void) state;
  assert_true (ebml_header ((const uint8_t *) "\x1F\x43\xB6\x75\x85", 5, &e));
  assert_int_equal (e.id, ID_CLUSTER);
  assert_int_equal (e.head, 5);
  assert_int_equal (e.size, 5);
  assert_false (e.unknown);
  for (unsigned width = 1; width <= 8; width++) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

    put_id (&b, ID_CONTENT_ENCODING);
    put_size (&b, 100, width);
    assert_true (ebml_header (b.data, b.len, &e));
    assert_int_equal (e.id, ID_CONTENT_ENCODING);
    assert_int_equal (e.head, 2 + width);
    assert_int_equal (e.size, 100);
    assert_false (ebml_header (b.data, b.len - 1, &e));
    b.len = 2;
    put_size (&b, UNKNOWN, width);
    assert_true (ebml_header (b.data, b.len, &e));
    assert_true (e.unknown);
    assert_int_equal (e.size, 0);
  }
  assert_false (ebml_header ((const uint8_t *) "\x08\1\1\1\1\x81", 6, &e));
}

/* ---- Layouts */

static void
test_simple_block (void **state)
{
  struct buffer f = BUFFER_INIT;
  struct parsed r;

  (void) state;
  put_start (&f); /* 16 + 12 */
  put_cluster (&f, 3 + 14);
  put_uint (&f, ID_TIMESTAMP, 0);
  put_id (&f, ID_SIMPLE_BLOCK);
  put_size (&f, 12, 1);
  buffer_append (&f, "\x40\x07\xFF\xFE\x80payload", 12);
  parse (&f, 100, &r);
  assert_true (r.is_matroska);
  assert_int_equal (r.n_blocks, 1);
  assert_int_equal (r.first.at, 16 + 12 + 12 + 3);
  assert_int_equal (r.first.inner, r.first.at);
  assert_int_equal (r.first.body, r.first.at + 2);
  assert_int_equal (r.first.track, 7);
  assert_int_equal (r.first.track_width, 2);
  assert_int_equal (r.first.time, -2);
  assert_int_equal (r.first.flags, 0x80);
  assert_int_equal (r.first.payload, r.first.body + 5);
  assert_int_equal (r.first.end, f.len);
  assert_int_equal (r.first.outer_end, f.len);
  assert_memory_equal (f.data + r.first.payload, "payload", 7);
  buffer_free (&r.text);
  buffer_free (&f);
}

static void
test_block_group (void **state)
{
  struct buffer f = BUFFER_INIT, group = BUFFER_INIT;
  struct parsed r;

  (void) state;
  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_uint (&group, 0x9B, 40);
  put_block (&group, ID_BLOCK, 0, 10);
  put_uint (&group, 0xFB, 1);
  put_block (&group, ID_BLOCK, 0, 20); /* one too many */
  put_parent (&f, ID_BLOCK_GROUP, &group);
  put_uint (&group, 0x9B, 40); /* none at all */
  put_parent (&f, ID_BLOCK_GROUP, &group);
  put_block (&group, ID_BLOCK, 0, 5); /* larger than its group */
  group.data[4] = 100;
  put_parent (&f, ID_BLOCK_GROUP, &group);
  put_block (&f, ID_SIMPLE_BLOCK, 0, 5);

  parse (&f, 100, &r);
  assert_string_equal ((const char *) r.text.data, "1@54+10 1@126+5");
  assert_int_equal (r.first.at, 40);
  assert_int_equal (r.first.inner, 40 + 2 + 3);
  assert_int_equal (r.first.body, 40 + 2 + 3 + 5);
  assert_int_equal (r.first.end, 64);
  assert_int_equal (r.first.outer_end, 64 + 3 + 29);
  buffer_free (&r.text);
  buffer_free (&f);
}

/* Everything that is not a block, of known and unknown sizes, in front and behind. */
static void
test_skipped (void **state)
{
  struct buffer f = BUFFER_INIT, fake = BUFFER_INIT;

  (void) state;
  put_start (&f);                /* 28 */
  put_filler (&f, ID_CRC32, 4);  /* +9 */
  put_filler (&f, ID_CUES, 300); /* +308 */
  put_filler (&f, ID_VOID, 50);  /* +55 */
  put_cluster (&fake, UNKNOWN);
  put_block (&fake, ID_SIMPLE_BLOCK, 0, 10);
  put_parent (&f, ID_ATTACHMENTS, &fake);  /* +5+31 */
  put_filler (&f, 0x1B538667, 30);         /* an ID that is not known: +38 */
  put_cluster (&f, UNKNOWN);               /* 474, +12 */
  put_uint (&f, ID_TIMESTAMP, 1);          /* +3 */
  put_filler (&f, ID_ENCRYPTED_BLOCK, 40); /* +45 */
  put_filler (&f, ID_SILENT_TRACKS, 3);    /* +9 */
  put_block (&f, ID_SIMPLE_BLOCK, 0, 10);  /* 543, +9 */
  put_cluster (&f, 3 + 19);                /* 562, +12 */
  put_uint (&f, ID_POSITION, 1);           /* +3 */
  put_block (&f, ID_SIMPLE_BLOCK, 0, 10);  /* 577 */
  put_filler (&f, ID_TAGS, 10);
  check_blocks (&f, "1@552+10 1@586+10");
}

static void
test_segments (void **state)
{
  struct buffer f = BUFFER_INIT;

  (void) state;
  for (int i = 0; i < 3; i++) {
    put_start (&f);
    put_cluster (&f, UNKNOWN);
    put_block (&f, ID_SIMPLE_BLOCK, 0, 1);
  }
  check_blocks (&f, "1@49+1 1@99+1 1@149+1");
}

static void
test_empty (void **state)
{
  struct buffer f = BUFFER_INIT;

  (void) state;
  buffer_reserve (&f, 1);
  check_blocks (&f, "");
  put_start (&f);
  check_blocks (&f, "");
  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_block (&f, ID_SIMPLE_BLOCK, 0, 0);            /* a frame of no bytes */
  put_element (&f, ID_SIMPLE_BLOCK, "\x81\0\0", 3); /* no flags: no block */
  put_element (&f, ID_SIMPLE_BLOCK, "", 0);
  put_block (&f, ID_SIMPLE_BLOCK, 0, 1);
  check_blocks (&f, "1@49+0 1@65+1");
}

/* ---- Lacing */

/* One laced block, `lace` being what is behind the flags; its payload is `n` bytes. */
static void
check_lace (uint8_t flags, const void *lace, size_t n_lace, size_t n,
            const char *expected)
{
  struct buffer f = BUFFER_INIT;

  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_id (&f, ID_SIMPLE_BLOCK);
  put_size (&f, 4 + n_lace + n, 4);
  buffer_append (&f, "\x81\0\0", 3);
  buffer_u8 (&f, flags);
  buffer_append (&f, lace, n_lace); /* at 49 */
  put_payload (&f, n);
  check_blocks (&f, expected);
}

enum {
  XIPH = 2,
  FIXED = 4,
  EBML = 6
};

static void
test_laces (void **state)
{
  (void) state;
  check_lace (XIPH, "\x02\x0A\xFF\x05", 4, 300, "1@53+10,260,30");
  check_lace (XIPH, "\x01\xFF\x00", 3, 300, "1@52+255,45");
  check_lace (XIPH, "\x00", 1, 30, "1@50+30");
  check_lace (XIPH, "\x01\x1E", 2, 30, "1@51+30,0");
  check_lace (FIXED, "\x02", 1, 30, "1@50+10,10,10");
  /* 100, 100 - 20, 80 + 500, the rest */
  check_lace (EBML, "\x03\xE4\xAB\x61\xF3", 5, 800, "1@54+100,80,580,40");
  check_lace (EBML, "\x01\x40\x64", 3, 150, "1@52+100,50");
  check_lace (EBML, "\x00", 1, 150, "1@50+150");
}

static void
test_long_lace (void **state)
{
  CLEANUP_BUFFER struct buffer expected = BUFFER_INIT;

  (void) state;
  buffer_append (&expected, "1@50+2", 6);
  for (int i = 1; i < 256; i++)
    buffer_append (&expected, ",2", 2);
  buffer_u8 (&expected, 0);
  check_lace (FIXED, "\xFF", 1, 512, (const char *) expected.data);
}

/* What makes no sense is one frame behind the flags. */
static void
test_bad_laces (void **state)
{
  (void) state;
  check_lace (XIPH, "\x01\x1F", 2, 30, "1@49+32");
  check_lace (XIPH, "\x03\x0A\x0A\x0B", 4, 30, "1@49+34");
  check_lace (XIPH, "\xFF\xFF\xFF", 3, 0, "1@49+3");
  check_lace (XIPH, "", 0, 0, "1@49+0");
  check_lace (FIXED, "\x02", 1, 31, "1@49+32");
  check_lace (EBML, "\x02\x81\x80", 3, 30, "1@49+33"); /* 1 - 63 */
  check_lace (EBML, "\x02\xFE\x81", 3, 30, "1@49+33");
  check_lace (EBML, "\x02\x00\x81", 3, 30, "1@49+33");
  check_lace (EBML, "\x02", 1, 0, "1@49+1");
}

/* ---- Tracks */

static void
put_track (struct buffer *tracks, uint8_t number, const char *codec,
           struct buffer *encodings)
{
  struct buffer entry = BUFFER_INIT;

  put_uint (&entry, ID_TRACK_NUMBER, number);
  put_uint (&entry, ID_TRACK_TYPE, 2);
  put_filler (&entry, 0x63A2, 200);
  put_element (&entry, ID_CODEC_ID, codec, strlen (codec));
  if (encodings)
    put_parent (&entry, ID_CONTENT_ENCODINGS, encodings);
  put_parent (tracks, ID_TRACK_ENTRY, &entry);
}

/* One of sound; `channels`: -1 if that is not said. */
static void
put_sound_track (struct buffer *tracks, uint8_t number, int channels)
{
  struct buffer entry = BUFFER_INIT, audio = BUFFER_INIT;

  put_filler (&audio, 0xB5, 8);
  if (channels >= 0)
    put_uint (&audio, ID_CHANNELS, (uint8_t) channels);
  put_uint (&entry, ID_TRACK_NUMBER, number);
  put_parent (&entry, ID_AUDIO, &audio);
  put_parent (tracks, ID_TRACK_ENTRY, &entry);
}

static void
put_encoding (struct buffer *encodings, int scope, int type, int algo,
              const char *settings)
{
  struct buffer e = BUFFER_INIT, c = BUFFER_INIT;

  if (scope >= 0)
    put_uint (&e, ID_CONTENT_ENCODING_SCOPE, (uint8_t) scope);
  if (type >= 0)
    put_uint (&e, ID_CONTENT_ENCODING_TYPE, (uint8_t) type);
  if (algo >= 0)
    put_uint (&c, ID_CONTENT_COMP_ALGO, (uint8_t) algo);
  if (settings)
    put_element (&c, ID_CONTENT_COMP_SETTINGS, settings, strlen (settings));
  put_parent (&e, ID_CONTENT_COMPRESSION, &c);
  put_parent (encodings, ID_CONTENT_ENCODING, &e);
}

static void
test_tracks (void **state)
{
  static const char long_codec[] = "A_AVERYLONGNAMEINDEED/WHICH/NOBODY/EVER/USED";
  static const char long_settings[] = "0123456789012345678901234567890123456789";
  struct buffer f = BUFFER_INIT, tracks = BUFFER_INIT, enc = BUFFER_INIT;
  static const int compression[] = { MATROSKA_UNCOMPRESSED,   MATROSKA_ZLIB,
                                     MATROSKA_STRIPPED,       MATROSKA_UNCOMPRESSED,
                                     MATROSKA_OTHER_ENCODING, MATROSKA_OTHER_ENCODING,
                                     MATROSKA_STRIPPED };
  struct parsed r;

  (void) state;
  put_track (&tracks, 1, "V_MPEG2", NULL);
  put_encoding (&enc, -1, -1, -1, NULL);
  put_track (&tracks, 2, "S_VOBSUB", &enc);
  put_encoding (&enc, 1, 0, 3, "\x0B\x77");
  put_track (&tracks, 3, "A_AC3", &enc);
  put_encoding (&enc, 2, 0, 3, "x");
  put_track (&tracks, 4, long_codec, &enc);
  put_encoding (&enc, 1, 1, 0, NULL);
  put_track (&tracks, 5, "A_DTS", &enc);
  put_encoding (&enc, 1, 0, 0, NULL);
  put_encoding (&enc, 1, 0, 3, "x");
  put_track (&tracks, 6, "A_DTS", &enc);
  put_encoding (&enc, -1, -1, 3, long_settings);
  put_track (&tracks, 7, "A_DTS", &enc);
  put_start (&f);
  put_parent (&f, ID_TRACKS, &tracks);
  parse (&f, 100, &r);
  assert_int_equal (r.n_tracks, 7);
  for (size_t i = 0; i < 7; i++) {
    assert_int_equal (r.tracks[i].number, i + 1);
    assert_int_equal (r.tracks[i].type, 2);
    assert_int_equal (r.tracks[i].compression, compression[i]);
    if (compression[i] != MATROSKA_STRIPPED)
      assert_int_equal (r.tracks[i].n_stripped, 0);
  }
  assert_string_equal (r.tracks[0].codec, "V_MPEG2");
  assert_int_equal (r.tracks[2].n_stripped, 2);
  assert_memory_equal (r.tracks[2].stripped, "\x0B\x77", 2);
  assert_int_equal (strlen (r.tracks[3].codec), sizeof r.tracks[3].codec - 1);
  assert_int_equal (r.tracks[6].n_stripped, sizeof r.tracks[6].stripped);
  buffer_free (&r.text);
  buffer_free (&f);
}

static void
test_channels (void **state)
{
  struct buffer f = BUFFER_INIT, tracks = BUFFER_INIT;
  struct parsed r;

  (void) state;
  put_sound_track (&tracks, 1, 7);
  put_sound_track (&tracks, 2, -1);
  put_track (&tracks, 3, "A_AC3", NULL);
  put_sound_track (&tracks, 4, 0);
  put_start (&f);
  put_parent (&f, ID_TRACKS, &tracks);
  parse (&f, 100, &r);
  assert_int_equal (r.n_tracks, 4);
  assert_int_equal (r.tracks[0].channels, 7);
  assert_int_equal (r.tracks[1].channels, 1);
  assert_int_equal (r.tracks[2].channels, 1);
  assert_int_equal (r.tracks[3].channels, 0);
  buffer_free (&r.text);
  buffer_free (&f);
}

/* Too many tracks, and tracks that are described again. */
static void
test_many_tracks (void **state)
{
  struct buffer f = BUFFER_INIT, tracks = BUFFER_INIT;
  struct parsed r;

  (void) state;
  for (int i = 0; i < 256; i++)
    put_track (&tracks, (uint8_t) i, "A", NULL);
  for (int i = 0; i < 100; i++) {
    struct buffer entry = BUFFER_INIT;

    put_element (&entry, ID_TRACK_NUMBER, "\x01\x00", 2);
    put_parent (&tracks, ID_TRACK_ENTRY, &entry);
  }
  put_track (&tracks, 7, "B", NULL);
  put_start (&f);
  put_parent (&f, ID_TRACKS, &tracks);
  parse (&f, 4096, &r);
  assert_int_equal (r.n_tracks, MATROSKA_MAX_TRACKS);
  assert_string_equal (r.tracks[6].codec, "A");
  assert_string_equal (r.tracks[7].codec, "B");
  buffer_free (&r.text);
  buffer_free (&f);
}

/* An element larger than its parent ends where that does. */
static void
test_track_overflow (void **state)
{
  struct buffer f = BUFFER_INIT, entry = BUFFER_INIT;
  struct parsed r;

  (void) state;
  put_uint (&entry, ID_TRACK_NUMBER, 1);
  put_element (&entry, ID_CODEC_ID, "A_AC3", 5);
  entry.data[4] = 0x80 | 20;
  put_start (&f);
  put_id (&f, ID_TRACKS);
  put_size (&f, 2 + entry.len, 1);
  put_parent (&f, ID_TRACK_ENTRY, &entry);
  put_filler (&f, ID_VOID, 100);
  parse (&f, 100, &r);
  assert_int_equal (r.n_tracks, 1);
  assert_string_equal (r.tracks[0].codec, "A_AC3");
  buffer_free (&r.text);
  buffer_free (&f);
}

/* The tracks are known before the first block is asked for. */
static void
test_tracks_at_open (void **state)
{
  struct buffer f = BUFFER_INIT, tracks = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct matroska *m;
  struct window w;
  size_t n;

  (void) state;
  put_start (&f);
  put_filler (&f, ID_VOID, 1000);
  put_track (&tracks, 1, "V_MPEG2", NULL);
  put_parent (&f, ID_TRACKS, &tracks);
  put_cluster (&f, UNKNOWN);
  put_block (&f, ID_SIMPLE_BLOCK, 0, 10);
  assert_int_equal (window_init (&w, file_of (&f), f.len, 100, &err), 0);
  m = matroska_open (&w);
  matroska_tracks (m, &n);
  assert_int_equal (n, 1);
  matroska_close (m);
  close (w.fd);
  window_free (&w);
  check_blocks (&f, "1@1288+10");
}

/* ---- Damage */

static void
test_not_matroska (void **state)
{
  struct buffer f = BUFFER_INIT;
  struct parsed r;

  (void) state;
  put_payload (&f, 100000);
  parse (&f, 100, &r);
  assert_false (r.is_matroska);
  assert_int_equal (r.n_blocks, 0);
  buffer_free (&r.text);
  f.len = 0;

  put_element (&f, ID_EBML, "", 0);
  put_filler (&f, ID_VOID, 10);
  put_id (&f, ID_SEGMENT);
  put_size (&f, UNKNOWN, 8);
  parse (&f, 100, &r);
  assert_true (r.is_matroska);
  buffer_free (&r.text);
  f.len = 0;

  put_element (&f, ID_EBML, "", 0);
  put_filler (&f, ID_VOID, 10);
  put_cluster (&f, UNKNOWN);
  parse (&f, 100, &r);
  assert_false (r.is_matroska);
  buffer_free (&r.text);
  buffer_free (&f);
}

/* Clusters of three blocks each; where each Cluster and each block starts. */
static void
make_clusters (struct buffer *f, bool known, size_t starts[4], size_t blocks[12])
{
  put_start (f);
  for (size_t i = 0; i < 4; i++) {
    starts[i] = f->len;
    put_cluster (f, known ? 3 + 3 * (9 + 50) : UNKNOWN);
    put_uint (f, ID_TIMESTAMP, 1);
    for (size_t k = 0; k < 3; k++) {
      blocks[3 * i + k] = f->len;
      put_block (f, ID_SIMPLE_BLOCK, 0, 50);
    }
  }
}

/* Garbage over some bytes loses the block before it and the rest of its Cluster at most. */
static void
test_garbage (void **state)
{
  size_t starts[4], blocks[12];

  (void) state;
  for (int known = 0; known < 2; known++)
    for (size_t at = 28; at < 700; at++) {
      struct buffer f = BUFFER_INIT;
      struct parsed r;
      size_t hit = 0;

      make_clusters (&f, known, starts, blocks);
      for (size_t i = 0; i < 4; i++)
        hit += starts[i] <= at;
      memset (f.data + at, 0, 4);
      parse (&f, 100, &r);
      /* 4 bytes hit two Clusters at most. */
      assert_true (r.n_blocks >= 6);
      if (hit < 4 && at + 4 <= starts[hit])
        assert_true (r.n_blocks >= 8);
      buffer_free (&r.text);
      buffer_free (&f);
    }
}

/* Junk between Clusters, the next of which lies anywhere in what is searched at a time. */
static void
test_junk (void **state)
{
  (void) state;
  for (size_t junk = 65500; junk < 65600; junk++) {
    struct buffer f = BUFFER_INIT;
    struct parsed r;

    put_start (&f);
    put_cluster (&f, 3 + 9 + 10);
    put_uint (&f, ID_TIMESTAMP, 1);
    put_block (&f, ID_SIMPLE_BLOCK, 0, 10);
    put_bytes (&f, junk, 0);
    put_cluster (&f, UNKNOWN);
    put_block (&f, ID_SIMPLE_BLOCK, 0, 10);
    put_bytes (&f, 100, 0);
    parse (&f, 1, &r);
    assert_int_equal (r.n_blocks, 2);
    buffer_free (&r.text);
    buffer_free (&f);
  }
}

/* A size that leads astray, in a Cluster whose own size does not tell. */
static void
test_wrong_size (void **state)
{
  size_t starts[4], blocks[12];

  (void) state;
  for (int known = 0; known < 2; known++)
    for (unsigned size = 0; size < 70000; size += size < 1000 ? 1 : 9999) {
      struct buffer f = BUFFER_INIT;
      struct parsed r;

      make_clusters (&f, known, starts, blocks);
      f.data[blocks[4] + 1] = 0x10 | (uint8_t) (size >> 24);
      f.data[blocks[4] + 2] = (uint8_t) (size >> 16);
      f.data[blocks[4] + 3] = (uint8_t) (size >> 8);
      f.data[blocks[4] + 4] = (uint8_t) size;
      parse (&f, 100, &r);
      /* Sizes by chance right lose what they swallow. */
      assert_true (r.n_blocks == 12 || r.n_blocks == 11 || r.n_blocks == 10 ||
                   size >= 4 + 50 + 59 + 59);
      if (known)
        assert_true (r.n_blocks >= 10);
      if (size > 1000)
        assert_int_equal (r.n_blocks, 11); /* the walk goes on at the next block */
      buffer_free (&r.text);
      buffer_free (&f);
    }
}

/* Cut anywhere: whole blocks are there, the one that was cut ends at the file's end. */
static void
test_cut (void **state)
{
  size_t starts[4], blocks[12];
  struct buffer f = BUFFER_INIT;
  size_t whole;

  (void) state;
  for (int known = 0; known < 2; known++) {
    f.len = 0;
    make_clusters (&f, known, starts, blocks);
    whole = f.len;
    for (size_t len = 1; len < whole; len++) {
      size_t n = 0;
      struct parsed r;

      /* Of the cut block the header has to be there: ID, size, track, time, flags. */
      while (n < 12 && blocks[n] + 9 <= len)
        n++;
      f.len = len;
      parse (&f, 100, &r);
      assert_int_equal (r.n_blocks, n);
      buffer_free (&r.text);
    }
    f.len = whole;
  }
  buffer_free (&f);
}

static void
test_cut_laces (void **state)
{
  struct buffer f = BUFFER_INIT;

  (void) state;
  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_id (&f, ID_SIMPLE_BLOCK);
  put_size (&f, 4 + 3 + 300, 4);
  buffer_append (&f, "\x81\0\0\x02\x02\x64\x64", 7);
  put_payload (&f, 150);
  check_blocks (&f, "1@52+100,50,0");

  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_id (&f, ID_BLOCK_GROUP);
  put_size (&f, 500, 4);
  put_uint (&f, 0x9B, 40);
  put_block (&f, ID_BLOCK, 0, 100);
  f.len -= 30;
  check_blocks (&f, "1@57+70");

  put_start (&f);
  put_cluster (&f, UNKNOWN);
  put_id (&f, ID_SIMPLE_BLOCK);
  put_size (&f, UINT64_C (1) << 32, 8); /* frames have 32 bits */
  buffer_append (&f, "\x81\0\0\0", 4);
  put_payload (&f, 100);
  check_blocks (&f, "");
}

/* The test ends after so many seconds of its own processor time: others do not count. */
static void
limit_time (time_t seconds)
{
  assert_int_equal (
    setitimer (ITIMER_PROF, &(struct itimerval){ .it_value = { seconds, 0 } }, NULL), 0);
}

/* Nothing a file says may take more than time linear in its size. */
static void
test_hostile (void **state)
{
  static const char *const patterns[] = {
    "\x1F\x43\xB6\x75",
    "\x1F\x43\xB6\x75\xFF\xE7",
    "\x1F\x43\xB6\x75\xFF\xA3\xFF",
    "\xA0\x81",
    "\xA0\xFE\xA0\xFE",
    "\xEC\x80",
    "\x16\x54\xAE\x6B\x8F\xAE\x8D",
    "\xA3\x10\x40\x00\x01\x81\x02\x02\x02\xFF",
    "\x1F\x43\xB6\x75\xFF\xA0\x0F\xFF\xFF\xF0",
  };
  struct buffer f = BUFFER_INIT;

  (void) state;
  limit_time (60);
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    struct parsed r;

    put_start (&f);
    while (f.len < (size_t) rounds (32) << 17)
      buffer_append (&f, patterns[i], strlen (patterns[i]));
    parse (&f, 4096, &r);
    buffer_free (&r.text);
    buffer_free (&f);
  }
  limit_time (0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_vint),           cmocka_unit_test (test_header),
    cmocka_unit_test (test_simple_block),   cmocka_unit_test (test_block_group),
    cmocka_unit_test (test_skipped),        cmocka_unit_test (test_segments),
    cmocka_unit_test (test_empty),          cmocka_unit_test (test_laces),
    cmocka_unit_test (test_long_lace),      cmocka_unit_test (test_bad_laces),
    cmocka_unit_test (test_tracks),         cmocka_unit_test (test_many_tracks),
    cmocka_unit_test (test_tracks_at_open), cmocka_unit_test (test_track_overflow),
    cmocka_unit_test (test_not_matroska),   cmocka_unit_test (test_garbage),
    cmocka_unit_test (test_wrong_size),     cmocka_unit_test (test_cut),
    cmocka_unit_test (test_cut_laces),      cmocka_unit_test (test_hostile),
    cmocka_unit_test (test_junk),           cmocka_unit_test (test_channels),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
