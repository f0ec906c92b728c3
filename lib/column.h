/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A column: one field of many records, coded together.
 *
 * Values are split into byte planes (all lowest bytes, then all second bytes, …),
 * and each plane is stored, collapsed if constant, or given to zstd.  In frame
 * lengths the low byte is noise and the rest is not: apart, each costs what it
 * is worth; mixed, as varints, the noise spoils the rest.  A column of few different
 * values (the steps of a clock) is their list and a plane of indexes instead; one of a few
 * hundred numbers, for which zstd's tables do not pay, goes through the range coder.
 *
 * See docs/format.md, "Columns".
 */
#ifndef MKVDUP_COLUMN_H
#define MKVDUP_COLUMN_H

#include <stdint.h>

#include "buffer.h"

/* Append the coded form of `n` values to `out` (nothing for n == 0).  Out of
 * memory shows as out->failed.
 */
void column_encode (struct buffer *out, const uint64_t *values, size_t n);

/* Read back `n` values; malformed input sets r->failed, and the values are then
 * unspecified.  Uses O(n) memory at most.
 */
void column_decode (struct reader *r, uint64_t *values, size_t n);

/* The same for one plane of bytes: stored, constant or zstd, whichever is
 * smallest.  Also what literal bytes are coded with.
 */
void plane_encode (struct buffer *out, const uint8_t *bytes, size_t n);
void plane_decode (struct reader *r, uint8_t *bytes, size_t n);

#endif /* MKVDUP_COLUMN_H */
