/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The moving buffer of window.h.
 *
 * Invariant: buf[0, len) are the file's bytes from `start`, and nothing else of the
 * buffer is valid.  Every refill reads at least `ahead` new bytes (unless the file
 * ends), so what is moved to the buffer's front is paid for by what is read behind it.
 *
 * mmap was decided against: a file that shrinks under it is SIGBUS, and an error
 * would have no errno.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "whole_io.h"
#include "window.h"

#define MAX_WANT ((size_t) 64 << 20)

int
window_init (struct window *w, int fd, uint64_t size, size_t ahead, struct error *err)
{
  *w = (struct window){ .fd = fd, .size = size, .ahead = ahead ? ahead : 1 };
  w->cap = w->ahead;
  w->buf = malloc (w->cap);
  if (!w->buf)
    return error_set (err, ENOMEM, "buffer of %zu bytes", w->cap);
  return 0;
}

int
window_init_read (struct window *w, window_read_fn *read, void *opaque, uint64_t size,
                  size_t ahead, struct error *err)
{
  int r = window_init (w, -1, size, ahead, err);

  w->read = read;
  w->opaque = opaque;
  return r;
}

void
window_free (struct window *w)
{
  free (w->buf);
  w->buf = NULL;
  w->len = w->cap = 0;
}

/* As many of the n bytes at `offset` as can be read.  After a failure: none. */
static size_t
read_some (struct window *w, uint8_t *to, uint64_t offset, size_t n)
{
  size_t done = 0;

  if (w->errnum || offset >= w->size)
    return 0;
  if (n > w->size - offset)
    n = w->size - offset;
  while (done < n) {
    ssize_t r = w->read ? w->read (w->opaque, to + done, n - done, offset + done)
                        : read_patiently (w->fd, to + done, n - done, offset + done);

    if (r < 0)
      w->errnum = errno;
    if (r <= 0)
      break;
    done += (size_t) r;
  }
  return done;
}

/* How many bytes from `offset` on are in the buffer. */
static size_t
held (const struct window *w, uint64_t offset)
{
  if (offset < w->start || offset - w->start >= w->len)
    return 0;
  return w->len - (size_t) (offset - w->start);
}

/* Make the buffer begin at `offset`, before the end, and hold `want` bytes and what is read
 * ahead, as far as there are so many.
 */
static void
refill (struct window *w, uint64_t offset, size_t want)
{
  size_t kept = held (w, offset);
  size_t cap = want + w->ahead;

  if (cap > w->size - offset)
    cap = (size_t) (w->size - offset);
  if (cap > w->cap) {
    uint8_t *buf = realloc (w->buf, cap);

    if (!buf) {
      w->errnum = ENOMEM;
      return;
    }
    w->buf = buf;
    w->cap = cap;
  }
  if (kept)
    memmove (w->buf, w->buf + (offset - w->start), kept);
  w->start = offset;
  w->len = kept + read_some (w, w->buf + kept, offset + kept, cap - kept);
}

const uint8_t *
window_get (struct window *w, uint64_t offset, size_t want, size_t *got)
{
  size_t have;

  if (want > MAX_WANT)
    want = MAX_WANT;
  have = held (w, offset);
  if (have < want && offset < w->size && have < w->size - offset) {
    refill (w, offset, want);
    have = held (w, offset);
  }
  *got = have < want ? have : want;
  return *got ? w->buf + (offset - w->start) : NULL;
}

size_t
window_peek (struct window *w, uint64_t offset, uint8_t *to, size_t n)
{
  size_t have = held (w, offset);

  if (have > n)
    have = n;
  if (have)
    memcpy (to, w->buf + (offset - w->start), have);
  return have + read_some (w, to + have, offset + have, n - have);
}
