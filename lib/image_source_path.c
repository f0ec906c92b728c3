/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a source is called when people are told of it: where it was found last.
 *
 * Paths are read without a lock, by whoever has something to tell, so none is freed while the
 * image is open.  None is kept twice: a source that goes back and forth between two files has
 * two.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "image_parts.h"

/* Paths that a source was found at before. */
struct path_list {
  struct path_list *next;
  char *path; /* owned */
};

void
image_source_take_path (struct image_source *s, struct source *found)
{
  struct path_list *former = s->paths;
  char *path = found->path;

  if (strcmp (s->source.path, path) == 0)
    return;
  while (former && strcmp (former->path, path) != 0)
    former = former->next;
  if (former)
    path = former->path;
  else {
    former = malloc (sizeof *former);
    if (!former)
      return;
    former->next = s->paths;
    s->paths = former;
    found->path = NULL;
  }
  former->path = atomic_exchange (&s->source.path, path);
}

void
image_source_free_paths (struct image_source *s)
{
  struct path_list *next;

  for (struct path_list *l = s->paths; l; l = next) {
    next = l->next;
    free (l->path);
    free (l);
  }
}

const char *
image_source_path (const struct image *img, uint32_t number)
{
  const struct image_source *s = &img->sources[number];

  return atomic_load_explicit (&s->is_open, memory_order_acquire)
           ? s->source.path
           : img->recipe->sources[number].path;
}

/* The earlier of two moments, of which 0 is none. */
static int64_t
earlier (int64_t a, int64_t b)
{
  return a == 0 || (b != 0 && b < a) ? b : a;
}

const char *
image_awaited (struct image *img)
{
  int64_t since = pulse_waited_since (&img->recipe_pulse);
  const char *longest = since ? img->recipe->path : NULL;

  for (uint32_t i = 0; i < img->recipe->n_sources; i++) {
    struct image_source *s = &img->sources[i];
    int64_t own = earlier (atomic_load (&s->looking), pulse_waited_since (&s->reading));

    if (earlier (own, since) == own && own != 0) {
      since = own;
      longest = image_source_path (img, i);
    }
  }
  return longest;
}
