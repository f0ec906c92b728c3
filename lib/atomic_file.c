/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are whole or absent: see atomic_file.h.
 *
 * The temporary file is made with open and not mkostemp, whose mode of 0600
 * would have to be widened by hand: that needs the umask, which can only be
 * read by changing it, and would pass over a directory's default ACL.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "folders.h"
#include "path.h"
#include "whole_io.h"

#define RANDOM_CHARS 6
/* 32^6 names: this many in a row being taken is no accident. */
#define MAX_TRIES 100
/* Room for "." and ".XXXXXX.tmp" within NAME_MAX. */
#define MAX_STEM (NAME_MAX - 1 - 1 - RANDOM_CHARS - 4)

/* How much of a file's name goes into the temporary one: all of it, or what
 * fits, cut between UTF-8 characters.
 */
static int
stem_len (const char *base)
{
  size_t len = strlen (base);

  if (len > MAX_STEM) {
    len = MAX_STEM;
    while (len > 0 && (base[len] & 0xc0) == 0x80)
      len--;
  }
  return (int) len;
}

static char *
temporary_name (const char *path)
{
  static const char alphabet[32] = "abcdefghijklmnopqrstuvwxyz234567";
  const char *base = path_base (path);
  uint8_t raw[RANDOM_CHARS];
  char random[RANDOM_CHARS + 1];
  char *name;

  if (getrandom (raw, sizeof raw, 0) != sizeof raw)
    return NULL;
  for (size_t i = 0; i < RANDOM_CHARS; i++)
    random[i] = alphabet[raw[i] % sizeof alphabet];
  random[RANDOM_CHARS] = '\0';
  if (asprintf (&name, "%.*s.%.*s.%s.tmp", (int) (base - path), path, stem_len (base),
                base, random) == -1)
    return NULL;
  return name;
}

/* Is it a link to the very file that a standard descriptor is open on, as /dev/stdout is?
 * What is its name then; NULL if not.
 */
static const char *
standard_name (const char *path, const struct stat *file)
{
  static const char *const names[] = { "standard input", "standard output",
                                       "standard error" };
  static const int order[] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };
  struct stat st;

  if (lstat (path, &st) == -1 || !S_ISLNK (st.st_mode))
    return NULL;
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
    if (fstat (order[i], &st) == 0 && st.st_dev == file->st_dev &&
        st.st_ino == file->st_ino)
      return names[order[i]];
  return NULL;
}

/* A path that can be renamed to: a name, and no directory.  Nor a device: replacing
 * /dev/null by a file is never what was meant; nor /dev/stdout, whatever it leads to.
 */
static int
check_target (const char *path, struct error *err)
{
  const char *name;
  struct stat st;

  if (*path_base (path) == '\0')
    return error_set (err, EISDIR, "%s", path);
  /* What is wrong otherwise will be told by open, whose name is never too long. */
  if (stat (path, &st) == -1)
    return errno == ENAMETOOLONG ? error_set (err, errno, "%s", path) : 0;
  if (S_ISREG (st.st_mode)) {
    name = standard_name (path, &st);
    return name ? error_set (err, 0, "%s: is %s: no file can take its place", path, name)
                : 0;
  }
  return S_ISDIR (st.st_mode) ? error_set (err, EISDIR, "%s", path)
                              : error_set (err, 0, "%s: is no regular file", path);
}

