/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nbd-reads URI BYTES DEPTH ORDER READS SEED: so many reads of an NBD server, no more, and
 * each of another place.  Prints how many there were, which is fewer if it has not that
 * many places, and the seconds they took.
 *
 * BYTES   of each read
 * DEPTH   reads in flight
 * ORDER   random, or in-order: the last READS of the image, so that what is read ahead
 *         of them ends with it
 */
#include "config.h"

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnbd.h>

#include "cleanup.h"
#include "rng.h"
#include "times.h"

static unsigned long in_flight;

static int
completed (void *opaque, int *error)
{
  (void) opaque;
  if (*error)
    errx (1, "a read failed: %s", strerror (*error));
  in_flight--;
  return 1;
}

/* Until no more than `most` are in flight. */
static void
wait_for (struct nbd_handle *nbd, unsigned long most)
{
  while (in_flight > most)
    if (nbd_poll (nbd, -1) == -1)
      errx (1, "%s", nbd_get_error ());
}

/* What arrives is looked at by nobody: all replies share `buf`. */
static void
read_all (struct nbd_handle *nbd, const uint64_t *places, size_t reads, uint8_t *buf,
          unsigned long bytes, unsigned long depth)
{
  nbd_completion_callback done = { .callback = completed };

  for (size_t i = 0; i < reads; i++) {
    wait_for (nbd, depth - 1);
    if (nbd_aio_pread (nbd, buf, bytes, places[i] * bytes, done, 0) == -1)
      errx (1, "%s", nbd_get_error ());
    in_flight++;
  }
  wait_for (nbd, 0);
}

/* `reads` of the `n` there are, which come first when this returns.  Random ones are
 * shuffled so far that none can come twice.
 */
static void
choose (uint64_t *places, size_t n, size_t reads, bool in_order, uint64_t seed)
{
  for (size_t i = 0; i < n; i++)
    places[i] = in_order ? (n - reads + i) % n : i;
  for (size_t i = 0; !in_order && i < reads && i < n; i++) {
    size_t other = i + rng_below (&seed, n - i);
    uint64_t place = places[other];

    places[other] = places[i];
    places[i] = place;
  }
}

static struct nbd_handle *
connect_to (const char *uri)
{
  struct nbd_handle *nbd = nbd_create ();

  if (!nbd || nbd_connect_uri (nbd, uri) == -1)
    errx (1, "%s", nbd_get_error ());
  return nbd;
}

int
main (int argc, char *argv[])
{
  if (argc != 7)
    errx (2, "usage: %s URI BYTES DEPTH ORDER READS SEED", argv[0]);
  unsigned long bytes = number (argv[2], 32 << 20), depth = number (argv[3], 256);
  size_t reads = number (argv[5], UINT32_MAX);
  struct nbd_handle *nbd = connect_to (argv[1]);
  size_t n = (size_t) nbd_get_size (nbd) / bytes;
  CLEANUP_FREE uint64_t *places = calloc (n + 1, sizeof *places);
  CLEANUP_FREE uint8_t *buf = malloc (bytes);
  double start;

  if (!places || !buf)
    err (1, "malloc");
  if (n == 0)
    errx (1, "%s: too small", argv[1]);
  reads = reads < n ? reads : n;
  choose (places, n, reads, strcmp (argv[4], "in-order") == 0,
          number (argv[6], UINT32_MAX));
  start = clock_us (CLOCK_MONOTONIC);
  read_all (nbd, places, reads, buf, bytes, depth);
  printf ("%zu %.6f\n", reads, (clock_us (CLOCK_MONOTONIC) - start) / 1e6);
  nbd_close (nbd);
  return 0;
}
