/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The batch reader: see batch.h.  Three passes over the same reads, each taking up
 * where the one before stopped: page cache, ring, pread.
 *
 * Decided against: one ring for all threads (the submission queue needs a lock held
 * across submission), a pool of rings (SINGLE_ISSUER binds a ring to a thread, and it is
 * the fast way), registered buffers (unprivileged processes may lock 8 MiB).
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <liburing.h>

#include "batch.h"
#include "whole_io.h"

/* Reads in flight at once.  Rotating disks sort a few dozen, SSDs are busy with as many.
 */
#define RING_DEPTH 64

/* No single system call asks for more: what the kernel itself would cut to. */
#define READ_MAX ((size_t) 0x7ffff000)

struct thread_ring {
  struct io_uring uring;
  pid_t owner; /* the process that made it: a fork's child must not use it */
};

/* In a thread's slot: io_uring was refused, do not ask at every read. */
static struct thread_ring refused;

/* Rings that have ended.  A new one may have the memory of an old one, whose thread's last look
 * at it comes before the new one's first: said for ThreadSanitizer, which sees no munmap of
 * liburing's.
 */
static atomic_uint ring_ends;

static pthread_key_t ring_key;
static bool ring_key_made;
static atomic_bool pread_forced;

void
batch_force_pread (bool on)
{
  atomic_store (&pread_forced, on);
}

static bool
is_whole (const struct batch_read *read)
{
  return read->done >= read->len - read->beyond;
}

static size_t
next_len (const struct batch_read *read)
{
  size_t left = read->len - read->done;

  return left < READ_MAX ? left : READ_MAX;
}

static void *
next_buf (const struct batch_read *read)
{
  return (char *) read->buf + read->done;
}

/* ---- The page cache */

/* Take what is there now; whether that was all is for the other passes to see. */
static void
read_cached (struct batch_read *read)
{
  ssize_t r;

  while (!is_whole (read)) {
    struct iovec iov = { next_buf (read), next_len (read) };

    r = preadv2 (read->fd, &iov, 1, (off_t) (read->offset + read->done), RWF_NOWAIT);
    if (r < 0 && errno == EINTR)
      continue;
    if (r <= 0)
      return;
    read->done += (size_t) r;
  }
}

/* ---- pread */

static void
read_plain (struct batch_read *read)
{
  ssize_t r;

  while (!is_whole (read)) {
    r = read_patiently (read->fd, next_buf (read), next_len (read),
                        read->offset + read->done);
    if (r <= 0) {
      read->error = r == 0 ? BATCH_ENDED : errno;
      return;
    }
    read->done += (size_t) r;
  }
}

/* ---- Rings */

static void
ring_destroy (void *opaque)
{
  struct thread_ring *ring = opaque;

  if (ring == &refused)
    return;
  atomic_fetch_add_explicit (&ring_ends, 1, memory_order_release);
  io_uring_queue_exit (&ring->uring);
  free (ring);
}

__attribute__ ((constructor)) static void
make_ring_key (void)
{
  ring_key_made = pthread_key_create (&ring_key, ring_destroy) == 0;
}

/* What the key's destructor does for all threads but the one that calls exit. */
__attribute__ ((destructor)) static void
destroy_last_ring (void)
{
  if (ring_key_made && pthread_getspecific (ring_key))
    ring_destroy (pthread_getspecific (ring_key));
}

