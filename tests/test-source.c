/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding sources: places, identity, and what a recipe must not reach. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "source.h"

static char folder[] = "test-source.XXXXXX";

static int
group_setup (void **state)
{
  (void) state;
  if (!mkdtemp (folder) || chdir (folder) == -1)
    return -1;
  return mkdir ("disc", 0777) || mkdir ("disc/BDMV", 0777) || mkdir ("empty", 0777);
}

static int
group_teardown (void **state)
{
  char command[64];

  (void) state;
  snprintf (command, sizeof command, "rm -rf %s", folder);
  return chdir ("..") || system (command);
}

static uint8_t
byte_at (size_t i)
{
  return (uint8_t) ((i * 2654435761u) >> 11);
}

static void
make_file (const char *path, size_t size)
{
  uint8_t *data = malloc (size + 1);
  int fd = open (path, O_CREAT | O_TRUNC | O_WRONLY, 0666);

  for (size_t i = 0; i < size; ++i)
    data[i] = byte_at (i);
  assert_int_equal (write (fd, data, size), size);
  close (fd);
  free (data);
}

static void
change_byte (const char *path, long at)
{
  FILE *fp = fopen (path, "r+");
  int c;

  fseek (fp, at, SEEK_SET);
  c = fgetc (fp);
  fseek (fp, at, SEEK_SET);
  fputc (c ^ 1, fp);
  fclose (fp);
}

static struct recipe_source
identify (const char *path, char *name)
{
  struct recipe_source id = { .path = name };
  struct error err = ERROR_INIT;
  int fd = open (path, O_RDONLY);

  id.size = (uint64_t) lseek (fd, 0, SEEK_END);
  assert_int_equal (source_sample (fd, id.size, &id.sample, &err), 0);
  close (fd);
  return id;
}

