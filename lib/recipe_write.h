/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing a recipe file, front to back: segments in order, then the small
 * sections, the section table, and at last the header, without which the rest is no
 * recipe.  The file is written through an atomic_file, so that nobody sees it
 * before it is whole.
 *
 * Thread safety: one writer belongs to one thread.
 */
#ifndef MKVDUP_RECIPE_WRITE_H
#define MKVDUP_RECIPE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "recipe.h"

struct recipe_writer {
  int fd;           /* borrowed */
  const char *path; /* borrowed; for messages */
  uint64_t image_size;
  unsigned span_log2;
  uint64_t at;         /* where the next byte goes */
  struct buffer index; /* the section of offsets, so far */
  struct buffer table; /* the section table, so far */
  uint32_t n_sections;
};

/* Begin a recipe for an image of `image_size` bytes in the empty file `fd`. */
int recipe_writer_begin (struct recipe_writer *w, int fd, const char *path,
                         uint64_t image_size, unsigned span_log2, struct error *err);

/* The next segment, coded, with its checksum. */
int recipe_writer_segment (struct recipe_writer *w, const uint8_t *coded, size_t len,
                           struct error *err);

/* After the last segment: the index, the sources, the Merkle levels, the version of the
 * zlib that made deflated bytes (NULL: there are none), the notes (may be none), the table
 * and the header.  Does not fsync: see atomic_file_commit.
 */
int recipe_writer_finish (struct recipe_writer *w, const struct recipe_source *sources,
                          uint32_t n_sources, const uint8_t *merkle, size_t merkle_len,
                          const char *zlib, const struct recipe_note *notes,
                          size_t n_notes, struct error *err);
void recipe_writer_free (struct recipe_writer *w);

#endif /* MKVDUP_RECIPE_WRITE_H */
