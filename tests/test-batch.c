/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The batch reader, through the page cache, through a ring and through pread: the
 * file's pages are thrown out of the cache where the ring is wanted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch.h"

#define FILE_SIZE (4u << 20)
#define MOST 300

static uint8_t *content;
static int fd;

static int
group_setup (void **state)
{
  char name[] = "test-batch.XXXXXX";

  (void) state;
  content = malloc (FILE_SIZE);
  fd = mkstemp (name);
  if (!content || fd == -1)
    return -1;
  unlink (name);
  srand (1);
  for (size_t i = 0; i < FILE_SIZE; ++i)
    content[i] = (uint8_t) rand ();
  if (write (fd, content, FILE_SIZE) != FILE_SIZE)
    return -1;
  return fsync (fd);
}

static int
group_teardown (void **state)
{
  (void) state;
  free (content);
  return close (fd);
}

static void
make_cold (void)
{
  posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* As a reader does it.  The number that failed. */
static size_t
read_all (struct batch_read *reads, size_t n)
{
  return batch_begin (reads, n) > 0 ? batch_finish (reads, n) : 0;
}

/* Random reads, some of them empty, and what has to come of them. */
static void
read_randomly (unsigned *seed)
{
  static _Thread_local struct batch_read reads[MOST];
  size_t n = 1 + (size_t) rand_r (seed) % MOST;

  for (size_t i = 0; i < n; ++i) {
    size_t at = (size_t) rand_r (seed) % FILE_SIZE;
    size_t len = (size_t) rand_r (seed) % 20000;

    len = len < FILE_SIZE - at ? len : FILE_SIZE - at;
    len = i % 17 == 0 ? 0 : len;
    reads[i] = (struct batch_read){
      .fd = fd, .buf = malloc (len + 1), .len = len, .offset = at, .error = 1
    };
    /* Anything but the content; and valgrind does not see what a ring writes. */
    memset (reads[i].buf, 0xa5, len + 1);
  }
  assert_int_equal (read_all (reads, n), 0);
  for (size_t i = 0; i < n; ++i) {
    assert_int_equal (reads[i].error, 0);
    assert_int_equal (reads[i].done, reads[i].len);
    assert_memory_equal (reads[i].buf, content + reads[i].offset, reads[i].len);
    assert_int_equal (((uint8_t *) reads[i].buf)[reads[i].len], 0xa5);
    free (reads[i].buf);
  }
}

static void
test_hot_and_cold (void **state)
{
  unsigned seed = 1;

  (void) state;
  assert_int_equal (read_all (NULL, 0), 0);
  for (int i = 0; i < 20; ++i)
    read_randomly (&seed);
  for (int i = 0; i < 20; ++i) {
    make_cold ();
    read_randomly (&seed);
  }
}

static void
test_pread (void **state)
{
  batch_force_pread (true);
  test_hot_and_cold (state);
  batch_force_pread (false);
}

/* What may lie beyond the file's end is no error if it does. */
static void
test_beyond (void **state)
{
  uint8_t buf[2][100] = { 0 };
  struct batch_read reads[2] = {
    { .fd = fd, .buf = buf[0], .len = 100, .offset = FILE_SIZE - 40, .beyond = 60 },
    { .fd = fd, .buf = buf[1], .len = 100, .offset = FILE_SIZE - 40, .beyond = 59 },
  };

  (void) state;
  for (int direct = 0; direct < 2; ++direct) {
    reads[0].direct = reads[1].direct = direct;
    assert_int_equal (read_all (reads, 2), 1);
    assert_int_equal (reads[0].error, 0);
    assert_int_equal (reads[0].done, 40);
    assert_memory_equal (buf[0], content + FILE_SIZE - 40, 40);
    assert_int_equal (reads[1].error, BATCH_ENDED);
  }
}

/* One bad read among good ones: they have their bytes, it has its reason. */
static void
test_errors (void **state)
{
  int directory = open (".", O_RDONLY);
  uint8_t buf[5][100] = { 0 };

  (void) state;
  for (int forced = 0; forced < 2; ++forced) {
    struct batch_read reads[5] = {
      { .fd = fd, .buf = buf[0], .len = 100, .offset = 5 },
      { .fd = fd, .buf = buf[1], .len = 100, .offset = FILE_SIZE - 40 },
      { .fd = directory, .buf = buf[2], .len = 100, .offset = 0 },
      { .fd = -1, .buf = buf[3], .len = 100, .offset = 0 },
      { .fd = fd, .buf = buf[4], .len = 100, .offset = FILE_SIZE - 100 },
    };

    batch_force_pread (forced);
    make_cold ();
    assert_int_equal (read_all (reads, 5), 3);
    assert_int_equal (reads[0].error, 0);
    assert_int_equal (reads[1].error, BATCH_ENDED);
    assert_int_equal (reads[1].done, 40);
    assert_int_equal (reads[2].error, EISDIR);
    assert_int_equal (reads[3].error, EBADF);
    assert_int_equal (reads[4].error, 0);
    assert_memory_equal (buf[0], content + 5, 100);
    assert_memory_equal (buf[4], content + FILE_SIZE - 100, 100);
  }
  batch_force_pread (false);
  close (directory);
}

static void *
thread (void *opaque)
{
  unsigned seed = (unsigned) (uintptr_t) opaque;

  for (int i = 0; i < 10; ++i) {
    if (i % 3 == 0)
      make_cold ();
    read_randomly (&seed);
  }
  return NULL;
}

/* More threads than live at once: rings come and go with them. */
static void
test_threads (void **state)
{
  pthread_t threads[4];

  (void) state;
  for (uintptr_t round = 0; round < 5; ++round) {
    for (uintptr_t i = 0; i < 4; ++i)
      assert_int_equal (pthread_create (&threads[i], NULL, thread, (void *) (round + i)),
                        0);
    for (int i = 0; i < 4; ++i)
      pthread_join (threads[i], NULL);
  }
}

/* A ring made before a fork is the parent's: both go on reading. */
static void
test_fork (void **state)
{
  unsigned seed = 7;
  pid_t child;
  int status;

  (void) state;
  make_cold ();
  read_randomly (&seed);
  child = fork ();
  if (child == 0) {
    for (int i = 0; i < 5; ++i) {
      make_cold ();
      read_randomly (&seed);
    }
    _exit (0);
  }
  for (int i = 0; i < 5; ++i) {
    make_cold ();
    read_randomly (&seed);
  }
  assert_int_equal (waitpid (child, &status, 0), child);
  assert_int_equal (status, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_hot_and_cold), cmocka_unit_test (test_pread),
    cmocka_unit_test (test_beyond),       cmocka_unit_test (test_errors),
    cmocka_unit_test (test_threads),      cmocka_unit_test (test_fork),
  };

  print_message ("io_uring: %s\n", batch_has_io_uring () ? "yes" : "no");
  return cmocka_run_group_tests (tests, group_setup, group_teardown);
}
