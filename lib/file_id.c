/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking for what file_id.h is about. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file_id.h"

static int64_t
statx_ns (const struct statx_timestamp *t)
{
  return t->tv_sec * NS_PER_SECOND + t->tv_nsec;
}

int
file_id_now (int fd, struct file_id *id)
{
  struct statx st;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) == -1)
    return -1;
  *id =
    (struct file_id){ makedev (st.stx_dev_major, st.stx_dev_minor), st.stx_ino,
                      st.stx_size, statx_ns (&st.stx_mtime), statx_ns (&st.stx_ctime) };
  return 0;
}
