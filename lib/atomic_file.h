/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are whole or absent: written under a temporary name in the directory
 * of the final one, fsynced, renamed over it, and the directory fsynced.  At any
 * instant of interruption there is the old file or the new one, never a part.
 * A process that is killed leaves ".NAME.XXXXXX.tmp" behind, and nothing else.  Nobody
 * reads such a file or removes it: whether another process still writes it cannot be told
 * on all file systems, and a name alone is no proof of whose it is.
 *
 * A symbolic link at the final name is replaced, not followed; except one to what a standard
 * descriptor is open on (/dev/stdout), which is refused.  O_TMPFILE + linkat
 * was decided against: linkat cannot replace an existing file, and not every file
 * system has it.
 *
 * What keeps several files of one commit together is a lock (flock) of their directory,
 * held for the renames only.  It ends with the process, however that ends, and needs no
 * file, which would have to be removed and could be stale.
 *
 * Thread safety: an atomic_file belongs to one thread, but its `fd` may be written
 * by many at once with write_all.
 */
#ifndef MKVDUP_ATOMIC_FILE_H
#define MKVDUP_ATOMIC_FILE_H

#include <stddef.h>

#include "error.h"

struct atomic_file {
  int fd;          /* O_RDWR; -1 once committed or dropped */
  char *path;      /* the final name; owned */
  char *temporary; /* the name while written: ".NAME.XXXXXX.tmp" beside it; owned */
};

#define ATOMIC_FILE_INIT \
  {                      \
    -1, NULL, NULL       \
  }
#define CLEANUP_ATOMIC_FILE __attribute__ ((cleanup (atomic_file_drop)))

/* Create the temporary file (mode 0666 less the umask).  What is at `path` already
 * has to be a regular file.  On failure there is nothing to drop.
 */
int atomic_file_open (struct atomic_file *f, const char *path, struct error *err);

/* fsync, rename to the final name, fsync the directory.  On failure nothing of the
 * final name has changed (the temporary file goes with atomic_file_drop); except
 * that a directory that cannot be fsynced has the new file, whole, in it already.
 */
int atomic_file_commit (struct atomic_file *f, struct error *err);

/* The same, but what is at the final name by now, whatever it is, stays: errnum EEXIST.  (A file
 * system that can neither rename so nor link is asked just before.)
 */
int atomic_file_commit_new (struct atomic_file *f, struct error *err);

/* The same of `n` > 0 files that belong together, in one directory: none is renamed before
 * all are fsynced, and no other process that commits several files there comes between
 * their renames.  Cut off between them, the first so many are new and the others old, in
 * this order even if power is lost.
 */
int atomic_files_commit (struct atomic_file *const *files, size_t n, struct error *err);

/* The same, unless `may` says with the lock held that it is not to be (-1 with `err` set).
 * NULL: always.  It may write a file anew if it syncs it.
 */
typedef int atomic_file_may_fn (void *opaque, struct error *err);
int atomic_files_commit_if (struct atomic_file *const *files, size_t n,
                            atomic_file_may_fn *may, void *opaque, struct error *err);

/* Who reads a file, and replaces it by one that follows from what it read, holds this in
 * between: the lock of the directory of `path`, until the descriptor that is returned is
 * closed.  One file may be committed meanwhile, but not several.  -1 with `err` set: no such
 * directory, or a signal came while waiting.
 */
int atomic_file_lock (const char *path, struct error *err);

/* Remove the temporary file unless committed, and release everything.  Safe to repeat. */
void atomic_file_drop (struct atomic_file *f);

/* A whole small file at once; by atomic_file_commit, or by atomic_file_commit_new. */
int atomic_file_put (const char *path, const void *data, size_t len, struct error *err);
int atomic_file_put_new (const char *path, const void *data, size_t len,
                         struct error *err);

#endif /* MKVDUP_ATOMIC_FILE_H */
