/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The segment cache: see cache.h.
 *
 * A hash table with chains, and a list of the entries nobody uses, least recently used
 * first.  Invariants, whenever the lock is free:
 *   - an entry is in the table, unless its loading failed;
 *   - it is on the idle list if and only if it is loaded and has no users;
 *   - `bytes` is the sum of the costs of the loaded entries;
 *   - bytes <= max_bytes, or the idle list is empty.
 *
 * One lock for all: a hit holds it for a look-up, a request takes microseconds.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "cache.h"
#include "cleanup.h"

enum entry_state {
  LOADING, /* one thread decodes it; the others wait on `loaded` */
  READY,
  FAILED, /* no longer in the table; goes with its last user */
};

struct entry {
  struct cached_segment got; /* first: what users hold is the entry */
  const struct recipe *recipe;
  uint32_t number;
  enum entry_state state;
  unsigned users; /* who hold it, load it or wait for it */
  size_t cost;
  struct error *reason; /* why it FAILED; owned; NULL when out of memory */
  pthread_cond_t loaded;
  struct entry *next_in_chain;
  struct entry *older, *newer; /* while idle; while being freed, `newer` alone */
};

struct segment_cache {
  size_t max_bytes;
  pthread_mutex_t lock; /* guards everything below, and every entry but its segment */
  struct segment_cache_stats stats;
  struct entry *oldest, *newest;
  size_t n_chains; /* a power of two */
  struct entry *chains[];
};

/* A chain for each so many bytes of bound: segments are about this large, decoded. */
#define BYTES_PER_CHAIN 16384
#define MIN_CHAINS 64
#define MAX_CHAINS 65536

struct segment_cache *
segment_cache_new (size_t max_bytes)
{
  struct segment_cache *cache;
  size_t n = MIN_CHAINS;

  while (n < MAX_CHAINS && n < max_bytes / BYTES_PER_CHAIN)
    n *= 2;
  cache = calloc (1, sizeof *cache + n * sizeof cache->chains[0]);
  if (!cache)
    return NULL;
  cache->max_bytes = max_bytes;
  cache->n_chains = n;
  pthread_mutex_init (&cache->lock, NULL);
  return cache;
}

static struct entry **
chain_of (struct segment_cache *cache, const struct recipe *recipe, uint32_t number)
{
  uint64_t h = ((uint64_t) (uintptr_t) recipe >> 4) + number;

  /* Fibonacci hashing: neighbouring numbers fall into different chains. */
  h *= UINT64_C (0x9e3779b97f4a7c15);
  return &cache->chains[(h >> 32) & (cache->n_chains - 1)];
}

static struct entry *
find (struct segment_cache *cache, const struct recipe *recipe, uint32_t number)
{
  struct entry *e = *chain_of (cache, recipe, number);

  while (e && (e->recipe != recipe || e->number != number))
    e = e->next_in_chain;
  return e;
}

static void
unchain (struct segment_cache *cache, struct entry *e)
{
  struct entry **p = chain_of (cache, e->recipe, e->number);

  while (*p != e)
    p = &(*p)->next_in_chain;
  *p = e->next_in_chain;
}

static void
idle_append (struct segment_cache *cache, struct entry *e)
{
  e->newer = NULL;
  e->older = cache->newest;
  if (e->older)
    e->older->newer = e;
  else
    cache->oldest = e;
  cache->newest = e;
}

static void
idle_remove (struct segment_cache *cache, struct entry *e)
{
  if (e->older)
    e->older->newer = e->newer;
  else
    cache->oldest = e->newer;
  if (e->newer)
    e->newer->older = e->older;
  else
    cache->newest = e->older;
}

static void
entry_free (struct entry *e)
{
  if (e->got.segment)
    segment_free ((struct segment *) e->got.segment);
  pthread_cond_destroy (&e->loaded);
  free (e->reason);
  free (e);
}

/* Free a list, linked by `newer`.  Called without the lock: it takes a while. */
static void
entries_free (struct entry *e)
{
  struct entry *next;

  for (; e; e = next) {
    next = e->newer;
    entry_free (e);
  }
}

/* Take an idle entry out of the cache and put it on a list to be freed. */
static void
evict (struct segment_cache *cache, struct entry *e, struct entry **victims)
{
  idle_remove (cache, e);
  unchain (cache, e);
  cache->stats.bytes -= e->cost;
  --cache->stats.entries;
  e->newer = *victims;
  *victims = e;
}

static struct entry *
shrink (struct segment_cache *cache)
{
  struct entry *victims = NULL;

  while (cache->stats.bytes > cache->max_bytes && cache->oldest) {
    evict (cache, cache->oldest, &victims);
    ++cache->stats.evictions;
  }
  return victims;
}

