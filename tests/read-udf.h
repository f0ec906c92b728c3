/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader of UDF 1.02 for tests, which shares no code with what it judges: it believes
 * nothing, checks every descriptor it comes across, with its tag, and fails the cmocka test
 * it is called in where something is not as ECMA-167 and UDF 1.02 have it.
 */
#ifndef MKVDUP_TESTS_READ_UDF_H
#define MKVDUP_TESTS_READ_UDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where to read from. */
struct udf_disk {
  void (*read) (void *of, void *buf, size_t count, uint64_t offset);
  void *of;
  uint64_t size; /* bytes */
};

struct udf_extent {
  uint64_t at;  /* bytes of the disk */
  uint64_t len; /* bytes */
};

/* A file or folder; what a folder holds is in the order it has on the disk. */
struct udf_node {
  char name[1024]; /* UTF-8 */
  bool is_folder;
  uint32_t mode; /* of POSIX, with set-uid, set-gid and sticky */
  uint32_t uid, gid;
  int64_t mtime;
  uint32_t mtime_usec;
  uint64_t size;
  struct udf_extent *extents;
  size_t n_extents;
  uint64_t unique_id;
  uint64_t icb; /* block of the partition */
  struct udf_node **nodes;
  size_t n_nodes;
};

struct udf_volume {
  char label[32];
  char set[128]; /* the volume set's name */
  struct udf_node *root;
};

/* All of it.  Also that no two things stand in the same place. */
struct udf_volume *udf_volume_read (const struct udf_disk *disk);
void udf_volume_free (struct udf_volume *volume);

#endif /* MKVDUP_TESTS_READ_UDF_H */
