/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fuzz target without a fuzzer: give it every file named, so that what was found once stays found with any
 * compiler.  Every input is a block of memory of its exact size, for sanitizers.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int
feed (const char *path)
{
  CLEANUP_CLOSE int fd = open (path, O_RDONLY | O_CLOEXEC);
  CLEANUP_FREE uint8_t *data = NULL;
  struct stat st;
  ssize_t n;

  if (fd == -1 || fstat (fd, &st) == -1)
    return -1;
  data = malloc (st.st_size ? (size_t) st.st_size : 1);
  n = data ? read (fd, data, (size_t) st.st_size) : -1;
  if (n != st.st_size)
    return -1;
  LLVMFuzzerTestOneInput (data, (size_t) n);
  return 0;
}

int
main (int argc, char *argv[])
{
  for (int i = 1; i < argc; i++)
    if (feed (argv[i]) == -1) {
      fprintf (stderr, "%s: %s: %s\n", argv[0], argv[i], strerror (errno));
      return 1;
    }
  printf ("%d inputs\n", argc - 1);
  return 0;
}
