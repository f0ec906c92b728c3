/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a recipe is made of: an MKV and its discs, which the user gives, or which are those of
 * the library of discs (mkvdup scan) that answer.
 */
#ifndef MKVDUP_INPUT_H
#define MKVDUP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "discs.h"
#include "error.h"
#include "options.h"

struct input {
  const char *mkv;      /* borrowed */
  const char **sources; /* n of them; owned, but not what they are */
  size_t n;
  const struct discs
    *discs; /* that were asked, whose names they are; borrowed, or `own` */
  struct discs own;
};

#define CLEANUP_INPUT __attribute__ ((cleanup (input_free)))

/* These.  To be freed whether or not it succeeds, as with the next two. */
int input_give (struct input *in, const char *mkv, const char *const *sources, size_t n,
                struct error *err);

/* Those that answer; they are told unless `quiet`.  `library` is what `discs` is called. */
int input_ask (struct input *in, const char *mkv, const struct discs *discs,
               const char *library, bool quiet, struct error *err);

/* The same with the library that the options name.  Must not be moved then. */
int input_ask_library (struct input *in, const char *mkv, const struct options *options,
                       struct error *err);
void input_free (struct input *in);

/* May `out` and `sidecar` be written?  Never if they are what the recipe is made of; and not,
 * unless `force`, if another file than an older recipe of an MKV of this size is there.  Nor may the MKV be its own
 * source.
 */
int input_check_names (const struct input *in, const char *out, const char *sidecar,
                       bool force, struct error *err);

#endif /* MKVDUP_INPUT_H */
