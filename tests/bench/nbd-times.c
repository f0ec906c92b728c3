/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nbd-times BYTES DEPTH CONNECTIONS ORDER SLICES MS URI PID URI PID: two NBD servers that
 * serve the same, asked in turn, as `name=value` lines.
 *
 * BYTES         of each read
 * DEPTH         reads in flight on each connection
 * CONNECTIONS   to each server
 * ORDER         random, or in-order: one read after the other
 * SLICES, MS    how often each server is asked, and for how many milliseconds at a time
 *
 * rate.a, rate.b, rate.ratio    reads a second
 * cpu.a, cpu.b, cpu.ratio       microseconds of the server's processor time for a read
 * p50.a, p999.a, worst.a …      microseconds from asking to the reply
 * first.a                       the very first of them, of a client that is warm by then
 * fewest.a, fewest.b            reads of the connection that got least, of the mean one's
 * anon.a, anon.b                MiB of anonymous memory of the server, at most: looked at
 *                               once a slice, with reads in flight
 *
 * Ratios are medians of the slices' ratios: slices are so short that what else the
 * machine does strikes both of a pair.  Both are asked for the same places.  The first
 * slice of each is not counted but for `first`.
 */
#include "config.h"

#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libnbd.h>

#include "cleanup.h"
#include "rng.h"
#include "times.h"

#define MAX_CONNECTIONS 256
#define MAX_DEPTH 256
#define MAX_SLICES 1000
#define MAX_LATENCIES 4000000

struct request {
  struct connection *connection;
  uint8_t *buf;
  double start;
};

struct connection {
  struct server *server;
  struct nbd_handle *nbd;
  uint64_t reads;
  struct request requests[MAX_DEPTH];
  struct request *idle[MAX_DEPTH];
  unsigned n_idle;
};

struct server {
  char letter;
  const char *pid;
  clockid_t clock; /* its processor time */
  struct connection *connections;
  uint64_t places, reads;
  double rates[MAX_SLICES], cpu[MAX_SLICES];
  double *latencies;
  size_t n_latencies;
  double first; /* latency */
  double anon;  /* most KiB of anonymous memory */
};

static unsigned long bytes, depth, n_connections, slices, slice_ms;
static bool in_order;

/* Sorts them; the one below which `part` of them are. */
static double
quantile (double *numbers, size_t n, double part)
{
  qsort (numbers, n, sizeof *numbers, compare_numbers);
  return numbers[(size_t) ((double) (n - 1) * part)];
}

static void
connect_to (struct server *server, const char *uri, const char *pid)
{
  server->connections = calloc (n_connections, sizeof *server->connections);
  server->latencies = malloc (MAX_LATENCIES * sizeof *server->latencies);
  if (!server->connections || !server->latencies ||
      clock_getcpuclockid ((pid_t) atol (pid), &server->clock) != 0)
    errx (1, "process %s", pid);
  server->pid = pid;
  for (unsigned i = 0; i < n_connections; i++) {
    struct connection *c = &server->connections[i];

    c->server = server;
    c->nbd = nbd_create ();
    if (!c->nbd || nbd_connect_uri (c->nbd, uri) == -1)
      errx (1, "%s", nbd_get_error ());
    for (unsigned j = 0; j < depth; j++) {
      c->requests[j] = (struct request){ .connection = c, .buf = malloc (bytes) };
      if (!c->requests[j].buf)
        err (1, "malloc");
      c->idle[c->n_idle++] = &c->requests[j];
    }
    server->places = (uint64_t) nbd_get_size (c->nbd) / bytes;
  }
  if (server->places == 0)
    errx (1, "%s: too small", uri);
}

static int
completed (void *opaque, int *error)
{
  struct request *r = opaque;
  struct connection *c = r->connection;
  struct server *s = c->server;

  if (*error)
    errx (1, "server %c: a read failed: %s", s->letter, strerror (*error));
  if (s->n_latencies < MAX_LATENCIES)
    s->latencies[s->n_latencies++] = clock_us (CLOCK_MONOTONIC) - r->start;
  c->idle[c->n_idle++] = r;
  c->reads++;
  s->reads++;
  return 1;
}

static void
ask (struct connection *c, uint64_t place)
{
  struct request *r = c->idle[--c->n_idle];
  nbd_completion_callback done = { .callback = completed, .user_data = r };

  r->start = clock_us (CLOCK_MONOTONIC);
  if (nbd_aio_pread (c->nbd, r->buf, bytes, place * bytes, done, 0) == -1)
    errx (1, "%s", nbd_get_error ());
}

/* Wait for replies, or for room to send, on any connection. */
static void
wait_for_any (struct server *s)
{
  struct pollfd fds[MAX_CONNECTIONS];

  for (unsigned i = 0; i < n_connections; i++) {
    unsigned direction = nbd_aio_get_direction (s->connections[i].nbd);

    fds[i] = (struct pollfd){ .fd = nbd_aio_get_fd (s->connections[i].nbd) };
    if (direction & LIBNBD_AIO_DIRECTION_READ)
      fds[i].events |= POLLIN;
    if (direction & LIBNBD_AIO_DIRECTION_WRITE)
      fds[i].events |= POLLOUT;
  }
  if (poll (fds, n_connections, -1) == -1)
    err (1, "poll");
  for (unsigned i = 0; i < n_connections; i++) {
    struct nbd_handle *nbd = s->connections[i].nbd;
    int r = 0;

    if (fds[i].revents & POLLIN)
      r = nbd_aio_notify_read (nbd);
    else if (fds[i].revents & POLLOUT)
      r = nbd_aio_notify_write (nbd);
    if (r == -1 || fds[i].revents & (POLLERR | POLLNVAL))
      errx (1, "server %c: %s", s->letter, nbd_get_error ());
  }
}

