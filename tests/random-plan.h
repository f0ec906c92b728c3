/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans of segments that nobody would think of: random sources, lanes, copies,
 * nested headers, some of them wrong or cut off by the segment's ends; and the image
 * that such a plan stands for.
 */
#ifndef MKVDUP_TEST_RANDOM_PLAN_H
#define MKVDUP_TEST_RANDOM_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "segment_plan.h"

#define RANDOM_PLAN_SOURCES 3
#define RANDOM_PLAN_SHAPES 6

struct random_plan {
  uint64_t rng;
  uint32_t n_sources;
  uint64_t sizes[RANDOM_PLAN_SOURCES];
  uint8_t *sources[RANDOM_PLAN_SOURCES]; /* owned */
  struct shape shapes[RANDOM_PLAN_SHAPES];
  struct segment_plan plan;
  int64_t base;   /* of the times, while the plan is made */
  uint8_t *image; /* ctx.len bytes; owned */
  struct segment_context ctx;
};

/* All of it, from a seed; the image has at most `most` bytes or a few more. */
void random_plan_make (struct random_plan *p, uint64_t seed, uint32_t most);

/*
 * The image and context from sources and plan: literals are random, copies what the
 * sources have, headers (their `len` is set here) what their shapes render.
 */
void random_plan_image (struct random_plan *p);
void random_plan_free (struct random_plan *p);

#endif /* MKVDUP_TEST_RANDOM_PLAN_H */
