/* SPDX-License-Identifier: BSD-3-Clause */
/* Building and checking the plan of a segment: see segment_plan.h. */
#include "config.h"

#include <stdlib.h>

#include "recoding.h"
#include "segment_plan.h"

/* Make room for one more of `size` bytes in *array; false when out of memory. */
static bool
grow (void **array, size_t n, size_t *cap, size_t size)
{
  size_t more = *cap ? *cap * 2 : 64;
  void *p;

  if (n < *cap)
    return true;
  p = reallocarray (*array, more, size);
  if (!p)
    return false;
  *array = p;
  *cap = more;
  return true;
}

void
segment_plan_clear (struct segment_plan *plan)
{
  plan->n_spans = 0;
  plan->n_lanes = 0;
}

void
segment_plan_free (struct segment_plan *plan)
{
  for (size_t i = 0; i < plan->cap_lanes; i++)
    free (plan->lanes[i].pieces);
  free (plan->lanes);
  free (plan->spans);
  *plan = (struct segment_plan){ 0 };
}

bool
segment_plan_span (struct segment_plan *plan, const struct plan_span *span)
{
  if (!grow ((void **) &plan->spans, plan->n_spans, &plan->cap_spans, sizeof *span))
    return false;
  plan->spans[plan->n_spans++] = *span;
  return true;
}

int
segment_plan_lane (struct segment_plan *plan, uint32_t source)
{
  size_t before = plan->cap_lanes;
  struct plan_lane *lane;

  if (!grow ((void **) &plan->lanes, plan->n_lanes, &plan->cap_lanes, sizeof *lane))
    return -1;
  for (size_t i = before; i < plan->cap_lanes; i++)
    plan->lanes[i] = (struct plan_lane){ 0 };
  lane = &plan->lanes[plan->n_lanes];
  lane->source = source;
  lane->n_pieces = 0;
  lane->len = 0;
  return (int) plan->n_lanes++;
}

bool
segment_plan_piece (struct segment_plan *plan, uint32_t lane, uint64_t from, uint32_t len)
{
  struct plan_lane *l = &plan->lanes[lane];

  if (!grow ((void **) &l->pieces, l->n_pieces, &l->cap_pieces, sizeof *l->pieces))
    return false;
  l->pieces[l->n_pieces++] = (struct plan_piece){ from, len };
  l->len += len;
  return true;
}

/* Does the span's recoding, or transform, give as many bytes as it says? */
static bool
length_fits (const struct plan_span *s)
{
  size_t bound;

  if (!plan_span_recodes (s))
    return s->len % transform_unit (s->transform) == 0;
  bound = recoding_bound (s->transform, s->material);
  return bound > 0 && s->offset <= bound && s->len <= bound - s->offset;
}

static bool
copy_is_consistent (const struct segment_plan *plan, const struct plan_span *s)
{
  uint64_t lane_len;

  if (s->lane >= plan->n_lanes || s->transform >= TRANSFORM_KINDS || !length_fits (s))
    return false;
  lane_len = plan->lanes[s->lane].len;
  return s->lane_at <= lane_len && plan_span_lane_bytes (s) <= lane_len - s->lane_at;
}

int
segment_plan_check (const struct segment_plan *plan, uint32_t len, struct error *err)
{
  uint64_t sum = 0;

  for (size_t i = 0; i < plan->n_spans; i++) {
    const struct plan_span *s = &plan->spans[i];

    sum += s->len;
    if (s->len == 0 || (s->kind == SPAN_COPY && !copy_is_consistent (plan, s)))
      return error_set (err, 0, "span %zu of the plan is inconsistent", i);
  }
  if (sum != len)
    return error_set (err, 0, "the plan covers %llu bytes of %u",
                      (unsigned long long) sum, len);
  return 0;
}
