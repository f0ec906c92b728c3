/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work that may hang for ever (a read from a server that is gone, from a disk that is dying)
 * is done by threads that can be left behind.  Who sends one on an errand waits for so long
 * and no longer; the errand is then nobody's any more, and is released when it ends, if it
 * does.
 *
 * So an errand owns all that it uses: what it reads into, and a reference to what it reads.
 *
 * Thread safety: any number of threads may send errands.
 */
#ifndef MKVDUP_ERRANDS_H
#define MKVDUP_ERRANDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Errands that were given up and have not ended: with so many no further one is sent. */
#define ERRANDS_MAX_LEFT 512u

/* The first member of what an errand is about. */
struct errand {
  void (*run) (struct errand *e);     /* called in another thread */
  void (*release) (struct errand *e); /* frees it; called by either thread, once */
  /* Guarded by the lock of errands.c: */
  bool has_ended, is_left;
  pthread_cond_t ended;
};

/* Is there no more use in waiting?  Asked a few times a second. */
typedef bool errand_over_fn (void);

/*
 * Have `e` run by another thread, and wait for it: `ms` at most, or until `is_over` (which
 * may be NULL) says so.  0: it has run, and is the caller's to release.  -1 with `err` set
 * (ETIMEDOUT if it was left behind, ECANCELED if that was because it was over): it is gone.
 */
int errand_send (struct errand *e, int64_t ms, errand_over_fn *is_over,
                 struct error *err);

/* Wait for those that were left behind, `ms` at most, and end the threads that have nothing
 * to do.  False: some are still away, and what they use has to stay.
 */
bool errands_end (int64_t ms);

#endif /* MKVDUP_ERRANDS_H */
