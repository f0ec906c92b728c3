/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a decoded segment has to satisfy, and the obvious way to run one: a byte at a
 * time, with nothing merged and nothing assumed.  Tests and fuzzers hold the real
 * code against it.
 */
#ifndef MKVDUP_TEST_NAIVE_H
#define MKVDUP_TEST_NAIVE_H

#include <stddef.h>
#include <stdint.h>

#include "segment.h"

/* NULL if everything that segment.h promises holds, else what does not. */
const char *naive_complaint (const struct segment *seg,
                             const struct segment_context *ctx);

/* What a transform, and a recoding, have to give.  The caller frees *naive_recode (). */
void naive_transform (enum transform_kind kind, uint8_t *data, size_t len);
uint8_t *naive_recode (enum transform_kind kind, const uint8_t *material, size_t n,
                       size_t *len);

/* Rebuild the segment's bytes from the contents of its sources into `out` (seg->len).
 * Aborts if a check is wrong.
 */
void naive_rebuild (const struct segment *seg, const uint8_t *const *sources,
                    uint8_t *out);

#endif /* MKVDUP_TEST_NAIVE_H */
