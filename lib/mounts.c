/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of what is mounted: see mounts.h. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "cleanup.h"
#include "mounts.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by the lock: */
static int table =
  -1; /* /proc/self/mountinfo: polling it tells of a change since the last time */
static unsigned changes = 1;

void
mounts_start (void)
{
  LOCK_FOR_SCOPE (&lock);

  if (table == -1)
    table = open ("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

unsigned
mounts_changes (void)
{
  LOCK_FOR_SCOPE (&lock);
  struct pollfd fd = { table, POLLPRI, 0 };

  if (poll (&fd, 1, 0) > 0 && ++changes == 0)
    changes = 1;
  return changes;
}
