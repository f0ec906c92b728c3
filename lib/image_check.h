/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every fault of an image: which of its bytes could not be had or are not the MKV's, and
 * which bytes of which source they are made of.  Unlike reading with proof, which ends at
 * the first fault, this goes on to the end.
 */
#ifndef MKVDUP_IMAGE_CHECK_H
#define MKVDUP_IMAGE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "image_blame.h"
#include "walk.h"

enum fault_kind {
  FAULT_DIFFERS,    /* a source has other bytes than it had */
  FAULT_UNREADABLE, /* or cannot be opened or read */
  FAULT_MISSING,    /* or is nowhere */
  FAULT_RECIPE,     /* the recipe is damaged */
};

/* A run of Merkle groups of one kind of fault, of the same sources; or the whole image, where a
 * recipe of the Go program cannot tell more.
 */
struct fault {
  enum fault_kind kind;
  uint64_t from, end;         /* bytes of the image */
  char *cause;                /* of the first group; owned */
  struct image_blame *blames; /* any of these may be the one; owned */
  size_t n_blames;
};

struct faults {
  struct fault *list; /* sorted; owned */
  size_t n, cap;
};

#define CLEANUP_FAULTS __attribute__ ((cleanup (faults_free)))

/* "differs", "unreadable", "missing source", "recipe damaged". */
const char *fault_kind_name (enum fault_kind kind);

/*
 * Read all of the image, as walk_image does, and add its faults.  The recipe has to have
 * passed recipe_check.  -1 with `err` set: `progress` said to stop, or memory ran out.
 */
int image_check (struct image *img, unsigned threads, walk_progress_fn *progress,
                 void *opaque, struct faults *faults, struct error *err);

/* Add the fault that the recipe of an image of `size` bytes has, which is all that can be
 * said of it.
 */
int faults_add_recipe (struct faults *faults, uint64_t size, const struct error *why,
                       struct error *err);
void faults_free (struct faults *faults);

#endif /* MKVDUP_IMAGE_CHECK_H */
