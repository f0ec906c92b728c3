/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a recipe, as they are and with all checksums put right (reseal.c):
 * refused with a message, or open; then its segments are refused, or all that segment.h
 * promises.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "merkle.h"
#include "recipe-complaint.h"
#include "reseal.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* An image may claim more segments than it is worth to look at. */
#define MAX_SEGMENTS 16

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_recipe (const struct recipe *r)
{
  struct error err = ERROR_INIT;
  uint8_t root[MERKLE_DIGEST];
  const char *complaint = recipe_complaint (r, MAX_SEGMENTS);

  if (complaint)
    fprintf (stderr, "%s\n", complaint);
  require (!complaint);
  require (recipe_root (r, root, &err) == 0);
  if (r->n_segments <= MAX_SEGMENTS)
    require (recipe_check (r, &err) == 0 || err.text[0] != 0);
}

static void
try_open (const uint8_t *data, size_t size)
{
  CLEANUP_CLOSE int fd = memfd_create ("recipe", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  uint64_t image_size;
  struct recipe *r;
  struct stat st;
  char path[32];

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = recipe_open (path, &err);
  require (r || strncmp (err.text, path, strlen (path)) == 0);
  if (r) {
    check_recipe (r);
    require (recipe_peek (path, &image_size, &st, &err) == 0);
    require (image_size == r->image_size);
  }
  recipe_close (r);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_FREE uint8_t *copy = malloc (size + 1);

  try_open (data, size);
  if (!copy || size == 0)
    return 0;
  memcpy (copy, data, size);
  reseal (copy, size);
  try_open (copy, size);
  return 0;
}
