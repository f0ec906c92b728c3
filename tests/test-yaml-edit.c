/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/yaml_edit.c: another value, and nothing else of a text is changed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "yaml_edit.h"

#define MAX 4096

/* `name` of a text gets another value: NULL for `want`: that is refused, with this in the message. */
static void
expect_bytes (const char *was, size_t len, const char *value, const char *want,
              const char *message)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  struct error err = ERROR_INIT;
  int r;

  buffer_append (&text, was, len);
  r = yaml_edit_value (&text, "file", MAX, "name", value, &err);
  if (want) {
    if (r == -1)
      fail_msg ("%s", err.text);
    buffer_u8 (&text, '\0');
    assert_string_equal ((const char *) text.data, want);
    return;
  }
  assert_int_equal (r, -1);
  assert_non_null (strstr (err.text, message));
  assert_int_equal (text.len, len);
  assert_memory_equal (text.data, was, len);
}

static void
expect (const char *was, const char *value, const char *want)
{
  expect_bytes (was, strlen (was), value, want, NULL);
}

static void
expect_refused (const char *was, const char *message)
{
  expect_bytes (was, strlen (was), "New", NULL, message);
}

static void
test_rest_stays (void **state)
{
  (void) state;
  expect ("# a\nname:  'Old'  # b\nother: x", "New",
          "# a\nname:  \"New\"  # b\nother: x");
  expect ("{other: [é], name: Old}\n", "New", "{other: [é], name: \"New\"}\n");
  expect ("name:\n  two\n  lines\nother: x\n", "New", "name:\n  \"New\"\nother: x\n");
  expect ("é: ü\nname: ö\n", "“Ä”\n\"", "é: ü\nname: \"“Ä”\\n\\\"\"\n");
}

/* The end of a block of lines is that of its last line. */
static void
test_blocks (void **state)
{
  (void) state;
  expect ("name: |\n  two\n  lines\nother: x\n", "New", "name: \"New\"\nother: x\n");
  expect ("name: >-\n  two\n  lines\n\n# c\nother: x\n", "New",
          "name: \"New\"\n# c\nother: x\n");
  expect ("name: |\n  no end", "New", "name: \"New\"\n");
  /* One that is not indented, which what is quoted has to be. */
  expect ("name:\n|\n two\nother: x\n", "New", "name:\n \"New\"\nother: x\n");
  expect ("name:\n|", "New", "name:\n \"New\"\n");
  expect ("name:\xc2\x85>\n", "New", "name:\xc2\x85 \"New\"\n");
}

static void
test_byte_order_mark (void **state)
{
  (void) state;
  expect ("\xef\xbb\xbfname: Old\nother: x\n", "New",
          "\xef\xbb\xbfname: \"New\"\nother: x\n");
}

static void
test_refused (void **state)
{
  static const char utf16[] = "\xff\xfen\0a\0m\0e\0:\0 \0x\0\n";

  (void) state;
  expect_refused ("other: x\n", "has no name");
  expect_refused ("a: &a x\nname: *a\n", "has no name");
  expect_refused ("name: [x]\n", "has no name");
  expect_refused ("name:\n  a: x\nother: x\n", "has no name");
  expect_bytes (utf16, sizeof utf16, "New", NULL, "UTF-8");
  expect_bytes ("name: x\n", 8, "\xff", NULL, "written");
}

/* Who reads it takes the last. */
static void
test_twice (void **state)
{
  (void) state;
  expect ("name: a\nname: b\n", "New", "name: a\nname: \"New\"\n");
  expect_refused ("name: a\nx: &x b\nname: *x\n", "has no name");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_rest_stays),      cmocka_unit_test (test_blocks),
    cmocka_unit_test (test_byte_order_mark), cmocka_unit_test (test_refused),
    cmocka_unit_test (test_twice),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
