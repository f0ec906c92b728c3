/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read-range URI OFFSET LENGTH: one request to an NBD server, its bytes to standard
 * output.  On error nothing but the error number's name: `EIO`; exit status 1.
 *
 * read-range URI FILE: a request for each line `OFFSET LENGTH` of standard input, and a line
 * for each of what came: `right`, the bytes that FILE has there; `wrong`; or the error's name.
 */
#include "config.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

static struct nbd_handle *nbd;

static char *
room (size_t len)
{
  char *buf = malloc (len + 1);

  if (!buf)
    err (2, "%zu bytes", len);
  return buf;
}

static int
read_one (uint64_t offset, size_t len)
{
  char *buf = room (len);
  int r = nbd_pread (nbd, buf, len, offset, 0);

  if (r == -1)
    puts (strerrorname_np (nbd_get_errno ()));
  else
    fwrite (buf, 1, len, stdout);
  free (buf);
  return r == -1;
}

static const char *
answer (int fd, uint64_t offset, size_t len)
{
  char *got = room (len), *want = room (len);
  const char *what;

  if (nbd_pread (nbd, got, len, offset, 0) == -1)
    what = strerrorname_np (nbd_get_errno ());
  else if (pread (fd, want, len, (off_t) offset) != (ssize_t) len)
    errx (2, "the file has no %zu bytes at %" PRIu64, len, offset);
  else
    what = memcmp (got, want, len) == 0 ? "right" : "wrong";
  free (got);
  free (want);
  return what;
}

static int
compare (const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  uint64_t offset;
  size_t len;

  if (fd == -1)
    err (2, "%s", path);
  while (scanf ("%" SCNu64 " %zu", &offset, &len) == 2)
    puts (answer (fd, offset, len));
  return close (fd);
}

int
main (int argc, char *argv[])
{
  int r;

  if (argc != 3 && argc != 4)
    errx (2, "usage: %s URI OFFSET LENGTH, or URI FILE", argv[0]);
  nbd = nbd_create ();
  if (!nbd || nbd_connect_uri (nbd, argv[1]) == -1)
    errx (2, "%s", nbd_get_error ());
  r = argc == 3 ? compare (argv[2])
                : read_one (strtoull (argv[2], NULL, 10), strtoull (argv[3], NULL, 10));
  nbd_close (nbd);
  return r;
}
