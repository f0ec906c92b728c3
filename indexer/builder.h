/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a stream of "these bytes are literal, those lie there" to the plans of
 * segments: cuts at segment boundaries, and turns ES views into the lanes of each
 * segment.
 *
 * Thread safety: one builder belongs to one thread.
 */
#ifndef MKVDUP_BUILDER_H
#define MKVDUP_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "segment_plan.h"
#include "view.h"

/* The sources that the recipe refers to, numbered by first use: the others are left out.
 */
struct source_numbers {
  uint32_t *number; /* of each source of the index, or UINT32_MAX; owned */
  uint32_t *source; /* the other way round; owned */
  uint64_t *sizes;  /* of the numbered ones; owned */
  uint32_t n;
};

int source_numbers_init (struct source_numbers *s, size_t n_sources, struct error *err);
void source_numbers_free (struct source_numbers *s);

/* Which view a lane of the current segment is, and the part of it that it has. */
struct builder_lane {
  uint32_t view;
  uint32_t lane;     /* in the plan */
  uint64_t from, to; /* the newest stretch: these bytes of the view … */
  uint64_t lane_at;  /* … begin here in the lane */
};

/* Called with every full segment's number; gives the (empty) plan for the next one, or
 * NULL with `err` set.  `number` UINT32_MAX asks for the first.
 */
typedef struct segment_plan *builder_next_fn (void *opaque, uint32_t number,
                                              struct error *err);

struct builder {
  const struct disc_index *index; /* borrowed */
  struct view_reader *views;      /* borrowed */
  struct source_numbers *sources; /* borrowed */
  unsigned span_log2;
  uint64_t image_size;
  builder_next_fn *next;
  void *opaque;

  struct segment_plan *plan;  /* of the current segment; borrowed from `next` */
  uint64_t at;                /* in the image */
  struct builder_lane *lanes; /* of the current segment; owned */
  size_t n_lanes, cap_lanes;
  bool deflates; /* something is deflated */
};

/* Fill in the fields down to `opaque` before. */
int builder_begin (struct builder *b, struct error *err);
void builder_free (struct builder *b);

/* The next `len` bytes of the image are literal. */
int builder_literal (struct builder *b, uint64_t len, struct error *err);

/* … are a header like `shape`, whose lengths count the bytes of the next `covers` calls.
 * `shape` has to live until the segment is coded.
 */
int builder_header (struct builder *b, uint32_t len, const struct shape *shape,
                    uint8_t clock, int64_t time, int64_t base, uint32_t covers,
                    struct error *err);

/* … are bytes [at, at + len) of a view, through a transform that keeps their number: `len`
 * is whole units of it.
 */
int builder_copy (struct builder *b, uint32_t view, uint64_t at, uint64_t len,
                  enum transform_kind kind, struct error *err);

/* A recoding of `material` bytes of a view from `at` on. */
struct builder_recoding {
  enum transform_kind kind;
  uint32_t view;
  uint64_t at;
  uint32_t material, check; /* bytes; as in struct recoding */
};

/* … are what a recoding gives. */
int builder_recoded (struct builder *b, const struct builder_recoding *recoding,
                     uint64_t len, struct error *err);

/* All of the image has been told: hand over the last segment. */
int builder_finish (struct builder *b, struct error *err);

#endif /* MKVDUP_BUILDER_H */
