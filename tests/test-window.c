/* SPDX-License-Identifier: BSD-3-Clause */
/* indexer/window.c: the bytes of the file, in whatever order they are asked for. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make-file.h"
#include "window.h"

#define SIZE ((size_t) 100000)

static struct buffer content = BUFFER_INIT;

static int
make_content (void **state)
{
  (void) state;
  put_payload (&content, SIZE);
  return content.failed ? -1 : 0;
}

static int
free_content (void **state)
{
  (void) state;
  buffer_free (&content);
  return 0;
}

static struct window
open_content (size_t ahead)
{
  struct error err = ERROR_INIT;
  struct window w;

  assert_int_equal (window_init (&w, file_of (&content), SIZE, ahead, &err), 0);
  return w;
}

static void
close_content (struct window *w)
{
  close (w->fd);
  window_free (w);
}

/* Ask, and check against the content. */
static void
check_get (struct window *w, uint64_t offset, size_t want)
{
  size_t expected = offset >= SIZE ? 0 : want < SIZE - offset ? want : SIZE - offset;
  size_t got;
  const uint8_t *p = window_get (w, offset, want, &got);

  assert_int_equal (got, expected);
  assert_int_equal (p == NULL, expected == 0);
  if (p)
    assert_memory_equal (p, content.data + offset, got);
}

static void
test_any_order (void **state)
{
  static const size_t aheads[] = { 0, 1, 100, 4096, SIZE, 2 * SIZE };

  (void) state;
  for (size_t i = 0; i < sizeof aheads / sizeof aheads[0]; i++) {
    struct window w = open_content (aheads[i]);
    uint32_t x = 7;

    for (int n = 0; n < 2000; n++) {
      x = x * 1664525 + 1013904223;
      check_get (&w, (x >> 8) % (SIZE + 10), (x >> 3) % 5000);
    }
    assert_int_equal (w.errnum, 0);
    close_content (&w);
  }
}

static void
test_forward (void **state)
{
  struct window w = open_content (1000);

  (void) state;
  for (uint64_t at = 0; at < SIZE; at += 77)
    check_get (&w, at, 300);
  close_content (&w);
}

static void
test_end (void **state)
{
  struct window w = open_content (4096);

  (void) state;
  check_get (&w, SIZE - 1, 1);
  check_get (&w, SIZE - 1, 2);
  check_get (&w, SIZE, 1);
  check_get (&w, UINT64_MAX, 1);
  check_get (&w, UINT64_MAX - 5, 100);
  check_get (&w, 0, 0);
  check_get (&w, 0, SIZE + 1);
  assert_int_equal (w.errnum, 0);
  close_content (&w);
}

/* What was read stays, what is gone is just not there. */
static void
test_shrunk (void **state)
{
  struct window w = open_content (100);
  size_t got;

  (void) state;
  check_get (&w, 0, 50);
  assert_int_equal (ftruncate (w.fd, 1000), 0);
  check_get (&w, 50, 50);
  assert_non_null (window_get (&w, 900, 500, &got));
  assert_int_equal (got, 100);
  assert_null (window_get (&w, 2000, 10, &got));
  assert_int_equal (w.errnum, 0);
  close_content (&w);
}

/* A file that grows is what it was when the window was made. */
static void
test_grown (void **state)
{
  struct window w = open_content (100);

  (void) state;
  assert_int_equal (ftruncate (w.fd, 2 * SIZE), 0);
  check_get (&w, SIZE - 10, 20);
  check_get (&w, SIZE, 20);
  close_content (&w);
}

static void
test_error (void **state)
{
  struct window w = open_content (100);
  size_t got;

  (void) state;
  check_get (&w, 0, 50);
  close (w.fd);
  w.fd = open ("/", O_RDONLY | O_DIRECTORY);
  assert_null (window_get (&w, 5000, 10, &got));
  assert_int_equal (got, 0);
  assert_int_equal (w.errnum, EISDIR);
  close_content (&w);
}

/* After a failure only what is in the buffer is given, even if reading would work again. */
static void
test_after_error (void **state)
{
  struct window w = open_content (100);
  size_t got;

  (void) state;
  check_get (&w, 0, 50);
  w.errnum = EIO;
  check_get (&w, 10, 20);
  assert_null (window_get (&w, 5000, 10, &got));
  assert_int_equal (w.errnum, EIO);
  close_content (&w);
}

static void
test_peek (void **state)
{
  struct window w = open_content (100);
  size_t got;
  const uint8_t *p = window_get (&w, 1000, 50, &got);
  uint8_t there[64];

  (void) state;
  for (uint64_t at = 900; at < 1300; at++) {
    assert_int_equal (window_peek (&w, at, there, sizeof there), sizeof there);
    assert_memory_equal (there, content.data + at, sizeof there);
  }
  assert_int_equal (window_peek (&w, SIZE - 10, there, sizeof there), 10);
  assert_memory_equal (there, content.data + SIZE - 10, 10);
  assert_int_equal (window_peek (&w, SIZE, there, sizeof there), 0);
  assert_memory_equal (p, content.data + 1000, 50);
  assert_int_equal (w.start, 1000);
  close_content (&w);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_any_order), cmocka_unit_test (test_forward),
    cmocka_unit_test (test_end),       cmocka_unit_test (test_shrunk),
    cmocka_unit_test (test_error),     cmocka_unit_test (test_after_error),
    cmocka_unit_test (test_peek),      cmocka_unit_test (test_grown),
  };

  return cmocka_run_group_tests (tests, make_content, free_content);
}
