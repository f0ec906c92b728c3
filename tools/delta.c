/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What literal bytes are: see delta.h.  Runs of literal bytes come from the segments, in order,
 * and regions from the MKV, in order: they are merged.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "delta.h"
#include "each_segment.h"
#include "nal.h"

struct merging {
  struct delta *delta;
  const struct recipe *recipe;
  struct mkv_regions *regions;
  struct mkv_region region; /* the one that is reached; end 0: none yet */
  bool at_end;              /* there is no further region */
  struct delta_run run;     /* literal up to here, without a break; len 0: none */
  bool run_is_told;         /* it is known what it begins in */
  delta_progress_fn *progress;
  void *opaque;
};

const char *
delta_kind_name (unsigned kind)
{
  switch (kind) {
  case DELTA_NAL_LENGTH:
    return "NAL lengths";
  case DELTA_WHOLE_FRAME:
    return "whole frames";
  case DELTA_FRAME_START:
    return "frame starts";
  case DELTA_FRAME_END:
    return "frame ends";
  case DELTA_IN_FRAME:
    return "within frames";
  case REGION_BLOCK:
    return "block headers";
  default:
    return region_kind_name ((enum region_kind) kind);
  }
}

/* ---- Tracks */

static struct delta_track *
track_of (struct merging *m, uint64_t number)
{
  struct delta *d = m->delta;
  const struct matroska_track *track =
    matroska_track (mkv_regions_matroska (m->regions), number);
  size_t i = 0;

  while (i < d->n_tracks && d->tracks[i].number != number)
    i++;
  if (i < d->n_tracks)
    return &d->tracks[i];
  if (d->n_tracks == DELTA_TRACKS)
    return &d->tracks[0]; /* of a hostile file, more than there can be */
  d->n_tracks++;
  d->tracks[i].number = number;
  if (track)
    memcpy (d->tracks[i].codec, track->codec, sizeof track->codec);
  return &d->tracks[i];
}

static void
count (struct merging *m, uint64_t track, unsigned kind, uint64_t bytes)
{
  struct delta_count *c = &track_of (m, track)->counts[kind];

  c->bytes += bytes;
  c->runs++;
}

/* ---- Frames */

/* Bytes of [at, end) of the frame that are lengths of NAL units, which follow each other to its
 * end.  Of a frame that is no such thing: none.
 */
static uint64_t
nal_bytes (struct merging *m, uint64_t at, uint64_t end)
{
  const struct mkv_region *frame = &m->region;
  const struct matroska *mkv = mkv_regions_matroska (m->regions);
  unsigned width = nal_width (matroska_track (mkv, frame->track));
  uint64_t bytes = 0, next;

  if (width == 0)
    return 0;
  for (uint64_t unit = frame->at; unit < frame->end; unit = next) {
    size_t got;
    const uint8_t *p = window_get (mkv_regions_window (m->regions), unit, width, &got);
    uint64_t prefix_end = unit + width;

    next = prefix_end;
    if (!p || got < width)
      return 0;
    for (uint64_t i = 0, len = 0; i < width; i++) {
      len = len << 8 | p[i];
      next = prefix_end + len;
    }
    if (next > frame->end || next == prefix_end)
      return 0;
    if (unit < end && prefix_end > at)
      bytes += (prefix_end < end ? prefix_end : end) - (unit > at ? unit : at);
    if (unit >= end)
      break; /* what lies behind does not matter */
  }
  return bytes;
}

/* What of a frame's literal bytes is no length of a NAL unit. */
static unsigned
frame_kind (const struct mkv_region *frame, uint64_t at, uint64_t end)
{
  if (at == frame->at)
    return end == frame->end ? DELTA_WHOLE_FRAME : DELTA_FRAME_START;
  return end == frame->end ? DELTA_FRAME_END : DELTA_IN_FRAME;
}

static unsigned
count_frame (struct merging *m, uint64_t at, uint64_t end)
{
  uint64_t nal = nal_bytes (m, at, end);
  unsigned kind = frame_kind (&m->region, at, end);

  if (nal > 0)
    count (m, m->region.track, DELTA_NAL_LENGTH, nal);
  if (nal < end - at)
    count (m, m->region.track, kind, end - at - nal);
  return nal < end - at ? kind : DELTA_NAL_LENGTH;
}

/* ---- Merging */

static void
next_region (struct merging *m)
{
  uint64_t end = m->region.end;
  struct delta_track *track;

  if (!mkv_regions_next (m->regions, &m->region)) {
    m->at_end = true;
    m->region =
      (struct mkv_region){ .at = end, .end = UINT64_MAX, .kind = REGION_NONSENSE };
    return;
  }
  if (m->region.kind != REGION_FRAME)
    return;
  track = track_of (m, m->region.track);
  track->frames++;
  track->payload += m->region.end - m->region.at;
}

