/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-udf-disk KIND OUTPUT LABEL < LIST: a disk as a file, with holes.  KIND is udf.  A line
 * of LIST is
 *
 *     SIZE MODE UID GID MTIME.NSEC NAME
 *
 * with MODE in octal; lines are sorted here.  A file holds its name at its begin and, from
 * twice that length on, at its end too, and zeros between.  Prints the disk's size.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"

#define MAX_FILES 1000000u
#define PIECE (1u << 20)

static struct tree_file *files;
static uint32_t n_files;

static uint64_t
number (char **p, int base)
{
  char *end;
  uint64_t v = strtoull (*p, &end, base);

  if (end == *p || (*end != ' ' && *end != '.'))
    errx (2, "no number: %s", *p);
  *p = end + 1;
  return v;
}

static void
read_line (char *line)
{
  struct tree_file *f = &files[n_files++];
  struct error e;

  line[strcspn (line, "\n")] = '\0';
  f->size = number (&line, 10);
  f->stat.mode = (uint32_t) number (&line, 8);
  f->stat.uid = (uint32_t) number (&line, 10);
  f->stat.gid = (uint32_t) number (&line, 10);
  f->stat.mtime = (int64_t) number (&line, 10);
  f->stat.mtime_nsec = (uint32_t) number (&line, 10);
  f->name = strdup (line);
  if (!f->name || tree_check_name (f->name, &e) == -1)
    errx (2, "%s: %s", line, f->name ? e.text : "out of memory");
}

static void
read_list (void)
{
  char *line = NULL;
  size_t room = 0;

  files = calloc (MAX_FILES, sizeof *files);
  if (!files)
    err (1, "%u files", MAX_FILES);
  while (n_files < MAX_FILES && getline (&line, &room, stdin) > 0)
    read_line (line);
  free (line);
}

static int
by_name (const void *a, const void *b)
{
  return tree_compare_names (((const struct tree_file *) a)->name,
                             ((const struct tree_file *) b)->name);
}

static void
write_at (int fd, const void *buf, size_t n, uint64_t at)
{
  if (pwrite (fd, buf, n, (off_t) at) != (ssize_t) n)
    err (1, "write");
}

/* Metadata; what is zeros stays a hole. */
static void
write_range (int fd, const struct fs *fs, uint64_t from, uint64_t end)
{
  static uint8_t piece[PIECE];
  static const uint8_t zeros[PIECE];

  while (from < end) {
    size_t n = end - from < PIECE ? (size_t) (end - from) : PIECE;

    fs->read (fs, piece, n, from);
    if (memcmp (piece, zeros, n) != 0)
      write_at (fd, piece, n, from);
    from += n;
  }
}

static void
write_files (int fd, const struct fs *fs, const struct tree *tree)
{
  for (uint32_t i = 0; i < tree->n; i++) {
    const struct tree_node *node = &tree->nodes[i];
    size_t len;

    if (tree_is_folder (node))
      continue;
    len = strlen (files[node->file].name);
    write_at (fd, files[node->file].name, node->size < len ? (size_t) node->size : len,
              fs->file_at[i]);
    if (node->size >= 2 * len)
      write_at (fd, files[node->file].name, len, fs->file_at[i] + node->size - len);
  }
}

int
main (int argc, char **argv)
{
  const struct tree_stat folder = { .mode = 0555 };
  struct error e = ERROR_INIT;
  struct tree *tree;
  struct fs *fs;
  int fd;

  if (argc != 4 || strcmp (argv[1], "udf") != 0)
    errx (2, "usage: make-udf-disk udf OUTPUT LABEL < LIST");
  read_list ();
  qsort (files, n_files, sizeof *files, by_name);
  tree = tree_new (files, n_files, &folder, &e);
  fs = tree ? fs_new_udf (tree, argv[3], &e) : NULL;
  if (!fs)
    errx (1, "%s", e.text);
  fd = open (argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd == -1 || ftruncate (fd, (off_t) fs->size) == -1)
    err (1, "%s", argv[2]);
  write_range (fd, fs, 0, fs->data_at);
  write_range (fd, fs, fs->data_end, fs->size);
  write_files (fd, fs, tree);
  if (close (fd) == -1)
    err (1, "%s", argv[2]);
  printf ("%llu\n", (unsigned long long) fs->size);
  fs_free (fs);
  tree_free (tree);
  for (uint32_t i = 0; i < n_files; i++)
    free ((void *) (uintptr_t) files[i].name);
  free (files);
  return 0;
}
