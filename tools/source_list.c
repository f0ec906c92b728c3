/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources to be hashed: see source_list.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "source_hash.h"
#include "source_list.h"

/* ---- The list */

static void
free_source (struct listed_source *s)
{
  free (s->id.path);
  free (s->why);
}

void
source_list_free (struct source_list *all)
{
  for (size_t i = 0; i < all->n; i++)
    free_source (&all->list[i]);
  free (all->list);
  *all = (struct source_list){ 0 };
}

static int
grow (struct source_list *all, const char *path, struct error *err)
{
  size_t cap = all->cap ? all->cap * 2 : 16;
  struct listed_source *list;

  if (all->n < all->cap)
    return 0;
  list = realloc (all->list, cap * sizeof *list);
  if (!list)
    return error_set (err, ENOMEM, "%s", path);
  all->list = list;
  all->cap = cap;
  return 0;
}

static int
add (struct source_list *all, const struct source *src, const struct recipe_source *id,
     struct error *err)
{
  struct listed_source s = { .id = *id };
  struct stat st;

  if (grow (all, src->path, err) == -1)
    return -1;
  if (fstat (src->fd, &st) == -1)
    return error_set (err, errno, "%s", src->path);
  s.dev = S_ISBLK (st.st_mode) ? st.st_rdev : st.st_dev;
  s.ino = S_ISBLK (st.st_mode) ? 0 : st.st_ino;
  if (identity_of_source (src, id, s.identity, err) == -1)
    return -1;
  s.id.path = strdup (src->path);
  if (!s.id.path)
    return error_set (err, ENOMEM, "%s", src->path);
  all->list[all->n++] = s;
  return 0;
}

int
source_list_add (struct source_list *all, struct image *img, struct error *err)
{
  const struct recipe *recipe = image_recipe (img);
  struct error ignored = ERROR_INIT;

  for (uint32_t i = 0; i < recipe->n_sources; i++) {
    const struct source *src = image_source (img, i, &ignored);

    if (src && add (all, src, &recipe->sources[i], err) == -1)
      return -1;
  }
  return 0;
}

static int
by_file (const void *a, const void *b)
{
  const struct listed_source *x = a, *y = b;

  if (x->dev != y->dev)
    return x->dev < y->dev ? -1 : 1;
  if (x->ino != y->ino)
    return x->ino < y->ino ? -1 : 1;
  return memcmp (x->id.hash, y->id.hash, sizeof x->id.hash);
}

static int
by_path (const void *a, const void *b)
{
  const struct listed_source *x = a, *y = b;

  return strcmp (x->id.path, y->id.path);
}

/* Recipes that do not agree about the hash of a file have it hashed for each. */
void
source_list_sort (struct source_list *all)
{
  size_t n = 0;

  if (all->n == 0)
    return;
  qsort (all->list, all->n, sizeof *all->list, by_file);
  for (size_t i = 0; i < all->n; i++)
    if (n > 0 && by_file (&all->list[n - 1], &all->list[i]) == 0)
      free_source (&all->list[i]);
    else
      all->list[n++] = all->list[i];
  all->n = n;
  qsort (all->list, n, sizeof *all->list, by_path);
}

uint64_t
source_list_bytes (const struct source_list *all)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < all->n; i++)
    if (all->list[i].result == SOURCE_WAITS)
      bytes += all->list[i].id.size;
  return bytes;
}

/* ---- Hashing */

struct hashing {
  struct source_list *all;
  source_list_progress_fn *progress;
  source_list_done_fn *done;
  void *opaque;
  pthread_mutex_t lock; /* guards is_taken and is_done, and what follows */
  bool stop;
};

static bool
is_busy (const struct source_list *all, uint64_t dev)
{
  for (size_t i = 0; i < all->n; i++)
    if (all->list[i].is_taken && !all->list[i].is_done && all->list[i].dev == dev)
      return true;
  return false;
}

/* One of a file system that nobody reads from.  NULL: whoever does takes the others. */
static struct listed_source *
take (struct hashing *h)
{
  LOCK_FOR_SCOPE (&h->lock);

  for (size_t i = 0; i < h->all->n && !h->stop; i++) {
    struct listed_source *s = &h->all->list[i];

    if (s->result == SOURCE_WAITS && !s->is_taken && !is_busy (h->all, s->dev)) {
      s->is_taken = true;
      return s;
    }
  }
  return NULL;
}

static bool
tell_progress (void *opaque, uint64_t more)
{
  struct hashing *h = opaque;
  LOCK_FOR_SCOPE (&h->lock);

  if (h->progress && !h->progress (h->opaque, more))
    h->stop = true;
  return !h->stop;
}

/* The file it was found at is opened anew: it may be another by now. */
static int
hash (struct hashing *h, struct listed_source *s, struct error *err)
{
  const char *place = s->id.path;
  struct source src = SOURCE_INIT;
  int r = source_open (&s->id, &place, 1, false, &src, err);

  if (r == -1)
    return -1;
  r = identity_of_source (&src, &s->id, s->identity, err);
  if (r == 0)
    r = source_check_hash (&src, &s->id, tell_progress, h, err);
  source_close (&src);
  return r;
}

static void
hash_and_tell (struct hashing *h, struct listed_source *s)
{
  struct error why = ERROR_INIT;
  int r;

  s->begun = (int64_t) time (NULL);
  r = hash (h, s, &why);
  LOCK_FOR_SCOPE (&h->lock);
  s->is_done = true;
  if (r == -1 && why.errnum == ECANCELED)
    return;
  s->result = r == 0 ? SOURCE_GOOD : SOURCE_BAD;
  s->why = r == 0 ? NULL : malloc (sizeof *s->why);
  if (s->why)
    *s->why = why;
  if (h->done)
    h->done (h->opaque, s);
}

static void *
work (void *opaque)
{
  struct hashing *h = opaque;
  struct listed_source *s;

  while ((s = take (h)))
    hash_and_tell (h, s);
  return NULL;
}

void
source_list_hash (struct source_list *all, unsigned threads,
                  source_list_progress_fn *progress, source_list_done_fn *done,
                  void *opaque)
{
  struct hashing h = { all, progress, done, opaque, PTHREAD_MUTEX_INITIALIZER, false };
  CLEANUP_FREE pthread_t *others = calloc (threads, sizeof *others);
  unsigned n = 0;

  /* This thread is one of them.  Fewer than asked for will do. */
  while (others && n + 1 < threads && n + 1 < all->n &&
         pthread_create (&others[n], NULL, work, &h) == 0)
    n++;
  work (&h);
  while (n > 0)
    pthread_join (others[--n], NULL);
}
