/* SPDX-License-Identifier: BSD-3-Clause */
/* What an opened recipe has to satisfy, whoever wrote it: for tests and fuzzers. */
#ifndef MKVDUP_TEST_RECIPE_COMPLAINT_H
#define MKVDUP_TEST_RECIPE_COMPLAINT_H

#include <stdint.h>

#include "recipe.h"

/* NULL if segment `number` is either refused with a message or all that segment.h promises,
 * else what is wrong.  Valid until the next call.
 */
const char *recipe_segment_complaint (const struct recipe *r, uint32_t number);

/* The same of sources, notes, and segments: the first `most` and the last one. */
const char *recipe_complaint (const struct recipe *r, uint32_t most);

#endif /* MKVDUP_TEST_RECIPE_COMPLAINT_H */
