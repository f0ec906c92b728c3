/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How errors travel: a function that can fail takes a `struct error *` last,
 * fills it in and returns -1 or NULL.  Each caller on the way up may put its
 * own context in front.  Whoever owns the conversation with the user (a
 * command, the plugin) reports the text once; lib/ itself prints nothing.
 *
 * Thread safety: an error belongs to one thread at a time.
 */
#ifndef MKVDUP_ERROR_H
#define MKVDUP_ERROR_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

struct error {
  int errnum;      /* an errno value, or 0 where the cause is not a system call */
  char text[1024]; /* always terminated; "" before the first error */
};

#define ERROR_INIT \
  {                \
    0, ""          \
  }

/* Set the message, with ": strerror (errnum)" behind it if errnum != 0.
 * Overwrites what was there.  Always returns -1, so that callers can write
 * `return error_set (...)`.
 */
int error_set (struct error *err, int errnum, const char *fmt, ...)
  __attribute__ ((format (printf, 3, 4)));

/* Put "context: " in front of the message.  Always returns -1. */
int error_context (struct error *err, const char *fmt, ...)
  __attribute__ ((format (printf, 2, 3)));

/* Is it memory or descriptors that are short?  That says nothing of the file it was met at. */
static inline bool
error_is_shortage (int errnum)
{
  return errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE;
}

#endif /* MKVDUP_ERROR_H */
