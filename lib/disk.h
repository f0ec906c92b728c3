/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One read-only disk with all titles of a library as files: the metadata of a file system
 * (fs.h) around the images themselves.
 *
 * A title that cannot be read is a file whose reads fail; others are undisturbed.
 *
 * Thread safety: immutable once made; any number of threads may read.
 */
#ifndef MKVDUP_DISK_H
#define MKVDUP_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "titles.h"

enum disk_kind {
  DISK_EROFS,
  DISK_UDF
};

struct disk;

/* Told of each title that is left out, and why. */
typedef void disk_problem_fn (void *opaque, const char *text);

/*
 * A disk of `n` titles, sorted by tree_compare_names and agreeing; they are borrowed, and are
 * kept (title_keep).  Those whose recipe cannot be read, and those for which there is no
 * room, are left out.  Folders look like `folder`.  NULL with `err` set when out of memory.
 */
struct disk *disk_new (enum disk_kind kind, struct title *const *titles, uint32_t n,
                       const struct tree_stat *folder, disk_problem_fn *problem,
                       void *opaque, struct error *err);
void disk_free (struct disk *disk);

/* Were some left out whose recipe could not be read, which may be otherwise when tried again? */
bool disk_lacks_titles (const struct disk *disk);

uint64_t disk_size (const struct disk *disk);  /* bytes; whole blocks of 512 */
uint32_t disk_files (const struct disk *disk); /* that are on it */

/* 32 hexadecimal digits and the end: of two disks with one id every byte is the same, what
 * files hold included.
 */
#define DISK_ID_MAX 33
const char *disk_id (const struct disk *disk);

/* As image_read, image_try_read, image_extents and image_prefetch; a call to any of them says
 * no more than of a few files.
 */
int disk_read (const struct disk *disk, void *buf, size_t count, uint64_t offset,
               struct error *err);
bool disk_try_read (const struct disk *disk, void *buf, size_t count, uint64_t offset);
int disk_extents (const struct disk *disk, uint64_t offset, uint64_t count,
                  image_extent_fn *fn, void *opaque, struct error *err);
int disk_prefetch (const struct disk *disk, uint64_t offset, uint64_t count,
                   struct error *err);

/* The title whose bytes are at `offset`; borrowed.  NULL: none is. */
struct title *disk_title_at (const struct disk *disk, uint64_t offset);

#endif /* MKVDUP_DISK_H */
