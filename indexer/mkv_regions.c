/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regions of a Matroska file: see mkv_regions.h.
 *
 * Two windows: one for the parser, which is a block ahead, one for what lies before that block.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "ebml.h"
#include "mkv_regions.h"

#define AHEAD_OF_PARSER (256u << 10)
#define AHEAD (16u << 10)

/* Ticks of a cluster's time, unless Info says otherwise (RFC 9559, 5.1.2.9). */
#define TIMESTAMP_SCALE UINT64_C (1000000)
#define ID_TIMESTAMP_SCALE 0x2AD7B1u

/* CodecPrivates of one Tracks element that are told apart. */
#define MAX_PRIVATES 32u

struct range {
  uint64_t at, end, track;
};

struct mkv_regions {
  struct window walk, look;
  struct matroska *m;
  uint64_t at;   /* all before is told */
  uint64_t time; /* of the last block */
  uint64_t scale;
  struct matroska_block block; /* the next, or the one being told */
  bool has_block;
  unsigned frame;    /* the next of it to be told … */
  uint64_t frame_at; /* … and where that begins; 0: its header was not told yet */
  /* Of the Tracks element being told: */
  struct range privates[MAX_PRIVATES];
  unsigned n_privates;
  uint64_t tracks_end; /* 0: none is */
};

const char *
region_kind_name (enum region_kind kind)
{
  static const char *const names[REGION_KINDS] = {
    [REGION_EBML] = "EBML header",    [REGION_SEGMENT] = "Segment header",
    [REGION_SEEK_HEAD] = "SeekHead",  [REGION_INFO] = "Info",
    [REGION_TRACKS] = "Tracks",       [REGION_CODEC_PRIVATE] = "CodecPrivate",
    [REGION_CHAPTERS] = "Chapters",   [REGION_ATTACHMENTS] = "Attachments",
    [REGION_TAGS] = "Tags",           [REGION_CUES] = "Cues",
    [REGION_VOID] = "Void",           [REGION_CLUSTER] = "Cluster",
    [REGION_BLOCK] = "block header",  [REGION_FRAME] = "frame",
    [REGION_OTHER] = "other element", [REGION_NONSENSE] = "no element",
  };

  return names[kind];
}

static enum region_kind
kind_of (uint32_t id)
{
  switch (id) {
  case ID_EBML:
    return REGION_EBML;
  case ID_SEGMENT:
    return REGION_SEGMENT;
  case ID_SEEK_HEAD:
    return REGION_SEEK_HEAD;
  case ID_INFO:
    return REGION_INFO;
  case ID_TRACKS:
    return REGION_TRACKS;
  case ID_CHAPTERS:
    return REGION_CHAPTERS;
  case ID_ATTACHMENTS:
    return REGION_ATTACHMENTS;
  case ID_TAGS:
    return REGION_TAGS;
  case ID_CUES:
    return REGION_CUES;
  case ID_VOID:
  case ID_CRC32:
    return REGION_VOID;
  case ID_CLUSTER:
  case ID_TIMESTAMP:
  case ID_SILENT_TRACKS:
  case ID_POSITION:
  case ID_PREV_SIZE:
    return REGION_CLUSTER;
  case ID_BLOCK_GROUP:
  case ID_SIMPLE_BLOCK:
  case ID_ENCRYPTED_BLOCK:
    return REGION_BLOCK;
  default:
    return REGION_OTHER;
  }
}

/* ---- Elements */

static bool
element_at (struct mkv_regions *r, uint64_t at, uint64_t limit, struct ebml_element *e)
{
  size_t want = limit - at < EBML_MAX_HEADER ? (size_t) (limit - at) : EBML_MAX_HEADER;
  size_t got;
  const uint8_t *p = window_get (&r->look, at, want, &got);

  return p && ebml_header (p, got, e);
}

static uint64_t
number_at (struct mkv_regions *r, uint64_t at, uint64_t size)
{
  size_t got;
  const uint8_t *p = window_get (&r->look, at, size < 8 ? (size_t) size : 8, &got);

  return p ? ebml_uint (p, got) : 0;
}

/* Calls `fn` for each element of a body, as far as they make sense. */
typedef void child_fn (struct mkv_regions *r, const struct ebml_element *e, uint64_t body,
                       void *opaque);

static void
each_child (struct mkv_regions *r, uint64_t at, uint64_t end, child_fn *fn, void *opaque)
{
  struct ebml_element e;

  while (at < end && element_at (r, at, end, &e) && !e.unknown &&
         e.size <= end - at - e.head) {
    fn (r, &e, at + e.head, opaque);
    at += e.head + e.size;
  }
}

static void
take_scale (struct mkv_regions *r, const struct ebml_element *e, uint64_t body,
            void *opaque)
{
  (void) opaque;
  if (e->id == ID_TIMESTAMP_SCALE && e->size > 0)
    r->scale = number_at (r, body, e->size);
}

static void
take_track_child (struct mkv_regions *r, const struct ebml_element *e, uint64_t body,
                  void *opaque)
{
  struct range *range = opaque;

  if (e->id == ID_TRACK_NUMBER)
    range->track = number_at (r, body, e->size);
  if (e->id == ID_CODEC_PRIVATE) {
    range->at = body;
    range->end = body + e->size;
  }
}

static void
take_track (struct mkv_regions *r, const struct ebml_element *e, uint64_t body,
            void *opaque)
{
  struct range range = { 0 };

  (void) opaque;
  if (e->id != ID_TRACK_ENTRY)
    return;
  each_child (r, body, body + e->size, take_track_child, &range);
  if (range.end > range.at && r->n_privates < MAX_PRIVATES)
    r->privates[r->n_privates++] = range;
}

