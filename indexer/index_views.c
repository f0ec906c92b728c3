/* SPDX-License-Identifier: BSD-3-Clause */
/* From what was found in each chunk to views and anchors: see index_views.h. */
#include "config.h"

#include <stdlib.h>

#include "index_views.h"

/* The view of a stream among those from `first` on, a new one if need be; NULL when out of
 * memory.
 */
static struct view *
find_view (struct disc_index *index, size_t first, uint32_t source, uint32_t part,
           uint32_t key)
{
  struct view *v;

  for (size_t i = first; i < index->n_views; i++)
    if (index->views[i].key == key)
      return &index->views[i];
  if (index->n_views == index->cap_views) {
    index->cap_views = index->cap_views ? 2 * index->cap_views : 16;
    v = reallocarray (index->views, index->cap_views, sizeof *v);
    if (!v)
      return NULL;
    index->views = v;
  }
  v = &index->views[index->n_views++];
  *v = (struct view){ .source = source, .part = part, .key = key };
  return v;
}

static int
extend_view (struct view *v, uint32_t chunk, uint32_t len)
{
  if (v->n_chunks == v->cap_chunks) {
    size_t more = v->cap_chunks ? 2 * v->cap_chunks : 64;
    struct view_chunk *p = reallocarray (v->chunks, more, sizeof *p);

    if (!p)
      return -1;
    v->chunks = p;
    v->cap_chunks = more;
  }
  v->chunks[v->n_chunks++] = (struct view_chunk){ chunk, v->len };
  v->len += len;
  return 0;
}

/* Anchors being gathered from all chunks. */
struct gathering {
  struct anchor *anchors;
  size_t n;
};

static int
add_stream (struct disc_index *index, size_t first_view, uint32_t source, uint32_t chunk,
            const struct found_stream *f, struct gathering *g)
{
  uint32_t part = index->sources[source].chunks.chunks[chunk].part;
  struct view *v = find_view (index, first_view, source, part, f->key);
  uint64_t start;
  size_t number;

  if (!v)
    return -1;
  number = (size_t) (v - index->views);
  start = v->len;
  if (extend_view (v, chunk, f->len) == -1)
    return -1;
  for (uint32_t i = 0; i < f->n_anchors && number < ANCHOR_MAX_VIEWS; i++)
    g->anchors[g->n++] = (struct anchor){ .hash = f->anchors[i].hash,
                                          .view = number,
                                          .at = start + f->anchors[i].at };
  return 0;
}

static size_t
count_anchors (const struct disc_index *index, struct found_chunk *const *found)
{
  size_t n = 0;

  for (size_t s = 0; s < index->n_sources; s++)
    for (uint32_t c = 0; c < index->sources[s].chunks.n; c++)
      for (size_t i = 0; i < found[s][c].n_streams; i++)
        n += found[s][c].streams[i].n_anchors;
  return n;
}

/* All streams of one chunk. */
static int
add_chunk (struct disc_index *index, size_t first_view, uint32_t source, uint32_t chunk,
           const struct found_chunk *found, struct gathering *g)
{
  for (size_t i = 0; i < found->n_streams; i++)
    if (add_stream (index, first_view, source, chunk, &found->streams[i], g) == -1)
      return -1;
  return 0;
}

/* All chunks of one source, part by part: a part's views follow each other. */
static int
add_source (struct disc_index *index, uint32_t source, const struct found_chunk *found,
            struct gathering *g)
{
  const struct chunk_list *list = &index->sources[source].chunks;
  size_t first_view = index->n_views;
  uint32_t part = CHUNK_NO_PART;

  for (uint32_t i = 0; i < list->n_order; i++) {
    uint32_t chunk = list->order[i];

    if (list->chunks[chunk].part != part)
      first_view = index->n_views;
    part = list->chunks[chunk].part;
    if (add_chunk (index, first_view, source, chunk, &found[chunk], g) == -1)
      return -1;
  }
  return 0;
}

int
index_assemble (struct disc_index *index, struct found_chunk *const *found)
{
  size_t most = count_anchors (index, found);
  struct gathering g = { malloc ((most + 1) * sizeof *g.anchors), 0 };
  int r = g.anchors ? 0 : -1;

  for (size_t s = 0; r == 0 && s < index->n_sources; s++)
    r = add_source (index, (uint32_t) s, found[s], &g);
  if (r == 0)
    r = anchor_table_init (&index->anchors, g.anchors, g.n);
  if (r == -1)
    free (g.anchors);
  return r;
}
