/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of paths, odd ones too. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "path.h"

static void
test_parts (void **state)
{
  static const struct {
    const char *path, *base, *prefix, *folder;
  } cases[] = {
    { "Movie.mkv", "Movie.mkv", "", "." },
    { "Films/Movie.mkv", "Movie.mkv", "Films/", "Films/" },
    { "/a/b/Movie.mkv", "Movie.mkv", "/a/b/", "/a/b/" },
    { "/Movie.mkv", "Movie.mkv", "/", "/" },
    { "a//b", "b", "a//", "a//" },
    { "Films/", "", "Films/", "Films/" },
    { "/", "", "/", "/" },
    { "", "", "", "." },
    { "..", "..", "", "." },
  };

  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CLEANUP_FREE char *prefix = path_prefix (cases[i].path);
    CLEANUP_FREE char *folder = path_folder (cases[i].path);

    assert_string_equal (path_base (cases[i].path), cases[i].base);
    assert_string_equal (prefix, cases[i].prefix);
    assert_string_equal (folder, cases[i].folder);
  }
}

static void
test_without (void **state)
{
  (void) state;
  assert_int_equal (path_without ("Films/A.mkvdup", ".mkvdup"), strlen ("Films/A"));
  assert_int_equal (path_without ("A.mkvdup.yaml", ".mkvdup.yaml"), 1);
  assert_int_equal (path_without ("A.mkvdup.mkvdup", ".mkvdup"), strlen ("A.mkvdup"));
  assert_int_equal (path_without ("A.mkvdup ", ".mkvdup"), 0);
  assert_int_equal (path_without ("A.MKVDUP", ".mkvdup"), 0);
  assert_int_equal (path_without (".mkvdup", ".mkvdup"), 0);
  assert_int_equal (path_without ("dup", ".mkvdup"), 0);
  assert_int_equal (path_without ("", ".mkvdup"), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_parts),
    cmocka_unit_test (test_without),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
