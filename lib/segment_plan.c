/* SPDX-License-Identifier: BSD-3-Clause */
/* Building the plan of a segment: see segment_plan.h. */
#include "config.h"

#include <stdlib.h>

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
