/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking for what file_id.h is about. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "file_id.h"
#include "path.h"

static int64_t
statx_ns (const struct statx_timestamp *t)
{
  return t->tv_sec * NS_PER_SECOND + t->tv_nsec;
}

int
file_id_now (int fd, struct file_id *id)
{
  struct statx st;

  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) == -1)
    return -1;
  *id =
    (struct file_id){ makedev (st.stx_dev_major, st.stx_dev_minor), st.stx_ino,
                      st.stx_size, statx_ns (&st.stx_mtime), statx_ns (&st.stx_ctime) };
  return 0;
}

int
file_id_look (int fd, const char *path, bool by_name, struct file_id *id,
              struct error *err)
{
  struct stat named;

  if (file_id_now (fd, id) == -1 || (by_name && stat (path, &named) == -1))
    return error_set (err, errno, "%s", path);
  if (by_name && (named.st_dev != id->dev || named.st_ino != id->ino))
    return error_set (err, 0, "%s: is another file now than the one that was read", path);
  return 0;
}

bool
file_id_is_open (const struct file_id *id, int fd)
{
  struct file_id open;
  struct stat st;

  if (fstat (fd, &st) == -1)
    return false;
  open = file_id_of (&st);
  return file_id_same_file (&open, id);
}

bool
is_file_at (const char *path, const struct stat *st)
{
  struct stat there;

  return stat (path, &there) == 0 && there.st_dev == st->st_dev &&
         there.st_ino == st->st_ino;
}

bool
same_file (const char *a, const char *b)
{
  struct stat st;

  return stat (a, &st) == 0 && is_file_at (b, &st);
}

bool
same_place (const char *a, const char *b)
{
  CLEANUP_FREE char *folder_a = path_folder (a);
  CLEANUP_FREE char *folder_b = path_folder (b);

  return folder_a && folder_b && strcmp (path_base (a), path_base (b)) == 0 &&
         same_file (folder_a, folder_b);
}

bool
is_absent (const char *path)
{
  struct stat st;

  return lstat (path, &st) == -1 && (errno == ENOENT || errno == ENAMETOOLONG);
}

int
file_is_there (const char *path, struct error *err)
{
  struct stat st;

  if (lstat (path, &st) == 0)
    return 1;
  return errno == ENOENT ? 0 : error_set (err, errno, "%s", path);
}

char *
file_behind (const char *path, struct error *err)
{
  struct stat st;
  bool is_link = lstat (path, &st) == 0 && S_ISLNK (st.st_mode);
  char *behind = is_link ? realpath (path, NULL) : strdup (path);

  if (!behind)
    error_set (err, errno, "%s", path);
  return behind;
}
