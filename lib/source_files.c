/* SPDX-License-Identifier: BSD-3-Clause */
/* Files by size: see source_files.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "globs.h"
#include "source_files.h"

/* A walk. */
struct walking {
  struct source_files *all;
  const char *place;
  size_t number; /* of the place */
};

const char *
source_files_below (const char *place, const char *path)
{
  size_t len = strlen (place);

  if (len == 0 || strncmp (place, path, len) != 0 ||
      (path[len] != '/' && place[len - 1] != '/'))
    return NULL;
  path += len;
  while (*path == '/')
    path++;
  return path;
}

/* Room for one more. */
static int
grow (struct source_files *all, const char *path, struct error *err)
{
  size_t cap = all->cap ? all->cap * 2 : 64;
  struct source_file *files;

  if (all->n < all->cap)
    return 0;
  files = realloc (all->files, cap * sizeof *files);
  if (!files)
    return error_set (err, ENOMEM, "%s", path);
  all->files = files;
  all->cap = cap;
  return 0;
}

static int
note_file (void *opaque, const char *path, struct error *err)
{
  const struct walking *w = opaque;
  struct source_files *all = w->all;
  const char *below = source_files_below (w->place, path);
  struct stat st;
  char *copy;

  if (!below || lstat (path, &st) == -1 || !S_ISREG (st.st_mode))
    return 0;
  if (all->n == SOURCE_FILES_MAX)
    return error_set (err, 0, "%s: more than %u files to search", path, SOURCE_FILES_MAX);
  if (grow (all, path, err) == -1)
    return -1;
  copy = strdup (below);
  if (!copy)
    return error_set (err, ENOMEM, "%s", path);
  all->files[all->n] =
    (struct source_file){ (uint64_t) st.st_size, all->n, w->number, copy };
  all->n++;
  return 0;
}

static int
pass_folder (void *watcher, const char *path, struct error *err)
{
  (void) watcher;
  (void) path;
  (void) err;
  return 0;
}

/* A folder that cannot be read may well not hold what is wanted. */
static int
pass_unreadable (void *watcher, const struct error *why)
{
  (void) watcher;
  (void) why;
  return 0;
}

static int
by_size (const void *a, const void *b)
{
  const struct source_file *x = a, *y = b;

  if (x->size != y->size)
    return x->size < y->size ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

int
source_files_find (struct source_files *all, char *const *places, size_t n_places,
                   struct error *err)
{
  struct walking w = { .all = all };
  const struct globs_calls calls = { .file = note_file,
                                     .opaque = &w,
                                     .folder = pass_folder,
                                     .unreadable = pass_unreadable,
                                     .skip_links = true };
  int r = 0;

  source_files_free (all);
  for (size_t i = 0; r == 0 && i < n_places; i++) {
    w.place = places[i];
    w.number = i;
    r = globs_below (places[i], &calls, err);
  }
  if (all->n > 0)
    qsort (all->files, all->n, sizeof *all->files, by_size);
  return r;
}

void
source_files_free (struct source_files *all)
{
  for (size_t i = 0; i < all->n; i++)
    free (all->files[i].path);
  free (all->files);
  *all = (struct source_files){ 0 };
}

size_t
source_files_first (const struct source_files *all, uint64_t size)
{
  size_t low = 0, high = all->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (all->files[middle].size < size)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
