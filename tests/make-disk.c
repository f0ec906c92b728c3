/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-disk KIND OUTPUT LABEL < LIST: a disk with a synthesised file system (lib/fs.h), as
 * a sparse file.  A line of LIST is
 *
 *     SIZE MODE UID GID MTIME.NSEC NAME
 *
 * with an octal MODE and nine digits of NSEC; lines are in any order.  What files hold
 * follows from their names (disk-content.h).
 *
 * The kind "files" makes the same files in the existing folder OUTPUT, for comparison.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "buffer.h"
#include "cleanup.h"
#include "disk-content.h"
#include "fs.h"
#include "tree.h"

static const struct kind {
  const char *name;
  struct fs *(*make) (const struct tree *tree, const char *label, struct error *err);
} kinds[] = {
  { "erofs", fs_new_erofs },
  { "udf", fs_new_udf },
};

static const struct tree_stat folder = { .mode = 0555 };

/* ---- The list */

static void
parse_line (char *line, struct tree_file *file)
{
  struct error err = ERROR_INIT;
  char *p = line;

  file->size = strtoull (p, &p, 10);
  file->stat.mode = (uint32_t) strtoul (p, &p, 8);
  file->stat.uid = (uint32_t) strtoul (p, &p, 10);
  file->stat.gid = (uint32_t) strtoul (p, &p, 10);
  file->stat.mtime = strtoll (p, &p, 10);
  if (*p != '.')
    errx (1, "no nanoseconds: %s", line);
  file->stat.mtime_nsec = (uint32_t) strtoul (p + 1, &p, 10);
  if (*p != ' ')
    errx (1, "no name: %s", line);
  file->name = strdup (p + 1);
  if (!file->name || tree_check_name (file->name, &err) == -1)
    errx (1, "%s: %s", p + 1, err.text);
}

static int
by_name (const void *a, const void *b)
{
  return tree_compare_names (((const struct tree_file *) a)->name,
                             ((const struct tree_file *) b)->name);
}

static struct tree *
read_tree (struct error *err)
{
  CLEANUP_BUFFER struct buffer list = BUFFER_INIT;
  CLEANUP_FREE char *line = NULL;
  struct tree_file *files;
  struct tree *tree;
  size_t size = 0;
  uint32_t n = 0;

  for (ssize_t len; (len = getline (&line, &size, stdin)) > 0; n++) {
    struct tree_file file = { 0 };

    line[strcspn (line, "\n")] = '\0';
    parse_line (line, &file);
    buffer_append (&list, &file, sizeof file);
  }
  if (list.failed)
    errx (1, "out of memory");
  files = (struct tree_file *) list.data;
  if (n > 0)
    qsort (files, n, sizeof *files, by_name);
  for (uint32_t i = 1; i < n; i++)
    if (!tree_names_agree (files[i - 1].name, files[i].name))
      errx (1, "%s: not beside %s", files[i].name, files[i - 1].name);
  tree = tree_new (files, n, &folder, err);
  for (uint32_t i = 0; i < n; i++)
    free ((void *) (uintptr_t) files[i].name);
  return tree;
}

/* ---- Paths, and what follows from them */

/* The path of a node below the root, "." for that itself. */
static void
put_path (const struct tree *tree, uint32_t i, char *path)
{
  if (i == 0) {
    strcpy (path, ".");
    return;
  }
  put_path (tree, tree->nodes[i].parent, path);
  strcat (path, "/");
  strcat (path, tree->nodes[i].name);
}

static int
write_file (int fd, uint64_t at, const char *path, uint64_t size, struct error *err)
{
  return content_write (fd, at, XXH3_64bits (path, strlen (path)), size, path, err);
}

/* ---- What is made */

static int
write_metadata (int fd, const struct fs *fs, uint64_t from, uint64_t to,
                struct error *err)
{
  static uint8_t bytes[1 << 20];

  for (uint64_t at = from; at < to;) {
    size_t n = to - at < sizeof bytes ? (size_t) (to - at) : sizeof bytes;

    fs->read (fs, bytes, n, at);
    if (write_all (fd, bytes, n, at, "metadata", err) == -1)
      return -1;
    at += n;
  }
  return 0;
}

static int
write_disk (const char *output, const struct tree *tree, const struct fs *fs,
            struct error *err)
{
  CLEANUP_CLOSE int fd = open (output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  char path[TREE_MAX_NAME + 3];

  if (fd == -1 || ftruncate (fd, (off_t) fs->size) == -1)
    return error_set (err, errno, "%s", output);
  if (write_metadata (fd, fs, 0, fs->data_at, err) == -1 ||
      write_metadata (fd, fs, fs->data_end, fs->size, err) == -1)
    return -1;
  for (uint32_t i = 0; i < tree->n; i++) {
    put_path (tree, i, path);
    if (write_file (fd, fs->file_at[i], path, tree->nodes[i].size, err) == -1)
      return -1;
  }
  return 0;
}

static int
make_disk (const char *kind, const char *output, const char *label,
           const struct tree *tree, struct error *err)
{
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp (kind, kinds[i].name) == 0) {
      struct fs *fs = kinds[i].make (tree, label, err);
      int r = fs ? write_disk (output, tree, fs, err) : -1;

      fs_free (fs);
      return r;
    }
  return error_set (err, 0, "%s: no kind of file system", kind);
}

/* A file or a folder without anything in it. */
static int
make_node (const char *path, const struct tree_node *node, struct error *err)
{
  CLEANUP_CLOSE int fd = -1;

  if (tree_is_folder (node))
    return mkdir (path, 0700) == -1 ? error_set (err, errno, "%s", path) : 0;
  fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd == -1 || ftruncate (fd, (off_t) node->size) == -1)
    return error_set (err, errno, "%s", path);
  return write_file (fd, 0, path, node->size, err);
}

static int
set_stat (const char *path, const struct tree_stat *stat, struct error *err)
{
  const struct timespec time = { stat->mtime, stat->mtime_nsec };

  /* The mode after the owner, which takes away S_ISUID. */
  if (chown (path, stat->uid, stat->gid) == -1 ||
      chmod (path, stat->mode & 07777) == -1 ||
      utimensat (AT_FDCWD, path, (const struct timespec[]){ time, time }, 0) == -1)
    return error_set (err, errno, "%s", path);
  return 0;
}

static int
make_files (const char *output, const struct tree *tree, struct error *err)
{
  char path[TREE_MAX_NAME + 3];

  if (chdir (output) == -1)
    return error_set (err, errno, "%s", output);
  for (uint32_t i = 1; i < tree->n; i++) {
    put_path (tree, i, path);
    if (make_node (path, &tree->nodes[i], err) == -1)
      return -1;
  }
  /* What is in a folder comes after it, and changes its time. */
  for (uint32_t i = tree->n; i-- > 0;) {
    put_path (tree, i, path);
    if (set_stat (path, &tree->nodes[i].stat, err) == -1)
      return -1;
  }
  return 0;
}

int
main (int argc, char *argv[])
{
  struct error err = ERROR_INIT;
  struct tree *tree;
  int r;

  if (argc != 4)
    errx (1, "usage: %s KIND OUTPUT LABEL < LIST", argv[0]);
  tree = read_tree (&err);
  if (!tree)
    errx (1, "%s", err.text);
  r = strcmp (argv[1], "files") == 0 ? make_files (argv[2], tree, &err)
                                     : make_disk (argv[1], argv[2], argv[3], tree, &err);
  tree_free (tree);
  if (r == -1)
    errx (1, "%s", err.text);
  return 0;
}
