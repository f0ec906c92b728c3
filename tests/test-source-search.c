/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/source_search.c: sources that were moved or renamed are found by what they hold. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "cleanup.h"
#include "file_id.h"
#include "rng.h"
#include "scratch.h"
#include "source_index.h"
#include "source_search.h"

/* Not in any sample: those of a file of this size are 16 blocks of 64. */
#define SIZE ((size_t) 256 << 10)
#define UNSEEN 5000u

/* How many seconds the clock is ahead. */
static time_t later;

int __real_clock_gettime (clockid_t clock, struct timespec *t);
int __wrap_clock_gettime (clockid_t clock, struct timespec *t);

int
__wrap_clock_gettime (clockid_t clock, struct timespec *t)
{
  int r = __real_clock_gettime (clock, t);

  t->tv_sec += later;
  return r;
}

/* Bytes that were read of whole files. */
static size_t hashed;

ssize_t __real_read_patiently (int fd, void *data, size_t len, unsigned long long offset);
ssize_t __wrap_read_patiently (int fd, void *data, size_t len, unsigned long long offset);

ssize_t
__wrap_read_patiently (int fd, void *data, size_t len, unsigned long long offset)
{
  ssize_t n = __real_read_patiently (fd, data, len, offset);

  hashed += n > 0 && len > SIZE ? (size_t) n : 0;
  return n;
}

/* Content `n`, but for `unseen` where no sample looks. */
static void
put_content (const char *path, uint64_t n, uint8_t unseen)
{
  static uint8_t data[SIZE];

  rng_fill (&n, data, SIZE);
  data[UNSEEN] = unseen;
  put_file (path, data, SIZE);
}

/* What a recipe says of such a file; its path is nowhere. */
static struct recipe_source
id_of (uint64_t n, uint8_t unseen)
{
  static char name[] = "was/called/x.iso";
  struct recipe_source id = { .path = name, .size = SIZE };
  CLEANUP_FREE uint8_t *data = malloc (SIZE);
  struct error err = ERROR_INIT;
  XXH128_canonical_t hash;
  CLEANUP_CLOSE int fd = -1;

  put_content ("of", n, unseen);
  fd = open ("of", O_RDONLY);
  assert_int_equal (source_sample (fd, SIZE, &id.sample, &err), 0);
  assert_true (data && read (fd, data, SIZE) == (ssize_t) SIZE);
  XXH128_canonicalFromHash (&hash, XXH3_128bits (data, SIZE));
  memcpy (id.hash, hash.digest, sizeof id.hash);
  unlink ("of");
  return id;
}

static struct source_search *
search_in (const char *place, const char *index)
{
  struct source_search *s = source_search_new (&place, 1, index);

  assert_non_null (s);
  return s;
}

static void
expect_found (struct source_search *s, const struct recipe_source *id, const char *path)
{
  struct source src = SOURCE_INIT;
  struct error err = ERROR_INIT;

  if (source_search_open (s, id, false, NULL, &src, &err) == -1)
    fail_msg ("%s: %s", path, err.text);
  assert_string_equal (src.path, path);
  assert_true (src.size == id->size);
  source_close (&src);
}

static void
expect_missing (struct source_search *s, const struct recipe_source *id)
{
  struct source src = SOURCE_INIT;
  struct error err = ERROR_INIT;

  if (source_search_open (s, id, false, NULL, &src, &err) == 0)
    fail_msg ("found at %s", src.path);
  assert_non_null (strstr (err.text, "no file below has its size and content"));
}

/* ---- By content */

static void
test_moved (void **state)
{
  const struct recipe_source id = id_of (1, 0), other = id_of (2, 0);
  struct source_search *s = search_in ("discs/", NULL);

  (void) state;
  put_content ("discs/films/new name.iso", 1, 0);
  put_content ("discs/wrong", 3, 0); /* of the same size */
  put_text ("discs/small", "x");
  expect_found (s, &id, "discs//films/new name.iso");
  expect_missing (s, &other);
  assert_int_equal (source_search_walks (s), 1);
  source_search_free (s);
}

