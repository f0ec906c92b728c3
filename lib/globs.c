/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files by pattern: see globs.h.
 *
 * A pattern is cut into parts, and followed part by part.  Parts without special
 * characters are taken as they are, so that folders that may be entered but not read
 * are no obstacle.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "globs.h"
#include "id_set.h"

/* One expansion. */
struct expansion {
  const struct globs_calls *calls;
  char **parts; /* of the pattern */
  size_t n_parts;
  struct id_set entered; /* folders, with the part that was looked for there */
  unsigned depth;
};

static int expand (struct expansion *x, const char *base, size_t part, struct error *err);

/* ---- Folders */

static char *
join (const char *base, const char *name)
{
  size_t n = strlen (base);
  char *path;

  if (asprintf (&path, "%s%s%s", base, n == 0 || base[n - 1] == '/' ? "" : "/", name) ==
      -1)
    return NULL;
  return path;
}

static int
tell_of_folder (const struct expansion *x, const char *path, struct error *err)
{
  return x->calls->folder
           ? x->calls->folder (x->calls->watcher, path[0] ? path : ".", err)
           : 0;
}

/* Kept out of its callers, which recurse: the message takes a kilobyte of stack. */
__attribute__ ((noinline)) static int
unreadable (const struct expansion *x, const char *path, struct error *err)
{
  struct error why = ERROR_INIT;

  if (error_is_shortage (errno))
    return error_set (err, errno, "%s", path);
  error_set (&why, errno, "%s", path);
  return x->calls->unreadable (x->calls->watcher, &why);
}

/* The names in a folder, in order. */
struct names {
  struct dirent **list;
  int n;
};

static void
free_names (struct names *names)
{
  for (int i = 0; i < names->n; i++)
    free (names->list[i]);
  free (names->list);
}

static int
by_bytes (const struct dirent **a, const struct dirent **b)
{
  return strcmp ((*a)->d_name, (*b)->d_name);
}

static int
is_shown (const struct dirent *e)
{
  return strcmp (e->d_name, ".") != 0 && strcmp (e->d_name, "..") != 0;
}

/* Read a folder, and set *is_new: it is one, and was not entered for the same part. */
static int
read_names (struct expansion *x, const char *path, size_t part, struct names *names,
            bool *is_new, struct error *err)
{
  const char *name = path[0] ? path : ".";
  struct stat st;
  int r;

  *is_new = false;
  if (stat (name, &st) == -1)
    return errno == ENOENT || errno == ELOOP ? 0 : unreadable (x, name, err);
  if (!S_ISDIR (st.st_mode))
    return 0;
  r = id_set_add (&x->entered, st.st_dev, st.st_ino, part);
  if (r == -1)
    return error_set (err, ENOMEM, "%s", name);
  *is_new = r == 1;
  if (!*is_new)
    return 0;
  if (x->entered.n > GLOBS_MAX_FOLDERS)
    return error_set (err, 0, "%s: more than %u folders", name, GLOBS_MAX_FOLDERS);
  r = tell_of_folder (x, name, err);
  if (r != 0)
    return r;
  names->n = scandir (name, &names->list, is_shown, by_bytes);
  if (names->n >= 0)
    return 0;
  names->n = 0;
  return unreadable (x, name, err);
}

/* ---- Parts */

static bool
is_any_depth (const char *part)
{
  return strcmp (part, "**") == 0;
}

static bool
is_plain (const char *part)
{
  return !strpbrk (part, "*?[\\");
}

/* All parts have been followed to `path`. */
static int
found (struct expansion *x, const char *path, struct error *err)
{
  struct stat st;

  if (stat (path, &st) == 0 && S_ISDIR (st.st_mode))
    return 0;
  if (lstat (path, &st) == -1)
    return errno == ENOENT || errno == ENOTDIR ? 0 : unreadable (x, path, err);
  return x->calls->file (x->calls->opaque, path, err);
}

/* A part that is a name: the folder need not be read.  Sets *next to where it leads, if there
 * is anything to look at; the caller frees it.
 */
static int
follow_name (const struct expansion *x, const char *base, size_t part, char **next,
             struct error *err)
{
  CLEANUP_FREE char *path = join (base, x->parts[part]);
  bool is_last = part + 1 == x->n_parts, is_there;
  struct stat st;
  int r = 0;

  if (!path)
    return error_set (err, ENOMEM, "%s", base);
  is_there = stat (path, &st) == 0;
  if (!is_there && (errno == ENOTDIR || errno == ELOOP))
    return 0;
  if (!is_there && !is_last && errno != ENOENT)
    return unreadable (x, path, err);
  /* Where it may come, or be replaced. */
  if (is_last || !is_there)
    r = tell_of_folder (x, base, err);
  if (r == 0 && (is_last || is_there))
    *next = take_ptr (&path);
  return r;
}

static bool
is_link (const char *path)
{
  struct stat st;

  return lstat (path, &st) == 0 && S_ISLNK (st.st_mode);
}

