/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-old VERSION SEED SIZE FOLDER [DISC_SIZE]: a recipe of the Go program (old-recipe.h), of an image of
 * SIZE bytes: FOLDER/film.mkvdup, its sidecar, film.mkv and the discs.
 *
 * make-old reseal FILE: put the checksums of one right.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "old-recipe.h"
#include "whole_io.h"

static int
put (const char *name, const void *data, size_t len, struct error *err)
{
  CLEANUP_CLOSE int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  return fd == -1 ? error_set (err, 1, "%s", name)
                  : write_all (fd, data, len, 0, name, err);
}

static int
make (char **argv, struct error *err)
{
  static const char sidecar[] =
    "name: \"Old/film.mkv\"\ndedup_file: \"film.mkvdup\"\nsource_dir: \".\"\n";
  const struct old_options options = { .version = (unsigned) atoi (argv[1]),
                                       .seed = strtoull (argv[2], NULL, 10),
                                       .image_size = strtoull (argv[3], NULL, 10),
                                       .disc_size =
                                         argv[5] ? strtoull (argv[5], NULL, 10) : 3000000,
                                       .row_max = 4000 };
  struct old_recipe r;
  int result = 0;

  mkdir (argv[4], 0777);
  if (chdir (argv[4]) == -1)
    return error_set (err, 1, "%s", argv[4]);
  mkdir ("first", 0777);
  old_recipe_make (&r, &options);
  for (unsigned i = 0; i < OLD_DISCS && result == 0; i++)
    result = put (old_disc_paths[i], r.discs[i].data, r.discs[i].len, err);
  if (result == 0)
    result = put ("film.mkvdup", r.file.data, r.file.len, err);
  if (result == 0)
    result = put ("film.mkvdup.yaml", sidecar, strlen (sidecar), err);
  if (result == 0)
    result = put ("film.mkv", r.image.data, r.image.len, err);
  old_recipe_free (&r);
  return result;
}

static int
reseal (const char *name, struct error *err)
{
  CLEANUP_CLOSE int fd = open (name, O_RDWR | O_CLOEXEC);
  CLEANUP_FREE uint8_t *data = NULL;
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, 1, "%s", name);
  data = malloc ((size_t) st.st_size + 1);
  if (!data || read_all (fd, data, (size_t) st.st_size, 0, name, err) == -1)
    return -1;
  old_recipe_reseal (data, (size_t) st.st_size);
  return write_all (fd, data, (size_t) st.st_size, 0, name, err);
}

int
main (int argc, char **argv)
{
  struct error err = ERROR_INIT;
  int r;

  if (argc == 3 && strcmp (argv[1], "reseal") == 0)
    r = reseal (argv[2], &err);
  else if (argc == 5 || argc == 6)
    r = make (argv, &err);
  else
    return 2;
  if (r == -1)
    fprintf (stderr, "make-old: %s\n", err.text);
  return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