/* The literal bytes [at, end), all of the region that is reached. */
static void
count_part (struct merging *m, uint64_t at, uint64_t end)
{
  unsigned kind = m->region.kind;

  if (kind == REGION_FRAME)
    kind = count_frame (m, at, end);
  else
    count (m, m->region.track, kind, end - at);
  if (m->run_is_told)
    return;
  m->run.time = m->region.time;
  m->run.track = m->region.track;
  m->run.kind = kind;
  m->run_is_told = true;
}

static void
keep_longest (struct delta *d, const struct delta_run *run)
{
  unsigned i = d->n_longest;

  if (i == DELTA_RUNS) {
    if (d->longest[i - 1].len >= run->len)
      return;
    i--;
  }
  else
    d->n_longest++;
  for (; i > 0 && d->longest[i - 1].len < run->len; i--)
    d->longest[i] = d->longest[i - 1];
  d->longest[i] = *run;
}

/* The run that has come to its end. */
static void
end_run (struct merging *m)
{
  uint64_t at = m->run.at, end = at + m->run.len;

  if (m->run.len == 0)
    return;
  m->run_is_told = false;
  while (at < end) {
    uint64_t part_end;

    while (m->region.end <= at)
      next_region (m);
    part_end = m->region.end < end ? m->region.end : end;
    count_part (m, at, part_end);
    at = part_end;
  }
  m->delta->literal += m->run.len;
  m->delta->n_runs++;
  keep_longest (m->delta, &m->run);
  m->run.len = 0;
}

static void
add_literal (struct merging *m, uint64_t at, uint64_t len)
{
  if (m->run.len > 0 && m->run.at + m->run.len != at)
    end_run (m);
  if (m->run.len == 0)
    m->run.at = at;
  m->run.len += len;
}

static bool
is_transformed (const struct segment *seg, uint32_t at, uint32_t *transform)
{
  while (*transform < seg->n_transforms &&
         seg->transforms[*transform].at + seg->transforms[*transform].len <= at)
    ++*transform;
  return *transform < seg->n_transforms && seg->transforms[*transform].at <= at;
}

static int
take_segment (void *opaque, uint32_t number, const struct segment *seg, struct error *err)
{
  struct merging *m = opaque;
  uint64_t base = (uint64_t) number << m->recipe->span_log2;
  uint32_t transform = 0;

  for (uint32_t i = 0; i < seg->n_ops && seg->ops[i].at < seg->len; i++) {
    const struct op *op = &seg->ops[i];

    if (op->kind == OP_LITERAL && !is_transformed (seg, op->at, &transform))
      add_literal (m, base + op->at, segment_op_end (seg, i) - op->at);
  }
  if (m->progress && !m->progress (m->opaque, base + seg->len))
    return error_set (err, ECANCELED, "stopped");
  if (mkv_regions_errnum (m->regions) != 0)
    return error_set (err, mkv_regions_errnum (m->regions), "%s: reading its image",
                      m->recipe->path);
  return 0;
}

static int
by_number (const void *a, const void *b)
{
  const struct delta_track *x = a, *y = b;

  return x->number < y->number ? -1 : x->number > y->number;
}

/* Frames behind the last literal byte are counted, too. */
static int
finish (struct merging *m, struct error *err)
{
  end_run (m);
  while (!m->at_end)
    next_region (m);
  if (mkv_regions_errnum (m->regions) != 0)
    return error_set (err, mkv_regions_errnum (m->regions), "%s: reading its image",
                      m->recipe->path);
  qsort (m->delta->tracks, m->delta->n_tracks, sizeof *m->delta->tracks, by_number);
  return 0;
}

int
delta_make (struct delta *delta, const struct recipe *recipe,
            const struct mkv_input *input, unsigned threads, delta_progress_fn *progress,
            void *opaque, struct error *err)
{
  struct merging m = {
    .delta = delta, .recipe = recipe, .progress = progress, .opaque = opaque
  };
  int r;

  *delta = (struct delta){ .literal = 0 };
  delta->tracks = calloc (DELTA_TRACKS, sizeof *delta->tracks);
  if (!delta->tracks)
    return error_set (err, ENOMEM, "%s", recipe->path);
  m.regions = mkv_regions_open (input, err);
  if (!m.regions)
    return -1;
  delta->is_matroska = matroska_is_matroska (mkv_regions_matroska (m.regions));
  track_of (&m, 0);
  r = each_segment (recipe, threads, take_segment, &m, err);
  if (r == 0)
    r = finish (&m, err);
  mkv_regions_close (m.regions);
  return r;
}

void
delta_free (struct delta *delta)
{
  free (delta->tracks);
  *delta = (struct delta){ .literal = 0 };
}