/* Two files that no sample tells apart: the right one, whichever comes first. */
static void
test_same_sample (void **state)
{
  const struct recipe_source a = id_of (1, 'a'), b = id_of (1, 'b'), c = id_of (1, 'c'),
                             d = id_of (1, 'd');
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  assert_true (a.sample == b.sample);
  put_content ("discs/1", 1, 'a');
  put_content ("discs/2", 1, 'b');
  put_content ("discs/3", 1, 'c');
  expect_found (s, &a, "discs/1");
  expect_found (s, &b, "discs/2");
  expect_found (s, &c, "discs/3");
  expect_missing (s, &d);
  source_search_free (s);
}

static void
test_copies (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = search_in ("discs", NULL);
  struct source src = SOURCE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  put_content ("discs/wrong", 1, 1);
  put_content ("discs/copy", 1, 0);
  put_content ("discs/copy of copy", 1, 0);
  assert_int_equal (link ("discs/wrong", "discs/a hard link"), 0);
  assert_int_equal (source_search_open (s, &id, false, NULL, &src, &err), 0);
  assert_non_null (strstr (src.path, "discs/copy"));
  source_close (&src);
  source_search_free (s);
}

/* As it is asked for when the file `path` has been found to be of no use. */
static char *
find_other (struct source_search *s, const struct recipe_source *id, const char *path)
{
  struct source src = SOURCE_INIT;
  struct error err = ERROR_INIT;
  struct file_id but;
  struct stat st;
  char *found;

  assert_int_equal (stat (path, &st), 0);
  but = file_id_of (&st);
  if (source_search_open (s, id, false, &but, &src, &err) == -1)
    return NULL;
  found = strdup (src.path);
  source_close (&src);
  return found;
}

/* A file with a fault that no sample shows is not found again, nor remembered, while the right one
 * is on its way; and no other that is only like it is.
 */
static void
test_of_no_use (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = search_in ("discs", "index");
  CLEANUP_FREE char *found = NULL;

  (void) state;
  put_content ("discs/set aside", 1, 1);
  assert_null (find_other (s, &id, "discs/set aside"));
  put_content ("discs/like it", 1, 2);
  later += 20;
  assert_null (find_other (s, &id, "discs/set aside"));
  assert_int_equal (access ("index", F_OK), -1);
  put_content ("discs/the right one", 1, 0);
  later += 20;
  found = find_other (s, &id, "discs/set aside");
  assert_string_equal (found, "discs/the right one");
  source_search_free (s);
  s = search_in ("discs", "index");
  expect_found (s, &id, "discs/the right one");
  source_search_free (s);
  later = 0;
}

/* Alone it is believed, as the bad one is gone; wherever that is met, both count. */
static void
test_other_alone (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  static const char *const names[] = { "discs/0 before", "discs/9 behind" };

  (void) state;
  for (int i = 0; i < 2; i++) {
    struct source_search *s = search_in ("discs", NULL);
    CLEANUP_FREE char *alone = NULL, *right = NULL;

    put_content ("discs/5", 1, 2);
    put_content ("gone", 1, 1);
    alone = find_other (s, &id, "gone");
    assert_string_equal (alone, "discs/5");
    source_search_free (s); /* it remembers that */
    s = search_in ("discs", NULL);
    assert_int_equal (rename ("gone", names[i]), 0);
    later += 20;
    assert_null (find_other (s, &id, names[i]));
    put_content ("discs/5", 1, 0);
    later += 20;
    right = find_other (s, &id, names[i]);
    assert_string_equal (right, "discs/5");
    source_search_free (s);
    unlink (names[i]);
  }
  later = 0;
}

/* Who looks for another one in vain says nothing of this one. */
static void
test_vain_other (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  put_content ("discs/1", 1, 0);
  assert_null (find_other (s, &id, "discs/1"));
  expect_found (s, &id, "discs/1");
  assert_null (find_other (s, &id, "discs/1"));
  source_search_free (s);
}

/* One file under many names need not be read to be told apart from itself. */
static void
test_hard_links (void **state)
{
  const struct recipe_source wrong = id_of (1, 7);
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  put_content ("discs/1", 1, 0);
  assert_int_equal (link ("discs/1", "discs/2"), 0);
  put_link ("1", "discs/3");
  /* As a single file of this sample is. */
  expect_found (s, &wrong, "discs/1");
  source_search_free (s);
}

