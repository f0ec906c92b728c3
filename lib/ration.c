/* SPDX-License-Identifier: BSD-3-Clause */
/* So much at once: see ration.h. */
#include "config.h"

#include "cleanup.h"
#include "ration.h"

static size_t
share (const struct ration *r, size_t n)
{
  return n < r->most ? n : r->most;
}

void
ration_take (struct ration *r, size_t n)
{
  LOCK_FOR_SCOPE (&r->lock);
  uint64_t turn = r->came++;

  /* In turn: who wants much is not to wait while those who want little pass. */
  while (turn != r->went_in || share (r, n) > r->most - r->taken)
    pthread_cond_wait (&r->changed, &r->lock);
  r->went_in++;
  r->taken += share (r, n);
  pthread_cond_broadcast (&r->changed);
}

void
ration_give_back (struct ration *r, size_t n)
{
  LOCK_FOR_SCOPE (&r->lock);

  r->taken -= share (r, n);
  pthread_cond_broadcast (&r->changed);
}
