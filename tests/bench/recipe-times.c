/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recipe-times RECIPE FOLDER RUNS: what a server pays before the first byte, as
 * `name=value` lines.  FOLDER is where the recipe's sources are.
 *
 * open_us          open and close the recipe (median of RUNS)
 * open_sources_us  the same, and open and check its sources (median of RUNS)
 * decode_us        read and decode a segment (median of all)
 * decode_max_us    the slowest of all segments
 * footprint_kib    memory a decoded segment holds (mean)
 *
 * Each segment is decoded RUNS times and its fastest counts: what is asked is the cost
 * of the work, not of being interrupted.
 */
#include "config.h"

#include <err.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache.h"
#include "cleanup.h"
#include "image.h"
#include "memory.h"
#include "recipe.h"
#include "times.h"

#define MAX_RUNS 1000

static struct error error = ERROR_INIT;

static double
now_us (void)
{
  return clock_us (CLOCK_MONOTONIC);
}

static struct recipe *
must_open (const char *path)
{
  struct recipe *r = recipe_open (path, &error);

  if (!r)
    errx (1, "%s", error.text);
  return r;
}

static double
open_once (const char *path)
{
  double start = now_us ();

  recipe_close (must_open (path));
  return now_us () - start;
}

static double
open_sources_once (const char *path, const char *folder, struct segment_cache *cache)
{
  double start = now_us ();
  struct image *img = image_open (path, &folder, 1, cache, &error);

  if (!img || image_open_sources (img, &error) == -1)
    errx (1, "%s", error.text);
  image_close (img);
  return now_us () - start;
}

static void
time_opening (const char *path, const char *folder, unsigned runs)
{
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  double bare[MAX_RUNS], sources[MAX_RUNS];

  if (!cache)
    errx (1, "out of memory");
  for (unsigned i = 0; i < runs; i++) {
    bare[i] = open_once (path);
    sources[i] = open_sources_once (path, folder, cache);
  }
  segment_cache_free (cache);
  printf ("open_us=%.1f\nopen_sources_us=%.1f\n", median (bare, runs),
          median (sources, runs));
}

/* The fastest of `runs`; `footprint` is increased by the segment's. */
static double
decode_segment (const struct recipe *r, uint32_t number, unsigned runs, size_t *footprint)
{
  double best = 0;

  for (unsigned i = 0; i < runs; i++) {
    double start = now_us (), time;
    struct segment *seg = recipe_segment (r, number, &error);

    time = now_us () - start;
    if (!seg)
      errx (1, "%s", error.text);
    if (i == 0)
      *footprint += seg->footprint;
    if (i == 0 || time < best)
      best = time;
    segment_free (seg);
  }
  return best;
}

static void
time_decoding (const char *path, unsigned runs)
{
  struct recipe *r = must_open (path);
  CLEANUP_FREE double *times = calloc ((size_t) r->n_segments + 1, sizeof *times);
  size_t footprint = 0;

  if (!times)
    errx (1, "out of memory");
  if (r->n_segments == 0)
    errx (1, "%s: of an empty image", path);
  for (uint32_t i = 0; i < r->n_segments; i++)
    times[i] = decode_segment (r, i, runs, &footprint);
  printf ("decode_us=%.0f\n", median (times, r->n_segments));
  printf ("decode_max_us=%.0f\n", times[r->n_segments - 1]);
  printf ("footprint_kib=%.0f\n", (double) footprint / r->n_segments / 1024);
  recipe_close (r);
}

int
main (int argc, char *argv[])
{
  unsigned long runs = argc == 4 ? strtoul (argv[3], NULL, 10) : 0;

  if (runs < 1 || runs > MAX_RUNS)
    errx (2, "usage: %s RECIPE FOLDER RUNS (1 to %d)", argv[0], MAX_RUNS);
  memory_keep_freed (); /* as the server does */
  time_opening (argv[1], argv[2], (unsigned) runs);
  time_decoding (argv[1], (unsigned) runs);
  return 0;
}