static void
test_not_looked_at (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  put_content ("outside/x", 1, 0);
  put_content ("discs/.hidden", 1, 0);
  put_content ("discs/.dots/x", 1, 0);
  put_link ("../outside/x", "discs/out");
  put_link ("../outside", "discs/out folder");
  assert_int_equal (mkfifo ("discs/pipe", 0666), 0);
  expect_missing (s, &id);
  source_search_free (s);
}

static void
test_places (void **state)
{
  const char *const places[] = { "", "gone", "file", "discs", "more" };
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = source_search_new (places, 5, NULL);
  struct source_search *nowhere = source_search_new (NULL, 0, NULL);
  struct source src = SOURCE_INIT;
  struct error err = ERROR_INIT;

  (void) state;
  put_content ("file", 1, 0);
  put_content ("more/x", 1, 0);
  put_text ("discs/x", "");
  expect_found (s, &id, "more/x");
  source_search_free (s);
  assert_int_equal (source_search_open (nowhere, &id, false, NULL, &src, &err), -1);
  assert_string_equal (err.text, "");
  source_search_free (nowhere);
}

/* ---- When folders are walked */

static void
test_walks (void **state)
{
  const struct recipe_source id = id_of (1, 0);
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  put_text ("discs/x", "");
  for (int i = 0; i < 3; i++)
    expect_missing (s, &id);
  assert_int_equal (source_search_walks (s), 1);
  put_content ("discs/new", 1, 0);
  later += 60;
  expect_found (s, &id, "discs/new");
  assert_int_equal (source_search_walks (s), 2);
  /* Known now, without walking, until it is moved. */
  later += 60;
  expect_found (s, &id, "discs/new");
  assert_int_equal (source_search_walks (s), 2);
  assert_int_equal (rename ("discs/new", "discs/newer"), 0);
  expect_found (s, &id, "discs/newer");
  assert_int_equal (source_search_walks (s), 3);
  later = 0;
  source_search_free (s);
}

static void
test_index (void **state)
{
  const struct recipe_source a = id_of (1, 0), b = id_of (2, 0);
  struct source_search *s = search_in ("discs", "cache/index");

  (void) state;
  put_content ("discs/a", 1, 0);
  put_content ("discs/b", 2, 0);
  expect_found (s, &a, "discs/a");
  source_search_free (s);

  s = search_in ("discs", "cache/index");
  expect_found (s, &a, "discs/a");
  assert_int_equal (source_search_walks (s), 0);
  expect_found (s, &b, "discs/b");
  assert_int_equal (source_search_walks (s), 1);
  source_search_free (s);

  /* Stale: what it says is put right. */
  assert_int_equal (rename ("discs/a", "discs/moved"), 0);
  put_content ("discs/a", 3, 0);
  s = search_in ("discs", "cache/index");
  expect_found (s, &a, "discs/moved");
  assert_int_equal (source_search_walks (s), 1);
  source_search_free (s);

  s = search_in ("discs", "cache/index");
  expect_found (s, &a, "discs/moved");
  expect_found (s, &b, "discs/b");
  assert_int_equal (source_search_walks (s), 0);
  source_search_free (s);
}

/* Two that write one index add to each other's. */
static void
test_index_shared (void **state)
{
  const struct recipe_source a = id_of (1, 0), b = id_of (2, 0);
  struct source_search *s = search_in ("discs", "index"),
                       *other = search_in ("discs", "index");

  (void) state;
  put_content ("discs/a", 1, 0);
  put_content ("discs/b", 2, 0);
  expect_found (s, &a, "discs/a");
  expect_found (other, &b, "discs/b");
  source_search_free (s);
  source_search_free (other);
  s = search_in ("discs", "index");
  expect_found (s, &a, "discs/a");
  expect_found (s, &b, "discs/b");
  assert_int_equal (source_search_walks (s), 0);
  source_search_free (s);
}

static void
expect_walk_with (const char *index, const struct recipe_source *id)
{
  struct source_search *s = search_in ("discs", index);

  expect_found (s, id, "discs/right");
  assert_int_equal (source_search_walks (s), 1);
  source_search_free (s);
}

