/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image at a glance: how many of its bytes come about in which way and from which source,
 * the longest runs of bytes that are on no source, and a map: *columns* are equal parts of the
 * image, *rows* are parts of the sources, one below the other, and a cell says how many bytes
 * of its column come from its row.
 *
 * Its memory depends on columns and rows alone, and on the number of sources.
 */
#ifndef MKVDUP_RECIPE_MAP_H
#define MKVDUP_RECIPE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "recipe.h"

enum map_kind {
  MAP_LITERAL, /* in the recipe, stored or modelled */
  MAP_FILL,
  MAP_COPY,
  MAP_TRANSFORM,
  MAP_RECODED,
  MAP_KINDS,
};

/* "literal", …  Static. */
const char *map_kind_name (enum map_kind kind);

/* Bytes that lie together in the image. */
struct map_run {
  uint64_t at, len;
};

#define MAP_RUNS 16u

struct recipe_map {
  unsigned n_columns, n_rows; /* 0: there is no map */
  uint32_t n_sources;
  uint64_t image_size;
  uint64_t bytes[MAP_KINDS]; /* they sum up to image_size */
  uint64_t *source_bytes;    /* of the image, from each source; owned, as is all below */
  unsigned *first_row;       /* of each source, and behind the last */
  uint64_t (*columns)[MAP_KINDS];
  uint64_t *cells;               /* [column * n_rows + row] */
  uint64_t n_runs;               /* of literal bytes … */
  struct map_run runs[MAP_RUNS]; /* … the longest of them, those first */
  unsigned n_longest;
};

#define CLEANUP_RECIPE_MAP __attribute__ ((cleanup (recipe_map_free)))

/*
 * Make one.  Rows are shared out by the sources' sizes, but each source gets a quarter of an
 * equal share and one at least: so there may be more than `rows` of them.  `threads` decode.  What is to be freed is freed on
 * failure.
 */
int recipe_map_make (struct recipe_map *map, const struct recipe *recipe,
                     unsigned columns, unsigned rows, unsigned threads,
                     struct error *err);
void recipe_map_free (struct recipe_map *map);

/* Where column `i` begins in the image; that of n_columns is its end. */
uint64_t recipe_map_column_at (const struct recipe_map *map, unsigned i);

#endif /* MKVDUP_RECIPE_MAP_H */
