/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random plans of segments as discs and MKVs have them: packets of a few streams in a
 * multiplex, on a grid, with others between; frames that begin with a packet or anywhere; and
 * an image of the frames with headers.  random-plan.h has what nobody would think of.
 */
#ifndef MKVDUP_TEST_RANDOM_DISC_H
#define MKVDUP_TEST_RANDOM_DISC_H

#include <stddef.h>
#include <stdint.h>

#include "random-plan.h"

/* All of it, from a seed; the image has nearly `most` bytes.  random_plan_free () frees it. */
void random_disc_make (struct random_plan *p, uint64_t seed, uint32_t most);

#endif /* MKVDUP_TEST_RANDOM_DISC_H */
