/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indexes that are kept (indexer/index_file.c): what is read is what was written, and
 * counts for just those files; a damaged one is an error or counts for nothing, and never
 * more than memory for what it has.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index_file.h"
#include "make-file.h"
#include "scratch.h"
#include "whole_io.h"

#define INDEX "disc.mkvdupindex"

static const char *const sources[] = { "disc" };
static const struct indexed_disc_options options = { .sources = sources,
                                                     .n_sources = 1,
                                                     .threads = 2 };

/* A program stream of so many packs. */
static void
put_disc (const char *path, size_t packs)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  while (packs-- > 0)
    put_video_pack (&b);
  put_file (path, b.data, b.len);
}

/* Its change time has to have settled. */
static void
wait_for_clock (void)
{
  nanosleep (&(struct timespec){ 2, 100000000 }, NULL);
}

static void
find (struct indexed_disc *d)
{
  struct error err = ERROR_INIT;

  if (indexed_disc_find (d, &options, &err) == -1)
    fail_msg ("%s", err.text);
}

static void
build (struct indexed_disc *d)
{
  struct error err = ERROR_INIT;

  find (d);
  if (indexed_disc_build (d, &options, &err) == -1)
    fail_msg ("%s", err.text);
}

/* A disc of two files, and its index. */
static void
make (struct indexed_disc *d)
{
  put_disc ("disc/VIDEO_TS/VTS_01_1.VOB", 300);
  put_disc ("disc/VIDEO_TS/VTS_02_1.VOB", 200);
  wait_for_clock ();
  build (d);
}

static int
read_index (struct indexed_disc *d, struct error *err)
{
  find (d);
  return index_file_read (d, INDEX, err);
}

static void
assert_same_views (const struct disc_index *a, const struct disc_index *b)
{
  assert_int_equal (a->n_views, b->n_views);
  for (size_t i = 0; i < a->n_views; i++) {
    const struct view *v = &a->views[i], *w = &b->views[i];

    assert_int_equal (v->source, w->source);
    assert_int_equal (v->part, w->part);
    assert_int_equal (v->key, w->key);
    assert_int_equal (v->len, w->len);
    assert_int_equal (v->n_chunks, w->n_chunks);
    for (size_t c = 0; c < v->n_chunks; c++) {
      assert_int_equal (v->chunks[c].chunk, w->chunks[c].chunk);
      assert_int_equal (v->chunks[c].start, w->chunks[c].start);
    }
  }
}

static void
assert_same (const struct disc_index *a, const struct disc_index *b)
{
  assert_int_equal (a->n_sources, b->n_sources);
  for (size_t i = 0; i < a->n_sources; i++) {
    assert_memory_equal (a->sources[i].hash, b->sources[i].hash, RECIPE_HASH_SIZE);
    assert_int_equal (a->sources[i].sample, b->sources[i].sample);
    assert_int_equal (a->sources[i].packets, b->sources[i].packets);
    assert_int_equal (a->sources[i].scrambled, b->sources[i].scrambled);
  }
  assert_same_views (a, b);
  assert_true (a->anchors.n > 10);
  assert_int_equal (a->anchors.n, b->anchors.n);
  assert_memory_equal (a->anchors.anchors, b->anchors.anchors,
                       a->anchors.n * sizeof (struct anchor));
}

static void
test_same (void **state)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d, back;
  struct error err = ERROR_INIT;

  (void) state;
  make (&d);
  assert_int_equal (read_index (&back, &err), 0);
  indexed_disc_free (&back);
  assert_int_equal (index_file_write (&d, INDEX, &err), 0);
  assert_int_equal (read_index (&back, &err), 1);
  assert_same (&d.index, &back.index);
}

/* Nothing is kept that might be changed once more without being noticed. */
static void
test_unsettled (void **state)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d;
  struct error err = ERROR_INIT;

  (void) state;
  put_disc ("disc/VIDEO_TS/VTS_01_1.VOB", 300);
  build (&d);
  assert_int_equal (index_file_write (&d, INDEX, &err), 1);
  assert_int_equal (access (INDEX, F_OK), -1);
}

static void
test_other_files (void **state)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d, back;
  struct error err = ERROR_INIT;

  (void) state;
  make (&d);
  assert_int_equal (index_file_write (&d, INDEX, &err), 0);
  assert_int_equal (indexed_disc_check (&d, &err), 0);
  /* As long, and with other bytes. */
  put_disc ("disc/VIDEO_TS/VTS_02_1.VOB", 200);
  assert_int_equal (read_index (&back, &err), 0);
  assert_int_equal (indexed_disc_check (&d, &err), -1);
  assert_non_null (strstr (err.text, "VTS_02_1.VOB: changed since it was read"));
  indexed_disc_free (&back);
  /* One more. */
  put_disc ("disc/VIDEO_TS/VTS_03_1.VOB", 10);
  assert_int_equal (read_index (&back, &err), 0);
  indexed_disc_free (&back);
  unlink ("disc/VIDEO_TS/VTS_03_1.VOB");
  unlink ("disc/VIDEO_TS/VTS_02_1.VOB");
  assert_int_equal (read_index (&back, &err), 0);
}

static void
test_damaged (void **state)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d, back;
  CLEANUP_FREE char *data = NULL;
  struct error err = ERROR_INIT;
  size_t len;

  (void) state;
  make (&d);
  assert_int_equal (index_file_write (&d, INDEX, &err), 0);
  assert_int_equal (read_file (INDEX, 1 << 24, &data, &len, &err), 0);
  for (size_t i = 0; i < len; i += i < 600 ? 1 : 997) {
    data[i] ^= 0x41;
    put_file (INDEX, data, len);
    data[i] ^= 0x41;
    /* A name or a time that is another's is that of another disc. */
    assert_true (read_index (&back, &err) <= 0);
    indexed_disc_free (&back);
  }
  for (size_t n = 0; n < len; n += n < 600 ? 1 : 997) {
    put_file (INDEX, data, n);
    assert_int_equal (read_index (&back, &err), -1);
    assert_non_null (strstr (err.text, INDEX));
    indexed_disc_free (&back);
  }
  put_file (INDEX, data, len);
  assert_int_equal (read_index (&back, &err), 1);
}

static void
test_paths (void **state)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d;
  CLEANUP_FREE char *one = NULL, *again = NULL, *two = NULL;

  (void) state;
  put_disc ("disc/VIDEO_TS/VTS_01_1.VOB", 10);
  find (&d);
  one = index_file_path ("folder", &d);
  again = index_file_path ("folder", &d);
  indexed_disc_free (&d);
  put_disc ("disc/VIDEO_TS/VTS_02_1.VOB", 10);
  find (&d);
  two = index_file_path ("folder", &d);
  assert_string_equal (one, again);
  assert_string_not_equal (one, two);
  assert_int_equal (strncmp (one, "folder/", 7), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_same, scratch_empty),
    cmocka_unit_test_teardown (test_unsettled, scratch_empty),
    cmocka_unit_test_teardown (test_other_files, scratch_empty),
    cmocka_unit_test_teardown (test_damaged, scratch_empty),
    cmocka_unit_test_teardown (test_paths, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
