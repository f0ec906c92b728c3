/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of ours inside of somebody else's program. */
#ifndef MKVDUP_THREAD_H
#define MKVDUP_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <time.h>

/* As pthread_create; the thread takes no signals, which are for the program's own threads,
 * and has a name of at most 15 bytes.
 */
static inline int
thread_start (pthread_t *thread, const char *name, void *(*run) (void *opaque),
              void *opaque)
{
  sigset_t all, before;
  int r;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  r = pthread_create (thread, NULL, run, opaque);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (r == 0)
    pthread_setname_np (*thread, name);
  return r;
}

/* As pthread_cond_init; what it is waited for until is clock.h's time. */
static inline void
thread_cond_init (pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attr);
  pthread_condattr_destroy (&attr);
}

#endif /* MKVDUP_THREAD_H */