static void
expect_found (const struct recipe_source *id, const char *place, const char *path)
{
  struct source src;
  struct error err = ERROR_INIT;
  char byte;

  if (source_open (id, &place, 1, false, &src, &err) == -1)
    fail_msg ("%s", err.text);
  assert_string_equal (src.path, path);
  assert_int_equal (src.size, id->size);
  assert_int_equal (fcntl (src.fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
  assert_int_equal (fcntl (src.fd, F_GETFD), FD_CLOEXEC);
  assert_int_equal (pread (src.fd, &byte, 1, 0), 1);
  source_close (&src);
}

static void
expect_error (const struct recipe_source *id, const char *place, const char *text)
{
  struct source src;
  struct error err = ERROR_INIT;

  assert_int_equal (source_open (id, &place, 1, false, &src, &err), -1);
  if (!strstr (err.text, text))
    fail_msg ("\"%s\" does not say \"%s\"", err.text, text);
}

/* The definition in source.h, written down a second time. */
static void
test_sample (void **state)
{
  static const size_t sizes[] = { 0,     1,         4095,      4096,    4097,
                                  65536, 65536 + 1, 15 * 4096, 1000000, 4096 * 1001 };
  struct error err = ERROR_INIT;

  (void) state;
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
    size_t size = sizes[s], n = (size + 4095) / 4096, k = n < 16 ? n : 16;
    XXH3_state_t *hash = XXH3_createState ();
    uint64_t sample;
    int fd;

    make_file ("sampled", size);
    XXH3_64bits_reset_withSeed (hash, size);
    for (size_t i = 0; i < k; ++i) {
      size_t block = k > 1 ? i * (n - 1) / (k - 1) : 0;

      for (size_t j = block * 4096; j < (block + 1) * 4096 && j < size; ++j) {
        uint8_t byte = byte_at (j);

        XXH3_64bits_update (hash, &byte, 1);
      }
    }
    fd = open ("sampled", O_RDONLY);
    assert_int_equal (source_sample (fd, size, &sample, &err), 0);
    assert_true (sample == XXH3_64bits_digest (hash));
    /* A file that is shorter than that has no sample. */
    if (size > 0)
      assert_int_equal (source_sample (fd, size + 1, &sample, &err), -1);
    close (fd);
    XXH3_freeState (hash);
  }
}

static void
test_places (void **state)
{
  static const char *const places[] = { "empty", "nowhere", "disc" };
  char name[] = "BDMV/a.m2ts";
  struct recipe_source id;
  struct error err = ERROR_INIT;
  struct source src;

  (void) state;
  make_file ("disc/BDMV/a.m2ts", 200000);
  id = identify ("disc/BDMV/a.m2ts", name);
  expect_found (&id, "disc", "disc/BDMV/a.m2ts");
  expect_found (&id, "disc/BDMV/a.m2ts", "disc/BDMV/a.m2ts");
  assert_int_equal (source_open (&id, places, 3, false, &src, &err), 0);
  assert_string_equal (src.path, "disc/BDMV/a.m2ts");
  source_close (&src);

  assert_int_equal (source_open (&id, places, 2, false, &src, &err), -1);
  assert_string_equal (err.text, "source BDMV/a.m2ts was not found: "
                                 "empty/BDMV/a.m2ts: No such file or directory; "
                                 "nowhere: No such file or directory");
  assert_int_equal (source_open (&id, places, 0, false, &src, &err), -1);
  assert_non_null (strstr (err.text, "no place"));
}

static void
test_identity (void **state)
{
  char name[] = "b.iso";
  struct recipe_source id;

  (void) state;
  make_file ("disc/b.iso", 100000);
  id = identify ("disc/b.iso", name);
  change_byte ("disc/b.iso", 0);
  expect_error (&id, "disc", "disc/b.iso: has the right size but other content");
  change_byte ("disc/b.iso", 0);
  change_byte ("disc/b.iso", 99999);
  expect_error (&id, "disc", "other content");
  change_byte ("disc/b.iso", 99999);
  expect_found (&id, "disc", "disc/b.iso");
  assert_int_equal (truncate ("disc/b.iso", 99999), 0);
  expect_error (&id, "disc", "disc/b.iso: is 99999 bytes long and not 100000");
  expect_error (&id, "disc/b.iso", "disc/b.iso: is 99999 bytes long and not 100000");
}

static void
test_kinds (void **state)
{
  char name[] = "thing";
  struct recipe_source id = { .path = name };

  (void) state;
  assert_int_equal (mkfifo ("disc/thing", 0666), 0);
  expect_error (&id, "disc", "neither a regular file nor a block device");
  expect_error (&id, "disc/thing", "neither a regular file nor a block device");
  unlink ("disc/thing");
  assert_int_equal (mkdir ("disc/thing", 0777), 0);
  expect_error (&id, "disc", "neither a regular file nor a block device");
  rmdir ("disc/thing");
  expect_error (&id, "/dev/null", "neither a regular file nor a block device");
}

/* Links may lead anywhere below the directory, and nowhere else. */
static void
test_beneath (void **state)
{
  char inside[] = "inside", relative[] = "relative", absolute[] = "absolute";
  char up[] = "../secret", through[] = "out/secret";
  char rooted[PATH_MAX];
  struct recipe_source id;

  (void) state;
  make_file ("disc/BDMV/c", 50000);
  make_file ("secret", 50000);
  id = identify ("secret", inside);
  assert_int_equal (symlink ("BDMV/../BDMV/c", "disc/inside"), 0);
  assert_int_equal (symlink ("../secret", "disc/relative"), 0);
  assert_non_null (realpath ("secret", rooted));
  assert_int_equal (symlink (rooted, "disc/absolute"), 0);
  assert_int_equal (symlink ("..", "disc/out"), 0);
  assert_int_equal (symlink ("disc", "alias"), 0);

  expect_found (&id, "disc", "disc/inside");
  expect_found (&id, "alias", "alias/inside");
  id.path = relative;
  expect_error (&id, "disc", "disc/relative (leads out of its directory)");
  id.path = absolute;
  expect_error (&id, "disc", "leads out of its directory");
  id.path = through;
  expect_error (&id, "disc", "leads out of its directory");
  id.path = up;
  expect_error (&id, "disc", "not a path that a recipe may name");
  id.path = rooted;
  expect_error (&id, "disc", "not a path that a recipe may name");
}

/* Whatever is written to an open source shows in its change time. */
static void
test_ctime (void **state)
{
  char name[] = "d";
  const char *place = "disc";
  struct recipe_source id;
  struct error err = ERROR_INIT;
  struct source src;

  (void) state;
  make_file ("disc/d", 50000);
  id = identify ("disc/d", name);
  assert_int_equal (source_open (&id, &place, 1, false, &src, &err), 0);
  assert_int_equal (source_ctime (&src), src.ctime);
  usleep (20000);
  change_byte ("disc/d", 0);
  assert_int_not_equal (source_ctime (&src), src.ctime);
  assert_int_equal (source_verify (&src, &id, &err), -1);
  change_byte ("disc/d", 0);
  assert_int_equal (source_verify (&src, &id, &err), 0);
  source_close (&src);
}

int __real_statx (int dirfd, const char *path, int flags, unsigned mask,
                  struct statx *buf);
int __wrap_statx (int dirfd, const char *path, int flags, unsigned mask,
                  struct statx *buf);
static bool has_statx = true;

/* A system call filter may forbid it. */
int
__wrap_statx (int dirfd, const char *path, int flags, unsigned mask, struct statx *buf)
{
  if (has_statx)
    return __real_statx (dirfd, path, flags, mask, buf);
  errno = EPERM;
  return -1;
}

/* Of a source without a change time no change would show. */
static void
test_no_ctime (void **state)
{
  char name[] = "e";
  struct recipe_source id;

  (void) state;
  make_file ("disc/e", 50000);
  id = identify ("disc/e", name);
  has_statx = false;
  expect_error (&id, "disc", "disc/e: Operation not permitted");
  has_statx = true;
  expect_found (&id, "disc", "disc/e");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_sample),   cmocka_unit_test (test_places),
    cmocka_unit_test (test_identity), cmocka_unit_test (test_kinds),
    cmocka_unit_test (test_beneath),  cmocka_unit_test (test_ctime),
    cmocka_unit_test (test_no_ctime),
  };

  return cmocka_run_group_tests (tests, group_setup, group_teardown);
}
