/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anchors: places chosen by content, so that the same bytes are found again
 * whatever stands around them.
 *
 * A gear hash rolls over the bytes; being shifted out after 64 bytes, its value at a
 * position depends on just the 64 bytes before it.  Where it is below ANCHOR_LIMIT (one
 * position in 256) is a candidate.  Of a disc, only the candidates with the smallest
 * values of each stretch are kept; of an MKV, every candidate is looked up, and only
 * where no match is known already.  So the memory is bounded by the stretches, and the
 * density on the disc can be whatever it likes.
 *
 * What is looked up is the XXH3 of the window.  An equal hash is a hint: matches are
 * verified byte by byte.
 */
#ifndef MKVDUP_ANCHOR_H
#define MKVDUP_ANCHOR_H

#include <stddef.h>
#include <stdint.h>

#define ANCHOR_WINDOW 64
#define ANCHOR_LIMIT (UINT64_C (1) << 56)

/* Kept of each stream in each chunk of a source, at most: so that a stretch of 15 KB of a
 * picture has one, and a sound frame or two.
 */
#define ANCHORS_PER_CHUNK 64

/* So many for sources of `bytes` in all: fewer on discs larger than a DVD, so that
 * the table of any disc is tens of megabytes.
 */
unsigned anchors_per_chunk (uint64_t bytes);

/* A chosen window: data[at, at + ANCHOR_WINDOW). */
struct anchor_pick {
  uint64_t gear; /* the smaller, the better */
  uint32_t at;
};

/* Choose up to `max` windows of data[0, len) with the smallest gear values, no two with
 * the same value; how many.  In no particular order, but the same every time.
 */
size_t anchor_pick (const uint8_t *data, size_t len, struct anchor_pick *picks,
                    size_t max);

/* The start of the next candidate window at or after `from`, or `len` if there is none.
 */
size_t anchor_next (const uint8_t *data, size_t len, size_t from);

uint64_t anchor_hash (const uint8_t *window);

/* Where a window was seen: 16 bytes each, megabytes for a disc. */
struct anchor {
  uint64_t hash;
  uint64_t view : 16; /* number of the ES view */
  uint64_t at : 48;   /* offset in it */
};

#define ANCHOR_MAX_VIEWS 65536

struct anchor_table {
  struct anchor *anchors; /* sorted by hash, view, at; owned */
  size_t n;
  uint32_t *buckets; /* by the hash's upper bits: the first anchor of each; owned */
};

/* Sort and take over `anchors` (from malloc).  -1 when out of memory, then nothing is
 * taken.
 */
int anchor_table_init (struct anchor_table *t, struct anchor *anchors, size_t n);
void anchor_table_free (struct anchor_table *t);

/* All anchors with this hash: the first, and how many. */
const struct anchor *anchor_find (const struct anchor_table *t, uint64_t hash, size_t *n);

#endif /* MKVDUP_ANCHOR_H */
