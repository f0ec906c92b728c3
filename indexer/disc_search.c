/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking for discs: see disc_search.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "disc.h"
#include "disc_search.h"
#include "globs.h"

/* Folders that hold a disc's files, as its standard calls them: DVD-Video, Blu-ray, AVCHD on
 * other media, HD DVD.
 */
static const char *const disc_folders[] = { "VIDEO_TS", "BDMV", "AVCHD", "HVDVD_TS" };
#define N_DISC_FOLDERS (sizeof disc_folders / sizeof disc_folders[0])

/* One walk. */
struct looking {
  struct disc_search *search;
  disc_search_unreadable_fn *unreadable;
  void *opaque;
};

static bool
is_disc_folder (const char *name, size_t len)
{
  for (size_t i = 0; i < N_DISC_FOLDERS; i++)
    if (strlen (disc_folders[i]) == len && strncasecmp (name, disc_folders[i], len) == 0)
      return true;
  return false;
}

/* Cut the path of a file behind the first of these folders. */
static void
cut_to_disc (char *path)
{
  const char *name = path + 1, *slash;

  while ((slash = strchr (name, '/'))) {
    if (is_disc_folder (name, (size_t) (slash - name))) {
      path[slash - path] = '\0';
      return;
    }
    name = slash + 1;
  }
}

/* Takes `path` over. */
static int
put (struct disc_search *s, char *path, struct error *err)
{
  if (s->n == s->cap) {
    size_t cap = s->cap ? 2 * s->cap : 64;
    char **p = reallocarray (s->paths, cap, sizeof *p);

    if (!p) {
      free (path);
      return error_set (err, ENOMEM, "looking for discs");
    }
    s->paths = p;
    s->cap = cap;
  }
  s->paths[s->n++] = path;
  return 0;
}

/* What vanished meanwhile, or is no file, is none. */
static int
look_at (void *opaque, const char *path, struct error *err)
{
  struct looking *l = opaque;
  struct disc_search *s = l->search;
  CLEANUP_FREE char *real = realpath (path, NULL);
  struct stat st;

  if (!real)
    return errno == ENOMEM ? error_set (err, ENOMEM, "%s", path) : 0;
  if (stat (real, &st) == -1 || !S_ISREG (st.st_mode))
    return 0;
  cut_to_disc (real);
  /* A disc's files come one after the other. */
  if (s->n > 0 && strcmp (s->paths[s->n - 1], real) == 0)
    return 0;
  return put (s, take_ptr (&real), err);
}

static int
enter_folder (void *watcher, const char *path, struct error *err)
{
  (void) watcher;
  (void) path;
  (void) err;
  return 0;
}

static int
tell_unreadable (void *watcher, const struct error *why)
{
  struct looking *l = watcher;

  l->unreadable (l->opaque, why);
  return 0;
}

int
disc_search_add (struct disc_search *search, const char *place,
                 disc_search_unreadable_fn *unreadable, void *opaque, struct error *err)
{
  struct looking l = { search, unreadable, opaque };
  const struct globs_calls calls = { .file = look_at,
                                     .opaque = &l,
                                     .folder = enter_folder,
                                     .unreadable = tell_unreadable,
                                     .watcher = &l };
  CLEANUP_FREE char *real = realpath (place, NULL);
  struct stat st;

  if (!real || stat (real, &st) == -1)
    return error_set (err, errno, "%s", place);
  return S_ISDIR (st.st_mode) ? globs_below (real, &calls, err) : look_at (&l, real, err);
}

static int
by_name (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

void
disc_search_sort (struct disc_search *s)
{
  size_t n = 0;

  if (s->n == 0)
    return;
  qsort (s->paths, s->n, sizeof *s->paths, by_name);
  for (size_t i = 1; i < s->n; i++)
    if (strcmp (s->paths[n], s->paths[i]) == 0)
      free (s->paths[i]);
    else
      s->paths[++n] = s->paths[i];
  s->n = n + 1;
}

void
disc_search_free (struct disc_search *s)
{
  for (size_t i = 0; i < s->n; i++)
    free (s->paths[i]);
  free (s->paths);
  *s = (struct disc_search){ 0 };
}

int
disc_search_is_disc (const char *path, bool *is, struct error *err)
{
  struct stat st;

  *is = true;
  if (stat (path, &st) == -1)
    return error_set (err, errno, "%s", path);
  return S_ISDIR (st.st_mode) ? 0 : disc_has_file (path, is, err);
}
