/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as an index of sources: what is remembered is in order and within bounds, and
 * comes back when it is written and read.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source_index.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static int
compare (const struct source_index_entry *a, const struct source_index_entry *b)
{
  int order = memcmp (a->hash, b->hash, sizeof a->hash);

  return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

static void
check_entry (const struct source_index *index, size_t i)
{
  const struct source_index_entry *e = &index->entries[i];
  struct recipe_source id = { .size = e->size };

  require (i == 0 || compare (e - 1, e) < 0);
  require (e->path[0] != '\0' && !strchr (e->path, '\n'));
  memcpy (id.hash, e->hash, sizeof id.hash);
  require (source_index_find (index, &id) == e->path);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct source_index index = { 0 }, back = { 0 };
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

  source_index_parse (&index, (const char *) data, size);
  source_index_format (&index, &text);
  require (!text.failed);
  source_index_parse (&back, (const char *) text.data, text.len);
  require (back.n == index.n);
  for (size_t i = 0; i < index.n; i++) {
    check_entry (&index, i);
    require (compare (&index.entries[i], &back.entries[i]) == 0);
    require (strcmp (index.entries[i].path, back.entries[i].path) == 0);
  }
  source_index_free (&index);
  source_index_free (&back);
  return 0;
}