static struct entry *
entry_new (struct segment_cache *cache, const struct recipe *recipe, uint32_t number)
{
  struct entry *e = calloc (1, sizeof *e);
  struct entry **chain;

  if (!e)
    return NULL;
  e->recipe = recipe;
  e->number = number;
  e->state = LOADING;
  e->users = 1;
  pthread_cond_init (&e->loaded, NULL);
  chain = chain_of (cache, recipe, number);
  e->next_in_chain = *chain;
  *chain = e;
  return e;
}

/* Decode the segment of a new entry, without the lock, and tell whoever waits. */
static void
load (struct segment_cache *cache, struct entry *e)
{
  struct error reason = ERROR_INIT;
  struct segment *seg;

  pthread_mutex_unlock (&cache->lock);
  seg = recipe_segment (e->recipe, e->number, &reason);
  pthread_mutex_lock (&cache->lock);

  e->got.segment = seg;
  if (seg) {
    e->state = READY;
    e->cost = seg->footprint + sizeof *e;
    cache->stats.bytes += e->cost;
    ++cache->stats.entries;
  }
  else {
    e->state = FAILED;
    unchain (cache, e);
    e->reason = malloc (sizeof *e->reason);
    if (e->reason)
      *e->reason = reason;
  }
  pthread_cond_broadcast (&e->loaded);
}

/* Give the reason of a failure to one user, who leaves; true: it was the last. */
static bool
leave_failed (struct entry *e, struct error *err)
{
  if (e->reason)
    *err = *e->reason;
  else
    error_set (err, ENOMEM, "segment %u", e->number);
  return --e->users == 0;
}

const struct cached_segment *
segment_cache_get (struct segment_cache *cache, const struct recipe *recipe,
                   uint32_t number, struct error *err)
{
  struct entry *e, *victims;
  bool failed, last = false;

  pthread_mutex_lock (&cache->lock);
  e = find (cache, recipe, number);
  if (e) {
    ++cache->stats.hits;
    if (e->state == READY && e->users == 0)
      idle_remove (cache, e);
    ++e->users;
    while (e->state == LOADING)
      pthread_cond_wait (&e->loaded, &cache->lock);
  }
  else {
    ++cache->stats.misses;
    e = entry_new (cache, recipe, number);
    if (e)
      load (cache, e);
  }
  failed = !e || e->state == FAILED;
  if (e && failed)
    last = leave_failed (e, err);
  victims = shrink (cache);
  pthread_mutex_unlock (&cache->lock);

  if (!e)
    error_set (err, ENOMEM, "segment %u", number);
  if (last)
    entry_free (e);
  entries_free (victims);
  return failed ? NULL : &e->got;
}

const struct cached_segment *
segment_cache_try (struct segment_cache *cache, const struct recipe *recipe,
                   uint32_t number)
{
  struct entry *e;
  LOCK_FOR_SCOPE (&cache->lock);

  e = find (cache, recipe, number);
  if (!e || e->state != READY)
    return NULL;
  ++cache->stats.hits;
  if (e->users++ == 0)
    idle_remove (cache, e);
  return &e->got;
}

void
segment_cache_put (struct segment_cache *cache, const struct cached_segment *got)
{
  struct entry *e = (struct entry *) got, *victims = NULL;

  pthread_mutex_lock (&cache->lock);
  assert (e->users > 0);
  if (--e->users == 0) {
    idle_append (cache, e);
    victims = shrink (cache);
  }
  pthread_mutex_unlock (&cache->lock);
  entries_free (victims);
}

/* Evict the idle entries of one recipe, or of all if it is NULL. */
static void
drop (struct segment_cache *cache, const struct recipe *recipe)
{
  struct entry *e, *next, *victims = NULL;

  pthread_mutex_lock (&cache->lock);
  for (e = cache->oldest; e; e = next) {
    next = e->newer;
    if (!recipe || e->recipe == recipe)
      evict (cache, e, &victims);
  }
  pthread_mutex_unlock (&cache->lock);
  entries_free (victims);
}

void
segment_cache_forget (struct segment_cache *cache, const struct recipe *recipe)
{
  drop (cache, recipe);
}

void
segment_cache_free (struct segment_cache *cache)
{
  if (!cache)
    return;
  drop (cache, NULL);
  assert (cache->stats.entries == 0);
  pthread_mutex_destroy (&cache->lock);
  free (cache);
}

void
segment_cache_get_stats (struct segment_cache *cache, struct segment_cache_stats *stats)
{
  LOCK_FOR_SCOPE (&cache->lock);
  *stats = cache->stats;
}
