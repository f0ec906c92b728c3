/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into nbdkit: one file is on slow storage, and none of it in memory.
 *
 *   SLOW_SOURCE   the file; without it nothing is changed
 *   SLOW_MS       how long the storage takes for any request (default 10)
 *   SLOW_LOG      a file to append a line to for each
 *                 WAIT OFFSET LENGTH FETCHED MS    read that had to wait, or ring of reads
 *                 AHEAD OFFSET LENGTH FETCHED MS   the same of the thread that reads ahead,
 *                                                  or POSIX_FADV_WILLNEED
 *                 FETCHED being those bytes that nobody had asked the storage for before
 *
 * The storage does any number of requests at once, and its bandwidth has no end: what is
 * modelled is latency.  The page cache is a table, with the moment at which each page is
 * there; the kernel's own has no part in it, so nothing depends on privileges or on what
 * the machine did before.  As with the kernel, a read ahead is cut to a window, and
 * silently.  Unlike the kernel, nothing is read ahead by itself: not every file system
 * does so, and packets of several streams do not look sequential to those that do.
 *
 * Decided against: FUSE, a device mapper's delay and cgroups, which need root; an nbdkit
 * delay filter, which delays what is served and not what it is made from.
 */
#include "config.h"

#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

/* pread and pread64 are one function here. */
_Static_assert(sizeof (off_t) == 8, "files have 64-bit offsets");

#define PAGE UINT64_C (4096)

/* What Linux reads ahead at most for one POSIX_FADV_WILLNEED, where neither the device
 * nor the administrator says more: read_ahead_kb.
 */
#define WINDOW (UINT64_C (128) << 10)

/* The function that this one is in front of. */
#define NEXT(name) ((__typeof__ (&(name))) dlsym (RTLD_NEXT, #name))

static struct stat source; /* st_ino 0: none */
static int64_t latency;    /* ns */
static int log_fd = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t *there_at; /* for each page, 0: nobody asked for it; guarded by lock */

/* What somebody asks the storage for. */
struct request {
  uint64_t offset, len;
  uint64_t fetched;
  int64_t ready; /* when all of it is in memory */
};

__attribute__ ((constructor)) static void
start (void)
{
  const char *path = getenv ("SLOW_SOURCE"), *ms = getenv ("SLOW_MS");
  const char *log = getenv ("SLOW_LOG");

  if (!path)
    return;
  if (stat (path, &source) == -1)
    err (1, "SLOW_SOURCE: %s", path);
  there_at = calloc ((size_t) source.st_size / PAGE + 1, sizeof *there_at);
  if (!there_at)
    err (1, "SLOW_SOURCE: %s", path);
  latency = (ms ? atol (ms) : 10) * INT64_C (1000000);
  if (!log)
    return;
  log_fd = open (log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (log_fd == -1)
    err (1, "SLOW_LOG: %s", log);
}

static int64_t
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Asked each time: a descriptor may be another file's by now. */
static bool
is_slow (int fd)
{
  struct stat st;

  return source.st_ino != 0 && fstat (fd, &st) == 0 && st.st_ino == source.st_ino &&
         st.st_dev == source.st_dev;
}

static void
note (const char *what, const struct request *r, int64_t waited)
{
  char line[128];
  int len = snprintf (line, sizeof line, "%s %llu %llu %llu %.1f\n", what,
                      (unsigned long long) r->offset, (unsigned long long) r->len,
                      (unsigned long long) r->fetched, (double) waited / 1e6);

  if (log_fd != -1 && write (log_fd, line, (size_t) len) != len)
    err (1, "SLOW_LOG");
}

/* ---- The page cache */

/* Where [offset, offset + len) ends, or the file does. */
static uint64_t
range_end (uint64_t offset, uint64_t len)
{
  uint64_t size = (uint64_t) source.st_size;

  if (offset >= size)
    return offset;
  return len < size - offset ? offset + len : size;
}

/* Ask for what nobody has asked for yet; does not wait for it. */
static void
fetch (struct request *r, uint64_t offset, uint64_t len)
{
  uint64_t end = range_end (offset, len);
  int64_t ready = now () + latency;

  if (r->len == 0)
    r->offset = offset;
  r->len += len;
  pthread_mutex_lock (&lock);
  for (uint64_t page = offset / PAGE; page * PAGE < end; ++page) {
    if (there_at[page] == 0) {
      there_at[page] = ready;
      r->fetched += PAGE;
    }
    if (there_at[page] > r->ready)
      r->ready = there_at[page];
  }
  pthread_mutex_unlock (&lock);
}

/* Is this the server's thread that reads ahead?  It may wait. */
static bool
reads_ahead (void)
{
  char name[16] = "";

  pthread_getname_np (pthread_self (), name, sizeof name);
  return strcmp (name, "read-ahead") == 0;
}

static void
await (const struct request *r)
{
  struct timespec ready = { r->ready / 1000000000, r->ready % 1000000000 };
  int64_t began = now ();

  /* Who asked the storage and was not run until it had answered has waited, too. */
  if (r->ready <= began && r->fetched == 0)
    return;
  while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &ready, NULL) == EINTR)
    ;
  note (reads_ahead () ? "AHEAD" : "WAIT", r, now () - began);
}

