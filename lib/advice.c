/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Advice: see advice.h.  The setting is where sysfs has it: with the file system (one
 * that is on no device of its own, as NFS), with the device, or, for a partition, with the
 * whole device.  A file system on several devices tells nobody (btrfs): it is taken to have
 * Linux's default.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "advice.h"

#define MOST_DEFAULT (UINT64_C (128) << 10)

/* No device does more at once, or is faster if it does. */
#define MOST_MAX (UINT64_C (1) << 20)

/* In KiB; 0 if it is not there. */
static unsigned long
setting (const char *before, dev_t dev, const char *after)
{
  char path[100], line[32] = "";
  FILE *fp;

  snprintf (path, sizeof path, "/sys/%s/%u:%u/%s", before, major (dev), minor (dev),
            after);
  fp = fopen (path, "re");
  if (!fp)
    return 0;
  if (!fgets (line, sizeof line, fp))
    line[0] = '\0';
  fclose (fp);
  return strtoul (line, NULL, 10);
}

static unsigned long
find_setting (dev_t dev)
{
  unsigned long kib = setting ("class/bdi", dev, "read_ahead_kb");

  if (kib == 0)
    kib = setting ("dev/block", dev, "bdi/read_ahead_kb");
  if (kib == 0)
    kib = setting ("dev/block", dev, "../bdi/read_ahead_kb");
  return kib;
}

uint64_t
advice_most (int fd)
{
  uint64_t bytes, most = MOST_DEFAULT;
  struct stat st;

  if (fstat (fd, &st) == -1)
    return most;
  bytes = (uint64_t) find_setting (S_ISBLK (st.st_mode) ? st.st_rdev : st.st_dev) << 10;
  while (most < MOST_MAX && most * 2 <= bytes)
    most *= 2;
  return most;
}

void
advice_fetch (int fd, uint64_t most, uint64_t from, uint64_t end)
{
  uint64_t next;

  for (; from < end; from = next) {
    next = from - from % most + most;
    if (next > end)
      next = end;
    posix_fadvise (fd, (off_t) from, (off_t) (next - from), POSIX_FADV_WILLNEED);
  }
}
