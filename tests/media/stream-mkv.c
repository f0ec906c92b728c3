/* SPDX-License-Identifier: BSD-3-Clause */
/* The MKV of a made-up title: see stream-mkv.h. */
#include "config.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "ebml.h"
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

#define FIXED_SIZE_LACING 4

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
put_track (struct buffer *tracks, uint64_t number, const struct mkv_track *t)
{
  static const uint8_t sampling[] = { 0x47, 0x3B, 0x80, 0x00 }; /* 48000, as a float */
  struct buffer entry = BUFFER_INIT, more = BUFFER_INIT;

  put_uint (&entry, ID_TRACK_NUMBER, number);
  put_uint (&entry, TRACK_UID, number);
  put_uint (&entry, ID_TRACK_TYPE, t->width ? TYPE_VIDEO : TYPE_AUDIO);
  put_uint (&entry, FLAG_LACING, t->lace > 1);
  put_text (&entry, ID_CODEC_ID, t->codec);
  put_uint (&entry, DEFAULT_DURATION, t->frame_ns);
  if (t->width) {
    put_uint (&more, PIXEL_WIDTH, t->width);
    put_uint (&more, PIXEL_HEIGHT, t->height);
    put_master (&entry, VIDEO, &more);
  }
  else {
    put_bytes (&more, SAMPLING_FREQUENCY, sampling, sizeof sampling);
    put_uint (&more, CHANNELS, t->channels);
    put_master (&entry, AUDIO, &more);
  }
  if (t->n_private > 0)
    put_bytes (&entry, ID_CODEC_PRIVATE, t->private, t->n_private);
  put_master (tracks, ID_TRACK_ENTRY, &entry);
}

static void
put_tracks (struct buffer *b, const struct mkv_track *list, unsigned n)
{
  struct buffer tracks = BUFFER_INIT;

  for (unsigned i = 0; i < n; i++)
    put_track (&tracks, i + 1, &list[i]);
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
mkv_begin (struct mkv_writer *m, const char *name, const struct mkv_track *tracks,
           unsigned n)
{
  struct buffer b = BUFFER_INIT;

  *m = (struct mkv_writer){ .name = name, .tracks = tracks, .n_tracks = n };
  m->file = fopen (name, "wx");
  if (!m->file)
    err (1, "%s", name);
  put_head (&b);
  put_id (&b, ID_SEGMENT);
  put_be (&b, LONG_SIZE (0), 8);
  put_info (&b);
  put_tracks (&b, tracks, n);
  write_out (m, &b);
  buffer_free (&b);
}

/* ---- clusters ---- */

static int
compare_blocks (const void *a, const void *b)
{
  const struct mkv_block *x = a, *y = b;

  if (x->order != y->order)
    return x->order < y->order ? -1 : 1;
  return x->number < y->number ? -1 : 1;
}

/* All of a block but its payload. */
static void
put_block_head (struct buffer *b, const struct mkv_block *block, uint64_t cluster_ms)
{
  unsigned lace = block->frames > 1;

  put_id (b, BLOCK_SIMPLE);
  put_size (b, 4 + lace + block->data.len);
  put_size (b, block->track);
  put_be (b, block->ms - cluster_ms, 2);
  buffer_u8 (b, (block->key ? 0x80 : 0) | (lace ? FIXED_SIZE_LACING : 0));
  if (lace)
    buffer_u8 (b, (uint8_t) (block->frames - 1));
}

/* Write the first n blocks as a cluster. */
static void
write_cluster (struct mkv_writer *m, size_t n)
{
  struct buffer head = BUFFER_INIT, time = BUFFER_INIT, block = BUFFER_INIT;
  uint64_t len;

  put_uint (&time, CLUSTER_TIMESTAMP, m->cluster_ms);
  len = time.len;
  for (size_t i = 0; i < n; i++) {
    block.len = 0;
    put_block_head (&block, &m->blocks[i], m->cluster_ms);
    len += block.len + m->blocks[i].data.len;
  }
  put_id (&head, ID_CLUSTER);
  put_size (&head, len);
  write_out (m, &head);
  write_out (m, &time);
  for (size_t i = 0; i < n; i++) {
    block.len = 0;
    put_block_head (&block, &m->blocks[i], m->cluster_ms);
    write_out (m, &block);
    write_out (m, &m->blocks[i].data);
  }
  buffer_free (&head);
  buffer_free (&time);
  buffer_free (&block);
}

/* The blocks below `order` are a cluster. */
static void
end_cluster (struct mkv_writer *m, uint64_t order)
{
  size_t n = 0;

  if (m->n == 0)
    return;
  qsort (m->blocks, m->n, sizeof *m->blocks, compare_blocks);
  while (n < m->n && m->blocks[n].order < order)
    n++;
  if (n > 0)
    write_cluster (m, n);
  for (size_t i = n; i < m->n; i++) {
    struct mkv_block spare = m->blocks[i - n];

    m->blocks[i - n] = m->blocks[i];
    m->blocks[i] = spare;
  }
  m->n -= n;
  memset (m->lace, 0, sizeof m->lace);
}

void
mkv_may_cut (struct mkv_writer *m, uint64_t ms, uint64_t order)
{
  if (ms - m->cluster_ms < CLUSTER_MS)
    return;
  end_cluster (m, order);
  m->cluster_ms = ms;
}

static struct mkv_block *
new_block (struct mkv_writer *m, const struct mkv_frame *frame)
{
  struct mkv_block *block;

  if (m->n == m->cap) {
    size_t cap = m->cap ? 2 * m->cap : 256;

    block = reallocarray (m->blocks, cap, sizeof *block);
    if (!block)
      errx (1, "out of memory");
    memset (block + m->cap, 0, (cap - m->cap) * sizeof *block);
    m->blocks = block;
    m->cap = cap;
  }
  block = &m->blocks[m->n++];
  block->track = frame->track;
  block->key = frame->key;
  block->ms = frame->ms;
  block->order = frame->order;
  block->number = m->numbers++;
  block->frames = 0;
  block->data.len = 0;
  return block;
}

void
mkv_frame (struct mkv_writer *m, const struct mkv_frame *frame)
{
  size_t *lace = &m->lace[frame->track];
  struct mkv_block *block = *lace ? &m->blocks[*lace - 1] : NULL;

  if (!block || block->frames == m->tracks[frame->track - 1].lace) {
    block = new_block (m, frame);
    *lace = m->tracks[frame->track - 1].lace > 1 ? m->n : 0;
  }
  block->frames++;
  buffer_append (&block->data, frame->data, frame->len);
}

/* ---- the end ---- */

/* Now the Segment's size is known: all behind its head, which follows EBML's. */
void
mkv_end (struct mkv_writer *m)
{
  struct buffer head = BUFFER_INIT;
  off_t end;

  end_cluster (m, UINT64_MAX);
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
  for (size_t i = 0; i < m->cap; i++)
    buffer_free (&m->blocks[i].data);
  free (m->blocks);
}