/* An index that says where nothing of ours is: it is not believed. */
static void
test_index_hostile (void **state)
{
  static const char *const paths[] = {
    "outside/x", "discs/../outside/x", "discs/out",   "discs",
    "discs/",    "discs//out",         "discsright",  "/dev/zero",
    "discs/.",   "discs/right/x",      "discs/wrong",
  };
  const struct recipe_source id = id_of (1, 0);

  (void) state;
  put_content ("outside/x", 1, 0);
  put_content ("discsright", 1, 0);
  put_content ("discs/right", 1, 0);
  put_content ("discs/wrong", 2, 0);
  put_link ("../outside/x", "discs/out");
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    struct source_index index = { 0 };
    struct error err = ERROR_INIT;

    source_index_put (&index, &id, paths[i]);
    assert_int_equal (source_index_write (&index, "index", &err), 0);
    source_index_free (&index);
    expect_walk_with ("index", &id);
  }
}

static void
test_index_damaged (void **state)
{
  static const uint8_t binary[] = { 0, 0xff, '\n', 'm', 0, '\n' };
  const struct recipe_source id = id_of (1, 0);

  (void) state;
  put_content ("discs/right", 1, 0);
  put_file ("binary", binary, sizeof binary);
  expect_walk_with ("binary", &id);
  put_text ("huge", "mkvdup sources 1\n");
  assert_int_equal (truncate ("huge", (off_t) SOURCE_INDEX_MAX_FILE + 1), 0);
  expect_walk_with ("huge", &id);
  /* One that cannot be written is done without. */
  put_text ("file", "");
  expect_walk_with ("file/index", &id);
  expect_walk_with ("discs", &id);
}

/* What a Go program's recipe says: without a sample. */
static struct recipe_source
old_id_of (uint64_t n)
{
  struct recipe_source id = id_of (n, 0);
  static uint8_t data[SIZE];
  XXH64_canonical_t hash;

  rng_fill (&n, data, SIZE);
  data[UNSEEN] = 0;
  XXH64_canonicalFromHash (&hash, XXH64 (data, SIZE, 0));
  memset (id.hash, 0, sizeof id.hash);
  memcpy (id.hash, hash.digest, sizeof hash.digest);
  id.has_xxh64 = true;
  id.sample = 0;
  return id;
}

/* However many recipes want a file of another hash, it is read once, as long as it stays. */
static void
test_hashed_once (void **state)
{
  const struct recipe_source right = old_id_of (1), then = old_id_of (50);
  struct source_search *s = search_in ("discs", NULL);

  (void) state;
  put_content ("discs/1", 1, 0);
  later += 10; /* it was written to long ago */
  hashed = 0;
  for (uint64_t n = 2; n < 7; n++) {
    const struct recipe_source wrong = old_id_of (n);

    expect_missing (s, &wrong);
  }
  expect_found (s, &right, "discs/1");
  assert_int_equal (hashed, SIZE);
  usleep (20000);
  put_content ("discs/1", 50, 0);
  expect_found (s, &then, "discs/1");
  assert_int_equal (hashed, 2 * SIZE);
  later -= 10;
  source_search_free (s);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_hashed_once, scratch_empty),
    cmocka_unit_test_teardown (test_moved, scratch_empty),
    cmocka_unit_test_teardown (test_same_sample, scratch_empty),
    cmocka_unit_test_teardown (test_copies, scratch_empty),
    cmocka_unit_test_teardown (test_hard_links, scratch_empty),
    cmocka_unit_test_teardown (test_of_no_use, scratch_empty),
    cmocka_unit_test_teardown (test_other_alone, scratch_empty),
    cmocka_unit_test_teardown (test_vain_other, scratch_empty),
    cmocka_unit_test_teardown (test_not_looked_at, scratch_empty),
    cmocka_unit_test_teardown (test_places, scratch_empty),
    cmocka_unit_test_teardown (test_walks, scratch_empty),
    cmocka_unit_test_teardown (test_index, scratch_empty),
    cmocka_unit_test_teardown (test_index_shared, scratch_empty),
    cmocka_unit_test_teardown (test_index_hostile, scratch_empty),
    cmocka_unit_test_teardown (test_index_damaged, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
