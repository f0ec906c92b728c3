/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file, or what is read like one, as bytes at offsets, read into one moving buffer: cheap to walk
 * forward, correct in any order.  Nothing is mapped, so a file that shrinks
 * meanwhile is just shorter.
 *
 * Thread safety: one window belongs to one thread; several may share an fd.
 */
#ifndef MKVDUP_WINDOW_H
#define MKVDUP_WINDOW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* Reads as pread does: how many bytes, 0 at the end, -1 with errno set. */
typedef ssize_t window_read_fn (void *opaque, void *to, size_t n, uint64_t offset);

struct window {
  int fd;               /* borrowed; -1 if `read` is asked */
  window_read_fn *read; /* NULL: it is a file */
  void *opaque;         /* borrowed */
  uint64_t size;        /* of the file, when the window was made */
  uint8_t *buf;         /* owned */
  size_t cap;           /* of buf; grows to the largest request and `ahead` behind it */
  size_t ahead;         /* bytes to read beyond what was asked for; > 0 */
  uint64_t start;       /* file offset of buf[0] */
  size_t len;           /* valid bytes in buf */
  int errnum; /* of the first read that failed; after it only buffered bytes are given */
};

/* `ahead`: how many bytes to read at a time. */
int window_init (struct window *w, int fd, uint64_t size, size_t ahead,
                 struct error *err);
/* The same of what is no file. */
int window_init_read (struct window *w, window_read_fn *read, void *opaque, uint64_t size,
                      size_t ahead, struct error *err);
void window_free (struct window *w);

/*
 * A pointer to the bytes from `offset` on, valid until the next call: *got of
 * them, which is `want` except where the file ends (or could not be read:
 * w->errnum) before.  NULL when *got is 0.  want <= 64 MiB.
 */
const uint8_t *window_get (struct window *w, uint64_t offset, size_t want, size_t *got);

/*
 * Copy up to `n` bytes at `offset` into `to`, leaving the buffer and pointers into it
 * as they are: for a glance far ahead.  Returns how many there were.
 */
size_t window_peek (struct window *w, uint64_t offset, uint8_t *to, size_t n);

#endif /* MKVDUP_WINDOW_H */