/* Not for "**": what is hidden; and what fsck has found in the root of a file system, which nobody
 * but root may read.
 */
static bool
is_passed_over (const char *name)
{
  return name[0] == '.' || strcmp (name, "lost+found") == 0;
}

/* A name in the folder `base`, where `part` is looked for. */
static int
expand_name (struct expansion *x, const char *base, const struct dirent *e, size_t part,
             struct error *err)
{
  bool deeper = is_any_depth (x->parts[part]);
  bool may_be_folder =
    e->d_type == DT_DIR || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
  CLEANUP_FREE char *path = NULL;

  if (!may_be_folder && (deeper || part + 1 < x->n_parts))
    return 0;
  if (deeper ? is_passed_over (e->d_name)
             : fnmatch (x->parts[part], e->d_name, FNM_PERIOD))
    return 0;
  path = join (base, e->d_name);
  if (!path)
    return error_set (err, ENOMEM, "%s", base);
  if (x->calls->skip_links && may_be_folder && is_link (path))
    return 0;
  if (!may_be_folder)
    return x->calls->file (x->calls->opaque, path, err);
  return expand (x, path, deeper ? part : part + 1, err);
}

static int
expand_folder (struct expansion *x, const char *base, size_t part, struct error *err)
{
  __attribute__ ((cleanup (free_names))) struct names names = { NULL, 0 };
  bool is_new;
  int r = read_names (x, base, part, &names, &is_new, err);

  if (r == 0 && is_new && is_any_depth (x->parts[part]))
    r = expand (x, base, part + 1, err);
  for (int i = 0; r == 0 && i < names.n; i++)
    r = expand_name (x, base, names.list[i], part, err);
  return r;
}

/* Kept out of `expand`, as above. */
__attribute__ ((noinline)) static int
too_deep (const struct expansion *x, const char *base)
{
  struct error why = ERROR_INIT;

  error_set (&why, 0, "%s: folders more than %u deep", base, GLOBS_MAX_DEPTH);
  return x->calls->unreadable (x->calls->watcher, &why);
}

/* What parts from `part` on match below `base`.  Names are followed in a loop, so that only
 * patterns take stack: GLOBS_MAX_DEPTH times, and as often again for each file that a file
 * includes.
 */
static int
expand (struct expansion *x, const char *base, size_t part, struct error *err)
{
  CLEANUP_FREE char *path = NULL;
  int r;

  for (; part < x->n_parts && is_plain (x->parts[part]); part++) {
    char *next = NULL;

    r = follow_name (x, base, part, &next, err);
    if (r != 0 || !next)
      return r;
    free (path);
    base = path = next;
  }
  if (part == x->n_parts)
    return found (x, base, err);
  if (x->depth >= GLOBS_MAX_DEPTH)
    return too_deep (x, base);
  x->depth++;
  r = expand_folder (x, base, part, err);
  x->depth--;
  return r;
}

/* Cut `pattern` into x->parts, in place. */
static int
cut (struct expansion *x, char *pattern, struct error *err)
{
  static char any_name[] = "*"; /* what a last "**" leads to */
  size_t slashes = 0;

  for (const char *p = pattern; *p; p++)
    slashes += *p == '/';
  x->parts = calloc (slashes + 2, sizeof *x->parts);
  if (!x->parts)
    return error_set (err, ENOMEM, "%s", pattern);
  for (char *part; (part = strsep (&pattern, "/"));)
    if (*part)
      x->parts[x->n_parts++] = part;
  if (x->n_parts > 0 && is_any_depth (x->parts[x->n_parts - 1]))
    x->parts[x->n_parts++] = any_name;
  return 0;
}

static int
too_many_parts (const struct globs_calls *calls, const char *pattern)
{
  struct error why = ERROR_INIT;

  error_set (&why, 0, "%.64s...: a pattern of more than %u parts", pattern,
             GLOBS_MAX_PARTS);
  return calls->unreadable (calls->watcher, &why);
}

int
globs_expand (const char *base, const char *pattern, const struct globs_calls *calls,
              struct error *err)
{
  CLEANUP_FREE char *copy = strdup (pattern);
  struct expansion x = { .calls = calls };
  int r = -1;

  if (!copy)
    return error_set (err, ENOMEM, "%s", pattern);
  if (cut (&x, copy, err) == 0)
    r = x.n_parts > GLOBS_MAX_PARTS ? too_many_parts (calls, pattern)
                                    : expand (&x, pattern[0] == '/' ? "/" : base, 0, err);
  id_set_free (&x.entered);
  free (x.parts);
  return r;
}

int
globs_below (const char *folder, const struct globs_calls *calls, struct error *err)
{
  char any_depth[] = "**", any_name[] = "*";
  char *parts[] = { any_depth, any_name };
  struct expansion x = { .calls = calls, .parts = parts, .n_parts = 2 };
  int r = expand (&x, folder, 0, err);

  id_set_free (&x.entered);
  return r;
}
