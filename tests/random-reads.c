/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random-reads URI FILE SPAN COUNT SEED [CONNECTIONS]: does an NBD export give the bytes of
 * FILE, followed by padding (zeros, or a Void: only its presence is counted upon)?
 *
 * Reads, cache requests and block status at and around every multiple of SPAN and the
 * end, then COUNT random reads, spread over CONNECTIONS (default 8) with many in
 * flight on each.  Block status that says zeros is held against the file.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <libnbd.h>

#define MAX_CONNECTIONS 64
#define IN_FLIGHT 16

static const char *uri;
static const uint8_t *file;
static uint64_t file_size, export_size;

struct request {
  uint8_t *buf;
  uint64_t at;
  size_t len;
};

static struct nbd_handle *
connect_to_server (void)
{
  struct nbd_handle *nbd = nbd_create ();

  if (!nbd || nbd_add_meta_context (nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == -1 ||
      nbd_connect_uri (nbd, uri) == -1)
    errx (1, "%s", nbd_get_error ());
  return nbd;
}

/* Anything in the padding is allowed: the scripts look at it with other tools. */
static void
check (const uint8_t *buf, size_t len, uint64_t at)
{
  size_t n = at >= file_size ? 0 : len < file_size - at ? len : file_size - at;

  if (memcmp (buf, file + at, n) == 0)
    return;
  for (size_t i = 0; i < n; ++i) {
    if (buf[i] != file[at + i])
      errx (1, "byte %zu of %zu at %llu: %02x, not %02x", i, len, (unsigned long long) at,
            buf[i], file[at + i]);
  }
}

static int
check_request (void *opaque, int *error)
{
  struct request *r = opaque;

  if (*error)
    errx (1, "%zu bytes at %llu: %s", r->len, (unsigned long long) r->at,
          strerror (*error));
  check (r->buf, r->len, r->at);
  free (r->buf);
  free (r);
  return 1;
}

static void
start_read (struct nbd_handle *nbd, uint64_t at, size_t len)
{
  struct request *r = malloc (sizeof *r);

  if (!r || !(r->buf = malloc (len)))
    err (1, "malloc");
  r->at = at;
  r->len = len;
  memset (r->buf, 0xa5, len);
  if (nbd_aio_pread (
        nbd, r->buf, len, at,
        (nbd_completion_callback){ .callback = check_request, .user_data = r }, 0) == -1)
    errx (1, "%s", nbd_get_error ());
}

static void
wait_until (struct nbd_handle *nbd, int in_flight)
{
  while (nbd_aio_in_flight (nbd) > in_flight) {
    if (nbd_poll (nbd, -1) == -1)
      errx (1, "%s", nbd_get_error ());
  }
}

/* ---- Borders */

struct status {
  uint64_t next, end;
};

static int
check_status (void *opaque, const char *context, uint64_t offset, uint32_t *entries,
              size_t n_entries, int *error)
{
  struct status *s = opaque;

  (void) context;
  (void) error;
  if (offset != s->next || n_entries < 2)
    errx (1, "block status at %llu: malformed", (unsigned long long) s->next);
  for (size_t i = 0; i + 1 < n_entries; i += 2) {
    for (uint64_t at = s->next; (entries[i + 1] & LIBNBD_STATE_ZERO) && at < file_size &&
                                at < s->next + entries[i];
         ++at) {
      if (file[at] != 0)
        errx (1, "block status: zero at %llu, where the file has data",
              (unsigned long long) at);
    }
    s->next += entries[i];
  }
  return 0;
}

static uint64_t
check_extents (struct nbd_handle *nbd, uint64_t at, uint64_t len)
{
  struct status s = { at, at + len };

  if (nbd_block_status (
        nbd, len, at, (nbd_extent_callback){ .callback = check_status, .user_data = &s },
        0) == -1)
    errx (1, "block status at %llu: %s", (unsigned long long) at, nbd_get_error ());
  if (s.next <= at)
    errx (1, "block status at %llu: no progress", (unsigned long long) at);
  return s.next;
}

static void
check_range (struct nbd_handle *nbd, uint64_t from, uint64_t to)
{
  if (from >= to || to > export_size)
    return;
  start_read (nbd, from, (size_t) (to - from));
  wait_until (nbd, 0);
  if (nbd_cache (nbd, to - from, from, 0) == -1)
    errx (1, "cache at %llu: %s", (unsigned long long) from, nbd_get_error ());
  check_extents (nbd, from, to - from);
}

static void
check_border (struct nbd_handle *nbd, uint64_t border)
{
  static const uint64_t lengths[] = { 1, 2, 3, 4095, 4096, 70001 };

  for (uint64_t from = border > 2 ? border - 2 : 0; from <= border + 2; ++from) {
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; ++i) {
      check_range (nbd, from, from + lengths[i]);
      if (from >= lengths[i])
        check_range (nbd, from - lengths[i], from);
    }
  }
  check_range (nbd, border,
               export_size - border < 3 << 20 ? export_size : border + (3 << 20));
}

