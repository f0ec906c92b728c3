/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Coding segments with several threads: plans go in, in order; each is hashed and coded
 * by whoever is free; and the results are written in order.  The thread that submits
 * plans works too, when it would have to wait.
 *
 * Memory: a segment's bytes and its plan for each thread and two more.
 */
#ifndef MKVDUP_SEGMENT_CODER_H
#define MKVDUP_SEGMENT_CODER_H

#include <stdint.h>

#include "error.h"
#include "recipe_write.h"
#include "segment_plan.h"

struct segment_coder; /* its functions are for one thread */

/* What all segments of one recipe have in common; borrowed. */
struct coder_setup {
  int fd;           /* the MKV */
  const char *path; /* its name, for messages */
  uint64_t size;
  unsigned span_log2; /* at least a Merkle group */
  const uint64_t
    *source_sizes; /* of the sources that plans may name; more are filled in … */
  const uint32_t *n_sources; /* … as this grows, before a plan with them is submitted */
  struct recipe_writer *writer;
  uint8_t *merkle;  /* the group digests go here: merkle_stored_len bytes */
  unsigned threads; /* >= 1 */
};

struct segment_coder *segment_coder_new (const struct coder_setup *setup,
                                         struct error *err);
void segment_coder_free (struct segment_coder *coder);

/*
 * Submit the plan got last, as segment `number`, and get an empty one for the next
 * segment; with UINT32_MAX just get one.  The plan belongs to the coder.  NULL with
 * `err` set.  Fits builder_next_fn.
 */
struct segment_plan *segment_coder_next (void *opaque, uint32_t number,
                                         struct error *err);

/* Wait for everything that was submitted, and write it. */
int segment_coder_finish (struct segment_coder *coder, struct error *err);

#endif /* MKVDUP_SEGMENT_CODER_H */