/* ---- What lies between blocks */

/* Of a Tracks element: up to the next CodecPrivate, or that. */
static void
tell_tracks (struct mkv_regions *r, struct mkv_region *region)
{
  region->kind = REGION_TRACKS;
  region->id = ID_TRACKS;
  region->end = r->tracks_end;
  for (unsigned i = 0; i < r->n_privates; i++) {
    const struct range *private = &r->privates[i];

    if (private->at == r->at) {
      region->kind = REGION_CODEC_PRIVATE;
      region->id = ID_CODEC_PRIVATE;
      region->track = private->track;
      region->end = private->end;
      break;
    }
    if (private->at > r->at && private->at < region->end)
      region->end = private->at;
  }
  if (region->end == r->tracks_end)
    r->tracks_end = 0;
}

/* An element whose children are told as regions of their own. */
static bool
is_entered (const struct ebml_element *e)
{
  return e->id == ID_SEGMENT || e->id == ID_CLUSTER || e->unknown;
}

/* A region of [r->at, limit), in which there is no block. */
static void
tell_gap (struct mkv_regions *r, uint64_t limit, struct mkv_region *region)
{
  struct ebml_element e;

  if (r->tracks_end > 0) {
    tell_tracks (r, region);
    return;
  }
  region->kind = REGION_NONSENSE;
  region->end = limit;
  if (!element_at (r, r->at, limit, &e) ||
      (!is_entered (&e) && e.size > limit - r->at - e.head))
    return;
  region->kind = kind_of (e.id);
  region->id = e.id;
  region->end = r->at + e.head + (is_entered (&e) ? 0 : e.size);
  if (e.id == ID_TIMESTAMP)
    region->time = r->time = number_at (r, r->at + e.head, e.size) * r->scale;
  if (e.id == ID_INFO)
    each_child (r, r->at + e.head, region->end, take_scale, NULL);
  if (e.id == ID_TRACKS) {
    r->n_privates = 0;
    each_child (r, r->at + e.head, region->end, take_track, NULL);
    r->tracks_end = region->end;
    tell_tracks (r, region);
  }
}

/* ---- Blocks */

static uint64_t
block_time (const struct mkv_regions *r)
{
  int64_t ticks = (int64_t) (r->block.cluster_time + (uint64_t) (int64_t) r->block.time);

  return ticks > 0 ? (uint64_t) ticks * r->scale : 0;
}

static void
end_block (struct mkv_regions *r)
{
  r->has_block = matroska_next (r->m, &r->block);
  r->frame = 0;
  r->frame_at = 0;
}

/* Its header, its frames one by one, and what its group has behind it. */
static void
tell_block (struct mkv_regions *r, struct mkv_region *region)
{
  const struct matroska_block *b = &r->block;

  region->kind = REGION_BLOCK;
  region->track = b->track;
  region->block = b;
  region->time = r->time = block_time (r);
  if (r->frame_at == 0) {
    region->end = b->payload;
    r->frame_at = b->payload;
  }
  else if (r->frame < b->n_frames) {
    region->kind = REGION_FRAME;
    region->frame = r->frame;
    region->end = r->frame_at += b->frame_size[r->frame++];
  }
  else
    region->end = b->outer_end;
}

/* Is there nothing more to be told of the block? */
static bool
is_told (const struct mkv_regions *r)
{
  return r->frame_at > 0 && r->frame >= r->block.n_frames && r->at >= r->block.outer_end;
}

bool
mkv_regions_next (struct mkv_regions *r, struct mkv_region *region)
{
  do {
    if (r->has_block && is_told (r))
      end_block (r);
    if (r->at >= r->look.size || mkv_regions_errnum (r) != 0)
      return false;
    *region = (struct mkv_region){ .at = r->at, .time = r->time };
    if (r->has_block && r->at >= r->block.at)
      tell_block (r, region);
    else
      tell_gap (r, r->has_block ? r->block.at : r->look.size, region);
    r->at = region->end;
  } while (region->end == region->at); /* an empty frame */
  return true;
}

/* ---- Life */

static int
open_window (struct window *w, const struct mkv_input *input, size_t ahead,
             struct error *err)
{
  return input->read
           ? window_init_read (w, input->read, input->opaque, input->size, ahead, err)
           : window_init (w, input->fd, input->size, ahead, err);
}

struct mkv_regions *
mkv_regions_open (const struct mkv_input *input, struct error *err)
{
  struct mkv_regions *r = calloc (1, sizeof *r);

  if (!r) {
    error_set (err, ENOMEM, "a Matroska file");
    return NULL;
  }
  r->scale = TIMESTAMP_SCALE;
  if (open_window (&r->walk, input, AHEAD_OF_PARSER, err) == -1 ||
      open_window (&r->look, input, AHEAD, err) == -1) {
    mkv_regions_close (r);
    return NULL;
  }
  r->m = matroska_open (&r->walk);
  if (!r->m) {
    error_set (err, ENOMEM, "a Matroska file");
    mkv_regions_close (r);
    return NULL;
  }
  r->has_block = matroska_next (r->m, &r->block);
  return r;
}

void
mkv_regions_close (struct mkv_regions *r)
{
  if (r->m)
    matroska_close (r->m);
  window_free (&r->walk);
  window_free (&r->look);
  free (r);
}

int
mkv_regions_errnum (const struct mkv_regions *r)
{
  return r->walk.errnum ? r->walk.errnum : r->look.errnum;
}

const struct matroska *
mkv_regions_matroska (const struct mkv_regions *r)
{
  return r->m;
}

struct window *
mkv_regions_window (struct mkv_regions *r)
{
  return &r->look;
}
