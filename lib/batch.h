/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many reads at once.
 *
 * What is in the page cache is taken with preadv2 (RWF_NOWAIT), which costs no round
 * trip through a ring.  The rest goes to the kernel as one io_uring batch, on a ring
 * that belongs to the calling thread.  What the ring did not bring, for whatever reason,
 * is read with pread, which alone decides that a read has failed.  A single read that
 * has to wait, and every one where io_uring is forbidden (containers, sysctl), is left to
 * pread as well.
 *
 * A ring is made on its thread's first need, hence after nbdkit's fork, and
 * destroyed with the thread.
 */
#ifndef MKVDUP_BATCH_H
#define MKVDUP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_read {
  int fd;
  void *buf; /* len bytes, owned by the caller */
  size_t len;
  uint64_t offset;
  size_t beyond; /* the last bytes of `len`, which may lie beyond the file's end */
  bool direct;   /* fd is O_DIRECT: nothing of it is in the page cache */
  size_t done;   /* out: bytes read; private until batch_finish returns */
  int error;     /* out: 0 if nothing is missing, else an errno or BATCH_ENDED */
};

/* The file ends before.  No errno is like it: disks call a bad sector ENODATA. */
#define BATCH_ENDED (-1)

/*
 * Take of all `n` reads what is in the page cache, without waiting.  Returns the number
 * that are not whole: batch_finish has to be called if there are any.  Thread safe.
 */
size_t batch_begin (struct batch_read *reads, size_t n);

/*
 * Bring what is missing, retrying short reads and EINTR/EAGAIN.  Each one's outcome
 * is in its `error`.  Returns the number that failed.  Thread safe; blocks until every
 * read is done and the kernel writes to no buffer any more; holds no lock.
 */
size_t batch_finish (struct batch_read *reads, size_t n);

/* Forbid io_uring in this process, or allow it again: for tests and comparisons. */
void batch_force_pread (bool on);

/* Would the kernel give this process a ring? */
bool batch_has_io_uring (void);

#endif /* MKVDUP_BATCH_H */
