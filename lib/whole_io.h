/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing at an offset, all of it or an error: plain blocking system calls.
 * Thread safe.
 */
#ifndef MKVDUP_WHOLE_IO_H
#define MKVDUP_WHOLE_IO_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* pwrite all of it, retrying short writes and EINTR; `path` is for the message. */
int write_all (int fd, const void *data, size_t len, unsigned long long offset,
               const char *path, struct error *err);

/* Flags to open with what may be anything: a FIFO must not hold us up before we have seen
 * that it is one.
 */
#define OPEN_UNKNOWN (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* As pread, but EINTR is retried, and EAGAIN for a tenth of a second. */
ssize_t read_patiently (int fd, void *data, size_t len, unsigned long long offset);

/* read_patiently until all of it is there; the file's end before is an error. */
int read_all (int fd, void *data, size_t len, unsigned long long offset, const char *path,
              struct error *err);

/* A regular file of at most `max` bytes, whole; the caller frees *data, behind which there is a
 * NUL.
 */
int read_file (const char *path, uint64_t max, char **data, size_t *len,
               struct error *err);

/* fsync a file that is open for reading: what others have written to it.  Where nothing can be written
 * (isofs knows no fsync) there is nothing to sync.  -1 with errno set.
 */
int sync_what_is_read (int fd);

#endif /* MKVDUP_WHOLE_IO_H */
