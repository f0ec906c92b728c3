/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where sources were found, and the file that remembers it: see source_search.h for both
 * its format and its worth.
 *
 * Thread safety: none; source_search.c has a lock.
 */
#ifndef MKVDUP_SOURCE_INDEX_H
#define MKVDUP_SOURCE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "recipe.h"

/* More sources, or a larger file, are not remembered. */
#define SOURCE_INDEX_MAX 20000u
#define SOURCE_INDEX_MAX_FILE (UINT64_C (16) << 20)

struct source_index_entry {
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t size;
  char *path; /* owned */
};

struct source_index {
  struct source_index_entry *entries; /* sorted by hash and size; owned */
  size_t n, cap;
};

/* NULL if it is not remembered. */
const char *source_index_find (const struct source_index *index,
                               const struct recipe_source *id);

/* Remember; in place of what was remembered.  Out of memory, or a path with a line end:
 * then it is not.
 */
void source_index_put (struct source_index *index, const struct recipe_source *id,
                       const char *path);

/* Add what a file remembers and the index does not.  What is no line of an index is passed
 * over, and no file is an empty one.
 */
void source_index_read (struct source_index *index, const char *path);

/* The same of text in memory. */
void source_index_parse (struct source_index *index, const char *text, size_t len);

/* Text that says all; out->failed when out of memory. */
void source_index_format (const struct source_index *index, struct buffer *out);

int source_index_write (const struct source_index *index, const char *path,
                        struct error *err);
void source_index_free (struct source_index *index);

#endif /* MKVDUP_SOURCE_INDEX_H */
