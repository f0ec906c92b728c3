/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/globs.c, lib/id_set.c: what patterns match, in which order, and which folders are
 * looked at for it.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "buffer.h"
#include "globs.h"
#include "id_set.h"
#include "scratch.h"

/* What was called, as lines: paths, and for what cannot be read its message. */
struct calls {
  struct buffer files, folders, unreadable;
  int result; /* of a call for a file */
};

static void
add_line (struct buffer *b, const char *line)
{
  buffer_append (b, line, strlen (line));
  buffer_u8 (b, '\n');
}

static int
on_file (void *opaque, const char *path, struct error *err)
{
  struct calls *c = opaque;

  add_line (&c->files, path);
  return c->result == -1 ? error_set (err, 0, "enough") : c->result;
}

static int
on_folder (void *watcher, const char *path, struct error *err)
{
  struct calls *c = watcher;

  (void) err;
  add_line (&c->folders, path);
  return 0;
}

static int
on_unreadable (void *watcher, const struct error *why)
{
  struct calls *c = watcher;

  add_line (&c->unreadable, why->text);
  return 0;
}

static struct globs_calls
calls_of (struct calls *c)
{
  return (struct globs_calls){ on_file, c, on_folder, on_unreadable, c, false };
}

static void
release (struct calls *c)
{
  free (c->files.data);
  free (c->folders.data);
  free (c->unreadable.data);
}

#define CLEANUP_CALLS __attribute__ ((cleanup (release)))

static const char *
text_of (struct buffer *b)
{
  buffer_u8 (b, '\0');
  b->len--;
  return (const char *) b->data;
}

