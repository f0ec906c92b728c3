/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Content-chosen anchors: see anchor.h.
 *
 * The rolling hash is the indexer's innermost loop: every byte of the disc goes
 * through it once.  It is one addition and one load a byte, and the chain of
 * additions is what limits it; so two halves are rolled side by side.
 */
#include "config.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "anchor.h"

#define BUCKET_BITS 16
#define BUCKETS (1u << BUCKET_BITS)

/* Up to this size (two layers of a DVD) sources get all the anchors; beyond, the
 * number falls with the size, to the floor.
 */
#define FULL_DENSITY (UINT64_C (8) << 30)
#define ANCHORS_FLOOR 3

static uint64_t gear_table[256];
static pthread_once_t gear_once = PTHREAD_ONCE_INIT;

unsigned
anchors_per_chunk (uint64_t bytes)
{
  uint64_t n = ANCHORS_PER_CHUNK;

  if (bytes > FULL_DENSITY)
    n = FULL_DENSITY / (bytes / ANCHORS_PER_CHUNK);
  return n < ANCHORS_FLOOR ? ANCHORS_FLOOR : (unsigned) n;
}

/* Random-looking values: which does not matter, but they must never change, for the
 * recipes to stay the same.
 */
static void
fill_gear_table (void)
{
  for (unsigned i = 0; i < 256; i++) {
    uint8_t byte = (uint8_t) i;

    gear_table[i] = XXH3_64bits_withSeed (&byte, 1, 0x6d6b76647570);
  }
}

static const uint64_t *
gear (void)
{
  pthread_once (&gear_once, fill_gear_table);
  return gear_table;
}

/* The value after the first ANCHOR_WINDOW - 1 bytes. */
static uint64_t
warm_up (const uint64_t *g, const uint8_t *data)
{
  uint64_t h = 0;

  for (size_t i = 0; i < ANCHOR_WINDOW - 1; i++)
    h = (h << 1) + g[data[i]];
  return h;
}

/* Picks so far: the worst is kept at the front, to be replaced next. */
struct picking {
  struct anchor_pick *picks;
  size_t n, max;
  uint64_t limit; /* only smaller values are of interest */
};

/* Take a candidate; kept out of the loop, which it is called from once in hundreds of
 * bytes.
 */
static __attribute__ ((noinline)) void
take_pick (struct picking *p, uint64_t h, size_t at)
{
  size_t worst = 0;

  for (size_t i = 0; i < p->n; i++)
    if (p->picks[i].gear == h)
      return; /* the same window again: black, silence */
  if (p->n < p->max)
    p->picks[p->n++] = (struct anchor_pick){ h, (uint32_t) at };
  else
    p->picks[0] = (struct anchor_pick){ h, (uint32_t) at };
  if (p->n < p->max)
    return;
  for (size_t i = 1; i < p->n; i++)
    if (p->picks[i].gear > p->picks[worst].gear)
      worst = i;
  if (worst != 0) {
    struct anchor_pick swap = p->picks[0];

    p->picks[0] = p->picks[worst];
    p->picks[worst] = swap;
  }
  p->limit = p->picks[0].gear;
}

size_t
anchor_pick (const uint8_t *data, size_t len, struct anchor_pick *picks, size_t max)
{
  struct picking p = { picks, 0, max, ANCHOR_LIMIT };
  const uint64_t *g = gear ();
  size_t windows, half, i;
  const uint8_t *a, *b;
  uint64_t ha, hb;

  if (len < ANCHOR_WINDOW || max == 0)
    return 0;
  windows = len - ANCHOR_WINDOW + 1;
  half = windows / 2;
  ha = warm_up (g, data);
  hb = warm_up (g, data + half);
  a = data + ANCHOR_WINDOW - 1;
  b = a + half;
  for (i = 0; i < half; i++) {
    ha = (ha << 1) + g[a[i]];
    hb = (hb << 1) + g[b[i]];
    if (__builtin_expect (ha < p.limit, 0))
      take_pick (&p, ha, i);
    if (__builtin_expect (hb < p.limit, 0))
      take_pick (&p, hb, half + i);
  }
  if (windows % 2 != 0) {
    hb = (hb << 1) + g[b[half]];
    if (hb < p.limit)
      take_pick (&p, hb, 2 * half);
  }
  return p.n;
}

size_t
anchor_next (const uint8_t *data, size_t len, size_t from)
{
  const uint64_t *g = gear ();
  uint64_t h;

  if (len < ANCHOR_WINDOW || from > len - ANCHOR_WINDOW)
    return len;
  h = warm_up (g, data + from);
  for (size_t i = from + ANCHOR_WINDOW - 1; i < len; i++) {
    h = (h << 1) + g[data[i]];
    if (h < ANCHOR_LIMIT)
      return i - (ANCHOR_WINDOW - 1);
  }
  return len;
}

uint64_t
anchor_hash (const uint8_t *window)
{
  return XXH3_64bits (window, ANCHOR_WINDOW);
}

static int
compare_anchors (const void *x, const void *y)
{
  const struct anchor *a = x, *b = y;

  if (a->hash != b->hash)
    return a->hash < b->hash ? -1 : 1;
  if (a->view != b->view)
    return a->view < b->view ? -1 : 1;
  return a->at < b->at ? -1 : a->at > b->at;
}

static size_t
bucket_of (uint64_t hash)
{
  return hash >> (64 - BUCKET_BITS);
}

int
anchor_table_init (struct anchor_table *t, struct anchor *anchors, size_t n)
{
  uint32_t *buckets = calloc (BUCKETS + 1, sizeof *buckets);

  if (!buckets || n >= UINT32_MAX) {
    free (buckets);
    return -1;
  }
  if (n > 0)
    qsort (anchors, n, sizeof *anchors, compare_anchors);
  for (size_t i = 0; i < n; i++)
    buckets[bucket_of (anchors[i].hash) + 1] = (uint32_t) (i + 1);
  for (size_t b = 1; b <= BUCKETS; b++)
    if (buckets[b] == 0)
      buckets[b] = buckets[b - 1];
  *t = (struct anchor_table){ anchors, n, buckets };
  return 0;
}

void
anchor_table_free (struct anchor_table *t)
{
  free (t->anchors);
  free (t->buckets);
  *t = (struct anchor_table){ 0 };
}

/* The first of anchors [from, end) whose hash is >= `hash`. */
static size_t
lower_bound (const struct anchor_table *t, size_t from, size_t end, uint64_t hash)
{
  while (from < end) {
    size_t mid = from + (end - from) / 2;

    if (t->anchors[mid].hash < hash)
      from = mid + 1;
    else
      end = mid;
  }
  return from;
}

const struct anchor *
anchor_find (const struct anchor_table *t, uint64_t hash, size_t *n)
{
  size_t from = t->buckets[bucket_of (hash)], end = t->buckets[bucket_of (hash) + 1];
  size_t first = lower_bound (t, from, end, hash);
  size_t last = hash == UINT64_MAX ? end : lower_bound (t, first, end, hash + 1);

  *n = last - first;
  return t->anchors + first;
}
