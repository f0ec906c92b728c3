/* SPDX-License-Identifier: BSD-3-Clause */
/* Which file it is, and in which state: what tells one that was replaced or changed. */
#ifndef MKVDUP_FILE_ID_H
#define MKVDUP_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

struct file_id {
  uint64_t dev, ino, size;
  int64_t mtime_ns, ctime_ns; /* since 1970 */
};

#define NS_PER_SECOND INT64_C (1000000000)

/* A file whose change time is as old as this was not changed once more at that time, as far as a
 * file system's clock tells, nor by the rest of a write, as discs are copied.
 */
#define FILE_SETTLED_NS (2 * NS_PER_SECOND)

static inline int64_t
timespec_ns (const struct timespec *t)
{
  return (int64_t) t->tv_sec * NS_PER_SECOND + t->tv_nsec;
}

static inline struct file_id
file_id_of (const struct stat *st)
{
  return (struct file_id){ st->st_dev, st->st_ino, (uint64_t) st->st_size,
                           timespec_ns (&st->st_mtim), timespec_ns (&st->st_ctim) };
}

/* Of an open file as it is now: its file system is not to say what it remembers (NFS, CIFS and
 * FUSE do, for up to a minute).  -1 with errno set.
 */
int file_id_now (int fd, struct file_id *id);

/* Are they one file, in whatever states? */
static inline bool
file_id_same_file (const struct file_id *a, const struct file_id *b)
{
  return a->dev == b->dev && a->ino == b->ino;
}

static inline bool
file_id_same (const struct file_id *a, const struct file_id *b)
{
  return file_id_same_file (a, b) && a->size == b->size && a->mtime_ns == b->mtime_ns &&
         a->ctime_ns == b->ctime_ns;
}

/* Is what is in it the same, as far as size and modification tell?  It may have been renamed,
 * or linked, or got another mode.
 */
static inline bool
file_id_same_content (const struct file_id *a, const struct file_id *b)
{
  return a->size == b->size && a->mtime_ns == b->mtime_ns;
}

/* Is it what is open as `fd`, in whatever state?  False if that cannot be asked. */
bool file_id_is_open (const struct file_id *id, int fd);

/* Which one is open as `fd`, and in which state.  If `by_name`, -1 with `err` set unless it is
 * also what `path` names.
 */
int file_id_look (int fd, const char *path, bool by_name, struct file_id *id,
                  struct error *err);

/* Is there a file at `path`, and is it this one?  Links are followed.  And are two paths one? */
bool is_file_at (const char *path, const struct stat *st);
bool same_file (const char *a, const char *b);

/* Do two paths name one place, whether or not there is a file? */
bool same_place (const char *a, const char *b);

/* Is there nothing of that name, not even a link that leads nowhere? */
bool is_absent (const char *path);

/* The same for who would say otherwise that something is there: 1 or 0; -1 with `err` set if that
 * cannot be seen.
 */
int file_is_there (const char *path, struct error *err);

/* What a link at `path` leads to, and not the link, is what is to be replaced: its name, or
 * `path` itself where there is none.  Malloced; NULL with `err` set, also if it leads nowhere.
 */
char *file_behind (const char *path, struct error *err);

#endif /* MKVDUP_FILE_ID_H */
