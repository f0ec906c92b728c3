/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of paths, odd ones too. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_parts),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
