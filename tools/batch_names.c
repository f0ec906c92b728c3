/* SPDX-License-Identifier: BSD-3-Clause */
/* What a batch may write over: see batch_names.h. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch_names.h"
#include "cleanup.h"
#include "path.h"
#include "sidecar.h"

/* ---- Names: a folder that is there, and what comes below it */

struct name {
  uint64_t dev, ino; /* of the deepest folder that is there */
  char *path, *below;
  const struct batch_entry *entry; /* borrowed */
  bool is_sidecar;
};

struct names {
  struct name *list; /* owned */
  size_t n;
};

static void
names_free (struct names *names)
{
  for (size_t i = 0; i < names->n; i++) {
    free (names->list[i].path);
    free (names->list[i].below);
  }
  free (names->list);
}

/* The last part of `folder` goes before `below`; false if there is none, or no memory. */
static bool
go_up (char *folder, char **below)
{
  size_t len = strlen (folder);
  char *part, *more;

  while (len > 1 && folder[len - 1] == '/')
    folder[--len] = '\0';
  part = folder + (path_base (folder) - folder);
  if (*part == '\0' || strcmp (folder, ".") == 0)
    return false;
  if (strcmp (part, ".") != 0) {
    if (asprintf (&more, "%s/%s", part, *below) == -1)
      return false;
    free (*below);
    *below = more;
  }
  /* "a" is in ".", and "/a" in "/". */
  part[part == folder] = '\0';
  if (part == folder)
    *part = '.';
  return true;
}

/* Takes `path` over, which may be NULL. */
static int
add_name (struct names *names, const struct batch_entry *entry, char *path,
          bool is_sidecar, struct error *err)
{
  struct name *name = &names->list[names->n++];
  CLEANUP_FREE char *folder = path ? path_folder (path) : NULL;
  struct stat st;

  *name = (struct name){ .path = path, .entry = entry, .is_sidecar = is_sidecar };
  name->below = path ? strdup (path_base (path)) : NULL;
  if (!folder || !name->below)
    return error_set (err, ENOMEM, "%s", entry->recipe);
  while (stat (folder, &st) == -1)
    if (!go_up (folder, &name->below))
      return error_set (err, errno, "%s", path);
  name->dev = st.st_dev;
  name->ino = st.st_ino;
  return 0;
}

static int
add_names (struct names *names, const struct batch_list *list, struct error *err)
{
  for (size_t i = 0; i < list->n; i++) {
    const struct batch_entry *e = &list->entries[i];

    if (add_name (names, e, strdup (e->recipe), false, err) == -1 ||
        add_name (names, e, sidecar_path (e->recipe), true, err) == -1)
      return -1;
  }
  return 0;
}

static int
by_name (const void *a, const void *b)
{
  const struct name *x = a, *y = b;

  if (x->dev != y->dev)
    return x->dev < y->dev ? -1 : 1;
  if (x->ino != y->ino)
    return x->ino < y->ino ? -1 : 1;
  return strcmp (x->below, y->below);
}

static int
check_different (const struct names *names, struct error *err)
{
  for (size_t i = 1; i < names->n; i++) {
    const struct name *a = &names->list[i - 1], *b = &names->list[i];

    if (by_name (a, b) == 0)
      return error_set (err, 0, "%s: would be the %s of both %s and %s", b->path,
                        a->is_sidecar || b->is_sidecar ? "recipe or sidecar" : "recipe",
                        a->entry->mkv, b->entry->mkv);
  }
  return 0;
}

static int
check_no_mkv (const struct names *names, const struct batch_list *list, struct error *err)
{
  CLEANUP_ID_SET struct id_set mkvs = ID_SET_INIT;
  struct stat st;

  for (size_t i = 0; i < list->n; i++)
    if (stat (list->entries[i].mkv, &st) == 0 &&
        id_set_add (&mkvs, st.st_dev, st.st_ino, 0) == -1)
      return error_set (err, ENOMEM, "%s", list->entries[i].mkv);
  for (size_t i = 0; i < names->n; i++)
    if (stat (names->list[i].path, &st) == 0 &&
        id_set_has (&mkvs, st.st_dev, st.st_ino, 0))
      return error_set (err, 0, "%s: is an MKV of this batch: not replaced",
                        names->list[i].path);
  return 0;
}

