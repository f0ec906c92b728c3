/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read-times RECIPE FOLDER MKV SLICES: what reading costs the server besides nbdkit, as
 * `name=value` lines: microseconds a read, of image_read and of pread from the MKV itself,
 * and their ratio.  FOLDER is where the recipe's sources are.
 *
 * Processor time of one thread; both take turns in slices of a few milliseconds, at the
 * same places, so that what else the machine does strikes both; medians of the slices.
 * Everything is read once before, and compared.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "cleanup.h"
#include "image.h"
#include "memory.h"
#include "recipe.h"
#include "rng.h"
#include "times.h"

#define MAX_SLICES 1000
#define MAX_READ ((size_t) 1 << 20)
#define SLICE_BYTES ((size_t) 8 << 20)
#define SLICE_READS 1000

static struct error error = ERROR_INIT;
static struct image *image;
static int mkv;
static uint8_t *buffer, *expected;

static void
read_image (uint8_t *buf, size_t len, uint64_t at)
{
  if (image_read (image, buf, len, at, &error) == -1)
    errx (1, "%s", error.text);
}

static void
read_file (uint8_t *buf, size_t len, uint64_t at)
{
  if (pread (mkv, buf, len, (off_t) at) != (ssize_t) len)
    err (1, "the MKV, at %" PRIu64, at);
}

static double
thread_us (void)
{
  return clock_us (CLOCK_THREAD_CPUTIME_ID);
}

/* Reads of `len` bytes: at random, or all of them one after the other. */
struct workload {
  const char *name;
  size_t len;
  bool in_order;
};

static double
time_slice (const struct workload *w, void (*read_fn) (uint8_t *, size_t, uint64_t),
            uint64_t seed)
{
  size_t n = SLICE_BYTES / w->len < SLICE_READS ? SLICE_BYTES / w->len : SLICE_READS;
  uint64_t places = image_size (image) / w->len;
  uint64_t rng = seed;
  uint64_t at = rng_next (&rng) % places;
  double start = thread_us ();

  for (size_t i = 0; i < n; i++) {
    read_fn (buffer, w->len, at * w->len);
    at = (w->in_order ? at + 1 : rng_next (&rng)) % places;
  }
  return (thread_us () - start) / (double) n;
}

static void
time_workload (const struct workload *w, unsigned slices)
{
  double ours[MAX_SLICES] = { 0 }, theirs[MAX_SLICES] = { 0 };
  double ratios[MAX_SLICES] = { 0 };

  for (unsigned i = 0; i < slices; i++) {
    if (i % 2)
      theirs[i] = time_slice (w, read_file, i);
    ours[i] = time_slice (w, read_image, i);
    if (i % 2 == 0)
      theirs[i] = time_slice (w, read_file, i);
    ratios[i] = ours[i] / theirs[i];
  }
  printf ("%s.us.image=%.2f\n", w->name, median (ours, slices));
  printf ("%s.us.pread=%.2f\n", w->name, median (theirs, slices));
  printf ("%s.ratio=%.3f\n", w->name, median (ratios, slices));
}

static void
compare_all (void)
{
  uint64_t size = image_size (image);

  for (uint64_t at = 0; at < size; at += MAX_READ) {
    size_t len = size - at < MAX_READ ? (size_t) (size - at) : MAX_READ;

    read_image (buffer, len, at);
    read_file (expected, len, at);
    if (memcmp (buffer, expected, len) != 0)
      errx (1, "the image is not the MKV, from %" PRIu64 " on", at);
  }
}

int
main (int argc, char *argv[])
{
  static const struct workload workloads[] = {
    { "4k", 4096, false },     { "64k", 65536, false },      { "128k", 131072, false },
    { "256k", 262144, false }, { "in-order", 262144, true },
  };
  unsigned long slices = argc == 5 ? strtoul (argv[4], NULL, 10) : 0;
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);

  if (slices < 1 || slices > MAX_SLICES)
    errx (2, "usage: %s RECIPE FOLDER MKV SLICES (1 to %d)", argv[0], MAX_SLICES);
  memory_keep_freed (); /* as the server does */
  buffer = malloc (MAX_READ);
  expected = malloc (MAX_READ);
  mkv = open (argv[3], O_RDONLY | O_CLOEXEC);
  if (!buffer || !expected || !cache || mkv == -1)
    err (1, "%s", argv[3]);
  image = image_open (argv[1], (const char *const *) &argv[2], 1, cache, &error);
  if (!image || image_open_sources (image, &error) == -1)
    errx (1, "%s", error.text);
  if (image_size (image) < MAX_READ)
    errx (1, "%s: too small to be measured", argv[3]);
  compare_all ();
  for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
    time_workload (&workloads[i], (unsigned) slices);
  image_close (image);
  segment_cache_free (cache);
  close (mkv);
  free (buffer);
  free (expected);
  return 0;
}
