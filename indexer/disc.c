/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From what the user named to the files that hold streams.
 *
 * All paths are resolved first (realpath), so that what is named twice, or reached by
 * symbolic links too, is one file, and so that `base` + `relative` can be opened
 * without following links when the recipe is served.  What a file is, is asked of the
 * demuxers and never of its name.  Directory trees are walked with fts, which
 * follows no links and so knows no cycles.
 *
 * Rips and recipes may lie beside their discs.  They are no discs, though one may hold
 * a piece of a program stream (an attachment, what was found nowhere).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "cleanup.h"
#include "disc.h"
#include "disc_parts.h"
#include "ebml.h"
#include "recipe.h"
#include "recipe_format.h"
#include "whole_io.h"

/* A smaller file in a directory holds no stream worth a source of its own. */
#define MIN_SIZE 4096

/* Discs have 4 levels, collections of discs a few more. */
#define MAX_DEPTH 32

/* The resolved names of all sources. */
struct names {
  size_t n;
  char **name; /* owned, as are its strings */
};

static void
names_free (struct names *names)
{
  for (size_t i = 0; i < names->n; i++)
    free (names->name[i]);
  free (names->name);
}

static void
cleanup_fts (FTS **fts)
{
  if (*fts)
    fts_close (*fts);
}

static void
file_free (struct disc_file *f)
{
  free (f->path);
  free (f->relative);
  disc_free_parts (f);
}

void
disc_free (struct disc *disc)
{
  for (size_t i = 0; i < disc->n_files; i++)
    file_free (&disc->files[i]);
  free (disc->files);
  free (disc->base);
  *disc = (struct disc){ NULL, NULL, 0 };
}

/* The part of `path` below directory `base`, or NULL if it is not below it. */
static const char *
below (const char *base, const char *path)
{
  size_t n = strlen (base);

  if (strcmp (base, "/") == 0)
    n = 0;
  if (strncmp (base, path, n) != 0 || path[n] != '/')
    return NULL;
  return path + n + 1;
}

/* From an absolute path to the directory that holds it. */
static void
cut_last_part (char *path)
{
  char *slash = strrchr (path, '/');

  slash[slash == path] = '\0';
}

/* Shorten `base` to the deepest directory that is `other` or holds it. */
static void
shorten_to_common (char *base, const char *other)
{
  while (strcmp (base, other) != 0 && !below (base, other))
    cut_last_part (base);
}

/* Resolve a source's name; its directory goes into `base`. */
static int
resolve (const char *source, char **name, char **base, struct error *err)
{
  struct stat st;
  char *dir;

  *name = realpath (source, NULL);
  if (!*name || stat (*name, &st) == -1)
    return error_set (err, errno, "%s", source);
  if (!S_ISDIR (st.st_mode) && !S_ISREG (st.st_mode))
    return error_set (err, 0, "%s: neither a file nor a directory", source);
  dir = strdup (*name);
  if (!dir)
    return error_set (err, errno, "%s", source);
  if (S_ISREG (st.st_mode))
    cut_last_part (dir);
  if (*base) {
    shorten_to_common (*base, dir);
    free (dir);
  }
  else
    *base = dir;
  return 0;
}

/* Take the file `fd`, whose kind is known. */
static int
add_file (struct disc *disc, const char *path, int fd, uint64_t size,
          const struct demuxer *demuxer, struct error *err)
{
  const char *relative = below (disc->base, path);
  struct disc_file *files, *f;

  if (!relative || !recipe_path_is_safe (relative))
    return error_set (err, 0, "%s: a recipe cannot hold this name", path);
  files = reallocarray (disc->files, disc->n_files + 1, sizeof *files);
  if (!files)
    return error_set (err, errno, "%s", path);
  disc->files = files;
  f = &files[disc->n_files++];
  *f = (struct disc_file){
    .path = strdup (path), .relative = strdup (relative), .size = size, .demuxer = demuxer
  };
  if (!f->path || !f->relative)
    return error_set (err, ENOMEM, "%s", path);
  return disc_find_parts (f, fd, err);
}

/* Does the file begin like a Matroska file or a recipe? */
static bool
is_rip (int fd)
{
  uint8_t start[RECIPE_MAGIC_SIZE] = { 0 };
  struct error ignored;

  return read_all (fd, start, sizeof start, 0, "", &ignored) == 0 &&
         (get_be32 (start) == ID_EBML || memcmp (start, RECIPE_MAGIC, sizeof start) == 0);
}

int
disc_has_file (const char *path, bool *is, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  struct stat st;

  *is = false;
  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  *is = S_ISREG (st.st_mode) && st.st_size >= MIN_SIZE && !is_rip (fd) &&
        demuxer_for (fd, (uint64_t) st.st_size);
  return 0;
}

