/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pulses by path: see place_pulse.h.
 *
 * Nobody says when a place is no longer configured, so they stay: some hundred bytes for each
 * folder that discs were looked for in, or recipes opened.  Nor are they freed at the end, as
 * who hangs then may still wake up.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "cleanup.h"
#include "clock.h"
#include "path.h"
#include "place_pulse.h"

#define MIN_CHAINS 64u

struct place {
  struct pulse pulse;
  struct place *next; /* in its chain */
  char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static struct place **chains;
static size_t n_chains; /* a power of two, or 0 */
static size_t n_places; /* no more than chains */
static uint64_t seed;   /* names of folders may be chosen to fall into one chain */

static struct place **
chain_of (struct place **table, size_t size, const char *path)
{
  return &table[XXH3_64bits_withSeed (path, strlen (path), seed) & (size - 1)];
}

/* Room for one more; false when out of memory. */
static bool
grow (void)
{
  size_t more = n_chains ? 2 * n_chains : MIN_CHAINS;
  struct place **table, *next;

  if (n_places < n_chains)
    return true;
  table = calloc (more, sizeof *table);
  if (!table)
    return false;
  if (n_chains == 0 && getrandom (&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
    seed = (uint64_t) clock_ms ();
  for (size_t i = 0; i < n_chains; i++)
    for (struct place *p = chains[i]; p; p = next) {
      struct place **chain = chain_of (table, more, p->path);

      next = p->next;
      p->next = *chain;
      *chain = p;
    }
  free (chains);
  chains = table;
  n_chains = more;
  return true;
}

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
  struct place **chain, *p;
  LOCK_FOR_SCOPE (&lock);

  if (!grow ())
    return NULL;
  chain = chain_of (chains, n_chains, path);
  for (p = *chain; p; p = p->next)
    if (strcmp (p->path, path) == 0)
      return &p->pulse;
  p = place_new (path, strlen (path));
  if (!p)
    return NULL;
  p->next = *chain;
  *chain = p;
  n_places++;
  return &p->pulse;
}

size_t
place_pulses (void)
{
  LOCK_FOR_SCOPE (&lock);

  return n_places;
}

struct pulse *
folder_pulse (const char *file)
{
  CLEANUP_FREE char *folder = path_folder (file);

  return folder ? place_pulse (folder) : NULL;
}