/* How many of these bytes, from the first on, are in memory? */
static size_t
in_memory (uint64_t offset, size_t len)
{
  uint64_t end = range_end (offset, len), page = offset / PAGE;
  int64_t moment = now ();

  pthread_mutex_lock (&lock);
  while (page * PAGE < end && there_at[page] != 0 && there_at[page] <= moment)
    ++page;
  pthread_mutex_unlock (&lock);
  if (page * PAGE >= end)
    return len;
  return page * PAGE > offset ? (size_t) (page * PAGE - offset) : 0;
}

/* ---- What stands in front of libc and liburing, with their parameters' names */

ssize_t
pread (int fd, void *buf, size_t nbytes, off_t offset)
{
  if (!is_slow (fd))
    return NEXT (pread) (fd, buf, nbytes, offset);
  for (size_t done = 0; done < nbytes; done += WINDOW) {
    struct request r = { 0 };

    fetch (&r, (uint64_t) offset + done, nbytes - done < WINDOW ? nbytes - done : WINDOW);
    await (&r);
  }
  return NEXT (pread) (fd, buf, nbytes, offset);
}

/* The administrator says nothing more. */
FILE *
fopen (const char *filename, const char *modes)
{
  const char *slash = strrchr (filename, '/');

  if (source.st_ino != 0 && slash && strcmp (slash, "/read_ahead_kb") == 0)
    filename = "/dev/null";
  return NEXT (fopen) (filename, modes);
}

/* One that may not wait takes its first buffer only: reads may be short. */
ssize_t
preadv2 (int fp, const struct iovec *iovec, int count, off_t offset, int flags)
{
  struct request r = { 0 };
  struct iovec first;

  if (count < 1 || !is_slow (fp))
    return NEXT (preadv2) (fp, iovec, count, offset, flags);
  if (flags & RWF_NOWAIT) {
    first.iov_base = iovec->iov_base;
    first.iov_len = in_memory ((uint64_t) offset, iovec->iov_len);
    if (first.iov_len > 0 || iovec->iov_len == 0)
      return NEXT (preadv2) (fp, &first, 1, offset, flags & ~RWF_NOWAIT);
    errno = EAGAIN;
    return -1;
  }
  for (int i = 0; i < count; ++i)
    fetch (&r, (uint64_t) offset + r.len, iovec[i].iov_len);
  await (&r);
  return NEXT (preadv2) (fp, iovec, count, offset, flags);
}

int
posix_fadvise (int fd, off_t offset, off_t len, int advise)
{
  struct request r = { 0 };
  uint64_t ahead = len == 0 ? WINDOW : (uint64_t) len;

  if (advise != POSIX_FADV_WILLNEED || !is_slow (fd))
    return NEXT (posix_fadvise) (fd, offset, len, advise);
  fetch (&r, (uint64_t) offset, ahead < WINDOW ? ahead : WINDOW);
  note ("AHEAD", &r, 0);
  return 0;
}

/* All reads in the ring go to the storage together, so that they take as long as one. */
int
io_uring_submit_and_wait (struct io_uring *ring, unsigned wait_nr)
{
  struct io_uring_sq *sq = &ring->sq;
  struct request r = { 0 };

  for (unsigned i = *sq->khead; i != sq->sqe_tail; ++i) {
    const struct io_uring_sqe *sqe = &sq->sqes[i & sq->ring_mask];

    if (sqe->opcode == IORING_OP_READ && is_slow (sqe->fd))
      fetch (&r, sqe->off, sqe->len);
  }
  await (&r);
  return NEXT (io_uring_submit_and_wait) (ring, wait_nr);
}

ssize_t pread64 (int, void *, size_t, off64_t) __attribute__ ((alias ("pread")));
ssize_t preadv64v2 (int, const struct iovec *, int, off64_t, int)
  __attribute__ ((alias ("preadv2")));
int posix_fadvise64 (int, off64_t, off64_t, int)
  __attribute__ ((alias ("posix_fadvise")));
