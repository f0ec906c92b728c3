/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read-range URI OFFSET LENGTH: one request to an NBD server, its bytes to standard
 * output.  On error nothing but the error number's name: `EIO`; exit status 1.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnbd.h>

int
main (int argc, char *argv[])
{
  struct nbd_handle *nbd = nbd_create ();
  uint64_t offset;
  size_t len;
  char *buf;
  int r;

  if (argc != 4)
    errx (2, "usage: %s URI OFFSET LENGTH", argv[0]);
  offset = strtoull (argv[2], NULL, 10);
  len = strtoull (argv[3], NULL, 10);
  buf = malloc (len);
  if (!nbd || !buf || nbd_connect_uri (nbd, argv[1]) == -1)
    errx (2, "%s", nbd_get_error ());
  r = nbd_pread (nbd, buf, len, offset, 0);
  if (r == -1)
    puts (strerrorname_np (nbd_get_errno ()));
  else
    fwrite (buf, 1, len, stdout);
  free (buf);
  nbd_close (nbd);
  return r == -1;
}
