/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a recipe of the Go program, as they are and with all checksums put right:
 * refused with a message, or open; then its segments are refused, or all that segment.h
 * promises.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "naive.h"
#include "old-recipe.h"
#include "recipe.h"
#include "recipe_old.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* An image may claim more segments than it is worth to look at. */
#define MAX_SEGMENTS 4

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_segment (const struct recipe *r, uint32_t number)
{
  uint64_t start = (uint64_t) number << r->span_log2, left = r->image_size - start;
  uint32_t span = UINT32_C (1) << r->span_log2;
  struct segment_context ctx = { .number = number,
                                 .len = left < span ? (uint32_t) left : span,
                                 .n_sources = r->n_sources,
                                 .source_sizes = r->source_sizes };
  struct error err = ERROR_INIT;
  struct segment *seg = recipe_segment (r, number, &err);

  require (seg ? !naive_complaint (seg, &ctx) : err.text[0] != 0);
  segment_free (seg);
}

static void
check_recipe (const struct recipe *r)
{
  struct error err = ERROR_INIT;
  struct recipe_note *notes;
  size_t n;

  for (uint32_t i = 0; i < r->n_sources; i++) {
    require (recipe_path_is_safe (r->sources[i].path));
    require (r->sources[i].size == r->source_sizes[i]);
    require (r->sources[i].size <= SOURCE_MAX_SIZE);
  }
  if (recipe_notes (r, &notes, &n, &err) == 0)
    recipe_notes_free (notes, n);
  for (uint32_t i = 0; i < r->n_segments && i < MAX_SEGMENTS; i++)
    check_segment (r, i);
  if (r->n_segments > 0)
    check_segment (r, r->n_segments - 1);
  if (recipe_check (r, &err) == -1)
    require (err.text[0] != 0);
}

static void
try_open (const uint8_t *data, size_t size)
{
  CLEANUP_CLOSE int fd = memfd_create ("recipe", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  struct recipe *r;
  char path[32];

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = recipe_open (path, &err);
  require (r || strncmp (err.text, path, strlen (path)) == 0);
  if (r && recipe_old_facts (r))
    check_recipe (r);
  recipe_close (r);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_FREE uint8_t *copy = malloc (size + 1);

  try_open (data, size);
  if (!copy || size == 0)
    return 0;
  memcpy (copy, data, size);
  old_recipe_reseal (copy, size);
  try_open (copy, size);
  return 0;
}
