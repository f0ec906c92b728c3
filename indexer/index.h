/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a disc: one pass over its files hashes them, demuxes them into
 * ES views, and picks anchors.
 *
 * What is kept is how many bytes each stream has in each chunk, and the anchors: a
 * few megabytes for a DVD.  Where packets lie is found again by demuxing a
 * chunk a second time (view.h).
 *
 * Immutable once built; any number of threads may use it.
 */
#ifndef MKVDUP_INDEX_H
#define MKVDUP_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anchor.h"
#include "chunks.h"
#include "disc.h"
#include "error.h"
#include "file_id.h"
#include "recipe.h"

/* A file of the disc. */
struct index_source {
  const struct disc_file *file; /* borrowed from the disc */
  int fd;                       /* owned */
  struct file_id id;            /* when it was opened, … */
  int64_t opened_ns;            /* … which was then, since 1970 */
  struct chunk_list chunks;     /* owned */
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t sample;
  uint64_t packets;   /* of streams that are kept */
  uint64_t scrambled; /* of these: what is in them is in no view, … */
  uint8_t scrambling; /* … because of this: enum scrambling, a set */
};

/* One stream of one part of a source: its payload bytes as if contiguous. */
struct view {
  uint32_t source, part;
  uint32_t key; /* the demuxer's */
  uint64_t len; /* bytes */

  /* The chunks that hold bytes of it, in order; chunk k holds [start, next start). */
  struct view_chunk {
    uint32_t chunk;
    uint64_t start;
  } * chunks; /* owned */
  size_t n_chunks, cap_chunks;
};

struct disc_index {
  struct index_source *sources; /* as many as the disc has files; owned */
  size_t n_sources;
  struct view *views; /* owned */
  size_t n_views, cap_views;
  struct anchor_table anchors;
  uint64_t bytes; /* of all sources */
};

/* Bytes of the sources read so far; false to stop.  One thread at a time. */
typedef bool index_progress_fn (void *opaque, uint64_t done, uint64_t total);

/* Build the index with `threads` threads (>= 1).  `disc` has to outlive it. */
int index_build (struct disc_index *index, const struct disc *disc, unsigned threads,
                 index_progress_fn *progress, void *opaque, struct error *err);
void index_free (struct disc_index *index);

/* The sources alone, opened, with their chunks; no views, hashes or samples.  On failure it is
 * empty.
 */
int index_open (struct disc_index *index, const struct disc *disc, struct error *err);

#endif /* MKVDUP_INDEX_H */
