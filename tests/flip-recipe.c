/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flip-recipe RECIPE PLACE MKV SCRATCH: every bit of the recipe changed, by itself, and the recipe
 * cut at every length.  Each time it must be refused, or give an error when read,
 * or give exactly the MKV's bytes; never others.  And a check of the recipe alone has to
 * notice every change.
 *
 * In one process, through the server's own reader: a command for each of some ten
 * thousand recipes would take hours under a sanitizer.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "image.h"
#include "recipe.h"
#include "whole_io.h"

/* A whole file in memory. */
struct bytes {
  uint8_t *data;
  size_t len;
};

/* What became of the changed recipes. */
static struct {
  unsigned refused, failed, exact;
} outcomes;

static struct bytes original, mkv;
static const char *changed, *place;
static uint8_t *image;

static void
die (const char *what, const char *why)
{
  fprintf (stderr, "flip-recipe: %s: %s\n", what, why);
  exit (1);
}

static struct bytes
load (const char *path)
{
  struct error err = ERROR_INIT;
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct bytes b;
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    die (path, strerror (errno));
  b.len = (size_t) st.st_size;
  b.data = malloc (b.len + 1);
  if (!b.data || read_all (fd, b.data, b.len, 0, path, &err) == -1)
    die (path, err.text);
  close (fd);
  return b;
}

/* Read the image whole.  False if there was an error, which has to say something. */
static bool
read_image (struct image *img, const char *what)
{
  struct error err = ERROR_INIT;

  if (image_size (img) != mkv.len)
    die (what, "opened, with another size");
  memset (image, 0xA5, mkv.len);
  if (image_open_sources (img, &err) == 0 &&
      image_read (img, image, mkv.len, 0, &err) == 0)
    return true;
  if (!err.text[0])
    die (what, "an error without a word");
  return false;
}

/* Read what the changed recipe gives. */
static void
try_read (const char *what)
{
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  struct error err = ERROR_INIT;
  struct image *img;

  if (!cache)
    die (what, "out of memory");
  img = image_open (changed, &place, 1, cache, &err);
  if (!img) {
    if (!err.text[0])
      die (what, "refused without a word");
    outcomes.refused++;
  }
  else {
    if (!read_image (img, what))
      outcomes.failed++;
    else if (memcmp (image, mkv.data, mkv.len) == 0)
      outcomes.exact++;
    else
      die (what, "WRONG BYTES");
    image_close (img);
  }
  segment_cache_free (cache);
}

/* Is the recipe, by itself, as it was written? */
static bool
check (void)
{
  struct error err = ERROR_INIT;
  struct recipe *r = recipe_open (changed, &err);
  int result = r ? recipe_check (r, &err) : -1;

  if (r)
    recipe_close (r);
  return result == 0;
}

static void
try (const char *what)
{
  try_read (what);
  if (check ())
    die (what, "a check does not notice");
}

static void
flip_all (int fd)
{
  char what[64];

  for (size_t i = 0; i < original.len; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      uint8_t byte = original.data[i] ^ (uint8_t) (1 << bit);

      snprintf (what, sizeof what, "byte %zu, bit %u", i, bit);
      if (pwrite (fd, &byte, 1, (off_t) i) != 1)
        die (changed, strerror (errno));
      try (what);
      if (pwrite (fd, &original.data[i], 1, (off_t) i) != 1)
        die (changed, strerror (errno));
    }
}

/* From long to short, so that nothing has to be written anew. */
static void
cut_all (int fd)
{
  char what[64];

  for (size_t len = original.len; len-- > 0;) {
    snprintf (what, sizeof what, "cut at %zu", len);
    if (ftruncate (fd, (off_t) len) == -1)
      die (changed, strerror (errno));
    try (what);
  }
}

/* The unchanged recipe has to pass, or all of this means nothing. */
static void
try_unchanged (void)
{
  try_read ("unchanged");
  if (outcomes.exact != 1 || !check ())
    die ("unchanged", "is no good recipe of this file");
  outcomes.exact = 0;
}

int
main (int argc, char **argv)
{
  int fd;

  if (argc != 5) {
    fprintf (stderr, "usage: flip-recipe RECIPE PLACE MKV SCRATCH\n");
    return 2;
  }
  original = load (argv[1]);
  place = argv[2];
  mkv = load (argv[3]);
  image = malloc (mkv.len + 1);
  changed = argv[4];
  fd = open (changed, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (!image || fd == -1 ||
      write (fd, original.data, original.len) != (ssize_t) original.len)
    die (changed, strerror (errno));
  try_unchanged ();
  flip_all (fd);
  cut_all (fd);
  close (fd);
  free (original.data);
  free (mkv.data);
  free (image);
  printf ("%u refused when opened, %u when read, %u exact all the same\n",
          outcomes.refused, outcomes.failed, outcomes.exact);
  return 0;
}
