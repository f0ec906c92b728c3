/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pulses by path: see place_pulse.h.
 *
 * Nobody says when a place is no longer configured, so they stay: some hundred bytes for each
 * folder that discs or recipes lie in.  Nor are they freed at the end, as who hangs then may
 * still wake up.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "cleanup.h"
#include "path.h"
#include "place_pulse.h"

#define CHAINS 1024u

struct place {
  struct pulse pulse;
  struct place *next;
  char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *chains[CHAINS]; /* guarded by the lock */

static struct place *
place_new (const char *path, size_t len)
{
  struct place *p = malloc (sizeof *p + len + 1);

  if (!p)
    return NULL;
  pulse_init (&p->pulse);
  memcpy (p->path, path, len + 1);
  return p;
}

struct pulse *
place_pulse (const char *path)
{
  size_t len = strlen (path);
  struct place **chain = &chains[XXH3_64bits (path, len) % CHAINS], *p;
  LOCK_FOR_SCOPE (&lock);

  for (p = *chain; p; p = p->next)
    if (strcmp (p->path, path) == 0)
      return &p->pulse;
  p = place_new (path, len);
  if (!p)
    return NULL;
  p->next = *chain;
  *chain = p;
  return &p->pulse;
}

struct pulse *
folder_pulse (const char *file)
{
  CLEANUP_FREE char *folder = path_folder (file);

  return folder ? place_pulse (folder) : NULL;
}
