/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/sidecar.c: what is written comes back, and what is no sidecar is refused with
 * the line.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "sidecar.h"

/* Too long for one line of 80 columns, where libyaml would fold it. */
static const char long_name[] =
  "a name with spaces that goes on and on, and does not end before the 85th column";

static char dir[] = "/tmp/test-sidecar.XXXXXX";

static int
enter (void **state)
{
  (void) state;
  return mkdtemp (dir) && chdir (dir) == 0 ? 0 : -1;
}

static int
leave (void **state)
{
  (void) state;
  unlink ("s.yaml");
  return chdir ("/") == 0 && rmdir (dir) == 0 ? 0 : -1;
}

static int
read_text (struct sidecar *s, const char *path, const char *text, struct error *err)
{
  assert_int_equal (atomic_file_put (path, text, strlen (text), err), 0);
  return sidecar_read (s, path, err);
}

static int
write_named (const char *name, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar s = { .name = strdup (name),
                                       .dedup_file = strdup ("M.mkvdup"),
                                       .source_dir = strdup ("/discs"),
                                       .image_size = UINT64_MAX };
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;

  return sidecar_write (&f, "s.yaml", &s, err) == -1 ? -1 : atomic_file_commit (&f, err);
}

static void
test_round_trip (void **state)
{
  static const char *const names[] = {
    "plain",
    "1917",
    "null",
    "~",
    "true",
    "- a: b # c",
    "\"quoted\" 'both' \\ back",
    "Films/Am\xc3\xa9lie \xe2\x80\x93 2001.mkv",
    "tab\tnewline\nbell\a end ",
    "  spaces",
    "!tag &anchor *alias",
    long_name,
  };
  struct error err = ERROR_INIT;

  (void) state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    CLEANUP_SIDECAR struct sidecar out = { 0 };

    assert_int_equal (write_named (names[i], &err), 0);
    assert_int_equal (sidecar_read (&out, "s.yaml", &err), 0);
    assert_string_equal (out.name, names[i]);
    assert_string_equal (out.dedup_file, "M.mkvdup");
    assert_string_equal (out.source_dir, "/discs");
    assert_int_equal (out.image_size, UINT64_MAX);
  }
}

static void
test_not_utf8 (void **state)
{
  struct error err = ERROR_INIT;

  (void) state;
  unlink ("s.yaml");
  assert_int_equal (write_named ("bad \xff byte", &err), -1);
  assert_int_equal (err.errnum, EILSEQ);
  assert_int_equal (access ("s.yaml", F_OK), -1);
  /* Half of a UTF-16 pair, which libyaml would write, and not read. */
  assert_int_equal (write_named ("x\xed\xa0\x80", &err), -1);
  assert_int_equal (access ("s.yaml", F_OK), -1);
}

/* As the Go mkvdup writes it, with more keys than ours. */
static void
test_resolves (void **state)
{
  static const char text[] =
    "# comment\nname: Movies/1917\ndedup_file: sub/M.mkvdup\n"
    "source_dir: '/abs dir'\nmore: [1, {name: x}]\n? [a, b]\n: c\n";
  CLEANUP_FREE char *path = NULL;
  CLEANUP_FREE char *recipe = NULL;
  CLEANUP_SIDECAR struct sidecar s = { 0 };
  struct error err = ERROR_INIT;

  (void) state;
  assert_true (asprintf (&path, "%s/s.yaml", dir) > 0);
  assert_true (asprintf (&recipe, "%s/sub/M.mkvdup", dir) > 0);
  assert_int_equal (read_text (&s, path, text, &err), 0);
  assert_string_equal (s.name, "Movies/1917");
  assert_string_equal (s.dedup_file, recipe);
  assert_string_equal (s.source_dir, "/abs dir");
  assert_int_equal (s.image_size, 0);
}

/* What is wrong with a text, and where that is said to be. */
static const struct {
  const char *text, *where, *what;
} bad[] = {
  { "", "s.yaml:", "empty" },
  { "# nothing\n", "s.yaml:", "empty" },
  { "just text\n", "s.yaml:1:", "not a mapping" },
  { "- name: x\n", "s.yaml:1:", "not a mapping" },
  { "name: x\nsource_dir: y\n", "s.yaml:", "\"dedup_file\" is missing" },
  { "name: x\ndedup_file: y\nname: z\nsource_dir: d\n", "s.yaml:3:", "given twice" },
  { "name: x\ndedup_file: [y]\nsource_dir: d\n", "s.yaml:2:", "not a string" },
  { "name: x\ndedup_file: y\nsource_dir: ~\n", "s.yaml:3:", "not a string" },
  { "name: x\nimage_size: 1 GB\n", "s.yaml:2:", "not a number of bytes" },
  { "name: x\nimage_size: -1\n", "s.yaml:2:", "not a number of bytes" },
  { "image_size: 18446744073709551616\n", "s.yaml:1:", "not a number of bytes" },
  { "name: x\ndedup_file: y\nsource_dir:\n", "s.yaml:3:", "not a string" },
  { "name: ''\ndedup_file: y\nsource_dir: d\n", "s.yaml:1:", "empty" },
  { "name: x\ndedup_file: \"y\\0z\"\nsource_dir: d\n", "s.yaml:2:", "NUL" },
  { "name: x\ndedup_file: y\nsource_dir: d\n---\nname: x\n", "s.yaml:", "more than one" },
  { "name: x\ndedup_file: \"y\nsource_dir: d\n", "s.yaml:4:", "end of stream" },
  { "name: x\ndedup_file: *gone\nsource_dir: d\n", "s.yaml:", "alias" },
  { "name: \xff\n", "s.yaml:", "UTF-8" },
};

static void
test_refuses (void **state)
{
  (void) state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct error err = ERROR_INIT;
    struct sidecar s;

    assert_int_equal (read_text (&s, "s.yaml", bad[i].text, &err), -1);
    if (strncmp (err.text, bad[i].where, strlen (bad[i].where)) != 0 ||
        !strstr (err.text, bad[i].what))
      fail_msg ("case %zu: unexpected message: %s", i, err.text);
    assert_null (s.name);
    assert_null (s.dedup_file);
    assert_null (s.source_dir);
  }
}

static void
test_too_large (void **state)
{
  size_t len = 100000;
  CLEANUP_FREE char *text = malloc (len);
  struct error err = ERROR_INIT;
  struct sidecar s;

  (void) state;
  assert_non_null (text);
  memset (text, '\n', len);
  assert_int_equal (atomic_file_put ("s.yaml", text, len, &err), 0);
  assert_int_equal (sidecar_read (&s, "s.yaml", &err), -1);
  assert_non_null (strstr (err.text, "too large"));
}

static void
test_missing_file (void **state)
{
  struct error err = ERROR_INIT;
  struct sidecar s;

  (void) state;
  assert_int_equal (sidecar_read (&s, "gone.yaml", &err), -1);
  assert_int_equal (err.errnum, ENOENT);
  assert_non_null (strstr (err.text, "gone.yaml"));
}

static void
test_path (void **state)
{
  CLEANUP_FREE char *path = sidecar_path ("a/X.mkvdup");

  (void) state;
  assert_string_equal (path, "a/X.mkvdup.yaml");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_round_trip), cmocka_unit_test (test_not_utf8),
    cmocka_unit_test (test_resolves),   cmocka_unit_test (test_refuses),
    cmocka_unit_test (test_too_large),  cmocka_unit_test (test_missing_file),
    cmocka_unit_test (test_path),
  };

  return cmocka_run_group_tests (tests, enter, leave);
}
