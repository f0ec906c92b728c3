/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/source_index.c: what is remembered comes back, and what is no index adds nothing. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "buffer.h"
#include "rng.h"
#include "scratch.h"
#include "source_index.h"
#include "whole_io.h"

#define HASH "000102030405060708090a0b0c0d0e0f"
#define HEAD "mkvdup sources 1\n"

static struct recipe_source
id_of (uint8_t n, uint64_t size)
{
  struct recipe_source id = { .size = size };

  memset (id.hash, n, sizeof id.hash);
  return id;
}

/* The one whose hash is HASH. */
static struct recipe_source
id_counting (uint64_t size)
{
  struct recipe_source id = { .size = size };

  for (size_t i = 0; i < sizeof id.hash; i++)
    id.hash[i] = (uint8_t) i;
  return id;
}

static void
test_find (void **state)
{
  struct source_index index = { 0 };
  const struct recipe_source a = id_of (1, 10), same_hash = id_of (1, 11),
                             same_size = id_of (2, 10);

  (void) state;
  assert_null (source_index_find (&index, &a));
  source_index_put (&index, &same_hash, "/c");
  source_index_put (&index, &a, "/a b");
  source_index_put (&index, &same_size, "/d");
  assert_string_equal (source_index_find (&index, &a), "/a b");
  assert_string_equal (source_index_find (&index, &same_hash), "/c");
  assert_string_equal (source_index_find (&index, &same_size), "/d");
  source_index_put (&index, &a, "/moved");
  assert_string_equal (source_index_find (&index, &a), "/moved");
  assert_int_equal (index.n, 3);
  source_index_put (&index, &a, "/two\nlines");
  assert_string_equal (source_index_find (&index, &a), "/moved");
  source_index_free (&index);
}

/* Many, in no order: the file's folders are made, and all come back. */
static void
test_round_trip (void **state)
{
  struct source_index index = { 0 }, back = { 0 };
  struct error err = ERROR_INIT;
  uint64_t seed = 1;

  (void) state;
  for (int i = 0; i < 500; i++) {
    struct recipe_source id = { .size = rng_next (&seed) >> rng_below (&seed, 64) };
    char path[64];

    rng_fill (&seed, id.hash, sizeof id.hash);
    snprintf (path, sizeof path, "/discs/%d \xff \r\t end ", i);
    source_index_put (&index, &id, path);
  }
  assert_int_equal (source_index_write (&index, "cache/mkvdup/index", &err), 0);
  source_index_read (&back, "cache/mkvdup/index");
  assert_int_equal (back.n, 500);
  for (size_t i = 0; i < back.n; i++) {
    assert_memory_equal (back.entries[i].hash, index.entries[i].hash, RECIPE_HASH_SIZE);
    assert_true (back.entries[i].size == index.entries[i].size);
    assert_string_equal (back.entries[i].path, index.entries[i].path);
  }
  source_index_free (&index);
  source_index_free (&back);
}

/* The format, to the letter: others may write it. */
static void
test_format (void **state)
{
  struct source_index index = { 0 };
  const struct recipe_source id = id_counting (12345);
  struct error err = ERROR_INIT;
  char text[200] = { 0 };
  CLEANUP_CLOSE int fd = -1;

  (void) state;
  source_index_put (&index, &id, "/discs/x.iso");
  assert_int_equal (source_index_write (&index, "index", &err), 0);
  fd = open ("index", O_RDONLY);
  assert_true (read (fd, text, sizeof text - 1) > 0);
  assert_string_equal (text, HEAD HASH " 12345 /discs/x.iso\n");
  source_index_free (&index);
}

static void
expect_parsed (const char *text, const char *path)
{
  struct source_index index = { 0 };
  const struct recipe_source id = id_counting (7);
  const char *found;

  source_index_parse (&index, text, strlen (text));
  found = source_index_find (&index, &id);
  if (path ? !found || strcmp (found, path) != 0 : index.n > 0)
    fail_msg ("%s: finds %s", text, found ? found : "nothing");
  source_index_free (&index);
}