static int
check_files (const struct batch_list *list, struct error *err)
{
  __attribute__ ((cleanup (names_free))) struct names names = {
    .list = calloc (2 * list->n + 1, sizeof *names.list)
  };

  if (!names.list)
    return error_set (err, ENOMEM, "a batch of %zu", list->n);
  if (add_names (&names, list, err) == -1)
    return -1;
  qsort (names.list, names.n, sizeof *names.list, by_name);
  return check_different (&names, err) == -1 ? -1 : check_no_mkv (&names, list, err);
}

/* ---- What a server calls the images, as their sidecars do */

static char *
served_name (const struct batch_entry *e, const char *name)
{
  CLEANUP_FREE char *folder = path_folder (e->recipe);
  char *path;

  return !folder || asprintf (&path, "%s/%s", folder, name) == -1 ? NULL : path;
}

/* One with "/" is taken from the library's root, which is the same for all. */
static int
add_served (struct names *names, const struct batch_entry *e, struct error *err)
{
  const char *name = e->name ? e->name : path_base (e->mkv);
  struct name *rooted = &names->list[names->n];

  if (!strchr (name, '/'))
    return add_name (names, e, served_name (e, name), false, err);
  names->n++;
  *rooted = (struct name){ .below = strdup (name), .entry = e };
  return rooted->below ? 0 : error_set (err, ENOMEM, "%s", e->recipe);
}

/* Of two of one name a server has the first, and it may be the second that was deleted. */
static int
check_served (const struct batch_list *list, struct error *err)
{
  __attribute__ ((cleanup (names_free))) struct names names = {
    .list = calloc (list->n + 1, sizeof *names.list)
  };

  if (!names.list)
    return error_set (err, ENOMEM, "a batch of %zu", list->n);
  for (size_t i = 0; i < list->n; i++)
    if (add_served (&names, &list->entries[i], err) == -1)
      return -1;
  qsort (names.list, names.n, sizeof *names.list, by_name);
  for (size_t i = 1; i < names.n; i++)
    if (by_name (&names.list[i - 1], &names.list[i]) == 0)
      return error_set (err, 0,
                        "%s and %s: would be served under one name: one of them needs "
                        "another \"name\"",
                        names.list[i - 1].entry->mkv, names.list[i].entry->mkv);
  return 0;
}

int
batch_names_check (const struct batch_list *list, struct error *err)
{
  return check_files (list, err) == -1 ? -1 : check_served (list, err);
}

/* ---- Claims */

int
batch_claims_keep (struct batch_claims *claims, const char *path, struct error *err)
{
  struct stat st;

  return stat (path, &st) == 0 &&
             id_set_add (&claims->taken, st.st_dev, st.st_ino, 0) == -1
           ? error_set (err, ENOMEM, "%s", path)
           : 0;
}

/* A link at `path` is what is replaced, and not what it leads to. */
int
batch_claims_take (struct batch_claims *claims, const char *path, int fd,
                   struct error *err)
{
  struct stat there, ours;
  LOCK_FOR_SCOPE (&claims->lock);

  if (lstat (path, &there) == 0 &&
      id_set_has (&claims->taken, there.st_dev, there.st_ino, 0))
    return error_set (err, 0,
                      "%s: is an MKV or of a disc of this batch, or was just made by it: "
                      "not replaced",
                      path);
  if (fstat (fd, &ours) == -1)
    return error_set (err, errno, "%s", path);
  return id_set_add (&claims->taken, ours.st_dev, ours.st_ino, 0) == -1
           ? error_set (err, ENOMEM, "%s", path)
           : 0;
}

void
batch_claims_free (struct batch_claims *claims)
{
  id_set_free (&claims->taken);
  pthread_mutex_destroy (&claims->lock);
}
