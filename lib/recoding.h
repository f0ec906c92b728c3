/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recodings: pure functions from a run of source bytes to a run of image bytes of
 * another length.  See segment.h for their kinds, docs/format.md for what they do.
 *
 * Deflating is the one function here that is not ours, and whose result no standard
 * fixes: another release of zlib, or another library in its place, may give other bytes
 * that inflate to the same.  So a recipe says which one made it, and has a check of
 * every deflated result: where that does not agree nothing is served.
 *
 * Thread safe.
 */
#ifndef MKVDUP_RECODING_H
#define MKVDUP_RECODING_H

#include <stddef.h>
#include <stdint.h>

#include "segment.h"

/* Bytes of material of one recoding: whoever reads one byte of the result pays for all
 * of it.  A picture of a Blu-ray, or all of a subtitle, is less.
 */
#define RECODING_MAX_MATERIAL (4u << 20)

/* … and of all recodings of a segment: bounds what a hostile recipe can make us do. */
#define SEGMENT_MAX_MATERIAL (64u << 20)

/*
 * Each `in` bytes of material make `out` bytes by themselves; in == 0: only all of the
 * material makes anything.  For transforms both are transform_unit().
 */
struct recoding_unit {
  unsigned in, out;
};

struct recoding_unit recoding_unit (enum transform_kind kind);

/* The most bytes that `n` bytes of material can give; 0 if they cannot be recoded (none,
 * too many, or no whole number of units).
 */
size_t recoding_bound (enum transform_kind kind, size_t n);

/* Recode into `out`, which has room for recoding_bound(); how many bytes that gave, 0
 * when out of memory.
 */
size_t recoding_apply (enum transform_kind kind, const uint8_t *material, size_t n,
                       uint8_t *out);

/* What a recipe has to recognise a result by: the lower half of its XXH3. */
uint32_t recoding_check (const uint8_t *result, size_t len);

/* The version of the zlib in use, as zlib names it: "1.2.13", … */
const char *recoding_zlib (void);

#endif /* MKVDUP_RECODING_H */
