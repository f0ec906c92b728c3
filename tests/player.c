/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * player URI BYTES MBITS SECONDS LATE_MS LOG OFFSET...: how does an NBD export do for a
 * player of MBITS Mbit/s that begins at each OFFSET in turn, and stays for SECONDS?
 *
 * BYTES are read at a time, one read after the other, each at the moment at which the
 * player has come to it; or as soon as the one before is there, if that was too slow.
 * There is no buffer to hide behind: from the first read on it is paced.  0 seconds:
 * one read.
 *
 * Prints for each `OFFSET READS FIRST WORST LATE`: milliseconds of the first read and of
 * the slowest of those after it, and how many of these took longer than LATE_MS.
 * Appends to LOG `PLAY OFFSET` before the first read, `LATER` after it, and `STOP`.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

#include "bench/times.h"

static struct nbd_handle *nbd;
static char *buf;
static size_t bytes;
static double period, seconds, late_ms; /* period: microseconds from read to read */
static int log_fd;

static void
note (const char *line)
{
  if (write (log_fd, line, strlen (line)) != (ssize_t) strlen (line))
    err (1, "the log");
}

static void
sleep_until (double us)
{
  struct timespec t = { (time_t) (us / 1e6), 0 };

  t.tv_nsec = (long) ((us - (double) t.tv_sec * 1e6) * 1e3);
  while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
    ;
}

/* Milliseconds from asking to the reply. */
static double
read_at (uint64_t offset)
{
  double began = clock_us (CLOCK_MONOTONIC);

  if (nbd_pread (nbd, buf, bytes, offset, 0) == -1)
    errx (1, "%s", nbd_get_error ());
  return (clock_us (CLOCK_MONOTONIC) - began) / 1e3;
}

static void
play (uint64_t offset)
{
  unsigned reads = 1 + (unsigned) (seconds * 1e6 / period), late = 0;
  double start, first, worst = 0, ms;
  char line[64];

  snprintf (line, sizeof line, "PLAY %llu\n", (unsigned long long) offset);
  note (line);
  start = clock_us (CLOCK_MONOTONIC);
  first = read_at (offset);
  note ("LATER\n");
  for (unsigned i = 1; i < reads; ++i) {
    sleep_until (start + i * period);
    ms = read_at (offset + i * bytes);
    worst = ms > worst ? ms : worst;
    late += ms > late_ms;
  }
  note ("STOP\n");
  printf ("%llu %u %.1f %.1f %u\n", (unsigned long long) offset, reads, first, worst,
          late);
}

int
main (int argc, char *argv[])
{
  if (argc < 8)
    errx (2, "usage: %s URI BYTES MBITS SECONDS LATE_MS LOG OFFSET...", argv[0]);
  bytes = strtoull (argv[2], NULL, 10);
  period = (double) bytes * 8 / strtod (argv[3], NULL);
  seconds = strtod (argv[4], NULL);
  late_ms = strtod (argv[5], NULL);
  log_fd = open (argv[6], O_WRONLY | O_APPEND | O_CREAT, 0666);
  buf = malloc (bytes);
  nbd = nbd_create ();
  if (!buf || log_fd == -1)
    err (1, "%s", argv[6]);
  if (!nbd || nbd_connect_uri (nbd, argv[1]) == -1)
    errx (1, "%s", nbd_get_error ());
  for (int i = 7; i < argc; ++i)
    play (strtoull (argv[i], NULL, 10));
  nbd_close (nbd);
  free (buf);
  return close (log_fd);
}
