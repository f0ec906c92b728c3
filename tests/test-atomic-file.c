/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/atomic_file.c: the old file or the new one, and nothing else beside it. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signal.h>

#include <cmocka.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "whole_io.h"

/* Every test runs in an empty directory of its own, removed after it. */
static int
enter (void **state)
{
  char *dir = strdup ("/tmp/test-atomic-file.XXXXXX");

  if (!dir || !mkdtemp (dir) || chdir (dir) == -1)
    return -1;
  *state = dir;
  return 0;
}

static int
leave (void **state)
{
  CLEANUP_FREE char *dir = *state;
  CLEANUP_FREE char *command = NULL;

  return chdir ("/") == -1 || asprintf (&command, "rm -rf %s", dir) == -1 ||
             system (command) != 0 /* NOLINT(cert-env33-c): our own fresh name */
           ? -1
           : 0;
}

static unsigned
count_entries (void)
{
  DIR *d = opendir (".");
  unsigned n = 0;

  assert_non_null (d);
  for (const struct dirent *e = readdir (d); e; e = readdir (d))
    n += strcmp (e->d_name, ".") != 0 && strcmp (e->d_name, "..") != 0;
  closedir (d);
  return n;
}

static void
check_content (const char *path, const char *expected)
{
  struct error err = ERROR_INIT;
  char text[64] = "";
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  assert_true (fd >= 0);
  assert_int_equal (fstat (fd, &st), 0);
  assert_int_equal (st.st_size, strlen (expected));
  assert_int_equal (read_all (fd, text, strlen (expected), 0, path, &err), 0);
  assert_string_equal (text, expected);
  close (fd);
}

static void
test_commit (void **state)
{
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;
  struct stat st;
  mode_t mask = umask (027);

  (void) state;
  assert_int_equal (atomic_file_put ("file", "old", 3, &err), 0);
  assert_int_equal (atomic_file_open (&f, "file", &err), 0);
  assert_int_equal (write_all (f.fd, "new one", 7, 0, "file", &err), 0);
  check_content ("file", "old");
  assert_int_equal (count_entries (), 2);
  assert_int_equal (atomic_file_commit (&f, &err), 0);
  check_content ("file", "new one");
  assert_int_equal (count_entries (), 1);
  assert_int_equal (f.fd, -1);
  assert_int_equal (stat ("file", &st), 0);
  assert_int_equal (st.st_mode & 07777, 0640);
  umask (mask);
}

static void
test_drop (void **state)
{
  struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (atomic_file_put ("file", "old", 3, &err), 0);
  assert_int_equal (atomic_file_open (&f, "./file", &err), 0);
  assert_int_equal (write_all (f.fd, "new", 3, 0, "file", &err), 0);
  atomic_file_drop (&f);
  atomic_file_drop (&f);
  assert_int_equal (count_entries (), 1);
  check_content ("file", "old");
}

static void
test_cannot_open (void **state)
{
  struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (atomic_file_open (&f, "no/such/file", &err), -1);
  assert_int_equal (err.errnum, ENOENT);
  assert_non_null (strstr (err.text, "no/such/file"));
  assert_int_equal (atomic_file_open (&f, ".", &err), -1);
  assert_int_equal (err.errnum, EISDIR);
  assert_int_equal (atomic_file_open (&f, "ends/", &err), -1);
  assert_int_equal (err.errnum, EISDIR);
  assert_int_equal (atomic_file_open (&f, "/dev/null", &err), -1);
  assert_string_equal (err.text, "/dev/null: is no regular file");
  assert_int_equal (count_entries (), 0);
}

/* The rename fails when a directory has taken the name meanwhile. */
static void
test_rename_fails (void **state)
{
  struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (atomic_file_open (&f, "file", &err), 0);
  assert_int_equal (mkdir ("file", 0700), 0);
  assert_int_equal (atomic_file_commit (&f, &err), -1);
  assert_non_null (strstr (err.text, "file"));
  atomic_file_drop (&f);
  assert_int_equal (count_entries (), 1);
}

static void
test_fsync_fails (void **state)
{
  struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (atomic_file_put ("file", "old", 3, &err), 0);
  assert_int_equal (atomic_file_open (&f, "file", &err), 0);
  close (f.fd);
  f.fd = open ("/proc/version", O_RDONLY | O_CLOEXEC); /* knows no fsync */
  assert_true (f.fd >= 0);
  assert_int_equal (atomic_file_commit (&f, &err), -1);
  assert_non_null (strstr (err.text, "fsync"));
  atomic_file_drop (&f);
  assert_int_equal (count_entries (), 1);
  check_content ("file", "old");
}

