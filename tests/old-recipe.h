/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recipes as the Go program writes them (V3 to V8), of discs and images that are made up:
 * written from what is known of the format, not with the code that reads them.
 *
 * There are three source records at least: two discs, of which one is there twice, and from V7
 * on one more, which is not used.  Rows of all kinds: delta, video, sound, swapped pairs, long
 * and short ones, back and forth.  Deterministic.
 */
#ifndef MKVDUP_TEST_OLD_RECIPE_H
#define MKVDUP_TEST_OLD_RECIPE_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define OLD_DISCS 2u
#define OLD_STREAMS 4u /* of a record: video, sound, LPCM, and one that is empty */

struct old_options {
  unsigned version; /* 3 to 8 */
  uint64_t seed;
  size_t image_size; /* bytes */
  size_t disc_size;  /* of each */
  size_t row_max;    /* bytes of a usual row */
  unsigned no_delta : 1, only_delta : 1;
  unsigned scattered : 1; /* ranges of a few bytes, no two alike: long lists of them */
  unsigned jumps : 1;     /* no row is long, each is from anywhere */
};

struct old_recipe {
  struct buffer file, image, discs[OLD_DISCS];
  size_t creator_at, sources_at, entries_at, delta_at, ranges_at,
    footer_at; /* in `file` */
  size_t n_entries;
};

extern const char *const old_disc_paths[OLD_DISCS];

void old_recipe_make (struct old_recipe *r, const struct old_options *o);
void old_recipe_free (struct old_recipe *r);

/* Put the checksums right, as far as the header's numbers make sense. */
void old_recipe_reseal (uint8_t *file, size_t len);

#endif /* MKVDUP_TEST_OLD_RECIPE_H */
