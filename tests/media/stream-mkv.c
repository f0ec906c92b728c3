/* SPDX-License-Identifier: BSD-3-Clause */
/* The MKV of a made-up title: see stream-mkv.h. */
#include "config.h"

#include <err.h>
#include <string.h>

#include "ebml.h"
#include "stream-content.h"
#include "stream-mkv.h"

/* What the indexer has no use for, and so no name: RFC 8794 §11.2, RFC 9559 §5.1. */
enum {
  EBML_VERSION = 0x4286,
  EBML_READ_VERSION = 0x42F7,
  EBML_MAX_ID_LENGTH = 0x42F2,
  EBML_MAX_SIZE_LENGTH = 0x42F3,
  DOC_TYPE = 0x4282,
  DOC_TYPE_VERSION = 0x4287,
  DOC_TYPE_READ_VERSION = 0x4285,
  TIMESTAMP_SCALE = 0x2AD7B1,
  MUXING_APP = 0x4D80,
  WRITING_APP = 0x5741,
  TRACK_UID = 0x73C5,
  FLAG_LACING = 0x9C,
  DEFAULT_DURATION = 0x23E383,
  CODEC_PRIVATE = 0x63A2,
  VIDEO = 0xE0,
  PIXEL_WIDTH = 0xB0,
  PIXEL_HEIGHT = 0xBA,
  AUDIO = 0xE1,
  SAMPLING_FREQUENCY = 0xB5,
  CHANNELS = 0x9F,
  CLUSTER_TIMESTAMP = 0xE7,
  BLOCK_SIMPLE = 0xA3,
};

#define TYPE_VIDEO 1
#define TYPE_AUDIO 2
#define MS 1000000u /* in nanoseconds, which durations are told in */

#define CLUSTER_MS 1900

/* A number in as few bytes as it takes; its length is the caller's. */
static unsigned
bytes_of (uint64_t v)
{
  unsigned n = 1;

  while (n < 8 && v >> (8 * n))
    n++;
  return n;
}

static void
put_be (struct buffer *b, uint64_t v, unsigned n)
{
  while (n-- > 0)
    buffer_u8 (b, (uint8_t) (v >> (8 * n)));
}

static void
put_id (struct buffer *b, uint32_t id)
{
  put_be (b, id, bytes_of (id));
}

/* RFC 8794 §4: seven bits a byte, and all ones are reserved. */
static void
put_size (struct buffer *b, uint64_t size)
{
  unsigned n = 1;

  while (size >= (UINT64_C (1) << (7 * n)) - 1)
    n++;
  put_be (b, UINT64_C (1) << (7 * n) | size, n);
}

static void
put_bytes (struct buffer *b, uint32_t id, const void *data, size_t n)
{
  put_id (b, id);
  put_size (b, n);
  buffer_append (b, data, n);
}

static void
put_text (struct buffer *b, uint32_t id, const char *text)
{
  put_bytes (b, id, text, strlen (text));
}

static void
put_uint (struct buffer *b, uint32_t id, uint64_t v)
{
  put_id (b, id);
  put_size (b, bytes_of (v));
  put_be (b, v, bytes_of (v));
}

/* `content` in an element; it is empty afterwards. */
static void
put_master (struct buffer *b, uint32_t id, struct buffer *content)
{
  if (content->failed)
    errx (1, "out of memory");
  put_bytes (b, id, content->data, content->len);
  buffer_free (content);
}

static void
put_head (struct buffer *b)
{
  struct buffer head = BUFFER_INIT;

  put_uint (&head, EBML_VERSION, 1);
  put_uint (&head, EBML_READ_VERSION, 1);
  put_uint (&head, EBML_MAX_ID_LENGTH, 4);
  put_uint (&head, EBML_MAX_SIZE_LENGTH, 8);
  put_text (&head, DOC_TYPE, "matroska");
  put_uint (&head, DOC_TYPE_VERSION, 4);
  put_uint (&head, DOC_TYPE_READ_VERSION, 2);
  put_master (b, ID_EBML, &head);
}

static void
put_info (struct buffer *b)
{
  struct buffer info = BUFFER_INIT;

  put_uint (&info, TIMESTAMP_SCALE, MS);
  put_text (&info, MUXING_APP, "make-stream");
  put_text (&info, WRITING_APP, "make-stream");
  put_master (b, ID_INFO, &info);
}

