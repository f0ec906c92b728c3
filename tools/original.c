/* SPDX-License-Identifier: BSD-3-Clause */
/* Deleting the original: see original.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "interrupt.h"
#include "message.h"
#include "open_image.h"
#include "original.h"
#include "path.h"
#include "served.h"
#include "shared_fs.h"
#include "whole_io.h"

/* As it is now, also on a file system that would say what it remembers. */
static int
look (const char *path, struct file_id *id, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1 || file_id_now (fd, id) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode))
    return error_set (err, 0, "%s: is no regular file: not to be deleted", path);
  return 0;
}

int
original_look (struct original *o, const char *path, struct error *err)
{
  CLEANUP_FREE char *folder = path_folder (path);
  struct file_id id;

  if (!folder)
    return error_set (err, ENOMEM, "%s", path);
  if (look (path, &id, err) == -1)
    return -1;
  if (access (folder, W_OK | X_OK) == -1)
    return error_set (err, errno, "%s: cannot be deleted from its folder", path);
  *o = (struct original){ path, id };
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

/* What is in memory is gone after a restart.  Where the MKV is there too, its owner knows. */
static int
check_lasts (const struct original *o, int fd, const char *path, struct error *err)
{
  struct stat st;

  if (fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  return is_memory_fd (fd) && st.st_dev != o->id.dev
           ? error_set (
               err, 0,
               "%s: is in memory (tmpfs) or may be (overlay), and gone after a restart",
               path)
           : 0;
}

/* The file, and all of the file system that it is on: the folders to it, and whatever it was
 * copied with.  Behind FUSE only fsync is heard of.
 */
static int
sync_file (const struct original *o, int fd, const char *path, struct error *err)
{
  if (check_lasts (o, fd, path, err) == -1)
    return -1;
  if (sync_what_is_read (fd) == -1)
    return error_set (err, errno, "%s: fsync", path);
  return syncfs (fd) == 0 ? 0 : error_set (err, errno, "%s: syncfs", path);
}

/* Is it the very recipe that was made, and not another's that has come to its name? */
static int
check_identity (const struct recipe *recipe, const struct create_report *report,
                struct error *err)
{
  uint8_t root[MERKLE_DIGEST];

  if (recipe_root (recipe, root, err) == -1)
    return -1;
  if (memcmp (root, report->root, sizeof root) != 0)
    return error_set (err, 0, "%s: is the recipe of another MKV now", recipe->path);
  if (recipe->n_sources != report->n_sources)
    return error_set (err, 0, "%s: is of another disc now", recipe->path);
  return 0;
}

/* Is all of it as it was written?  As the disk has it, and not memory, where they can be told
 * apart.
 */
static int
check_recipe (const struct recipe *recipe, struct error *err)
{
  posix_fadvise (recipe->fd, 0, 0, POSIX_FADV_DONTNEED);
  return recipe_check_sums (recipe, err);
}

/* Is it the very file that was verified, and was not written to since?  The sample that it was found by
 * is not all of it.
 */
static int
check_source (const struct original *o, const struct source *s,
              const struct file_id *verified, struct error *err)
{
  struct file_id id;

  if (file_id_now (s->fd, &id) == -1)
    return error_set (err, errno, "%s", s->path);
  if (id.dev == o->id.dev && id.ino == o->id.ino)
    return error_set (err, 0, "%s: is a source of its own recipe", s->path);
  if (!file_id_same (&id, verified))
    return error_set (err, 0, "%s: was changed or replaced since it was verified",
                      s->path);
  return 0;
}

/* As a server would: its sources are where its sidecar says. */
static int
open_same (struct open_image *image, const char *recipe,
           const struct create_report *report, struct error *err)
{
  return open_image_open (image, recipe, NULL, 0, err) == -1
           ? -1
           : check_identity (image->recipe, report, err);
}

static int
sync_all (const struct original *o, const char *recipe,
          const struct create_report *report, struct error *err)
{
  __attribute__ ((cleanup (open_image_close))) struct open_image image = { 0 };

  if (open_same (&image, recipe, report, err) == -1 ||
      sync_file (o, image.recipe->fd, image.recipe->path, err) == -1)
    return -1;
  for (uint32_t i = 0; i < image.recipe->n_sources; i++) {
    const struct source *s = image_source (image.image, i, err);

    if (!s || sync_file (o, s->fd, s->path, err) == -1)
      return -1;
  }
  return 0;
}

static int
check_all (const struct original *o, const char *recipe,
           const struct create_report *report, struct error *err)
{
  __attribute__ ((cleanup (open_image_close))) struct open_image image = { 0 };

  if (open_same (&image, recipe, report, err) == -1 ||
      check_recipe (image.recipe, err) == -1)
    return -1;
  for (uint32_t i = 0; i < image.recipe->n_sources; i++) {
    const struct source *s = image_source (image.image, i, err);

    if (!s || check_source (o, s, &report->source_ids[i], err) == -1)
      return -1;
  }
  return 0;
}

/* The recipe and its sources, which are what is left then: they are on the disks, which may take
 * minutes, and after that still what was verified, and where a server looks for them.
 */
static int
sync_and_check (const struct original *o, const char *recipe,
                const struct create_report *report, struct error *err)
{
  /* What is verified comes last: reading the library may take as long. */
  if (sync_all (o, recipe, report, err) == -1 || served_check (recipe, err) == -1)
    return -1;
  return check_all (o, recipe, report, err);
}

/* ---- Asking */

bool
original_confirmed (void)
{
  CLEANUP_FREE char *line = NULL;
  size_t size = 0;
  ssize_t len;

  tcflush (STDIN_FILENO, TCIFLUSH);
  fputs ("  [y/N] ", stderr);
  fflush (stderr);
  len = getline (&line, &size, stdin);
  if (len > 0 && line[len - 1] == '\n')
    line[len - 1] = '\0';
  return len > 0 && (strcasecmp (line, "y") == 0 || strcasecmp (line, "yes") == 0);
}

static bool
ask (const struct original *o, const char *recipe)
{
  char size[AMOUNT_MAX];

  fputs ("mkvdup: delete ", stderr);
  print_safe (stderr, o->path);
  fprintf (stderr, " (%s)?  It is rebuilt by ", amount_bytes (o->id.size, size));
  print_safe (stderr, recipe);
  fputs (" and its disc.", stderr);
  return original_confirmed ();
}

/* ---- The end of it */

/* Who stops the program when the recipe is as good as made does not want more done. */
static int
check_interrupted (struct error *err)
{
  return interrupted () ? error_set (err, 0, "interrupted") : 0;
}

/* Is it the file that was to be deleted, and the one that was verified?  Where its folder is a
 * link or a mount they may have been two.
 */
static int
check_same (const struct original *o, const struct create_report *report,
            struct error *err)
{
  struct file_id id = { 0 };

  if (look (o->path, &id, err) == -1)
    return -1;
  if (file_id_same (&o->id, &id) && file_id_same (&report->mkv_id, &id))
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

  return lock == -1 || sync_and_check (o, recipe, report, err) == -1 ||
             check_same (o, report, err) == -1 || check_interrupted (err) == -1
           ? -1
           : delete (o, err);
}

enum original_fate
original_delete (const struct original *o, const char *recipe,
                 const struct create_report *report, bool yes, struct error *err)
{
  int r = check_interrupted (err);

  /* Nobody is asked for what will not be done. */
  if (r == 0 && !yes)
    r = sync_and_check (o, recipe, report, err);
  if (r == 0 && !yes && !ask (o, recipe))
    return ORIGINAL_KEPT;
  if (r == 0)
    r = delete_with_lock (o, recipe, report, err);
  if (r == 0)
    return ORIGINAL_DELETED;
  error_context (err, "%s: is kept", o->path);
  return ORIGINAL_FAILED;
}
