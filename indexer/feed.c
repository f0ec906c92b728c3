/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeding the matcher with the frames of an MKV: see feed.h. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "feed.h"
#include "nal.h"

/* Bytes in no block are searched if there are so many together: the usual headers between
 * blocks are not on any disc.
 */
#define OTHER_MIN 4096u

/* … in frames of this size. */
#define OTHER_FRAME (64u << 10)

/* What is longer before a payload is no header. */
#define HEADER_MAX 4096u

static int
read_failed (const struct feed *f, struct error *err)
{
  unsigned long long at = f->at;

  if (f->window->errnum)
    return error_set (err, f->window->errnum, "%s: read at or after offset %llu", f->path,
                      at);
  return error_set (err, 0, "%s: was cut while it was read, at or after offset %llu",
                    f->path, at);
}

/* Hand one frame to the matcher. */
static int
feed_frame (struct feed *f, const struct matcher_frame *frame, struct error *err)
{
  uint64_t payload = frame->at + frame->header;
  size_t got = 0;
  const uint8_t *data = (const uint8_t *) "";

  if (frame->payload > 0)
    data = window_get (f->window, payload, frame->payload, &got);
  if (got != frame->payload)
    return read_failed (f, err);
  if (matcher_frame (f->matcher, frame, data, err) == -1)
    return -1;
  f->at = payload + frame->payload;
  if (f->progress && !f->progress (f->opaque, f->at))
    return error_set (err, ECANCELED, "matching");
  return 0;
}

/* Feed [at, end) of a track as frames without headers. */
static int
feed_raw (struct feed *f, uint16_t track, uint64_t at, uint64_t end, struct error *err)
{
  while (at < end) {
    uint64_t n = end - at < OTHER_FRAME ? end - at : OTHER_FRAME;
    struct matcher_frame frame = { .at = at, .payload = (uint32_t) n, .track = track };

    if (feed_frame (f, &frame, err) == -1)
      return -1;
    at += n;
  }
  return 0;
}

/* What is between two blocks. */
static int
feed_other (struct feed *f, uint64_t end, struct error *err)
{
  if (end - f->at < OTHER_MIN)
    return 0;
  return feed_raw (f, 0, f->at, end, err);
}

/* The matcher's number of a Matroska track.  More tracks than it has are no tracks. */
static uint16_t
find_track (struct feed *f, uint64_t number)
{
  for (uint16_t i = 1; i < f->n_tracks; i++)
    if (f->tracks[i].number == number)
      return i;
  if (f->n_tracks == MATCHER_MAX_TRACKS)
    return 0;
  f->tracks[f->n_tracks].number = number;
  return f->n_tracks++;
}

/* The header's shape, if it has one that is worth a try. */
static void
model_header (struct feed *f, const struct matroska_block *block,
              struct matcher_frame *frame)
{
  size_t got, head;
  const uint8_t *header = window_get (f->window, frame->at, frame->header, &got);
  struct shape shape;

  if (got == frame->header && block_shape (block, header, &shape, &head)) {
    frame->shape = shape_table_get (f->shapes, &shape);
    frame->head = (uint32_t) head;
    frame->base = (int64_t) block->cluster_time;
    frame->time = (int64_t) (block->cluster_time + (uint64_t) block->time);
  }
}

/* The frames of a lace, one by one: deflated, each is a stream of its own. */
static int
feed_lace (struct feed *f, const struct matroska_block *block, struct matcher_frame frame,
           struct error *err)
{
  frame.more = (uint16_t) (block->n_frames - 1);
  for (unsigned i = 0; i < block->n_frames; i++) {
    frame.payload = block->frame_size[i];
    if (feed_frame (f, &frame, err) == -1)
      return -1;
    frame = (struct matcher_frame){ .at = frame.at + frame.header + frame.payload,
                                    .track = frame.track,
                                    .kinds = frame.kinds,
                                    .continues = true };
  }
  return 0;
}

static int
feed_block (struct feed *f, const struct matroska *m, const struct matroska_block *block,
            struct error *err)
{
  uint64_t payload = block->end - block->payload, header = block->payload - block->at;
  struct matcher_frame frame = { .at = block->at, .header = (uint32_t) header };
  const struct matroska_track *track = matroska_track (m, block->track);

  frame.kinds = material_kinds (track);
  frame.nal_width = block->n_frames == 1 ? (uint8_t) nal_width (track) : 0;
  frame.track = find_track (f, block->track);
  if (header > HEADER_MAX || payload > MATCHER_MAX_PAYLOAD)
    return feed_raw (f, frame.track, block->payload, block->end, err);
  model_header (f, block, &frame);
  if (material_is_by_frame (frame.kinds))
    return feed_lace (f, block, frame, err);
  frame.payload = (uint32_t) payload;
  return feed_frame (f, &frame, err);
}

static void
name_tracks (struct feed *f, const struct matroska *m)
{
  for (uint16_t i = 1; i < f->n_tracks; i++) {
    const struct matroska_track *known = matroska_track (m, f->tracks[i].number);

    if (known)
      memcpy (f->tracks[i].codec, known->codec, sizeof f->tracks[i].codec);
  }
}

static int
feed_blocks (struct feed *f, struct matroska *m, struct error *err)
{
  struct matroska_block block;

  while (matroska_next (m, &block)) {
    if (block.at < f->at || block.end < block.payload)
      continue; /* never of a sound parser */
    if (feed_other (f, block.at, err) == -1 || feed_block (f, m, &block, err) == -1)
      return -1;
  }
  if (f->window->errnum)
    return read_failed (f, err);
  return 0;
}

int
feed_file (struct feed *f, struct error *err)
{
  struct matroska *m = matroska_open (f->window);
  int r;

  if (!m)
    return error_set (err, ENOMEM, "matching");
  f->n_tracks = 1;
  f->at = 0;
  r = feed_blocks (f, m, err);
  if (r == 0)
    r = feed_other (f, f->window->size, err);
  if (r == 0)
    r = matcher_finish (f->matcher, err);
  name_tracks (f, m);
  matroska_close (m);
  return r;
}
