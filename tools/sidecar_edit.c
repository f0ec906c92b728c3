/* SPDX-License-Identifier: BSD-3-Clause */
/* Editing sidecars: see sidecar_edit.h.  What is to be written is read as a sidecar before. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "buffer.h"
#include "cleanup.h"
#include "sidecar.h"
#include "sidecar_edit.h"
#include "whole_io.h"
#include "yaml_edit.h"

/* What is asked for. */
struct edit {
  const char *path; /* as given: what is relative in it is so to the folder of this */
  const char *real; /* the file that is replaced */
  const struct sidecar *was;
  const struct recipe *recipe;
  const char *source_dir;
};

/* ---- Is it still what was checked? */

static int
is_changed (const struct edit *e, const char *what, struct error *err)
{
  return error_set (err, 0, "%s: %s meanwhile: not changed", e->path, what);
}

static bool
same_source (const struct recipe_source *a, const struct recipe_source *b)
{
  return strcmp (a->path, b->path) == 0 && a->size == b->size && a->sample == b->sample &&
         a->has_xxh64 == b->has_xxh64 && memcmp (a->hash, b->hash, sizeof a->hash) == 0;
}

/* Another recipe for the same sources would do: they are all that was looked for. */
static bool
same_sources (const struct recipe *a, const struct recipe *b)
{
  if (a->n_sources != b->n_sources)
    return false;
  for (uint32_t i = 0; i < a->n_sources; i++)
    if (!same_source (&a->sources[i], &b->sources[i]))
      return false;
  return true;
}

static int
check_recipe (const struct edit *e, struct error *err)
{
  struct recipe *now = recipe_open (e->was->dedup_file, err);
  bool is_same;

  if (!now)
    return -1;
  is_same = same_sources (e->recipe, now);
  recipe_close (now);
  return is_same ? 0
                 : is_changed (e, "its recipe was replaced by one of other sources", err);
}

/* ---- The text */

static bool
same_but_for_folder (const struct sidecar *a, const struct sidecar *b)
{
  return strcmp (a->name, b->name) == 0 && strcmp (a->dedup_file, b->dedup_file) == 0 &&
         a->image_size == b->image_size;
}

/* Is the text what was read of it before? */
static int
check_old (const struct edit *e, const char *text, size_t len, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar now = { 0 };

  if (sidecar_parse (&now, e->path, text, len, err) == -1)
    return -1;
  return same_but_for_folder (e->was, &now) &&
             strcmp (e->was->source_dir, now.source_dir) == 0
           ? check_recipe (e, err)
           : is_changed (e, "was changed", err);
}

/* Is the new text the old one, but for the folder? */
static int
check_new (const struct edit *e, const struct buffer *text, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar new = { 0 };

  if (sidecar_parse (&new, e->path, (const char *) text->data, text->len, err) == -1)
    return -1;
  return same_but_for_folder (e->was, &new) && strcmp (new.source_dir, e->source_dir) == 0
           ? 0
           : error_set (err, 0, "%s: its source_dir cannot be changed without the rest",
                        e->path);
}

/* The new text, of the one that is there. */
static int
make_text (const struct edit *e, struct buffer *text, struct error *err)
{
  CLEANUP_FREE char *old = NULL;
  size_t len = 0;

  if (read_file (e->real, SIDECAR_MAX_FILE, &old, &len, err) == -1 ||
      check_old (e, old, len, err) == -1)
    return -1;
  buffer_append (text, old, len);
  if (text->failed)
    return error_set (err, ENOMEM, "%s", e->path);
  return yaml_edit_value (text, e->path, SIDECAR_MAX_FILE, "source_dir", e->source_dir,
                          err) == -1
           ? -1
           : check_new (e, text, err);
}

/* ---- The file */

/* As it was, also where it was for fewer eyes: the server's user may be its owner.  Who may not
 * give files away keeps the group at least, if it is one of his own.  The mode comes last, as a
 * new owner takes bits from it.
 */
static int
keep_owner_and_mode (const struct atomic_file *file, const struct stat *st,
                     struct error *err)
{
  bool is_kept = fchown (file->fd, st->st_uid, st->st_gid) == 0 ||
                 fchown (file->fd, (uid_t) -1, st->st_gid) == 0;

  return fchmod (file->fd, st->st_mode & (is_kept ? 07777 : 0777)) == 0
           ? 0
           : error_set (err, errno, "%s", file->path);
}

/* With its folder locked. */
static int
replace (const struct edit *e, struct error *err)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  CLEANUP_ATOMIC_FILE struct atomic_file file = ATOMIC_FILE_INIT;
  struct stat st;

  if (make_text (e, &text, err) == -1)
    return -1;
  if (stat (e->real, &st) == -1)
    return error_set (err, errno, "%s", e->real);
  if (atomic_file_open (&file, e->real, err) == -1 ||
      write_all (file.fd, text.data, text.len, 0, e->real, err) == -1 ||
      keep_owner_and_mode (&file, &st, err) == -1)
    return -1;
  return atomic_file_commit (&file, err);
}

int
sidecar_set_source_dir (const char *path, const struct sidecar *was,
                        const struct recipe *recipe, const char *source_dir,
                        struct error *err)
{
  /* What a link leads to, and not the link. */
  CLEANUP_FREE char *real = realpath (path, NULL);
  const struct edit edit = { path, real, was, recipe, source_dir };
  CLEANUP_CLOSE int lock = -1;

  if (!real)
    return error_set (err, errno, "%s", path);
  /* A create may be about to put another there. */
  lock = atomic_file_lock (real, err);
  return lock == -1 ? -1 : replace (&edit, err);
}
