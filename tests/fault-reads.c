/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault-reads URI FILE ...: an NBD export against the bytes of FILE, while some of them
 * cannot be had.  One request at a time on a connection; errors have to be EIO.
 *
 *   exact BAD            all of it, in requests of 128 KiB that stay clear of the ranges in
 *                        the file BAD (OFFSET LENGTH, in order), and requests for these
 *   load SECONDS SEED    random requests: any may fail
 *     These print `TRIES WRONG DISTURBED FAILED`: requests, wrong bytes, requests that
 *     failed although they stayed clear, others that failed.
 *   until AT LENGTH      that again and again, at most 30 s, until it is right: prints
 *                        after how many milliseconds
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libnbd.h>

#include "bench/times.h"

#define MOST ((size_t) 128 << 10)

/* Of many bad ranges every so many-th is asked for. */
#define PROBED 48

static struct nbd_handle *nbd;
static uint8_t *file, *buf;
static uint64_t size;
static unsigned long tries, wrong, disturbed, failed;

static void
read_file (const char *path)
{
  FILE *fp = fopen (path, "re");

  if (!fp || fseek (fp, 0, SEEK_END) == -1)
    err (1, "%s", path);
  size = (uint64_t) ftell (fp);
  rewind (fp);
  file = malloc (size);
  if (!file || fread (file, 1, size, fp) != size)
    err (1, "%s", path);
  fclose (fp);
}

/* Does it succeed?  Counts wrong bytes. */
static bool
ask (uint64_t at, size_t len)
{
  ++tries;
  memset (buf, 0xa5, len);
  if (nbd_pread (nbd, buf, len, at, 0) == -1) {
    if (nbd_get_errno () != EIO)
      errx (1, "%zu bytes at %llu: %s", len, (unsigned long long) at, nbd_get_error ());
    return false;
  }
  for (size_t i = 0; i < len; ++i)
    wrong += buf[i] != file[at + i];
  return true;
}

static size_t
part (uint64_t at, uint64_t end)
{
  if (end > size)
    end = size;
  return at >= end ? 0 : end - at < MOST ? (size_t) (end - at) : MOST;
}

static void
ask_good (uint64_t at, uint64_t end)
{
  for (size_t len; (len = part (at, end)) > 0; at += len) {
    if (ask (at, len))
      continue;
    if (disturbed++ == 0)
      fprintf (stderr, "%zu bytes at %llu: EIO\n", len, (unsigned long long) at);
  }
}

/* All of a bad range, its ends alone, and with what is around it. */
static void
ask_bad (uint64_t at, uint64_t end)
{
  uint64_t before = at > 1000 ? at - 1000 : 0;

  failed += !ask (at, part (at, end));
  failed += !ask (at, 1);
  failed += !ask (end - 1, 1);
  failed += !ask (before, part (before, end + 1000));
}

static void
exact (const char *path)
{
  unsigned long long from, len;
  uint64_t next = 0;
  unsigned n = 0, i = 0;
  FILE *fp = fopen (path, "re");
  char line[64];

  if (!fp)
    err (1, "%s", path);
  while (fgets (line, sizeof line, fp))
    ++n;
  rewind (fp);
  while (fgets (line, sizeof line, fp)) {
    char *rest;

    from = strtoull (line, &rest, 10);
    len = strtoull (rest, NULL, 10);
    ask_good (next, from);
    if (i++ % (n / PROBED + 1) == 0)
      ask_bad (from, from + len);
    next = from + len;
  }
  ask_good (next, size);
  fclose (fp);
}

static void
load (double seconds, unsigned seed)
{
  double end = clock_us (CLOCK_MONOTONIC) + seconds * 1e6;

  while (clock_us (CLOCK_MONOTONIC) < end) {
    uint64_t at = ((uint64_t) rand_r (&seed) << 31 | (uint64_t) rand_r (&seed)) % size;
    size_t most = rand_r (&seed) % 2 ? 4096 : MOST;
    size_t len = 1 + (size_t) rand_r (&seed) % most;

    failed += !ask (at, part (at, at + len));
  }
}

static void
until (uint64_t at, size_t len)
{
  double began = clock_us (CLOCK_MONOTONIC);

  while (!ask (at, len)) {
    if (clock_us (CLOCK_MONOTONIC) - began > 30e6)
      errx (1, "it is not right again");
    nanosleep (&(struct timespec){ 0, 10000000 }, NULL);
  }
  if (wrong > 0)
    errx (1, "%lu wrong bytes", wrong);
  printf ("%.0f\n", (clock_us (CLOCK_MONOTONIC) - began) / 1e3);
}

int
main (int argc, char *argv[])
{
  if (argc < 5)
    errx (2, "usage: %s URI FILE exact|load|until ...", argv[0]);
  read_file (argv[2]);
  nbd = nbd_create ();
  buf = malloc (MOST);
  if (!nbd || !buf || nbd_connect_uri (nbd, argv[1]) == -1)
    errx (1, "%s", nbd_get_error ());
  if (strcmp (argv[3], "until") == 0 && argc == 6) {
    until (strtoull (argv[4], NULL, 10), (size_t) strtoull (argv[5], NULL, 10));
    return 0;
  }
  if (strcmp (argv[3], "load") == 0 && argc == 6)
    load (strtod (argv[4], NULL), (unsigned) strtoul (argv[5], NULL, 10));
  else
    exact (argv[4]);
  printf ("%lu %lu %lu %lu\n", tries, wrong, disturbed, failed);
  nbd_close (nbd);
  return 0;
}
