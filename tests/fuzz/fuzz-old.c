/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a recipe of the Go program, as they are and with all checksums put right:
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
#include "old-recipe.h"
#include "recipe-complaint.h"
#include "recipe_old.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* An image may claim more segments than it is worth to look at. */
#define MAX_SEGMENTS 4

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
  const char *complaint = recipe_complaint (r, MAX_SEGMENTS);

  if (complaint)
    fprintf (stderr, "%s\n", complaint);
  require (!complaint);
  require (recipe_check (r, &err) == 0 || err.text[0] != 0);
}

static void
try_open (const uint8_t *data, size_t size)
{
  CLEANUP_CLOSE int fd = memfd_create ("recipe", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  struct recipe *r;
  char path[32];

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = recipe_open (path, &err);
  require (r || strncmp (err.text, path, strlen (path)) == 0);
  if (r && recipe_old_facts (r))
    check_recipe (r);
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
  old_recipe_reseal (copy, size);
  try_open (copy, size);
  return 0;
}
