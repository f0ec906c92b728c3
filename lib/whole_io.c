/* SPDX-License-Identifier: BSD-3-Clause */
/* All of a read or a write: see whole_io.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "whole_io.h"

int
write_all (int fd, const void *data, size_t len, unsigned long long offset,
           const char *path, struct error *err)
{
  const uint8_t *p = data;

  while (len > 0) {
    ssize_t n = pwrite (fd, p, len, (off_t) offset);

    if (n == -1 && errno == EINTR)
      continue;
    if (n <= 0)
      return error_set (err, n == 0 ? ENOSPC : errno, "%s: write at %llu", path, offset);
    p += n;
    len -= (size_t) n;
    offset += (unsigned long long) n;
  }
  return 0;
}

/* A file system that is busy may say EAGAIN: so often, a millisecond apart. */
#define EAGAIN_TRIES 100

ssize_t
read_patiently (int fd, void *data, size_t len, unsigned long long offset)
{
  ssize_t n;

  for (int tries = 0;;) {
    n = pread (fd, data, len, (off_t) offset);
    if (n >= 0 || (errno != EINTR && errno != EAGAIN))
      return n;
    if (errno == EAGAIN) {
      if (++tries == EAGAIN_TRIES)
        return n;
      nanosleep (&(struct timespec){ 0, 1000000 }, NULL);
    }
  }
}

int
read_all (int fd, void *data, size_t len, unsigned long long offset, const char *path,
          struct error *err)
{
  uint8_t *p = data;

  while (len > 0) {
    ssize_t n = read_patiently (fd, p, len, offset);

    if (n == -1)
      return error_set (err, errno, "%s: read at %llu", path, offset);
    if (n == 0)
      return error_set (err, 0, "%s: ends at %llu, %zu bytes early", path, offset, len);
    p += n;
    len -= (size_t) n;
    offset += (unsigned long long) n;
  }
  return 0;
}

int
read_file (const char *path, uint64_t max, char **data, size_t *len, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  CLEANUP_FREE char *all = NULL;
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode))
    return error_set (err, 0, "%s: is no regular file", path);
  if ((uint64_t) st.st_size > max)
    return error_set (err, 0, "%s: is larger than %llu bytes", path,
                      (unsigned long long) max);
  *len = (size_t) st.st_size;
  all = malloc (*len + 1);
  if (!all)
    return error_set (err, ENOMEM, "%s", path);
  if (read_all (fd, all, *len, 0, path, err) == -1)
    return -1;
  all[*len] = '\0';
  *data = take_ptr (&all);
  return 0;
}

int
sync_what_is_read (int fd)
{
  return TEMP_FAILURE_RETRY (fsync (fd)) == 0 || errno == EINVAL || errno == EROFS ? 0
                                                                                   : -1;
}
