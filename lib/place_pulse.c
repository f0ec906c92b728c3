/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pulses by path: see place_pulse.h.
 *
 * Nobody says when a place is no longer configured, so they stay until the end: some hundred
 * bytes for each folder that discs lie in.
 */
#include "config.h"

#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "place_pulse.h"

struct place {
  struct pulse pulse;
  char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *places; /* a tree of libc's; guarded by the lock */

static int
by_path (const void *a, const void *b)
{
  return strcmp (((const struct place *) a)->path, ((const struct place *) b)->path);
}

static struct place *
place_new (const char *path)
{
  size_t len = strlen (path) + 1;
  struct place *p = malloc (sizeof *p + len);

  if (!p)
    return NULL;
  pulse_init (&p->pulse);
  memcpy (p->path, path, len);
  return p;
}

static void
place_free (void *opaque)
{
  struct place *p = opaque;

  pulse_destroy (&p->pulse);
  free (p);
}

struct pulse *
place_pulse (const char *path)
{
  struct place *p = place_new (path);
  struct place **there;
  LOCK_FOR_SCOPE (&lock);

  there = p ? tsearch (p, &places, by_path) : NULL;
  if (p && (!there || *there != p))
    place_free (p);
  return there ? &(*there)->pulse : NULL;
}

struct pulse *
folder_pulse (const char *file)
{
  const char *slash = strrchr (file, '/');
  CLEANUP_FREE char *folder = slash ? strndup (file, (size_t) (slash - file + 1)) : NULL;

  return slash && !folder ? NULL : place_pulse (folder ? folder : ".");
}

__attribute__ ((destructor)) static void
free_all (void)
{
  tdestroy (places, place_free);
}
