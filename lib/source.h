/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding, opening and identifying the sources of a recipe.
 *
 * A recipe knows a source by content (size, hash) and by a relative path.  Where it
 * lies is configuration: a list of places, each a directory below which the path is
 * looked up, or a file or block device that is the source itself whatever it is
 * called.
 *
 * Paths are opened beneath their directory (openat2 with RESOLVE_BENEATH), so that no
 * recipe can reach anything else; symbolic links that stay beneath are followed.
 */
#ifndef MKVDUP_SOURCE_H
#define MKVDUP_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "file_id.h"
#include "pulse.h"
#include "recipe.h"

struct source {
  int fd;             /* owned; O_RDONLY | O_CLOEXEC */
  char *_Atomic path; /* where it was found, for messages; owned */
  uint64_t size;
  uint32_t align;  /* reads begin and end at multiples of it: 1, or SOURCE_DIRECT_BLOCK */
  uint64_t advice; /* what one advice may be about: see advice.h */
  atomic_bool is_shared; /* on another machine, which may be away: see shared_fs.h */
  struct pulse *pulse;   /* of reading it; borrowed, NULL: nobody asks */
  /* source_ctime of it when it was last known to be the right one. */
  _Atomic int64_t ctime;
  _Atomic int64_t sealed; /* that time, once no change can go unseen: image_settled.c */
  atomic_bool is_memory;  /* never written back, nor ever sealed: see shared_fs.h */
};

/* No file's change time. */
#define SOURCE_NO_CTIME INT64_MAX

/* Longer than a write of one call takes (2 GiB, to a disk that writes 7 MB/s), and than any file
 * system's clock is coarse: who began to write to a file longer ago than this is done.
 */
#define SOURCE_SETTLED_NS (INT64_C (300) * 1000000000)

#define SOURCE_INIT                                           \
  {                                                           \
    -1, NULL, 0, 1, 0, false, NULL, 0, SOURCE_NO_CTIME, false \
  }

/* What O_DIRECT reads are made of, in the file and in memory.  Nearly everywhere 512
 * bytes would do; a source that asks for more than this is refused.
 */
#define SOURCE_DIRECT_BLOCK 4096

/* Is it read past the page cache? */
static inline bool
source_is_direct (const struct source *src)
{
  return src->align > 1;
}

/*
 * Open the source `id` at the first of `places` that has it: a regular file or block
 * device of the same size, with the same sample.  A relative place is taken from
 * the current directory.
 *
 * With `direct` it is to be read past the page cache (O_DIRECT), which its file system has
 * to allow.
 *
 * On success fills in *out (release with source_close).  The error names every place
 * that was tried and what was wrong there.  Thread safe.
 */
int source_open (const struct recipe_source *id, const char *const *places,
                 size_t n_places, bool direct, struct source *out, struct error *err);
void source_close (struct source *src);

/* The same, passing over the file `but`, which is of no use though it looks right.  NULL: none. */
int source_open_other (const struct recipe_source *id, const char *const *places,
                       size_t n_places, bool direct, const struct file_id *but,
                       struct source *out, struct error *err);

/* The same of one whose sample cannot be read: what is there has the right name and size.
 * Whether it is the source is not known; nothing of it may be used that is not proven.
 */
int source_open_damaged (const struct recipe_source *id, const char *const *places,
                         size_t n_places, bool direct, const struct file_id *but,
                         struct source *out, struct error *err);

/*
 * The change time of an open source in nanoseconds, or -1 with errno set.  It tells of
 * every write to a file (unlike the modification time it cannot be set back, but where a file
 * system has no such time: FAT, and sshfs), of none to a block device.
 */
int64_t source_ctime (const struct source *src);

/* Write back what of a file is in memory, so that who stores to a page of it moves its change
 * time.  -1 with errno set.  Where nothing can be written there is nothing to do; of a block device
 * no change shows anyway.
 */
int source_seal (const struct source *src);

/* Is what is open still `id`, by size and sample?  By its size alone, where a recipe of the Go
 * program has no more than that and a hash of all of it.
 */
int source_verify (const struct source *src, const struct recipe_source *id,
                   struct error *err);

/*
 * A cheap fingerprint that tells a changed source from the right one most of the time.
 *
 * The source is seen as n blocks of 4096 bytes, the last of which may be shorter. With k
 * = min (16, n), the blocks floor (i * (n - 1) / (k - 1)) for i = 0 … k - 1 are taken
 * (block 0 alone if k is 1): the first and the last are among them.  The sample is the
 * XXH3-64 of these blocks one after the other, with the source's size as its seed.
 *
 * Plain reads, no io_uring: it is also wanted before a server's fork.
 */
int source_sample (int fd, uint64_t size, uint64_t *sample, struct error *err);

#endif /* MKVDUP_SOURCE_H */
