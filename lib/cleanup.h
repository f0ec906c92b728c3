/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cleanup attributes: a variable declared with one of these is released when it
 * goes out of scope.  To hand its value on, return it through
 * `take_ptr (&p)` / `take_fd (&fd)`, which leave nothing behind to release.
 * Types with a destructor of their own define their attribute beside it.
 */
#ifndef MKVDUP_CLEANUP_H
#define MKVDUP_CLEANUP_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free (void *ptr)
{
  free (*(void **) ptr);
}

static inline void
cleanup_close (int *fd)
{
  if (*fd >= 0)
    close (*fd);
}

static inline void
cleanup_fclose (FILE **fp)
{
  if (*fp)
    fclose (*fp);
}

static inline void
cleanup_unlock (pthread_mutex_t **lock)
{
  pthread_mutex_unlock (*lock);
}

static inline int
take_fd (int *fd)
{
  int r = *fd;

  *fd = -1;
  return r;
}

#define take_ptr(p)                  \
  ({                                 \
    __typeof__ (*(p)) taken_ = *(p); \
    *(p) = NULL;                     \
    taken_;                          \
  })

#define CLEANUP_FREE __attribute__ ((cleanup (cleanup_free)))
#define CLEANUP_CLOSE __attribute__ ((cleanup (cleanup_close)))
#define CLEANUP_FCLOSE __attribute__ ((cleanup (cleanup_fclose)))

/* Hold `lock` to the end of the enclosing block. */
#define LOCK_FOR_SCOPE(lock)                                                        \
  __attribute__ ((cleanup (cleanup_unlock))) pthread_mutex_t *scope_lock_ = (lock); \
  pthread_mutex_lock (scope_lock_)

#endif /* MKVDUP_CLEANUP_H */
