/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into nbdkit: some bytes of some files cannot be read, for a while.
 *
 *   FAULTS   a file that says which; it need not be there, and is read again when another
 *            one has taken its place:
 *                 PATH OFFSET LENGTH KIND [TIMES]
 *            of the file that PATH is then, LENGTH bytes from OFFSET on, for that many
 *            reads (for ever)
 *
 *   EIO …    the error's name.  A read that begins before such bytes is short; with ESTALE
 *            the file cannot be looked at or opened either
 *   short    a read gets less than it asked for, but something
 *   hang     a read comes back when FAULTS no longer says so; that one hangs is to be seen by
 *            a file that is named as FAULTS, and `.hangs`
 *   dead     the same, and so does who looks at the file or opens it
 *
 * In front of pread, of preadv2, which with RWF_NOWAIT never hangs, and of io_uring's READ:
 * what is to fail becomes a NOP whose result is exchanged, what hangs a read of a pipe that
 * nobody writes to, so that the ring goes on meanwhile.
 *
 * Decided against: a device mapper's error target, which needs a kernel and root, and knows
 * neither ESTALE nor short reads (test-vm-faults.sh has it); FUSE, which adds faults of its
 * own.
 */
#include "config.h"

#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

/* pread and pread64 are one function here. */
_Static_assert(sizeof (off_t) == 8, "files have 64-bit offsets");

#define MAX_FAULTS 16
#define RING_MAX 256 /* reads submitted at once */

/* Kinds that are no error numbers. */
enum {
  SHORT = -1,
  HANG = -2,
  DEAD = -3
};

/* The function that this one is in front of. */
#define NEXT(name) ((__typeof__ (&(name))) dlsym (RTLD_NEXT, #name))

struct fault {
  dev_t dev;
  ino_t ino;
  uint64_t from, end;
  int kind;
  long times; /* left; -1: no end */
};

static const char *control;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static struct stat seen; /* the control file */
static struct fault faults[MAX_FAULTS];
static unsigned n_faults, n_short;
static int hang_pipe[2] = { -1, -1 }; /* what hangs in a ring reads from it */

__attribute__ ((constructor)) static void
start (void)
{
  control = getenv ("FAULTS");
}

static int
kind_of (const char *name)
{
  static const int errors[] = { EIO, ESTALE, EACCES, EINTR, EAGAIN, ETIMEDOUT, ENXIO };

  if (strcmp (name, "short") == 0)
    return SHORT;
  if (strcmp (name, "hang") == 0)
    return HANG;
  if (strcmp (name, "dead") == 0)
    return DEAD;
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; ++i) {
    if (strcmp (name, strerrorname_np (errors[i])) == 0)
      return errors[i];
  }
  errx (1, "FAULTS: unknown kind: %s", name);
}

/* A file that is away has no faults. */
static void
add_fault (char *line)
{
  const char *path = strtok (line, " "), *from = strtok (NULL, " ");
  const char *len = strtok (NULL, " "), *kind = strtok (NULL, " \n");
  const char *times = strtok (NULL, " \n");
  struct fault *f = &faults[n_faults];
  struct stat st;

  if (!kind || n_faults == MAX_FAULTS)
    errx (1, "FAULTS: a bad line, or too many");
  if (NEXT (stat) (path, &st) == -1)
    return;
  *f = (struct fault){ .dev = st.st_dev, .ino = st.st_ino, .kind = kind_of (kind) };
  f->from = strtoull (from, NULL, 10);
  f->end = f->from + strtoull (len, NULL, 10);
  f->times = times ? atol (times) : -1;
  ++n_faults;
}

/* Called with the lock held. */
static void
let_go (void)
{
  for (int i = 0; i < 2; ++i) {
    if (hang_pipe[i] != -1)
      close (hang_pipe[i]);
    hang_pipe[i] = -1;
  }
}

/* Called with the lock held. */
static void
look (void)
{
  struct stat st = { 0 };
  char line[512];
  FILE *fp;

  if (NEXT (stat) (control, &st) == -1)
    st.st_ino = 0;
  if (st.st_ino == seen.st_ino && st.st_ctim.tv_sec == seen.st_ctim.tv_sec &&
      st.st_ctim.tv_nsec == seen.st_ctim.tv_nsec)
    return;
  seen = st;
  n_faults = 0;
  let_go ();
  fp = st.st_ino ? fopen (control, "re") : NULL;
  while (fp && fgets (line, sizeof line, fp))
    add_fault (line);
  if (fp)
    fclose (fp);
}

