/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * So much of something at once, in the whole process: who wants more waits, in the order of
 * coming, until others have given theirs back.  What is held while waiting for a disk or a
 * client would let one that hangs stop all others: so nothing is.
 *
 * Thread safety: any number of threads.
 */
#ifndef MKVDUP_RATION_H
#define MKVDUP_RATION_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct ration {
  size_t most; /* fixed */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Guarded by the lock: */
  size_t taken;
  uint64_t came, went_in; /* so many have, so far */
};

#define RATION_INIT(most)                                                \
  {                                                                      \
    (most), PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0 \
  }

/* Of more than there is at all, all is enough. */
void ration_take (struct ration *r, size_t n);

/* The same `n`. */
void ration_give_back (struct ration *r, size_t n);

#endif /* MKVDUP_RATION_H */
