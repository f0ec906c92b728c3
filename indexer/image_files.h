/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files in a disc image, and where they lie in it: what the image's UDF file system
 * says (ECMA-167, OSTA UDF 1.02 to 2.60, blocks of 2048 bytes), as on every DVD-Video
 * and Blu-ray.
 *
 * A hint of where to look, no more.  An image may say anything: what is outside of it is
 * cut off, files may overlap, and what is in an extent is nobody's word.
 */
#ifndef MKVDUP_IMAGE_FILES_H
#define MKVDUP_IMAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Bytes that lie together: [offset, offset + len) of the image. */
struct image_extent {
  uint64_t offset;
  uint64_t len; /* > 0 */
};

struct image_file {
  char *path;    /* "VIDEO_TS/VTS_01_1.VOB": in UTF-8, any case, any bytes but 0; owned */
  uint64_t size; /* bytes, as the file system has it */

  /* Its bytes in their order, as far as they lie in the image; no two follow each other
   * directly.  Together `size` at most: less when the image was cut short, or has holes
   * in the file.  None for a file that lies within its own descriptor (< 2 KiB).
   */
  struct image_extent *extents; /* owned */
  size_t n_extents;
};

struct image_files {
  struct image_file *files; /* in the order of the directories, depth first; owned */
  size_t n_files;
};

/* At most so many files, and so many extents of all of them together. */
#define IMAGE_FILES_MAX 8192
#define IMAGE_EXTENTS_MAX 65536

/*
 * List the files of the image `fd` of `size` bytes.  One without a file system that can
 * be read has none, which is no error; -1 only when memory runs out.
 *
 * Not while another thread writes to stderr: see image_files.c.
 */
int image_files_read (struct image_files *files, int fd, uint64_t size,
                      struct error *err);
void image_files_free (struct image_files *files);

#endif /* MKVDUP_IMAGE_FILES_H */
