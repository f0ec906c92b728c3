/* SPDX-License-Identifier: BSD-3-Clause */
/* Deleting the original: see original.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "interrupt.h"
#include "message.h"
#include "open_image.h"
#include "original.h"
#include "path.h"

static int
look (const char *path, struct stat *st, struct error *err)
{
  if (lstat (path, st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st->st_mode))
    return error_set (err, 0, "%s: is no regular file: not to be deleted", path);
  return 0;
}

int
original_look (struct original *o, const char *path, struct error *err)
{
  CLEANUP_FREE char *folder = path_folder (path);
  struct stat st;

  if (!folder)
    return error_set (err, ENOMEM, "%s", path);
  if (look (path, &st, err) == -1)
    return -1;
  if (access (folder, W_OK | X_OK) == -1)
    return error_set (err, errno, "%s: cannot be deleted from its folder", path);
  *o = (struct original){ path, file_id_of (&st) };
  return 0;
}

int
original_can_ask (bool yes, struct error *err)
{
  if (yes || (isatty (STDIN_FILENO) && isatty (STDERR_FILENO)))
    return 0;
  return error_set (err, 0,
                    "--delete-original asks before it deletes, and nobody is there "
                    "to answer: give --yes");
}

/* ---- Everything to the disks */

/* Of all the file system that the file is on: its own data, the folders to it, and whatever
 * it was copied with.
 */
static int
sync_fs_of (int fd, const char *path, struct error *err)
{
  return syncfs (fd) == 0 ? 0 : error_set (err, errno, "%s: syncfs", path);
}

/* Is it the very recipe that was made, and not another's that has come to its name? */
static int
check_recipe (const struct recipe *recipe, const struct create_report *report,
              struct error *err)
{
  uint8_t root[MERKLE_DIGEST];

  if (recipe_root (recipe, root, err) == -1)
    return -1;
  if (memcmp (root, report->root, sizeof root) == 0)
    return 0;
  return error_set (err, 0, "%s: is the recipe of another MKV now", recipe->path);
}

static int
sync_source (const struct original *o, const struct source *s, struct error *err)
{
  struct stat st;

  if (fstat (s->fd, &st) == -1)
    return error_set (err, errno, "%s", s->path);
  if (st.st_dev == o->id.dev && st.st_ino == o->id.ino)
    return error_set (err, 0, "%s: is a source of its own recipe", s->path);
  return sync_fs_of (s->fd, s->path, err);
}

/* The recipe and its sources, which are what is left then. */
static int
sync_all (const struct original *o, const char *recipe,
          const struct create_report *report, struct error *err)
{
  __attribute__ ((cleanup (open_image_close))) struct open_image image = { 0 };
  const char *places[] = { report->base };

  if (open_image_open (&image, recipe, places, 1, err) == -1 ||
      check_recipe (image.recipe, report, err) == -1 ||
      sync_fs_of (image.recipe->fd, recipe, err) == -1)
    return -1;
  for (uint32_t i = 0; i < image.recipe->n_sources; i++) {
    const struct source *s = image_source (image.image, i, err);

    if (!s || sync_source (o, s, err) == -1)
      return -1;
  }
  return 0;
}

/* ---- Asking */

static bool
ask (const struct original *o, const char *recipe)
{
  char size[AMOUNT_MAX], answer[16];

  fputs ("mkvdup: delete ", stderr);
  print_safe (stderr, o->path);
  fprintf (stderr, " (%s)?  It is rebuilt by ", amount_bytes (o->id.size, size));
  print_safe (stderr, recipe);
  fputs (" and its disc.  [y/N] ", stderr);
  fflush (stderr);
  return fgets (answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* ---- The end of it */

/* Who stops the program when the recipe is as good as made does not want more done. */
static int
check_interrupted (struct error *err)
{
  return interrupted () ? error_set (err, 0, "interrupted") : 0;
}

static int
check_same (const struct original *o, struct error *err)
{
  struct file_id id;
  struct stat st;

  if (look (o->path, &st, err) == -1)
    return -1;
  id = file_id_of (&st);
  if (file_id_same (&o->id, &id))
    return 0;
  return error_set (err, 0, "%s: was changed or replaced meanwhile: not deleted",
                    o->path);
}

static int delete (const struct original *o, struct error *err)
{
  CLEANUP_FREE char *folder = path_folder (o->path);
  CLEANUP_CLOSE int fd = -1;

  if (!folder)
    return error_set (err, ENOMEM, "%s", o->path);
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd == -1)
    return error_set (err, errno, "%s", folder);
  if (unlink (o->path) == -1)
    return error_set (err, errno, "%s: deleting it", o->path);
  /* That it comes back after a loss of power harms nobody. */
  fsync (fd);
  return 0;
}

/* While nobody commits a recipe there: who replaces this one waits, and is refused then. */
static int
delete_with_lock (const struct original *o, const char *recipe,
                  const struct create_report *report, struct error *err)
{
  CLEANUP_CLOSE int lock = atomic_file_lock (recipe, err);
  struct recipe *there;
  int r;

  if (lock == -1)
    return -1;
  there = recipe_open (recipe, err);
  r = there ? check_recipe (there, report, err) : -1;
  recipe_close (there);
  return r == -1 || check_same (o, err) == -1 || check_interrupted (err) == -1
           ? -1
           : delete (o, err);
}

enum original_fate
original_delete (const struct original *o, const char *recipe,
                 const struct create_report *report, bool yes, struct error *err)
{
  int r = check_interrupted (err);

  if (r == 0)
    r = sync_all (o, recipe, report, err);
  if (r == 0 && !yes && !ask (o, recipe))
    return ORIGINAL_KEPT;
  if (r == 0)
    r = delete_with_lock (o, recipe, report, err);
  if (r == 0)
    return ORIGINAL_DELETED;
  error_context (err, "%s: is kept", o->path);
  return ORIGINAL_FAILED;
}
