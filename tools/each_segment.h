/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All segments of a recipe, one after the other, for those who look at the whole of it.  They
 * are decoded by several threads, a few ahead, and handed out in order: what is made of them
 * does not depend on the number of threads.
 */
#ifndef MKVDUP_EACH_SEGMENT_H
#define MKVDUP_EACH_SEGMENT_H

#include <stdint.h>

#include "error.h"
#include "recipe.h"

/* Called by the caller's thread.  Another return than 0 ends it and is returned. */
typedef int each_segment_fn (void *opaque, uint32_t number, const struct segment *seg,
                             struct error *err);

/* With one thread it is the caller's. */
int each_segment (const struct recipe *recipe, unsigned threads, each_segment_fn *fn,
                  void *opaque, struct error *err);

#endif /* MKVDUP_EACH_SEGMENT_H */
