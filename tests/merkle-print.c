/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints what lib/merkle.c makes of a file: "root HEX" and "fsverity HEX", for
 * comparison with veritysetup and fsverity.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "merkle.h"
#include "whole_io.h"

static int
hash_groups (int fd, const char *path, uint64_t size, uint8_t *stored, struct error *err)
{
  CLEANUP_FREE uint8_t *group = malloc (MERKLE_GROUP);

  if (!group)
    return error_set (err, 0, "out of memory");
  for (uint64_t i = 0; i < merkle_groups (size); i++) {
    uint64_t at = i * MERKLE_GROUP;
    size_t len = size - at < MERKLE_GROUP ? (size_t) (size - at) : MERKLE_GROUP;

    if (read_all (fd, group, len, at, path, err) == -1 ||
        merkle_group_digest (group, len, size, stored + i * MERKLE_DIGEST, err) == -1)
      return -1;
  }
  return 0;
}

static int
print_file (const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, O_RDONLY | O_CLOEXEC);
  CLEANUP_FREE uint8_t *stored = NULL;
  uint8_t digest[MERKLE_DIGEST];
  char hex[2 * MERKLE_DIGEST + 1];
  struct stat st;
  uint64_t size;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, 0, "%s: cannot be opened", path);
  size = (uint64_t) st.st_size;
  stored = malloc (merkle_stored_len (size));
  if (!stored || hash_groups (fd, path, size, stored, err) == -1 ||
      merkle_finish (stored, size, err) == -1 ||
      merkle_check_levels (stored, size, err) == -1 ||
      merkle_fsverity_digest (merkle_root (stored, size), size, digest, err) == -1)
    return -1;
  merkle_hex (merkle_root (stored, size), MERKLE_DIGEST, hex);
  printf ("root %s\n", hex);
  merkle_hex (digest, MERKLE_DIGEST, hex);
  printf ("fsverity %s\n", hex);
  return 0;
}

int
main (int argc, char **argv)
{
  struct error err = ERROR_INIT;

  if (argc != 2)
    return 2;
  if (print_file (argv[1], &err) == -1) {
    fprintf (stderr, "merkle-print: %s\n", err.text);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
