/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recipes of the Go program that is called mkvdup, too: files of its formats V3 to V8
 * (docs/format.md says what is known of them).  One of them is another way to a `struct
 * recipe`: its sources are known at once, and its segments are made of the file's rows when
 * they are wanted; whoever reads an image does not see the difference.
 *
 * Opening reads the header, the table of sources and the footer.  What the file says of the
 * image has checksums of whole sections only, so all of it is read once, before the first
 * segment is made: each section's checksum, that the rows are sorted and cover the image, and
 * that each lies within its source.  What is kept of that is a hash of each block of the
 * file and where it begins in the image (or stream): 0.01 to 0.2 % of the file's size.  From then
 * on a block that is read again has to have that hash, so that a file which is written to
 * meanwhile is an error, never a wrong byte.
 *
 * Such a file has no Merkle levels, only the XXH64 of the whole image; and of its sources no
 * sample, only their size and XXH64.
 *
 * Thread safety: as recipe.h says.
 */
#ifndef MKVDUP_RECIPE_OLD_H
#define MKVDUP_RECIPE_OLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "recipe.h"

#define RECIPE_OLD_HEADER 60 /* bytes */

/* What such a file says of itself. */
struct recipe_old_facts {
  unsigned version;     /* 3 to 8 */
  uint64_t hash;        /* XXH64 of the image, seed 0 */
  char *creator;        /* "" before V5; owned by the recipe */
  uint64_t n_entries;   /* rows of the table of copies */
  uint64_t entries_len; /* bytes of the file's sections */
  uint64_t delta_len, ranges_len;
};

/* NULL: it is a recipe of ours. */
const struct recipe_old_facts *recipe_old_facts (const struct recipe *r);

/* The error of who asks for its digests (EOPNOTSUPP).  Always returns -1. */
int recipe_old_no_digests (const struct recipe *r, struct error *err);

/* ---- For recipe_*.c */

struct recipe_old;

/* Does a file begin so?  `header` has 8 bytes. */
bool recipe_old_is (const uint8_t *header);

/* Take the image's size from the first 56 bytes. */
int recipe_old_peek (struct recipe *r, const uint8_t *header, struct error *err);

/* Fill in `r`, whose file is open, and whose size is known. */
int recipe_old_open (struct recipe *r, struct error *err);
void recipe_old_free (struct recipe_old *old);

/* As recipe_segment and recipe_check. */
struct segment *recipe_old_segment (const struct recipe *r, uint32_t number,
                                    struct error *err);
int recipe_old_check (const struct recipe *r, struct error *err);

#endif /* MKVDUP_RECIPE_OLD_H */
