/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress of making a recipe, phase by phase, which an interruption ends. */
#ifndef MKVDUP_PHASES_H
#define MKVDUP_PHASES_H

#include <stdbool.h>

#include "create.h"
#include "progress.h"

#define PHASES 3

struct phases {
  struct progress progress; /* of whichever phase it is */
  enum create_phase phase;
  bool started, quiet;
};

/* "index", "match", "verify". */
const char *phase_name (enum create_phase phase);

/* A create_progress_fn; `opaque` is a struct phases, of which but `quiet` is zero at first. */
bool phases_tell (void *opaque, enum create_phase phase, uint64_t done, uint64_t total);

/* create_recipe has returned `r`, which is returned; `err` is about an interruption, if that is
 * what ended it.
 */
int phases_end (struct phases *p, int r, struct error *err);

#endif /* MKVDUP_PHASES_H */
