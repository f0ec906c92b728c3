/* SPDX-License-Identifier: BSD-3-Clause */
/* indexer/disc_search.c, lib/identity.c: what may be a disc, and whether it is as it was. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "disc_search.h"
#include "identity.h"
#include "scratch.h"

static unsigned unreadable;

static void
count_unreadable (void *opaque, const struct error *why)
{
  (void) opaque;
  assert_true (why->text[0]);
  unreadable++;
}

/* What is found at the places, below the scratch folder: "a b/VIDEO_TS …". */
static const char *
search (const char *const *places)
{
  struct disc_search s = { 0 };
  static char text[1000];
  struct error err = ERROR_INIT;

  text[0] = '\0';
  for (; *places; places++)
    assert_int_equal (disc_search_add (&s, *places, count_unreadable, NULL, &err), 0);
  disc_search_sort (&s);
  for (size_t i = 0; i < s.n; i++) {
    const char *below = s.paths[i] + strlen (scratch) + 1;

    assert_int_equal (strncmp (s.paths[i], scratch, strlen (scratch)), 0);
    strcat (strcat (text, text[0] ? " " : ""), below);
  }
  disc_search_free (&s);
  return text;
}
#define SEARCH(...) search ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_search (void **state)
{
  (void) state;
  put_text ("lib/a.iso", "a");
  put_text ("lib/dvd/VIDEO_TS/VTS_01_1.VOB", "1");
  put_text ("lib/dvd/VIDEO_TS/VTS_01_2.VOB", "2");
  put_text ("lib/dvd/extra.iso", "x");
  put_text ("lib/bd/bdmv/STREAM/00000.m2ts", "3");
  put_text ("lib/bd/bdmv/index.bdmv", "4");
  put_text ("lib/.hidden/b.iso", "5");
  put_text ("lib/BDMV", "a file of that name");
  put_link ("a.iso", "lib/link.iso");
  put_link ("nowhere", "lib/broken.iso");
  put_link ("..", "lib/dvd/cycle");
  assert_string_equal (
    SEARCH ("lib"), "lib/BDMV lib/a.iso lib/bd/bdmv lib/dvd/VIDEO_TS lib/dvd/extra.iso");
  /* Named twice, or from within. */
  assert_string_equal (
    SEARCH ("lib/dvd", "lib/dvd/VIDEO_TS/VTS_01_2.VOB", "lib/a.iso", "lib/link.iso"),
    SEARCH ("lib/link.iso", "lib/dvd/cycle/dvd"));
  assert_string_equal (SEARCH ("lib/bd/bdmv/STREAM"), "lib/bd/bdmv");
  assert_int_equal (unreadable, 0);
}

static void
test_not_there (void **state)
{
  struct disc_search s = { 0 };
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (disc_search_add (&s, "nowhere", count_unreadable, NULL, &err), -1);
  assert_string_equal (err.text, "nowhere: No such file or directory");
  disc_search_free (&s);
}

static void
identify (const char *path, uint8_t identity[IDENTITY_SIZE])
{
  struct error err = ERROR_INIT;
  uint64_t bytes;

  assert_int_equal (identity_of_files (path, identity, &bytes, &err), 0);
}

/* A moment after it was written nothing can be told by it; later each change shows. */
static void
test_identity (void **state)
{
  uint8_t fresh[IDENTITY_SIZE], a[IDENTITY_SIZE], b[IDENTITY_SIZE];
  struct error err = ERROR_INIT;
  uint64_t bytes;

  (void) state;
  put_text ("d/VIDEO_TS/1.VOB", "one");
  put_text ("d/VIDEO_TS/sub/2.VOB", "three");
  identify ("d", fresh);
  assert_false (identity_same (fresh, fresh));
  usleep (2200000);
  identify ("d", a);
  assert_int_equal (identity_of_files ("d", b, &bytes, &err), 0);
  assert_true (identity_same (a, b));
  assert_int_equal (bytes, 8);
  put_text ("other", "");
  identify ("d", b);
  assert_true (identity_same (a, b));
  assert_int_equal (rename ("d/VIDEO_TS/sub/2.VOB", "d/VIDEO_TS/sub/3.VOB"), 0);
  usleep (2200000);
  identify ("d", b);
  assert_false (identity_same (a, b));
  identify ("d/VIDEO_TS/1.VOB", a);
  assert_true (identity_same (a, a));
  assert_int_equal (identity_of_files ("gone", b, &bytes, &err), -1);
  assert_false (identity_same (b, b));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_search, scratch_empty),
    cmocka_unit_test_teardown (test_not_there, scratch_empty),
    cmocka_unit_test_teardown (test_identity, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