static void
test_damaged (void **state)
{
  static const char *const nothing[] = {
    "",
    "mkvdup sources 1",
    "mkvdup sources 2\n" HASH " 7 /a\n",
    HASH " 7 /a\n",
    HEAD,
    HEAD "\n\n\n",
    HEAD HASH " 7 /a", /* cut */
    HEAD HASH " 7 \n",
    HEAD HASH " 7\n",
    HEAD HASH "\n",
    HEAD HASH "7 /a\n",
    HEAD HASH " x /a\n",
    HEAD HASH " -7 /a\n",
    HEAD HASH "  7 /a\n",
    HEAD "0" HASH " 7 /a\n",
    HEAD "000102030405060708090A0B0C0D0E0F 7 /a\n",
    HEAD "000102030405060708090a0b0c0d0e 7 /a\n",
  };

  (void) state;
  for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
    expect_parsed (nothing[i], NULL);
  expect_parsed (HEAD "garbage\n" HASH " 7 /a b\nmore\n" HASH " 9 /c", "/a b");
  /* What stands first, and what was known before, is kept. */
  expect_parsed (HEAD HASH " 7 /a\n" HASH " 7 /b\n", "/a");
}

static void
test_no_file (void **state)
{
  static const char bytes[] = HEAD HASH " 7 /a\0b\n";
  struct source_index index = { 0 };
  const struct recipe_source id = id_counting (7);
  struct error err = ERROR_INIT;

  (void) state;
  source_index_read (&index, "gone");
  assert_int_equal (mkfifo ("pipe", 0666), 0);
  source_index_read (&index, "pipe");
  source_index_read (&index, "/");
  put_text ("huge", HEAD HASH " 7 /a\n");
  assert_int_equal (truncate ("huge", (off_t) SOURCE_INDEX_MAX_FILE + 1), 0);
  source_index_read (&index, "huge");
  assert_int_equal (index.n, 0);
  put_file ("binary", bytes, sizeof bytes - 1);
  source_index_read (&index, "binary");
  assert_string_equal (source_index_find (&index, &id), "/a");
  put_text ("file", "");
  assert_int_equal (source_index_write (&index, "file/index", &err), -1);
  assert_int_equal (err.errnum, ENOTDIR);
  source_index_free (&index);
}

/* More than so many are not remembered, those there were still are. */
static void
test_limit (void **state)
{
  struct source_index index = { 0 };
  struct recipe_source id = { .size = 1 };

  (void) state;
  for (uint32_t i = 0; i < SOURCE_INDEX_MAX + 10; i++) {
    id.hash[0] = (uint8_t) (i >> 16);
    id.hash[1] = (uint8_t) (i >> 8);
    id.hash[2] = (uint8_t) i;
    source_index_put (&index, &id, "/a");
  }
  assert_int_equal (index.n, SOURCE_INDEX_MAX);
  assert_null (source_index_find (&index, &id));
  memset (id.hash, 0, sizeof id.hash);
  source_index_put (&index, &id, "/b");
  assert_string_equal (source_index_find (&index, &id), "/b");
  source_index_free (&index);
}

/* Whoever gives another file for it does not lose that. */
static void
test_other_file (void **state)
{
  struct source_index index = { 0 };
  struct error err = ERROR_INIT;
  struct stat st;
  char *text;
  size_t len;

  (void) state;
  put_text ("film.mkv", "a film");
  assert_int_equal (source_index_write (&index, "film.mkv", &err), -1);
  assert_non_null (strstr (err.text, "film.mkv: is another file"));
  assert_int_equal (read_file ("film.mkv", 100, &text, &len, &err), 0);
  assert_string_equal (text, "a film");
  free (text);
  /* Nor what cannot be opened. */
  assert_int_equal (symlink ("loop", "loop"), 0);
  assert_int_equal (source_index_write (&index, "loop", &err), -1);
  assert_int_equal (err.errnum, ELOOP);
  assert_int_equal (lstat ("loop", &st), 0);
  assert_true (S_ISLNK (st.st_mode));
  /* What a link leads to is replaced, and not the link. */
  put_text ("real", "");
  assert_int_equal (symlink ("real", "link"), 0);
  assert_int_equal (source_index_write (&index, "link", &err), 0);
  assert_int_equal (lstat ("link", &st), 0);
  assert_true (S_ISLNK (st.st_mode));
  assert_int_equal (stat ("real", &st), 0);
  assert_true (st.st_size > 0);
  /* A link to nothing is nothing. */
  assert_int_equal (symlink ("gone", "dangling"), 0);
  assert_int_equal (source_index_write (&index, "dangling", &err), 0);
  put_text ("empty", "");
  assert_int_equal (source_index_write (&index, "empty", &err), 0);
  assert_int_equal (source_index_write (&index, "empty", &err), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_find),       cmocka_unit_test (test_round_trip),
    cmocka_unit_test (test_format),     cmocka_unit_test (test_damaged),
    cmocka_unit_test (test_no_file),    cmocka_unit_test (test_limit),
    cmocka_unit_test (test_other_file),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
