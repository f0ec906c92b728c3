/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which file of a disc a place in its image belongs to, as its file system says: for people,
 * who know their discs by files.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_DISC_FILES_H
#define MKVDUP_DISC_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image_files.h"

/* Blocks of DVDs and Blu-rays. */
#define DISC_SECTOR 2048u

struct disc_extent {
  uint64_t at, len; /* in the image */
  uint64_t file_at; /* what of the file it begins with */
  const char *path; /* borrowed from `files` */
};

struct disc_files {
  struct image_files files;
  struct disc_extent *extents; /* sorted by `at`; owned */
  size_t n;
};

#define CLEANUP_DISC_FILES __attribute__ ((cleanup (disc_files_free)))

/* Of the image `fd`; one that has no file system has no files.  -1 with `err` set when out of
 * memory.  Not while another thread writes to stderr (image_files.h).
 */
int disc_files_read (struct disc_files *d, int fd, uint64_t size, struct error *err);
void disc_files_free (struct disc_files *d);

/* The extent that byte `at` lies in, NULL if it is in no file. */
const struct disc_extent *disc_files_find (const struct disc_files *d, uint64_t at);

#endif /* MKVDUP_DISC_FILES_H */