/* Look at a file; take it if a demuxer knows it or the user himself `named` it. */
static int
look_at (struct disc *disc, const char *path, bool named, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  const struct demuxer *demuxer;
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode) || (!named && (st.st_size < MIN_SIZE || is_rip (fd))))
    return 0;
  if (st.st_size == 0)
    return error_set (err, 0, "%s: the file is empty", path);
  demuxer = demuxer_for (fd, (uint64_t) st.st_size);
  if (!demuxer && !named)
    return 0;
  return add_file (disc, path, fd, (uint64_t) st.st_size, demuxer, err);
}

/* A link in a directory: to a file below the base it is that file.  Others, and broken
 * ones, are none of ours.
 */
static int
look_at_link (struct disc *disc, const char *path, struct error *err)
{
  CLEANUP_FREE char *real = realpath (path, NULL);
  struct stat st;

  if (!real || !below (disc->base, real) || stat (real, &st) == -1 ||
      !S_ISREG (st.st_mode))
    return 0;
  return look_at (disc, real, false, err);
}

/* What fts found next. */
static int
look_at_entry (struct disc *disc, FTS *fts, FTSENT *e, struct error *err)
{
  switch (e->fts_info) {
  case FTS_D:
    if (e->fts_level > MAX_DEPTH)
      fts_set (fts, e, FTS_SKIP);
    return 0;
  case FTS_F:
    return look_at (disc, e->fts_accpath, false, err);
  case FTS_SL:
  case FTS_SLNONE:
    return look_at_link (disc, e->fts_accpath, err);
  case FTS_DNR:
  case FTS_ERR:
  case FTS_NS:
    return error_set (err, e->fts_errno, "%s", e->fts_path);
  default:
    return 0;
  }
}

static int
walk_directory (struct disc *disc, char *path, struct error *err)
{
  char *const roots[] = { path, NULL };
  __attribute__ ((cleanup (cleanup_fts))) FTS *fts =
    fts_open (roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  FTSENT *e;

  if (!fts)
    return error_set (err, errno, "%s", path);
  while (errno = 0, (e = fts_read (fts)) != NULL)
    if (look_at_entry (disc, fts, e, err) == -1)
      return -1;
  return errno ? error_set (err, errno, "%s", path) : 0;
}

/* Take all files of one source; none is an error. */
static int
take_source (struct disc *disc, char *name, struct error *err)
{
  size_t had = disc->n_files;
  struct stat st;

  if (stat (name, &st) == -1)
    return error_set (err, errno, "%s", name);
  if (S_ISREG (st.st_mode))
    return look_at (disc, name, true, err);
  if (walk_directory (disc, name, err) == -1)
    return -1;
  if (disc->n_files == had)
    return error_set (err, 0, "%s: no file in it holds streams of a known kind", name);
  return 0;
}

static int
by_relative (const void *a, const void *b)
{
  const struct disc_file *x = a, *y = b;

  return strcmp (x->relative, y->relative);
}

static void
sort_and_unite (struct disc *disc)
{
  size_t n = 0;

  if (disc->n_files == 0)
    return;
  qsort (disc->files, disc->n_files, sizeof *disc->files, by_relative);
  for (size_t i = 1; i < disc->n_files; i++)
    if (by_relative (&disc->files[n], &disc->files[i]) == 0)
      file_free (&disc->files[i]);
    else
      disc->files[++n] = disc->files[i];
  disc->n_files = n + 1;
}

/* The disc without the file that a recipe is to be made of. */
int
disc_leave_out (struct disc *disc, const struct stat *file, struct error *err)
{
  size_t n = 0;

  for (size_t i = 0; i < disc->n_files; i++) {
    struct disc_file *f = &disc->files[i];
    struct stat st;

    if (stat (f->path, &st) == 0 && st.st_dev == file->st_dev &&
        st.st_ino == file->st_ino)
      file_free (f);
    else
      disc->files[n++] = *f;
  }
  disc->n_files = n;
  return n ? 0
           : error_set (err, 0,
                        "%s: nothing in it but the file that is to be found there",
                        disc->base);
}

static int
find (const char *const *sources, const struct names *names, const struct stat *mkv,
      struct disc *disc, struct error *err)
{
  for (size_t i = 0; i < names->n; i++)
    if (resolve (sources[i], &names->name[i], &disc->base, err) == -1)
      return -1;
  for (size_t i = 0; i < names->n; i++)
    if (take_source (disc, names->name[i], err) == -1)
      return -1;
  sort_and_unite (disc);
  return mkv ? disc_leave_out (disc, mkv, err) : 0;
}

int
disc_find (const char *const *sources, size_t n_sources, const struct stat *mkv,
           struct disc *disc, struct error *err)
{
  struct names names = { n_sources, calloc (n_sources + 1, sizeof *names.name) };
  int r = -1;

  *disc = (struct disc){ NULL, NULL, 0 };
  if (!names.name)
    error_set (err, errno, "sources");
  else
    r = find (sources, &names, mkv, disc, err);
  if (names.name)
    names_free (&names);
  if (r == -1)
    disc_free (disc);
  return r;
}