static void
sleep_a_while (void)
{
  nanosleep (&(struct timespec){ 0, 10000000 }, NULL);
}

/*
 * What becomes of reading *len bytes at `offset`: an error number, HANG, or 0 and how many
 * bytes may be read.
 */
static int
fate (int fd, uint64_t offset, size_t *len)
{
  struct fault *first = NULL;
  struct stat st;
  int kind = 0;

  if (!control || NEXT (fstat) (fd, &st) == -1)
    return 0;
  pthread_mutex_lock (&lock);
  look ();
  for (unsigned i = 0; i < n_faults; ++i) {
    struct fault *f = &faults[i];

    if (f->ino == st.st_ino && f->dev == st.st_dev && f->times != 0 && offset < f->end &&
        f->from < offset + *len && (!first || f->from < first->from))
      first = f;
  }
  if (first && first->kind == SHORT)
    *len = 1 + (size_t) (++n_short * 2654435761U) % *len;
  else if (first && first->from > offset)
    *len = (size_t) (first->from - offset);
  else if (first)
    kind = first->kind == DEAD ? HANG : first->kind;
  if (first && first->times > 0 && (kind || first->kind == SHORT))
    --first->times;
  pthread_mutex_unlock (&lock);
  return kind;
}

static void
tell_hang (void)
{
  char path[4096];

  snprintf (path, sizeof path, "%s.hangs", control);
  close (creat (path, 0666));
}

/* The same of a read that may wait; what hung is asked for again. */
static int
await_fate (int fd, uint64_t offset, size_t *len)
{
  int kind = fate (fd, offset, len);

  if (kind == HANG)
    tell_hang ();
  while (kind == HANG) {
    sleep_a_while ();
    kind = fate (fd, offset, len);
  }
  return kind;
}

/* What becomes of looking at it or opening it: an error number, DEAD, or 0. */
static int
fate_of_file (int fd)
{
  struct stat st;
  int kind = 0;

  if (!control || NEXT (fstat) (fd, &st) == -1)
    return 0;
  pthread_mutex_lock (&lock);
  look ();
  for (unsigned i = 0; i < n_faults; ++i) {
    const struct fault *f = &faults[i];

    if (f->ino == st.st_ino && f->dev == st.st_dev &&
        (f->kind == ESTALE || f->kind == DEAD))
      kind = f->kind;
  }
  pthread_mutex_unlock (&lock);
  return kind;
}

/* The same, for who waits for it. */
static int
await_fate_of_file (int fd)
{
  int kind = fate_of_file (fd);

  if (kind == DEAD)
    tell_hang ();
  while (kind == DEAD) {
    sleep_a_while ();
    kind = fate_of_file (fd);
  }
  return kind;
}

/* ---- What stands in front of libc, with its parameters' names */

ssize_t
pread (int fd, void *buf, size_t nbytes, off_t offset)
{
  int kind = await_fate (fd, (uint64_t) offset, &nbytes);

  if (kind == 0)
    return NEXT (pread) (fd, buf, nbytes, offset);
  errno = kind;
  return -1;
}

/* Of the buffers the first only, where there is a fault: reads may be short. */
ssize_t
preadv2 (int fp, const struct iovec *iovec, int count, off_t offset, int flags)
{
  struct iovec first = *iovec;
  int kind = flags & RWF_NOWAIT ? fate (fp, (uint64_t) offset, &first.iov_len)
                                : await_fate (fp, (uint64_t) offset, &first.iov_len);

  if (kind == 0)
    return first.iov_len == iovec->iov_len
             ? NEXT (preadv2) (fp, iovec, count, offset, flags)
             : NEXT (preadv2) (fp, &first, 1, offset, flags);
  errno = kind == HANG ? EAGAIN : kind;
  return -1;
}

int
fstat (int fd, struct stat *buf)
{
  int kind = await_fate_of_file (fd);

  if (kind == 0)
    return NEXT (fstat) (fd, buf);
  errno = kind;
  return -1;
}

int
statx (int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
  int kind = path[0] == '\0' ? await_fate_of_file (dirfd) : 0;

  if (kind == 0)
    return NEXT (statx) (dirfd, path, flags, mask, buf);
  errno = kind;
  return -1;
}