static void
put_track (struct buffer *tracks, uint64_t number, uint64_t type, const char *codec,
           uint64_t frame_ms)
{
  put_uint (tracks, ID_TRACK_NUMBER, number);
  put_uint (tracks, TRACK_UID, number);
  put_uint (tracks, ID_TRACK_TYPE, type);
  put_uint (tracks, FLAG_LACING, 0);
  put_text (tracks, ID_CODEC_ID, codec);
  put_uint (tracks, DEFAULT_DURATION, frame_ms * MS);
}

static void
put_tracks (struct buffer *b)
{
  static const uint8_t sampling[] = { 0x47, 0x3B, 0x80, 0x00 }; /* 48000, as a float */
  static const uint8_t channels[SOUND_TRACKS] = { 6, 2 };
  struct buffer tracks = BUFFER_INIT, entry = BUFFER_INIT, more = BUFFER_INIT;

  put_track (&entry, 1, TYPE_VIDEO, "V_MPEG2", PICTURE_MS);
  put_uint (&more, PIXEL_WIDTH, 720);
  put_uint (&more, PIXEL_HEIGHT, 576);
  put_master (&entry, VIDEO, &more);
  put_bytes (&entry, CODEC_PRIVATE, sequence_header, SEQUENCE_HEADER_LEN);
  put_master (&tracks, ID_TRACK_ENTRY, &entry);
  for (unsigned i = 0; i < SOUND_TRACKS; i++) {
    put_track (&entry, i + 2, TYPE_AUDIO, "A_AC3", SOUND_MS);
    put_bytes (&more, SAMPLING_FREQUENCY, sampling, sizeof sampling);
    put_uint (&more, CHANNELS, channels[i]);
    put_master (&entry, AUDIO, &more);
    put_master (&tracks, ID_TRACK_ENTRY, &entry);
  }
  put_master (b, ID_TRACKS, &tracks);
}

static void
write_out (struct mkv_writer *m, const struct buffer *b)
{
  if (b->failed)
    errx (1, "out of memory");
  if (b->len > 0 && fwrite (b->data, b->len, 1, m->file) != 1)
    err (1, "%s", m->name);
}

/* A size to be known later is eight bytes. */
#define LONG_SIZE(size) (UINT64_C (1) << 56 | (size))

void
mkv_begin (struct mkv_writer *m, const char *name)
{
  struct buffer b = BUFFER_INIT;

  *m = (struct mkv_writer){ .name = name };
  m->file = fopen (name, "wx");
  if (!m->file)
    err (1, "%s", name);
  put_head (&b);
  put_id (&b, ID_SEGMENT);
  put_be (&b, LONG_SIZE (0), 8);
  put_info (&b);
  put_tracks (&b);
  write_out (m, &b);
  buffer_free (&b);
}

static void
end_cluster (struct mkv_writer *m)
{
  struct buffer head = BUFFER_INIT, time = BUFFER_INIT;

  if (m->cluster.len == 0)
    return;
  put_uint (&time, CLUSTER_TIMESTAMP, m->cluster_ms);
  put_id (&head, ID_CLUSTER);
  put_size (&head, time.len + m->cluster.len);
  buffer_append (&head, time.data, time.len);
  write_out (m, &head);
  write_out (m, &m->cluster);
  m->cluster.len = 0;
  buffer_free (&head);
  buffer_free (&time);
}

void
mkv_may_cut (struct mkv_writer *m, uint64_t ms)
{
  if (ms - m->cluster_ms < CLUSTER_MS)
    return;
  end_cluster (m);
  m->cluster_ms = ms;
}

void
mkv_block (struct mkv_writer *m, uint8_t track, bool key, uint64_t ms,
           const uint8_t *data, size_t len)
{
  put_id (&m->cluster, BLOCK_SIMPLE);
  put_size (&m->cluster, len + 4);
  put_size (&m->cluster, track);
  put_be (&m->cluster, ms - m->cluster_ms, 2);
  buffer_u8 (&m->cluster, key ? 0x80 : 0);
  buffer_append (&m->cluster, data, len);
}

/* Now the Segment's size is known: all behind its head, which follows EBML's. */
void
mkv_end (struct mkv_writer *m)
{
  struct buffer head = BUFFER_INIT;
  off_t end;

  end_cluster (m);
  end = ftello (m->file);
  put_head (&head);
  put_id (&head, ID_SEGMENT);
  put_be (&head, LONG_SIZE ((uint64_t) end - head.len - 8), 8);
  if (end == -1 || fseeko (m->file, 0, SEEK_SET) == -1)
    err (1, "%s", m->name);
  write_out (m, &head);
  if (fclose (m->file) != 0)
    err (1, "%s", m->name);
  buffer_free (&head);
  buffer_free (&m->cluster);
}