int
atomic_file_open (struct atomic_file *f, const char *path, struct error *err)
{
  *f = (struct atomic_file) ATOMIC_FILE_INIT;
  if (check_target (path, err) == -1)
    return -1;
  f->path = strdup (path);
  if (!f->path) {
    error_set (err, errno, "%s", path);
    return -1; /* which clang-tidy would not know */
  }
  for (int tries = 0; tries < MAX_TRIES; tries++) {
    CLEANUP_FREE char *name = temporary_name (path);

    if (!name)
      break;
    f->fd = TEMP_FAILURE_RETRY (open (name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (f->fd >= 0) {
      f->temporary = take_ptr (&name);
      return 0;
    }
    if (errno != EEXIST)
      break;
  }
  error_set (err, errno, "%s: cannot create a temporary file beside it", path);
  atomic_file_drop (f);
  return -1;
}

/* Released with the descriptor, at the latest when the process ends.  Where there are no
 * locks (some network file systems have none on directories) it goes without.
 */
static int
lock_directory (int dir, const char *path, struct error *err)
{
  if (flock (dir, LOCK_EX) == -1 && errno == EINTR)
    return error_set (err, errno, "%s: waiting for the lock of its directory", path);
  return 0;
}

int
atomic_file_lock (const char *path, struct error *err)
{
  CLEANUP_CLOSE int dir = folder_open (path, err);

  return dir == -1 || lock_directory (dir, path, err) == -1 ? -1 : take_fd (&dir);
}

/* All are synced. */
static int
rename_all (struct atomic_file *const *files, size_t n, int dir, struct error *err)
{
  int r = 0;

  for (size_t i = 0; i < n; i++) {
    struct atomic_file *f = files[i];

    if (rename (f->temporary, f->path) == -1)
      return error_set (
        err, errno, "%s%s%s: rename from %s", i > 0 ? files[i - 1]->path : "",
        i > 0 ? " is written and good, but not " : "", f->path, f->temporary);
    free (take_ptr (&f->temporary));
    close (take_fd (&f->fd));
    /* The others are renamed even so: what is new fits together. */
    if (r == 0)
      r = folder_sync (dir, f->path, err);
  }
  return r;
}

int
atomic_files_commit_if (struct atomic_file *const *files, size_t n,
                        atomic_file_may_fn *may, void *opaque, struct error *err)
{
  CLEANUP_CLOSE int dir = folder_open (files[0]->path, err);

  if (dir == -1)
    return -1;
  for (size_t i = 0; i < n; i++)
    if (TEMP_FAILURE_RETRY (fsync (files[i]->fd)) == -1)
      return error_set (err, errno, "%s: fsync", files[i]->path);
  if ((n > 1 || may) && lock_directory (dir, files[0]->path, err) == -1)
    return -1;
  if (may && may (opaque, err) == -1)
    return -1;
  return rename_all (files, n, dir, err);
}

int
atomic_files_commit (struct atomic_file *const *files, size_t n, struct error *err)
{
  return atomic_files_commit_if (files, n, NULL, NULL, err);
}

int
atomic_file_commit (struct atomic_file *f, struct error *err)
{
  return atomic_files_commit (&f, 1, err);
}

/* Without RENAME_NOREPLACE, which for instance NFS does not have. */
static int
link_new (const char *from, const char *to)
{
  struct stat st;

  if (link (from, to) == 0) {
    unlink (from); /* if not, it is done all the same */
    return 0;
  }
  if (errno == EEXIST)
    return -1;
  if (lstat (to, &st) == 0) {
    errno = EEXIST;
    return -1;
  }
  return rename (from, to);
}

static int
rename_new (const char *from, const char *to)
{
  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return 0;
  return errno == EEXIST ? -1 : link_new (from, to);
}

int
atomic_file_commit_new (struct atomic_file *f, struct error *err)
{
  CLEANUP_CLOSE int dir = folder_open (f->path, err);

  if (dir == -1)
    return -1;
  if (TEMP_FAILURE_RETRY (fsync (f->fd)) == -1)
    return error_set (err, errno, "%s: fsync", f->path);
  if (rename_new (f->temporary, f->path) == -1)
    return errno == EEXIST
             ? error_set (err, errno, "%s: has come to be there meanwhile: not replaced",
                          f->path)
             : error_set (err, errno, "%s: rename from %s", f->path, f->temporary);
  free (take_ptr (&f->temporary));
  close (take_fd (&f->fd));
  return folder_sync (dir, f->path, err);
}

void
atomic_file_drop (struct atomic_file *f)
{
  int saved = errno;

  if (f->temporary)
    unlink (f->temporary);
  if (f->fd >= 0)
    close (f->fd);
  free (f->temporary);
  free (f->path);
  *f = (struct atomic_file) ATOMIC_FILE_INIT;
  errno = saved;
}

static int
put (const char *path, const void *data, size_t len,
     int (*commit) (struct atomic_file *, struct error *), struct error *err)
{
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;

  if (atomic_file_open (&f, path, err) == -1 ||
      write_all (f.fd, data, len, 0, path, err) == -1)
    return -1;
  return commit (&f, err);
}

int
atomic_file_put (const char *path, const void *data, size_t len, struct error *err)
{
  return put (path, data, len, atomic_file_commit, err);
}

int
atomic_file_put_new (const char *path, const void *data, size_t len, struct error *err)
{
  return put (path, data, len, atomic_file_commit_new, err);
}