/* openat2 has no other name. */
long
syscall (long sysno, ...)
{
  long a[6], r;
  va_list args;
  int kind;

  va_start (args, sysno);
  for (int i = 0; i < 6; ++i)
    a[i] = va_arg (args, long);
  va_end (args);
  r = NEXT (syscall) (sysno, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (sysno != SYS_openat2 || r < 0)
    return r;
  kind = await_fate_of_file ((int) r);
  if (kind == 0)
    return r;
  close ((int) r);
  errno = kind;
  return -1;
}

ssize_t pread64 (int, void *, size_t, off64_t) __attribute__ ((alias ("pread")));
ssize_t preadv64v2 (int, const struct iovec *, int, off64_t, int)
  __attribute__ ((alias ("preadv2")));
int fstat64 (int, struct stat64 *) __attribute__ ((alias ("fstat")));

/* ---- Rings */

/* Reads that have become NOPs, and what is to be their result. */
struct failing {
  unsigned n;
  struct {
    uint64_t user_data;
    int result;
  } reads[RING_MAX];
};

/* Lets go of what hangs when FAULTS no longer says so, though nobody reads meanwhile. */
static void *
watch (void *opaque)
{
  bool hangs = true;

  (void) opaque;
  while (hangs) {
    sleep_a_while ();
    pthread_mutex_lock (&lock);
    look ();
    hangs = hang_pipe[0] != -1;
    pthread_mutex_unlock (&lock);
  }
  return NULL;
}

/* A descriptor that gives nothing until the fault is over. */
static int
hanging_fd (void)
{
  pthread_t thread;
  int fd;

  pthread_mutex_lock (&lock);
  if (hang_pipe[0] == -1 &&
      (pipe (hang_pipe) == -1 || pthread_create (&thread, NULL, watch, NULL) != 0 ||
       pthread_detach (thread) != 0))
    err (1, "a read that hangs");
  fd = hang_pipe[0];
  pthread_mutex_unlock (&lock);
  return fd;
}

static void
spoil (struct io_uring_sqe *sqe, struct failing *failing)
{
  size_t len = sqe->len;
  int kind = fate (sqe->fd, sqe->off, &len);

  sqe->len = (unsigned) len;
  if (kind == HANG) {
    tell_hang ();
    sqe->fd = hanging_fd ();
    sqe->off = UINT64_MAX;
  }
  else if (kind != 0 && failing->n < RING_MAX) {
    failing->reads[failing->n].user_data = sqe->user_data;
    failing->reads[failing->n++].result = -kind;
    sqe->opcode = IORING_OP_NOP;
  }
}

static void
before_submit (struct io_uring *ring, struct failing *failing)
{
  struct io_uring_sq *sq = &ring->sq;

  failing->n = 0;
  for (unsigned i = *sq->khead; i != sq->sqe_tail; ++i) {
    struct io_uring_sqe *sqe = &sq->sqes[i & sq->ring_mask];

    if (sqe->opcode == IORING_OP_READ)
      spoil (sqe, failing);
  }
}

/* A NOP has completed when it has been submitted. */
static void
after_submit (struct io_uring *ring, const struct failing *failing)
{
  struct io_uring_cqe *cqe;
  unsigned head;

  io_uring_for_each_cqe (ring, head, cqe)
  {
    for (unsigned i = 0; i < failing->n; ++i) {
      if (cqe->user_data == failing->reads[i].user_data)
        cqe->res = failing->reads[i].result;
    }
  }
}

int
io_uring_submit_and_wait (struct io_uring *ring, unsigned wait_nr)
{
  struct failing failing;
  int r;

  before_submit (ring, &failing);
  r = NEXT (io_uring_submit_and_wait) (ring, wait_nr);
  after_submit (ring, &failing);
  return r;
}

int
io_uring_submit (struct io_uring *ring)
{
  struct failing failing;
  int r;

  before_submit (ring, &failing);
  r = NEXT (io_uring_submit) (ring);
  after_submit (ring, &failing);
  return r;
}

int
io_uring_submit_and_wait_timeout (struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
                                  unsigned wait_nr, struct __kernel_timespec *ts,
                                  sigset_t *sigmask)
{
  struct failing failing;
  int r;

  before_submit (ring, &failing);
  r = NEXT (io_uring_submit_and_wait_timeout) (ring, cqe_ptr, wait_nr, ts, sigmask);
  after_submit (ring, &failing);
  return r;
}
