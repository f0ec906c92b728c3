/* SPDX-License-Identifier: BSD-3-Clause */
/* Folders of files: see folders.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "folders.h"
#include "path.h"

int
folder_open (const char *path, struct error *err)
{
  CLEANUP_FREE char *dir = NULL;
  int len = (int) (path_base (path) - path);
  int fd;

  if (asprintf (&dir, "%.*s.", len, path) == -1)
    return error_set (err, ENOMEM, "%s", path);
  fd = TEMP_FAILURE_RETRY (open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd == -1)
    return error_set (err, errno, "%s: cannot open its directory", path);
  return fd;
}

/* EINVAL: a file system that knows no such thing for directories. */
int
folder_sync (int dir, const char *path, struct error *err)
{
  if (TEMP_FAILURE_RETRY (fsync (dir)) == 0 || errno == EINVAL)
    return 0;
  return error_set (err, errno, "%s: written, but fsync of its directory failed", path);
}

static bool
is_folder (const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

/* One that is there need not be told by EEXIST: not on NFS, nor by autofs.  And a folder may be
 * written to and not read: then nobody can sync it.
 */
static int
make_one (const char *path, struct error *err)
{
  CLEANUP_CLOSE int dir = -1;
  int errnum = mkdir (path, 0777) == -1 ? errno : 0;

  if (errnum != 0)
    return errnum == EEXIST || is_folder (path)
             ? 0
             : error_set (err, errnum, "%s: cannot be made", path);
  dir = folder_open (path, err);
  if (dir == -1)
    return err->errnum == EACCES ? 0 : -1;
  return folder_sync (dir, path, err);
}

int
folders_make (const char *file, struct error *err)
{
  CLEANUP_FREE char *path = strdup (file);

  if (!path)
    return error_set (err, ENOMEM, "%s", file);
  for (char *slash = *path ? strchr (path + 1, '/') : NULL; slash;
       slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    if (make_one (path, err) == -1)
      return -1;
    *slash = '/';
  }
  return 0;
}
