/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the user called a source, as the files in it that hold streams: the
 * image itself, or the files below a directory.
 */
#ifndef MKVDUP_DISC_H
#define MKVDUP_DISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "demux.h"
#include "error.h"
#include "image_files.h"

struct disc_file {
  char *path; /* to open it; owned */
  char *
    relative; /* below `base`, with "/"; safe in the sense of recipe_path_is_safe; owned */
  uint64_t size; /* bytes, > 0 */
  const struct demuxer
    *demuxer; /* NULL: nobody knows it (only if named by the user himself) */

  /* The files within it to be demuxed, if it is an image whose file system tells;
   * otherwise none: it is demuxed whole. */
  struct image_file *parts; /* owned */
  size_t n_parts;
};

struct disc {
  char *base;              /* absolute directory that all `relative` start from; owned */
  struct disc_file *files; /* sorted by `relative`, bytewise, no duplicates; owned */
  size_t n_files;
};

/*
 * Find the files of all `sources` (files or directories).  The base is the deepest
 * directory that holds them all.  Files named are always taken; below a directory those
 * which a demuxer knows, but neither Matroska files nor recipes, whatever is in them.
 * The file that `mkv` is the stat of (may be NULL) is never taken: it is not its own
 * source.  Symbolic links to files are followed only while they stay below the base.
 * A source that has nothing, is missing, or holds what cannot be read is an error naming
 * it.  Not while another thread writes to stderr (image_files.h).
 */
int disc_find (const char *const *sources, size_t n_sources, const struct stat *mkv,
               struct disc *disc, struct error *err);
void disc_free (struct disc *disc);

/* Leave a file out of the disc, if it is in it.  -1 with `err` set: nothing else is. */
int disc_leave_out (struct disc *disc, const struct stat *file, struct error *err);

/* Would this file be taken below a directory?  Then *is; -1 with `err` set if it cannot be
 * read.  As above: not while another thread writes to stderr.
 */
int disc_has_file (const char *path, bool *is, struct error *err);

#endif /* MKVDUP_DISC_H */