/* In order; the first one stays if the second cannot be renamed. */
static void
test_several (void **state)
{
  CLEANUP_ATOMIC_FILE struct atomic_file a = ATOMIC_FILE_INIT;
  CLEANUP_ATOMIC_FILE struct atomic_file b = ATOMIC_FILE_INIT;
  struct atomic_file *const both[] = { &a, &b };
  struct error err = ERROR_INIT;

  (void) state;
  for (int round = 0; round < 2; round++) {
    assert_int_equal (atomic_file_open (&a, "a", &err), 0);
    assert_int_equal (atomic_file_open (&b, "b", &err), 0);
    assert_int_equal (write_all (a.fd, round ? "2" : "1", 1, 0, "a", &err), 0);
    if (round == 1) {
      assert_int_equal (unlink ("b"), 0);
      assert_int_equal (mkdir ("b", 0700), 0);
    }
    assert_int_equal (atomic_files_commit (both, 2, &err), -round);
    check_content ("a", round ? "2" : "1");
    atomic_file_drop (&a);
    atomic_file_drop (&b);
    assert_int_equal (count_entries (), 2);
  }
  assert_non_null (strstr (err.text, "a is written and good, but not b: "));
}

/* What the file system has: renameat2 with flags, link. */
static bool can_rename, can_link;

int __real_renameat2 (int, const char *, int, const char *, unsigned);
int __wrap_renameat2 (int, const char *, int, const char *, unsigned);
int __real_link (const char *, const char *);
int __wrap_link (const char *, const char *);

int
__wrap_renameat2 (int from_dir, const char *from, int to_dir, const char *to,
                  unsigned flags)
{
  errno = EINVAL;
  return can_rename ? __real_renameat2 (from_dir, from, to_dir, to, flags) : -1;
}

int
__wrap_link (const char *from, const char *to)
{
  errno = EPERM;
  return can_link ? __real_link (from, to) : -1;
}

/* Nothing that is there is replaced, nor a link that leads nowhere. */
static void
test_new (void **state)
{
  struct error err = ERROR_INIT;

  (void) state;
  for (int i = 0; i < 4; i++) {
    can_rename = i & 1;
    can_link = i & 2;
    assert_int_equal (atomic_file_put_new ("file", "old", 3, &err), 0);
    assert_int_equal (atomic_file_put_new ("file", "new", 3, &err), -1);
    assert_int_equal (err.errnum, EEXIST);
    assert_non_null (strstr (err.text, "file: "));
    check_content ("file", "old");
    assert_int_equal (symlink ("nowhere", "link"), 0);
    assert_int_equal (atomic_file_put_new ("link", "new", 3, &err), -1);
    assert_int_equal (err.errnum, EEXIST);
    assert_int_equal (count_entries (), 2);
    assert_int_equal (unlink ("file"), 0);
    assert_int_equal (unlink ("link"), 0);
  }
}

static void
test_write_fails (void **state)
{
  struct rlimit limit, saved;
  struct error err = ERROR_INIT;
  char data[1000] = { 0 };
  int r;

  (void) state;
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &saved), 0);
  limit = saved;
  limit.rlim_cur = 500;
  signal (SIGXFSZ, SIG_IGN);
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);
  r = atomic_file_put ("file", data, sizeof data, &err);
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &saved), 0);
  assert_int_equal (r, -1);
  assert_int_equal (err.errnum, EFBIG);
  assert_non_null (strstr (err.text, "write at 500"));
  assert_int_equal (count_entries (), 0);
}

static void
test_longest_name (void **state)
{
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;
  struct error err = ERROR_INIT;
  char name[NAME_MAX + 1];

  (void) state;
  memset (name, 'n', NAME_MAX);
  name[NAME_MAX] = '\0';
  assert_int_equal (atomic_file_put (name, "x", 1, &err), 0);
  check_content (name, "x");
  /* 2 bytes a character: one straddles wherever the name is cut. */
  for (size_t i = 0; i + 2 <= NAME_MAX; i += 2)
    memcpy (name + i, "\xc3\xa9", 2);
  assert_int_equal (atomic_file_put (name, "y", 1, &err), 0);
  check_content (name, "y");
  /* Only whole characters are left of it between "." and ".XXXXXX.tmp". */
  assert_int_equal (atomic_file_open (&f, name, &err), 0);
  assert_int_equal ((strlen (f.temporary) - 1 - 11) % 2, 0);
  atomic_file_drop (&f);
  assert_int_equal (count_entries (), 2);
}

static void
test_read_past_end (void **state)
{
  struct error err = ERROR_INIT;
  char text[8];
  int fd;

  (void) state;
  assert_int_equal (atomic_file_put ("file", "short", 5, &err), 0);
  fd = open ("file", O_RDONLY | O_CLOEXEC);
  assert_true (fd >= 0);
  assert_int_equal (read_all (fd, text, 3, 2, "file", &err), 0);
  assert_memory_equal (text, "ort", 3);
  assert_int_equal (read_all (fd, text, 4, 2, "file", &err), -1);
  assert_string_equal (err.text, "file: ends at 5, 1 bytes early");
  close (fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, enter, leave)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_commit),       TEST (test_drop),          TEST (test_cannot_open),
    TEST (test_rename_fails), TEST (test_fsync_fails),   TEST (test_write_fails),
    TEST (test_longest_name), TEST (test_read_past_end), TEST (test_several),
    TEST (test_new),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