static void
expect_below (const char *base, const char *pattern, const char *files)
{
  CLEANUP_CALLS struct calls c = { 0 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  if (globs_expand (base, pattern, &calls, &err) != 0)
    fail_msg ("%s: %s", pattern, err.text);
  if (strcmp (text_of (&c.files), files) != 0)
    fail_msg ("%s matches:\n%sand not:\n%s", pattern, text_of (&c.files), files);
  assert_string_equal (text_of (&c.unreadable), "");
}

static void
expect (const char *pattern, const char *files)
{
  expect_below ("", pattern, files);
}

static void
expect_folders (const char *pattern, const char *folders)
{
  CLEANUP_CALLS struct calls c = { 0 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  assert_int_equal (globs_expand ("", pattern, &calls, &err), 0);
  if (strcmp (text_of (&c.folders), folders) != 0)
    fail_msg ("%s looks at:\n%sand not at:\n%s", pattern, text_of (&c.folders), folders);
}

static void
put_files (void)
{
  static const char *const paths[] = {
    "a.yaml",   "b.yaml",   "b.txt",      ".hidden.yaml", "ab.yaml",
    "d/a.yaml", "d/c.yaml", "d/e/a.yaml", "f/g/h/a.yaml", ".dots/a.yaml",
  };

  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    put_text (paths[i], "");
}

/* ---- Patterns */

static void
test_parts (void **state)
{
  (void) state;
  put_files ();
  expect ("a.yaml", "a.yaml\n");
  expect ("./d//a.yaml", "./d/a.yaml\n");
  expect ("d/../a.yaml", "d/../a.yaml\n");
  expect ("*.yaml", "a.yaml\nab.yaml\nb.yaml\n");
  expect ("?.yaml", "a.yaml\nb.yaml\n");
  expect ("[b-z].*", "b.txt\nb.yaml\n");
  expect ("[!b].yaml", "a.yaml\n");
  expect ("*/a.yaml", "d/a.yaml\n");
  expect ("*/*.yaml", "d/a.yaml\nd/c.yaml\n");
  expect ("\\a.yaml", "a.yaml\n");
  expect ("[", "");
}

static void
test_any_depth (void **state)
{
  (void) state;
  put_files ();
  expect ("**/a.yaml", "a.yaml\nd/a.yaml\nd/e/a.yaml\nf/g/h/a.yaml\n");
  expect ("d/**/a.yaml", "d/a.yaml\nd/e/a.yaml\n");
  expect ("f/**/h/*", "f/g/h/a.yaml\n");
  expect ("f/**", "f/g/h/a.yaml\n");
  expect ("d/**", "d/a.yaml\nd/c.yaml\nd/e/a.yaml\n");
  expect ("**/e/**", "d/e/a.yaml\n");
  /* Each once, however many ways lead there. */
  expect ("**/**/a.yaml", "a.yaml\nd/a.yaml\nd/e/a.yaml\nf/g/h/a.yaml\n");
  expect ("**/d/**/*.yaml", "d/a.yaml\nd/c.yaml\nd/e/a.yaml\n");
  /* Only a part of its own is one. */
  expect ("**.txt", "b.txt\n");
}

static void
test_hidden (void **state)
{
  (void) state;
  put_files ();
  put_text ("d/.secret/a.yaml", "");
  expect (".*.yaml", ".hidden.yaml\n");
  expect (".*/a.yaml", ".dots/a.yaml\n");
  expect (".dots/*", ".dots/a.yaml\n");
  expect ("d/**", "d/a.yaml\nd/c.yaml\nd/e/a.yaml\n");
  expect ("**/.*/a.yaml", ".dots/a.yaml\nd/.secret/a.yaml\n");
  expect ("[.]hidden.yaml", "");
}

static void
test_nothing (void **state)
{
  (void) state;
  put_files ();
  expect ("gone.yaml", "");
  expect ("gone/*.yaml", "");
  expect ("gone/**", "");
  expect ("a.yaml/b", "");
  expect ("a.yaml/*", "");
  expect ("d", "");
  expect ("d/", "");
  expect ("/", "");
  expect ("", "");
}

static void
test_absolute (void **state)
{
  CLEANUP_FREE char *pattern = NULL, *files = NULL;

  (void) state;
  put_files ();
  assert_true (asprintf (&pattern, "%s/d/*.yaml", scratch) > 0);
  assert_true (asprintf (&files, "%s/d/a.yaml\n%s/d/c.yaml\n", scratch, scratch) > 0);
  expect (pattern, files);
  expect_below ("elsewhere", pattern, files);
}

/* What is special in a pattern is not so in what it is relative to. */
static void
test_base (void **state)
{
  (void) state;
  put_text ("Films [HD]*?/x/a.yaml", "");
  put_text ("Films H/x/b.yaml", "");
  expect_below ("Films [HD]*?", "*/*.yaml", "Films [HD]*?/x/a.yaml\n");
  expect_below ("Films [HD]*?/", "x/a.yaml", "Films [HD]*?/x/a.yaml\n");
}

static void
test_below (void **state)
{
  CLEANUP_CALLS struct calls c = { 0 }, none = { 0 };
  const struct globs_calls calls = calls_of (&c), none_calls = calls_of (&none);
  struct error err = ERROR_INIT;

  (void) state;
  put_text ("**/[a]/*", "");
  put_text ("**/[a]/?\n", "");
  put_text ("**/\\", "");
  put_text ("other/x", "");
  assert_int_equal (globs_below ("**", &calls, &err), 0);
  assert_string_equal (text_of (&c.files), "**/\\\n**/[a]/*\n**/[a]/?\n\n");
  assert_int_equal (globs_below ("gone", &none_calls, &err), 0);
  assert_int_equal (globs_below ("other/x", &none_calls, &err), 0);
  assert_string_equal (text_of (&none.files), "");
}

/* Bytes, and not what a language makes of them; what is deeper comes later. */
static void
test_order (void **state)
{
  (void) state;
  put_text ("b", "");
  put_text ("B", "");
  put_text ("a/z", "");
  put_text ("\xc3\xa4", "");
  put_text ("10", "");
  put_text ("9", "");
  expect ("**", "10\n9\nB\nb\n\xc3\xa4\na/z\n");
}

/* ---- Links */

static void
test_links (void **state)
{
  (void) state;
  put_files ();
  put_link ("../a.yaml", "l/file.yaml");
  put_link ("../d", "l/folder.yaml");
  put_link ("nowhere", "l/gone.yaml");
  /* One that leads nowhere is a file that cannot be read, and not nothing. */
  expect ("l/*.yaml", "l/file.yaml\nl/gone.yaml\n");
  expect ("l/gone.yaml", "l/gone.yaml\n");
  expect ("l/*/c.yaml", "l/folder.yaml/c.yaml\n");
  expect ("l/**/c.yaml", "l/folder.yaml/c.yaml\n");
}

static void
test_cycles (void **state)
{
  CLEANUP_CALLS struct calls c = { 0 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  (void) state;
  put_text ("a/b/x", "");
  put_link ("..", "a/b/up");
  put_link ("../a", "a/again");
  put_link (".", "a/self");
  put_link ("loop", "a/loop");
  assert_int_equal (globs_below ("a", &calls, &err), 0);
  assert_string_equal (text_of (&c.folders), "a\na\na/b\na/b\n");
  assert_string_equal (text_of (&c.files), "a/loop\na/b/x\n");
  expect ("**/x", "a/b/x\n");
  expect ("a/**/b/x", "a/b/x\n");
}

/* ---- Folders that are told */

static void
test_folders (void **state)
{
  (void) state;
  put_files ();
  expect_folders ("a.yaml", ".\n");
  expect_folders ("d/a.yaml", "d\n");
  expect_folders ("d/gone.yaml", "d\n");
  /* Where what is missing may come, and nothing that is not there. */
  expect_folders ("d/gone/x/y/a.yaml", "d\n");
  expect_folders ("gone/*.yaml", ".\n");
  expect_folders ("*/gone.yaml", ".\nd\nf\n");
  expect_folders ("d/**/gone.yaml", "d\nd\nd/e\nd/e\n");
  put_link ("a.yaml", "link");
  expect_folders ("*/x.yaml", ".\nd\nf\n");
  expect_folders ("a.yaml/x", "");
}

static void
test_unreadable (void **state)
{
  CLEANUP_CALLS struct calls c = { 0 }, closed = { 0 };
  const struct globs_calls calls = calls_of (&c), closed_calls = calls_of (&closed);
  struct error err = ERROR_INIT;
  bool is_root = geteuid () == 0;

  (void) state;
  put_files ();
  assert_int_equal (chmod (".", 0755), 0);
  assert_int_equal (chmod ("d", 0), 0);
  assert_int_equal (chmod ("f", 0711), 0);
  /* Root may do anything, so be somebody else. */
  if (is_root)
    assert_int_equal (seteuid (65534), 0);
  assert_int_equal (globs_expand ("", "**/a.yaml", &calls, &err), 0);
  assert_int_equal (globs_expand ("", "d/e/a.yaml", &closed_calls, &err), 0);
  if (is_root) {
    expect ("f/g/h/a.yaml", "f/g/h/a.yaml\n");
    assert_int_equal (seteuid (0), 0);
  }
  assert_int_equal (chmod ("d", 0777), 0);
  assert_string_equal (text_of (&closed.files), "");
  assert_string_equal (text_of (&closed.unreadable), "d/e: Permission denied\n");
  assert_string_equal (text_of (&c.unreadable),
                       is_root ? "d: Permission denied\nd/a.yaml: Permission denied\n"
                                 "f: Permission denied\n"
                               : "d: Permission denied\nd/a.yaml: Permission denied\n");
  assert_string_equal (text_of (&c.files),
                       is_root ? "a.yaml\n" : "a.yaml\nf/g/h/a.yaml\n");
}

/* ---- Ends */

static void
test_calls_end (void **state)
{
  CLEANUP_CALLS struct calls c = { .result = 7 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  (void) state;
  put_files ();
  assert_int_equal (globs_expand ("", "**", &calls, &err), 7);
  assert_string_equal (text_of (&c.files), "a.yaml\n");
  c.result = -1;
  assert_int_equal (globs_expand ("", "b.yaml", &calls, &err), -1);
  assert_string_equal (err.text, "enough");
}

/* `n` folders, one in the other, and a file. */
static void
put_deep (unsigned n)
{
  char path[4096];
  size_t len = 0;

  for (unsigned i = 0; i < n; i++)
    len += (size_t) snprintf (path + len, sizeof path - len, "d/");
  snprintf (path + len, sizeof path - len, "file");
  put_text (path, "");
}

static void
test_depth (void **state)
{
  CLEANUP_CALLS struct calls c = { 0 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  (void) state;
  put_deep (GLOBS_MAX_DEPTH - 2);
  assert_int_equal (globs_below (".", &calls, &err), 0);
  assert_true (c.files.len > 0);
  assert_int_equal (c.unreadable.len, 0);
  put_deep (GLOBS_MAX_DEPTH);
  assert_int_equal (globs_below (".", &calls, &err), 0);
  buffer_u8 (&c.unreadable, '\0');
  assert_non_null (strstr ((const char *) c.unreadable.data, "64 deep"));
}

/* "./././...file" of so many parts, malloced. */
static char *
pattern_of (size_t parts)
{
  char *pattern = calloc (parts, 2 * sizeof "file");

  assert_non_null (pattern);
  for (size_t i = 1; i < parts; i++)
    memcpy (pattern + 2 * (i - 1), "./", 2);
  strcat (pattern, "file");
  return pattern;
}

static void
test_long_pattern (void **state)
{
  CLEANUP_FREE char *longest = pattern_of (GLOBS_MAX_PARTS);
  CLEANUP_FREE char *too_long = pattern_of (GLOBS_MAX_PARTS + 1);
  CLEANUP_CALLS struct calls c = { 0 };
  const struct globs_calls calls = calls_of (&c);
  struct error err = ERROR_INIT;

  (void) state;
  put_text ("file", "");
  assert_int_equal (globs_expand ("", longest, &calls, &err), 0);
  assert_true (c.files.len > 0);
  assert_int_equal (c.unreadable.len, 0);
  c.files.len = 0;
  assert_int_equal (globs_expand ("", too_long, &calls, &err), 0);
  assert_int_equal (c.files.len, 0);
  assert_non_null (strstr (text_of (&c.unreadable), "a pattern of more than 256 parts"));
}

/* ---- Sets */

static void
test_id_set (void **state)
{
  CLEANUP_ID_SET struct id_set set = ID_SET_INIT;

  (void) state;
  for (int again = 0; again < 2; again++)
    for (uint64_t i = 0; i < 3000; i++)
      assert_int_equal (id_set_add (&set, i % 3, i / 3, i % 2), !again);
  assert_int_equal (set.n, 3000);
  assert_false (id_set_has (&set, 0, 0, 1));
  assert_int_equal (id_set_add (&set, 0, 0, 1), 1);
  assert_true (id_set_has (&set, 0, 0, 1));
  assert_int_equal (id_set_add (&set, 0, 0, 1), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_parts, scratch_empty),
    cmocka_unit_test_teardown (test_any_depth, scratch_empty),
    cmocka_unit_test_teardown (test_hidden, scratch_empty),
    cmocka_unit_test_teardown (test_nothing, scratch_empty),
    cmocka_unit_test_teardown (test_absolute, scratch_empty),
    cmocka_unit_test_teardown (test_base, scratch_empty),
    cmocka_unit_test_teardown (test_below, scratch_empty),
    cmocka_unit_test_teardown (test_order, scratch_empty),
    cmocka_unit_test_teardown (test_links, scratch_empty),
    cmocka_unit_test_teardown (test_cycles, scratch_empty),
    cmocka_unit_test_teardown (test_folders, scratch_empty),
    cmocka_unit_test_teardown (test_unreadable, scratch_empty),
    cmocka_unit_test_teardown (test_calls_end, scratch_empty),
    cmocka_unit_test_teardown (test_depth, scratch_empty),
    cmocka_unit_test_teardown (test_long_pattern, scratch_empty),
    cmocka_unit_test (test_id_set),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
