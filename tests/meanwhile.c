/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into mkvdup: something happens at a certain moment of its work.
 *
 *   MEANWHILE_AT   COUNT BYTES PATH   when so many reads (pread) of at least so many bytes of
 *                                     the file that PATH was at first are done
 *                  COUNT fsync        when so many fsyncs are begun
 *   MEANWHILE_DO   what happens: a command for the shell; or "flip", and one bit of what has
 *                  been read is another one in memory, as by a fault of that
 *   MEANWHILE_THEN a second command, when the next fsync is begun after that
 *
 * Decided against: signals and races with a process beside it, which come at another moment
 * each time.
 */
#include "config.h"

#include <dlfcn.h>
#include <err.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* pread and pread64 are one function here. */
_Static_assert(sizeof (off_t) == 8, "files have 64-bit offsets");

/* The function that this one is in front of. */
#define NEXT(name) ((__typeof__ (&(name))) dlsym (RTLD_NEXT, #name))

static const char *action; /* NULL: nothing is to happen */
static atomic_int left;    /* moments until it does */
static size_t bytes;
static bool is_fsync;
static struct stat file;
static const char *then; /* NULL: nothing more is to happen */
static atomic_bool has_happened;

__attribute__ ((constructor)) static void
start (void)
{
  const char *at = getenv ("MEANWHILE_AT");
  char *end;

  if (!at)
    return;
  action = getenv ("MEANWHILE_DO");
  then = getenv ("MEANWHILE_THEN");
  left = (int) strtol (at, &end, 10);
  is_fsync = strcmp (end, " fsync") == 0;
  if (!is_fsync) {
    bytes = strtoul (end, &end, 10);
    if (*end != ' ' || stat (end + 1, &file) == -1)
      err (1, "MEANWHILE_AT: %s", at);
  }
  /* Not for the commands. */
  unsetenv ("LD_PRELOAD");
  unsetenv ("MEANWHILE_AT");
}

static void
run (const char *command)
{
  if (system (command) != 0) /* NOLINT(cert-env33-c): the test's own */
    errx (1, "failed: %s", command);
}

static void
happen (uint8_t *data, size_t len)
{
  if (strcmp (action, "flip") == 0)
    data[len / 2] ^= 1;
  else
    run (action);
  has_happened = true;
}

ssize_t
pread (int fd, void *buf, size_t nbytes, off_t offset)
{
  ssize_t n = NEXT (pread) (fd, buf, nbytes, offset);
  struct stat st;

  if (action && !is_fsync && n > 0 && (size_t) n >= bytes && fstat (fd, &st) == 0 &&
      st.st_dev == file.st_dev && st.st_ino == file.st_ino &&
      atomic_fetch_sub (&left, 1) == 1)
    happen (buf, (size_t) n);
  return n;
}

int
fsync (int fd)
{
  if (then && atomic_exchange (&has_happened, false))
    run (then);
  if (action && is_fsync && atomic_fetch_sub (&left, 1) == 1)
    happen (NULL, 0);
  return NEXT (fsync) (fd);
}

ssize_t pread64 (int, void *, size_t, off64_t) __attribute__ ((alias ("pread")));