static bool
is_idle (const struct server *s)
{
  for (unsigned i = 0; i < n_connections; i++)
    if (s->connections[i].n_idle < depth)
      return false;
  return true;
}

/* The kernel remembers the most that was resident, but files and all. */
static void
look_at_memory (struct server *s)
{
  CLEANUP_FREE char *path = NULL, *line = NULL;
  size_t size = 0;
  double kib;
  FILE *status;

  if (asprintf (&path, "/proc/%s/status", s->pid) == -1)
    err (1, "asprintf");
  status = fopen (path, "r");
  if (!status)
    err (1, "%s", path);
  while (getline (&line, &size, status) != -1)
    if (sscanf (line, "RssAnon: %lf", &kib) == 1 && kib > s->anon)
      s->anon = kib;
  fclose (status);
}

static void
run_slice (struct server *s, unsigned slice)
{
  double start = clock_us (CLOCK_MONOTONIC), cpu = clock_us (s->clock), end;
  uint64_t before = s->reads, random = slice, place = rng_next (&random) % s->places;

  do {
    for (unsigned i = 0; i < n_connections; i++) {
      while (s->connections[i].n_idle > 0) {
        ask (&s->connections[i], place);
        place = (in_order ? place + 1 : rng_next (&random)) % s->places;
      }
    }
    wait_for_any (s);
    end = clock_us (CLOCK_MONOTONIC);
  } while (end - start < (double) slice_ms * 1e3);
  look_at_memory (s);
  while (!is_idle (s))
    wait_for_any (s);
  end = clock_us (CLOCK_MONOTONIC);
  s->rates[slice] = (double) (s->reads - before) / (end - start) * 1e6;
  s->cpu[slice] = (clock_us (s->clock) - cpu) / (double) (s->reads - before);
}

/* Forget what was measured: the first slices. */
static void
restart (struct server *s)
{
  s->first = s->latencies[0];
  s->reads = 0;
  s->n_latencies = 0;
  for (unsigned i = 0; i < n_connections; i++)
    s->connections[i].reads = 0;
}

static void
print_pair (const char *name, double *a, double *b)
{
  double ratios[MAX_SLICES] = { 0 };

  for (unsigned i = 0; i < slices; i++)
    ratios[i] = a[i] / b[i];
  printf ("%s.a=%.2f\n%s.b=%.2f\n", name, quantile (a, slices, 0.5), name,
          quantile (b, slices, 0.5));
  printf ("%s.ratio=%.3f\n", name, quantile (ratios, slices, 0.5));
}

static void
print_latencies (struct server *s)
{
  size_t n = s->n_latencies;
  uint64_t fewest = UINT64_MAX;

  for (unsigned i = 0; i < n_connections; i++)
    if (s->connections[i].reads < fewest)
      fewest = s->connections[i].reads;
  printf ("p50.%c=%.1f\n", s->letter, quantile (s->latencies, n, 0.5));
  printf ("p999.%c=%.1f\n", s->letter, s->latencies[(size_t) ((double) (n - 1) * 0.999)]);
  printf ("worst.%c=%.1f\n", s->letter, s->latencies[n - 1]);
  printf ("fewest.%c=%.3f\n", s->letter,
          (double) fewest * (double) n_connections / (double) s->reads);
  printf ("anon.%c=%.1f\n", s->letter, s->anon / 1024);
}

int
main (int argc, char *argv[])
{
  static struct server a = { .letter = 'a' }, b = { .letter = 'b' };

  if (argc != 11)
    errx (2, "usage: %s BYTES DEPTH CONNECTIONS ORDER SLICES MS URI PID URI PID",
          argv[0]);
  bytes = number (argv[1], 32 << 20);
  depth = number (argv[2], MAX_DEPTH);
  n_connections = number (argv[3], MAX_CONNECTIONS);
  in_order = strcmp (argv[4], "in-order") == 0;
  slices = number (argv[5], MAX_SLICES);
  slice_ms = number (argv[6], 60000);
  connect_to (&a, argv[7], argv[8]);
  connect_to (&b, argv[9], argv[10]);
  run_slice (&b, 0);
  run_slice (&a, 0);
  restart (&a);
  restart (&b);
  for (unsigned i = 0; i < slices; i++) {
    run_slice (i % 2 ? &a : &b, i);
    run_slice (i % 2 ? &b : &a, i);
  }
  print_pair ("rate", a.rates, b.rates);
  print_pair ("cpu", a.cpu, b.cpu);
  printf ("first.a=%.1f\n", a.first);
  print_latencies (&a);
  print_latencies (&b);
  return 0;
}
