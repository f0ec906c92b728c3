/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bounded cache of decoded segments, shared by all images and connections of
 * a process.  Least recently used goes first; what is in use stays until it is
 * put back, so the bound may be exceeded by what readers hold at one moment.  A segment
 * larger than the bound is served and dropped when it is put back.
 *
 * A segment is decoded outside the lock, by one thread; others that want the same
 * one meanwhile wait for it.  A decoding error is given to all who waited and is
 * not remembered: the next reader tries again.
 */
#ifndef MKVDUP_CACHE_H
#define MKVDUP_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "recipe.h"
#include "segment.h"

struct segment_cache; /* internally locked */

/* A segment borrowed from the cache: valid until it is put back. */
struct cached_segment {
  const struct segment *segment; /* owned by the cache */
};

/* What a cache holds at the moment, for tests and statistics. */
struct segment_cache_stats {
  size_t bytes, entries;
  uint64_t hits, misses, evictions; /* a hit may have had to wait for the decoder */
};

/* 64 MiB holds the operations of a whole DVD title. */
#define SEGMENT_CACHE_DEFAULT (UINT64_C (64) << 20)

/* NULL when out of memory. */
struct segment_cache *segment_cache_new (size_t max_bytes);

/* Nothing may be in use any more. */
void segment_cache_free (struct segment_cache *cache);

/* Segment `number` of `recipe`, decoded.  The recipe has to stay open until
 * segment_cache_forget.  Every segment got has to be put.  NULL with `err` set.
 * Thread safe.
 */
const struct cached_segment *segment_cache_get (struct segment_cache *cache,
                                                const struct recipe *recipe,
                                                uint32_t number, struct error *err);

/* The same, if it is there already; else NULL. */
const struct cached_segment *segment_cache_try (struct segment_cache *cache,
                                                const struct recipe *recipe,
                                                uint32_t number);
void segment_cache_put (struct segment_cache *cache, const struct cached_segment *got);

/* Drop every segment of a recipe about to be closed; none may be in use. */
void segment_cache_forget (struct segment_cache *cache, const struct recipe *recipe);

void segment_cache_get_stats (struct segment_cache *cache,
                              struct segment_cache_stats *stats);

#endif /* MKVDUP_CACHE_H */