/* Completions handled when their owner asks for them, where the kernel can (6.1). */
static int
ring_init (struct io_uring *uring)
{
  int r = io_uring_queue_init (RING_DEPTH, uring,
                               IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

  if (r != 0)
    r = io_uring_queue_init (RING_DEPTH, uring, 0);
  atomic_load_explicit (&ring_ends, memory_order_acquire);
  return r;
}

bool
batch_has_io_uring (void)
{
  struct io_uring uring;

  if (ring_init (&uring) != 0)
    return false;
  io_uring_queue_exit (&uring);
  return true;
}

static struct thread_ring *
ring_new (void)
{
  struct thread_ring *ring = malloc (sizeof *ring);

  if (!ring)
    return NULL;
  if (ring_init (&ring->uring) != 0) {
    free (ring);
    return NULL;
  }
  ring->owner = getpid ();
  return ring;
}

/* Give up this thread's ring for good. */
static void
ring_refuse (struct thread_ring *ring)
{
  ring_destroy (ring);
  pthread_setspecific (ring_key, &refused);
}

/* This thread's ring, made now if need be; NULL: do without. */
static struct thread_ring *
ring_get (void)
{
  struct thread_ring *ring;

  if (!ring_key_made || atomic_load_explicit (&pread_forced, memory_order_relaxed))
    return NULL;
  ring = pthread_getspecific (ring_key);
  if (ring == &refused)
    return NULL;
  if (ring && ring->owner != getpid ()) {
    ring_destroy (ring);
    ring = NULL;
  }
  if (!ring) {
    ring = ring_new ();
    if (pthread_setspecific (ring_key, ring ? ring : &refused) != 0) {
      if (ring)
        ring_destroy (ring);
      return NULL;
    }
  }
  return ring;
}

/* Queue reads from *next on while there is room; counts them into *queued. */
static void
ring_fill (struct thread_ring *ring, struct batch_read *reads, size_t n, size_t *next,
           size_t *queued)
{
  struct io_uring_sqe *sqe;

  for (; *next < n && *queued < RING_DEPTH; ++*next) {
    struct batch_read *read = &reads[*next];

    if (is_whole (read))
      continue;
    sqe = io_uring_get_sqe (&ring->uring);
    if (!sqe)
      return;
    io_uring_prep_read (sqe, read->fd, next_buf (read), (unsigned) next_len (read),
                        read->offset + read->done);
    io_uring_sqe_set_data (sqe, read);
    ++*queued;
  }
}

/* Take what has completed; returns how many.  Errors and short reads stay as they
 * are: read_plain finishes them.
 */
static size_t
ring_reap (struct thread_ring *ring)
{
  struct io_uring_cqe *cqe;
  unsigned head, seen = 0;

  io_uring_for_each_cqe (&ring->uring, head, cqe)
  {
    struct batch_read *read = io_uring_cqe_get_data (cqe);

    if (cqe->res > 0)
      read->done += (size_t) cqe->res;
    ++seen;
  }
  io_uring_cq_advance (&ring->uring, seen);
  return seen;
}

/* Wait until the kernel has let go of every buffer.  There is no giving up: what it
 * writes after we return would land in somebody else's reply.
 */
static void
ring_drain (struct thread_ring *ring, size_t in_flight)
{
  struct io_uring_cqe *cqe;

  while (in_flight > 0) {
    if (io_uring_wait_cqe (&ring->uring, &cqe) < 0)
      usleep (1000);
    in_flight -= ring_reap (ring);
  }
}

static bool
is_passing (int r)
{
  return r == -EINTR || r == -EAGAIN || r == -EBUSY;
}

static void
ring_read (struct thread_ring *ring, struct batch_read *reads, size_t n)
{
  size_t next = 0, queued = 0;
  int r;

  ring_fill (ring, reads, n, &next, &queued);
  while (queued > 0) {
    r = io_uring_submit_and_wait (&ring->uring, 1);
    if (r < 0 && !is_passing (r)) {
      ring_drain (ring, queued - io_uring_sq_ready (&ring->uring));
      ring_refuse (ring);
      return;
    }
    queued -= ring_reap (ring);
    ring_fill (ring, reads, n, &next, &queued);
  }
}

/* ---- All of it */

/* O_DIRECT has a meaning of its own for RWF_NOWAIT: one read would wait for the other. */
size_t
batch_begin (struct batch_read *reads, size_t n)
{
  size_t missing = 0;

  for (size_t i = 0; i < n; ++i) {
    reads[i].done = 0;
    reads[i].error = 0;
    if (!reads[i].direct)
      read_cached (&reads[i]);
    missing += !is_whole (&reads[i]);
  }
  return missing;
}

size_t
batch_finish (struct batch_read *reads, size_t n)
{
  size_t missing = 0, failed = 0;
  struct thread_ring *ring;

  for (size_t i = 0; i < n; ++i)
    missing += !is_whole (&reads[i]);
  /* One read waits for itself on a ring just as it does in pread. */
  ring = missing > 1 ? ring_get () : NULL;
  if (ring)
    ring_read (ring, reads, n);
  for (size_t i = 0; i < n; ++i) {
    read_plain (&reads[i]);
    failed += reads[i].error != 0;
  }
  return failed;
}
