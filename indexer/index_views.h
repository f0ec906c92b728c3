/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting together what the threads of index.c found, in the order of sources and
 * chunks: views are numbered by first appearance, whoever was first.  Not for others.
 */
#ifndef MKVDUP_INDEX_VIEWS_H
#define MKVDUP_INDEX_VIEWS_H

#include "index.h"

/* What one chunk holds of one stream. */
struct found_stream {
  uint32_t key, len;
  uint32_t n_anchors;
  struct found_anchor {
    uint64_t hash;
    uint32_t at;
  } * anchors; /* owned */
};

struct found_chunk {
  struct found_stream *streams; /* owned */
  size_t n_streams;
};

/* Fill in the views and the anchors of an index whose sources are known; found[s][c] is
 * of chunk c of source s.  -1 when out of memory.
 */
int index_assemble (struct disc_index *index, struct found_chunk *const *found);

#endif /* MKVDUP_INDEX_VIEWS_H */