static void
check_borders (uint64_t span)
{
  struct nbd_handle *nbd = connect_to_server ();

  export_size = (uint64_t) nbd_get_size (nbd);
  if (export_size < file_size)
    errx (1, "the export has %llu bytes, the file %llu", (unsigned long long) export_size,
          (unsigned long long) file_size);
  for (uint64_t border = 0; border < file_size; border += span)
    check_border (nbd, border);
  check_border (nbd, file_size);
  check_border (nbd, export_size);
  for (uint64_t at = 0; at < export_size;)
    at = check_extents (nbd, at,
                        export_size - at < UINT32_MAX ? export_size - at : UINT32_MAX);
  nbd_close (nbd);
}

/* ---- Random reads */

struct worker {
  pthread_t thread;
  unsigned seed;
  int count;
};

/* Mostly small, some as large as clients ask for. */
static size_t
random_len (unsigned *seed)
{
  static const unsigned most[] = { 16, 4096, 65536, 300000, 2000000 };

  return 1 + (unsigned) rand_r (seed) % most[rand_r (seed) % 5];
}

static void *
read_randomly (void *opaque)
{
  struct worker *w = opaque;
  struct nbd_handle *nbd = connect_to_server ();

  for (int i = 0; i < w->count; ++i) {
    uint64_t at =
      ((uint64_t) rand_r (&w->seed) << 31 | (uint64_t) rand_r (&w->seed)) % export_size;
    size_t len = random_len (&w->seed);

    wait_until (nbd, IN_FLIGHT - 1);
    start_read (nbd, at, len < export_size - at ? len : export_size - at);
  }
  wait_until (nbd, 0);
  nbd_close (nbd);
  return NULL;
}

static void
open_file (const char *name)
{
  int fd = open (name, O_RDONLY);
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    err (1, "%s", name);
  file_size = (uint64_t) st.st_size;
  file = mmap (NULL, file_size, PROT_READ, MAP_SHARED, fd, 0);
  if (file == MAP_FAILED)
    err (1, "%s", name);
}

int
main (int argc, char *argv[])
{
  struct worker workers[MAX_CONNECTIONS];
  int connections = argc == 7 ? atoi (argv[6]) : 8;

  if (argc < 6 || argc > 7 || connections < 1 || connections > MAX_CONNECTIONS)
    errx (1, "usage: %s URI FILE SPAN COUNT SEED [CONNECTIONS]", argv[0]);
  uri = argv[1];
  open_file (argv[2]);
  check_borders (strtoull (argv[3], NULL, 10));
  for (int i = 0; i < connections; ++i) {
    workers[i].seed = (unsigned) (atoi (argv[5]) * 1000 + i);
    workers[i].count = atoi (argv[4]) / connections;
    if (pthread_create (&workers[i].thread, NULL, read_randomly, &workers[i]) != 0)
      errx (1, "pthread_create");
  }
  for (int i = 0; i < connections; ++i)
    pthread_join (workers[i].thread, NULL);
  return 0;
}
