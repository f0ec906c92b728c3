/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the pieces of the lanes lie: the layout columns of a segment, see
 * docs/format.md, "Layout".
 *
 * The packets of all streams are listed once, in the order of the source, as
 * entries: a template (lane, gap from the packet before, length) and how often it
 * repeats.  A disc has a dozen templates.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "column.h"
#include "segment_decoder.h"

struct walk {
  uint64_t start;
  uint32_t first_lane, n_lanes;
};

/* Walks and their lanes: a walk goes once over one source. */
static size_t
parse_walks (struct decoder *d, struct walk walks[SEGMENT_MAX_LANES])
{
  size_t n = reader_bounded (&d->r, SEGMENT_MAX_LANES);

  d->lanes = decoder_array (d, SEGMENT_MAX_LANES, sizeof *d->lanes);
  for (size_t i = 0; i < n && !d->r.failed; i++) {
    uint32_t source = (uint32_t) reader_bounded (&d->r, SOURCE_MAX_COUNT - 1);

    walks[i].start = reader_bounded (&d->r, SOURCE_MAX_SIZE);
    walks[i].first_lane = (uint32_t) d->n_lanes;
    walks[i].n_lanes = (uint32_t) reader_bounded (&d->r, SEGMENT_MAX_LANES - d->n_lanes);
    if (source >= d->ctx->n_sources)
      d->r.failed = true;
    for (uint32_t k = 0; k < walks[i].n_lanes && !d->r.failed; k++)
      d->lanes[d->n_lanes++] =
        (struct lane){ .source = source,
                       .start = reader_bounded (&d->r, SOURCE_MAX_SIZE) };
  }
  return n;
}

/* The columns of the layout, and their numbers. */
struct layout {
  size_t n_templates, n_entries;
  uint64_t *lane, *gap, *len; /* templates */
  uint64_t *template, *more;  /* entries */
};

static void
layout_free (struct layout *l)
{
  free (l->lane);
  free (l->gap);
  free (l->len);
  free (l->template);
  free (l->more);
}

static void
parse_layout (struct decoder *d, struct layout *l)
{
  size_t most = segment_max_records (d->ctx->len);

  l->n_templates = reader_bounded (&d->r, SEGMENT_MAX_TEMPLATES);
  l->lane = decoder_column (d, l->n_templates);
  l->gap = decoder_column (d, l->n_templates);
  l->len = decoder_column (d, l->n_templates);
  l->n_entries = reader_bounded (&d->r, most);
  l->template = decoder_column (d, l->n_entries);
  l->more = decoder_column (d, l->n_entries);
  for (size_t i = 0; i < l->n_templates && !d->r.failed; i++)
    if (l->lane[i] >= d->n_lanes || l->len[i] < 1 || l->len[i] > SEGMENT_MAX_PIECE)
      d->r.failed = true;
  for (size_t i = 0; i < l->n_entries && !d->r.failed; i++)
    if (l->template[i] >= l->n_templates || l->more[i] >= d->ctx->len)
      d->r.failed = true;
}

/* Give each lane its part of d->runs, in the order of the lanes. */
static void
place_runs (struct decoder *d, const struct layout *l)
{
  struct run *next;

  d->runs = decoder_array (d, l->n_entries, sizeof *d->runs);
  if (d->r.failed)
    return;
  for (size_t i = 0; i < l->n_entries; i++)
    d->lanes[l->lane[l->template[i]]].n_runs++;
  next = d->runs;
  for (size_t i = 0; i < d->n_lanes; i++) {
    d->lanes[i].runs = next;
    next += d->lanes[i].n_runs;
    d->lanes[i].n_runs = 0;
  }
}

/* Append a run of pieces to its lane, the first one `gap` bytes behind *pos; false
 * if any of them is not within the source.
 */
static bool
lay_run (struct decoder *d, struct lane *lane, uint64_t *pos, int64_t gap, uint32_t chunk,
         uint32_t count)
{
  uint64_t size = d->ctx->source_sizes[lane->source];
  int64_t from, period, last;

  if (gap > (int64_t) SOURCE_MAX_SIZE || gap < -(int64_t) SOURCE_MAX_SIZE)
    return false;
  from = (int64_t) *pos + gap;
  period = gap + chunk;
  if (from < 0)
    return false;
  if (count > 1 && (period < chunk || period > UINT32_MAX))
    return false;
  last = from + (count > 1 ? period * (int64_t) (count - 1) : 0);
  if ((uint64_t) last + chunk > size)
    return false;
  lane->runs[lane->n_runs++] =
    (struct run){ .from = (uint64_t) from,
                  .lane_at = lane->len,
                  .chunk = chunk,
                  .period = count > 1 ? (uint32_t) period : chunk,
                  .count = count };
  lane->len += (uint64_t) chunk * count;
  *pos = (uint64_t) last + chunk;
  return true;
}

void
decoder_parse_layout (struct decoder *d)
{
  struct walk walks[SEGMENT_MAX_LANES] = { 0 };
  __attribute__ ((cleanup (layout_free))) struct layout l = { 0 };
  size_t n_walks, w = 0;

  n_walks = parse_walks (d, walks);
  parse_layout (d, &l);
  place_runs (d, &l);
  for (size_t i = 0; i < l.n_entries && !d->r.failed; i++) {
    uint64_t t = l.template[i], lane = l.lane[t];

    /* Walks come one after the other: a lane of a later one ends this one. */
    while (w < n_walks && lane >= walks[w].first_lane + walks[w].n_lanes)
      w++;
    if (w == n_walks || lane < walks[w].first_lane ||
        !lay_run (d, &d->lanes[lane], &walks[w].start, unzigzag (l.gap[t]),
                  (uint32_t) l.len[t], (uint32_t) l.more[i] + 1))
      d->r.failed = true;
  }
}
