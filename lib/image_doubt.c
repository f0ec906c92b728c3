/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources that have changed, or were replaced, or have had wrong bytes, while this process
 * served them: nothing of them is handed out that is not proven (image_salvage).
 *
 * That is known for the process and not for an image: images come and go, and several are made
 * of one disc; who comes later finds a sample that is right, and a change that is long ago.  So
 * it is remembered, too, what file was found where: a change between two images shows.  It is
 * never forgotten; there are no more of them than a library has sources.
 */
#include "config.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image_blame.h"
#include "image_parts.h"

/* A source, by what it is to be, and a path that it was found at; "" is for wherever it is. */
struct sighting {
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t size;
  const char *path; /* owned by those in a tree */
  dev_t dev;        /* the file that was found first */
  ino_t ino;
  int64_t ctime;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static void *sightings;     /* a tree of struct sighting (tsearch(3)) */
static void *doubted;       /* another, of those with the path "" */
static bool is_all_doubted; /* memory ran out */

static int
compare (const void *a, const void *b)
{
  const struct sighting *x = a, *y = b;
  int r = memcmp (x->hash, y->hash, sizeof x->hash);

  if (r != 0 || x->size != y->size)
    return r != 0 ? r : (x->size < y->size ? -1 : 1);
  return strcmp (x->path, y->path);
}

static struct sighting
sighting_of (const struct recipe_source *recorded, const char *path)
{
  struct sighting s = { .size = recorded->size, .path = path };

  memcpy (s.hash, recorded->hash, sizeof s.hash);
  return s;
}

/* With the lock held.  What is like it in the tree; a copy of it if nothing was.  NULL when out
 * of memory.
 */
static const struct sighting *
enter (void **tree, const struct sighting *s)
{
  struct sighting *mine, **there = tfind (s, tree, compare);
  char *path;

  if (there)
    return *there;
  mine = malloc (sizeof *mine);
  path = strdup (s->path);
  if (mine && path) {
    *mine = *s;
    mine->path = path;
    there = tsearch (mine, tree, compare);
  }
  if (there)
    return mine;
  free (mine);
  free (path);
  return NULL;
}

/* With the lock held. */
static void
doubt (const struct recipe_source *recorded)
{
  const struct sighting s = sighting_of (recorded, "");

  if (!enter (&doubted, &s))
    is_all_doubted = true;
}

void
image_doubt (const struct image *img, uint32_t number)
{
  if (!img->proof.salvages)
    return;
  LOCK_FOR_SCOPE (&lock);
  doubt (&img->recipe->sources[number]);
}

void
image_doubt_other (const struct image *img, uint32_t number, const struct source *found,
                   const struct stat *st)
{
  const struct recipe_source *recorded = &img->recipe->sources[number];
  struct sighting now = sighting_of (recorded, found->path);
  const struct sighting *first;

  if (!img->proof.salvages)
    return;
  now.dev = st->st_dev;
  now.ino = st->st_ino;
  now.ctime = atomic_load (&found->ctime);
  LOCK_FOR_SCOPE (&lock);
  first = enter (&sightings, &now);
  if (!first || first->dev != now.dev || first->ino != now.ino ||
      first->ctime != now.ctime)
    doubt (recorded);
}

void
image_doubt_range (struct image *img, uint64_t offset, size_t len)
{
  CLEANUP_FREE struct image_blame *blames = NULL;
  struct error ignored = ERROR_INIT;
  size_t n = 0;

  if (!img->proof.salvages)
    return;
  if (image_blame (img, offset, len, &blames, &n, &ignored) == 0 && n > 0)
    for (size_t i = 0; i < n; i++)
      image_doubt (img, blames[i].source);
  else
    for (uint32_t i = 0; i < img->recipe->n_sources; i++)
      image_doubt (img, i);
}

bool
image_is_doubted (const struct image *img, uint32_t number)
{
  const struct sighting s = sighting_of (&img->recipe->sources[number], "");
  LOCK_FOR_SCOPE (&lock);

  return is_all_doubted || tfind (&s, &doubted, compare);
}
