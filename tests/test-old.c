/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recipes of the Go program: what they say is what their segments give, in every version; and
 * one that is cut, damaged, or forged is refused with a message that names the file, where, and
 * why.
 */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "cleanup.h"
#include "file_id.h"
#include "merkle.h"
#include "naive.h"
#include "old-recipe.h"
#include "recipe-complaint.h"
#include "recipe_old.h"
#include "rng.h"
#include "rounds.h"

/* A file without a name, which has the recipe that is being looked at. */
static int fd;
static char path[32];

static void
put_file (const uint8_t *data, size_t len)
{
  assert_int_equal (ftruncate (fd, 0), 0);
  assert_int_equal (pwrite (fd, data, len, 0), len);
}

static int
set_up (void **state)
{
  (void) state;
  fd = memfd_create ("old", MFD_CLOEXEC);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  return fd == -1 ? -1 : 0;
}

static int
tear_down (void **state)
{
  (void) state;
  return close (fd);
}

static struct recipe *
open_good (void)
{
  struct error err = ERROR_INIT;
  struct recipe *r = recipe_open (path, &err);

  if (!r)
    fail_msg ("%s", err.text);
  return r;
}

/* ---- What is right */

/* The disc of each source, by its path: sources are in another order. */
static void
find_discs (const struct recipe *r, const struct old_recipe *made,
            const uint8_t *discs[OLD_DISCS])
{
  assert_true (r->n_sources <= OLD_DISCS);
  for (uint32_t i = 0; i < r->n_sources; i++)
    for (unsigned k = 0; k < OLD_DISCS; k++)
      if (strcmp (r->sources[i].path, old_disc_paths[k]) == 0) {
        assert_int_equal (r->sources[i].size, made->discs[k].len);
        discs[i] = made->discs[k].data;
      }
}

static void
check_segment (const struct recipe *r, uint32_t number, const uint8_t *const *discs,
               const struct buffer *image)
{
  size_t start = (size_t) number << r->span_log2;
  const char *complaint = recipe_segment_complaint (r, number);
  struct error err = ERROR_INIT;
  struct segment *seg = recipe_segment (r, number, &err);
  CLEANUP_FREE uint8_t *bytes = NULL;

  if (!seg)
    fail_msg ("%s", err.text);
  if (complaint)
    fail_msg ("segment %u: %s", number, complaint);
  bytes = malloc (seg->len);
  naive_rebuild (seg, discs, bytes);
  assert_memory_equal (bytes, image->data + start, seg->len);
  segment_free (seg);
}

static void
check_good (const struct old_options *o)
{
  const uint8_t *discs[OLD_DISCS];
  struct error err = ERROR_INIT;
  struct old_recipe made;
  struct recipe *r;

  old_recipe_make (&made, o);
  put_file (made.file.data, made.file.len);
  r = open_good ();
  assert_int_equal (r->image_size, o->image_size);
  assert_int_equal (recipe_old_facts (r)->version, o->version);
  assert_int_equal (recipe_old_facts (r)->n_entries, made.n_entries);
  assert_string_equal (recipe_old_facts (r)->creator,
                       o->version >= 5 && o->seed % 2 ? "test" : "");
  assert_int_equal (r->n_sources, OLD_DISCS);
  find_discs (r, &made, discs);
  /* Backwards, and each on its own. */
  for (uint32_t i = r->n_segments; i-- > 0;)
    check_segment (r, i, discs, &made.image);
  assert_int_equal (recipe_check (r, &err), 0);
  recipe_close (r);
  old_recipe_free (&made);
}

static void
test_versions (void **state)
{
  (void) state;
  for (unsigned version = 3; version <= 8; version++)
    for (uint64_t seed = 1; seed <= rounds (4); seed++)
      check_good (&(struct old_options){ .version = version,
                                         .seed = seed,
                                         .image_size = 2500000 + seed,
                                         .disc_size = 1000000,
                                         .row_max = seed % 2 ? 4000 : 40 });
}

static void
test_extremes (void **state)
{
  struct old_options o = { .seed = 5, .disc_size = 400000, .row_max = 3000 };

  (void) state;
  for (o.version = 3; o.version <= 8; o.version++) {
    o.image_size = 0;
    check_good (&o);
    o.image_size = 1;
    check_good (&o);
    o.image_size = 1 << 20;
    o.no_delta = 1;
    check_good (&o);
    o.no_delta = 0;
    o.only_delta = 1;
    check_good (&o);
    o.only_delta = 0;
  }
}

/* Lists of ranges that are read from many places on. */
static void
test_long_lists (void **state)
{
  (void) state;
  check_good (&(struct old_options){ .version = 8,
                                     .seed = 3,
                                     .image_size = 3000000,
                                     .disc_size = 2000000,
                                     .row_max = 9000,
                                     .scattered = 1 });
}

/* An enemy's: each row of a few bytes is thousands of ranges from the one before.  Slow, but
 * not for long; the whole file is right, so a check does not refuse it.
 */
static void
test_too_scattered (void **state)
{
  const struct old_options o = { .version = 8,
                                 .seed = 4,
                                 .image_size = 1 << 20,
                                 .disc_size = 2000000,
                                 .row_max = 4,
                                 .no_delta = 1,
                                 .scattered = 1,
                                 .jumps = 1 };
  struct error err = ERROR_INIT;
  struct old_recipe made;
  struct recipe *r;

  (void) state;
  if (rounds (8) < 8)
    skip ();
  old_recipe_make (&made, &o);
  put_file (made.file.data, made.file.len);
  r = open_good ();
  assert_null (recipe_segment (r, 0, &err));
  assert_non_null (strstr (err.text, "too scattered"));
  recipe_close (r);
  old_recipe_free (&made);
}

static void
test_notes (void **state)
{
  struct old_options o = {
    .version = 7, .seed = 1, .image_size = 10, .disc_size = 100000, .row_max = 9
  };
  struct error err = ERROR_INIT;
  struct recipe_note *notes;
  struct old_recipe made;
  struct recipe *r;
  size_t n;

  (void) state;
  old_recipe_make (&made, &o);
  put_file (made.file.data, made.file.len);
  r = open_good ();
  assert_int_equal (recipe_notes (r, &notes, &n, &err), 0);
  assert_int_equal (n, 1);
  assert_string_equal (notes[0].key, "creator");
  assert_string_equal (notes[0].value, "test");
  recipe_notes_free (notes, n);
  recipe_close (r);
  old_recipe_free (&made);
}

/* What such a file has not. */
static void
test_no_digests (void **state)
{
  struct old_options o = {
    .version = 8, .seed = 1, .image_size = 1000, .disc_size = 100000, .row_max = 90
  };
  uint8_t digest[MERKLE_DIGEST];
  struct error err = ERROR_INIT;
  struct segment_context ctx;
  struct old_recipe made;
  struct recipe *r;
  uint8_t *data;
  size_t len;

  (void) state;
  old_recipe_make (&made, &o);
  put_file (made.file.data, made.file.len);
  r = open_good ();
  assert_int_equal (recipe_root (r, digest, &err), -1);
  assert_non_null (strstr (err.text, "mkvdup import"));
  assert_int_equal (recipe_digests (r, 0, 1, digest, &err), -1);
  assert_int_equal (recipe_check_merkle (r, &err), -1);
  assert_int_equal (recipe_segment_coded (r, 0, &data, &len, &ctx, &err), -1);
  assert_int_equal (recipe_identity (r, digest, &err), 0);
  assert_int_equal (get_le64 (digest), recipe_old_facts (r)->hash);
  recipe_close (r);
  old_recipe_free (&made);
}

/* ---- Many at once */

struct reader_thread {
  const struct recipe *recipe;
  const struct buffer *image;
  const uint8_t *const *discs;
  uint32_t first;
};

static void *
read_all_segments (void *opaque)
{
  const struct reader_thread *t = opaque;

  for (uint32_t i = 0; i < t->recipe->n_segments; i++)
    check_segment (t->recipe, (t->first + i) % t->recipe->n_segments, t->discs, t->image);
  return NULL;
}

/* The first of them reads the file, and the others wait for that. */
static void
test_threads (void **state)
{
  struct old_options o = {
    .version = 8, .seed = 7, .image_size = 4000000, .disc_size = 500000, .row_max = 3000
  };
  const uint8_t *discs[OLD_DISCS];
  struct reader_thread readers[4];
  pthread_t threads[4];
  struct old_recipe made;
  struct recipe *r;

  (void) state;
  old_recipe_make (&made, &o);
  put_file (made.file.data, made.file.len);
  r = open_good ();
  find_discs (r, &made, discs);
  for (uint32_t i = 0; i < 4; i++) {
    readers[i] = (struct reader_thread){ r, &made.image, discs, i };
    assert_int_equal (pthread_create (&threads[i], NULL, read_all_segments, &readers[i]),
                      0);
  }
  for (uint32_t i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  recipe_close (r);
  old_recipe_free (&made);
}

/* ---- What is wrong */

/* What opening it, or the first segment, says. */
static void
expect_refused (const char *text)
{
  struct error err = ERROR_INIT;
  struct recipe *r = recipe_open (path, &err);
  struct segment *seg = NULL;

  if (r) {
    seg = recipe_segment (r, 0, &err);
    assert_null (seg);
    /* And again: it is not forgotten. */
    assert_null (recipe_segment (r, 0, &err));
    assert_int_equal (recipe_check (r, &err), -1);
  }
  if (strncmp (err.text, path, strlen (path)) != 0 || !strstr (err.text, text))
    fail_msg ("\"%s\", and not \"%s\"", err.text, text);
  recipe_close (r);
}

static struct old_recipe good;
static uint8_t *bad;

static void
make_good (unsigned version)
{
  struct error err = ERROR_INIT;
  struct recipe *r;
  struct segment *seg;

  old_recipe_make (&good, &(struct old_options){ .version = version,
                                                 .seed = 1,
                                                 .image_size = 60000,
                                                 .disc_size = 200000,
                                                 .row_max = 3000 });
  bad = malloc (good.file.len + 100);
  assert_non_null (bad);
  memcpy (bad, good.file.data, good.file.len);
  put_file (bad, good.file.len);
  r = open_good ();
  seg = recipe_segment (r, 0, &err);
  assert_non_null (seg);
  segment_free (seg);
  recipe_close (r);
}

static void
free_good (void)
{
  old_recipe_free (&good);
  free (bad);
}

/* Put `v` at `at`, in so many bytes; with right checksums that has to be found. */
static void
patch (size_t at, unsigned bytes, uint64_t v, const char *text)
{
  uint8_t saved[8], raw[8];

  put_le64 (raw, v);
  memcpy (saved, bad + at, sizeof saved);
  memcpy (bad + at, raw, bytes);
  old_recipe_reseal (bad, good.file.len);
  put_file (bad, good.file.len);
  expect_refused (text);
  memcpy (bad + at, saved, sizeof saved);
}

static void
test_header (void **state)
{
  (void) state;
  make_good (8);
  patch (0, 1, 'm', "not an mkvdup recipe");
  patch (8, 4, 2, "V3 to V8");
  patch (8, 4, 9, "V3 to V8");
  patch (12, 4, 1, "flags 0x1 at offset 12");
  patch (16, 8, UINT64_MAX, "size of the MKV at offset 16");
  patch (16, 8, 60001, "the rows");
  patch (16, 8, 59999, "has an impossible length");
  patch (34, 2, 0, "table of sources");
  patch (34, 2, 5, "table of sources");
  patch (36, 8, UINT64_MAX, "rows, as the header has it at offset 36");
  patch (36, 8, good.n_entries + 1, "malformed");
  patch (44, 8, UINT64_MAX, "offset 44");
  patch (44, 8, 3, "offset 36");
  patch (44, 8, good.delta_at + 28, "malformed");
  patch (52, 8, UINT64_MAX, "the delta");
  patch (52, 8, good.ranges_at - good.delta_at - 1, "does not begin as it should");
  patch (good.file.len - 1, 1, 0, "does not end as it should");
  free_good ();
}

static void
test_sources (void **state)
{
  size_t at;

  (void) state;
  make_good (7);
  at = good.sources_at;
  patch (good.creator_at, 2, 4097, "table of sources");
  patch (good.creator_at, 2, 3, "table of sources");
  patch (at, 2, 0, "table of sources");
  patch (at, 2, 65535, "table of sources");
  patch (at + 2, 1, '/', "table of sources");
  patch (at + 2, 3, '.' | '.' << 8 | '/' << 16, "table of sources");
  patch (at + 2, 1, 0, "table of sources");
  at += 2 + strlen (old_disc_paths[0]);
  patch (at, 8, UINT64_MAX, "table of sources");
  patch (at, 8, 10, "reaches beyond its source");
  patch (at + 16, 1, 2, "table of sources");
  patch (at + 16, 1, 0, "not used");
  /* The second disc, which is there twice. */
  at += 17 + 2 + strlen (old_disc_paths[1]);
  patch (at, 8, 200002, "with two contents");
  patch (at + 8, 8, 7, "with two contents");
  free_good ();
}

static void
test_rows (void **state)
{
  size_t at;

  (void) state;
  for (unsigned version = 7; version <= 8; version++) {
    make_good (version);
    at = good.entries_at;
    patch (at, 8, 1, "row 0, at offset");
    patch (at + 28, 8, 0, "row 1, at offset");
    patch (at + 8, 8, 0, "has an impossible length");
    patch (at + 8, 8, UINT64_MAX, "has an impossible length");
    patch (at + 8, 8, 60001, "has an impossible length");
    patch (at + 16, 2, 5, "is of a source that is not there");
    patch (at + 16, 2, 4, "not used");
    patch (at + 18, 8, UINT64_MAX, "reaches beyond its source");
    patch (at + 18, 8, 199999, "reaches beyond its source");
    patch (at + 26, 1, 4, "has unknown flags");
    put_le16 (bad + at + 16, 1);
    put_le64 (bad + at + 18, 0);
    if (version == 8)
      patch (at + 26, 2, 0x7700, "is of a stream that is not there");
    free_good ();
  }
}

/* A file that ends with less of the first stream's ranges than `code`, which says `n`. */
static void
try_ranges (const char *code, size_t len, uint32_t n, const char *text)
{
  size_t head = good.ranges_at + 13, was = get_le32 (good.file.data + head + 12);
  size_t rest = good.file.len - (head + 16 + was), whole = head + 16 + len + rest;
  uint8_t *file = malloc (whole);

  assert_non_null (file);
  memcpy (file, good.file.data, head + 16);
  put_le32 (file + head + 4, n);
  put_le32 (file + head + 12, (uint32_t) len);
  memcpy (file + head + 16, code, len);
  memcpy (file + head + 16 + len, good.file.data + head + 16 + was, rest);
  old_recipe_reseal (file, whole);
  put_file (file, whole);
  expect_refused (text);
  free (file);
}

#define RANGES(code, n, text) try_ranges (code, sizeof code - 1, n, text)

static void
test_ranges (void **state)
{
  size_t head;

  (void) state;
  make_good (8);
  head = good.ranges_at + 13;
  patch (good.ranges_at, 1, 'r', "does not begin as it should");
  patch (good.ranges_at + 8, 2, 0, "behind its end");
  patch (good.ranges_at + 8, 2, 4, "an impossible source");
  patch (good.ranges_at + 10, 2, 4, "an impossible source");
  patch (good.ranges_at + 10, 2, 1, "an impossible source");
  patch (good.ranges_at + 12, 1, 3, "an impossible source");
  patch (head + 4, 4, 1, "another number of ranges");
  patch (head + 12, 4, 0, "another number of ranges");
  patch (head + 12, 4, UINT32_MAX, "a stream that reaches beyond it");
  /* The second stream is called like the first. */
  patch (head + 16 + get_le32 (bad + head + 12) + 2, 1, 0, "there twice");
  RANGES ("", 0, "reaches beyond its source");
  RANGES ("\x05\x0a", 1, "reaches beyond its source");
  RANGES ("\x05", 1, "malformed");
  RANGES ("\x85\x00\x0a", 1, "malformed"); /* not minimal */
  RANGES ("\x05\x0a\x00", 2, "malformed");
  RANGES ("\x05\xff\xff\x7f", 1, "a range beyond its source");
  RANGES ("\x05\x0a\x00\xff\xff\x03", 65536, "a range beyond its source");
  RANGES ("\x05\x0a\x00\x02", 2, "another number of ranges");
  RANGES ("\x05\x0a\x00\x01", 3, "another number of ranges");
  RANGES ("\x05\x0a\x30\x0a", 2, "malformed"); /* back to in front of the source */
  RANGES ("\x05\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01", 2, "malformed");
  RANGES ("\x05\x0a\x00\xff\xff\xff\xff\x7f", 3, "malformed");
  free_good ();
}

/* Without right checksums. */
static void
test_damage (void **state)
{
  struct {
    size_t at;
    const char *text;
  } cases[3];

  (void) state;
  make_good (8);
  cases[0].at = good.delta_at - 28 + 20;
  cases[0].text = "damaged (checksum)";
  cases[1].at = good.delta_at + 3;
  cases[1].text = "damaged (checksum)";
  cases[2].at = good.ranges_at + 40;
  cases[2].text = "the ranges at offset";
  for (size_t i = 0; i < 3; i++) {
    bad[cases[i].at] ^= 1;
    put_file (bad, good.file.len);
    bad[cases[i].at] ^= 1;
    if (i > 0)
      expect_refused (cases[i].text);
    else {
      struct error err = ERROR_INIT;
      struct recipe *r = open_good ();

      assert_null (recipe_segment (r, 0, &err));
      recipe_close (r);
    }
  }
  free_good ();
}

/* Any cut is found. */
static void
test_cuts (void **state)
{
  (void) state;
  for (unsigned version = 7; version <= 8; version++) {
    make_good (version);
    for (size_t len = 0; len < good.file.len; len += len < 300 ? 1 : 97) {
      struct error err = ERROR_INIT;
      struct recipe *r;

      put_file (bad, len);
      r = recipe_open (path, &err);
      assert_null (r);
      assert_int_equal (strncmp (err.text, path, strlen (path)), 0);
    }
    free_good ();
  }
}

/* What is written to after it was checked is found by what is made of it. */
static void
test_written_to (void **state)
{
  const size_t at[] = { 0, 1, 2 };
  const uint8_t *discs[OLD_DISCS];

  (void) state;
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    struct error err = ERROR_INIT;
    struct recipe *r;
    size_t where;

    make_good (8);
    put_file (bad, good.file.len);
    r = open_good ();
    find_discs (r, &good, discs);
    check_segment (r, 0, discs, &good.image);
    where = (i == 0   ? good.entries_at + 20
             : i == 1 ? good.delta_at + 1
                      : good.ranges_at + 35);
    bad[where] ^= 1;
    put_file (bad, good.file.len);
    assert_null (recipe_segment (r, 0, &err));
    assert_non_null (strstr (err.text, "was written to"));
    assert_int_equal (recipe_check (r, &err), -1);
    /* And is good again when it is what it was. */
    bad[where] ^= 1;
    put_file (bad, good.file.len);
    check_segment (r, 0, discs, &good.image);
    recipe_close (r);
    free_good ();
  }
}

/* Damaged, or not yet copied whole, before the first segment is wanted: it is right as soon as the
 * file is, at once and long after.
 */
static void
test_flaw_passes (void **state)
{
  const struct timespec settled = { FILE_SETTLED_NS / NS_PER_SECOND, 100000000 };
  const uint8_t *discs[OLD_DISCS];

  (void) state;
  for (int i = 0; i < 3; i++) {
    struct error err = ERROR_INIT;
    struct recipe *r;

    make_good (8);
    r = open_good ();
    find_discs (r, &good, discs);
    bad[good.entries_at + 20] ^= 1;
    put_file (bad, i == 0 ? good.entries_at + 10 : good.file.len);
    if (i == 2)
      nanosleep (&settled, NULL);
    assert_null (recipe_segment (r, 0, &err));
    assert_int_equal (err.errnum, 0);
    assert_null (recipe_segment (r, 0, &err));
    put_file (good.file.data, good.file.len);
    check_segment (r, 0, discs, &good.image);
    recipe_close (r);
    free_good ();
  }
}

/* Any bytes changed, with right checksums: refused, or segments that are sound. */
static void
test_forged (void **state)
{
  uint64_t rng = 9;

  (void) state;
  for (unsigned i = 0; i < rounds (2000); i++) {
    struct error err = ERROR_INIT;
    struct recipe *r;

    if (i % 100 == 0)
      make_good (3 + i / 100 % 6);
    memcpy (bad, good.file.data, good.file.len);
    for (unsigned n = 1 + (unsigned) rng_below (&rng, 3); n > 0; n--)
      bad[rng_below (&rng, 2) ? rng_below (&rng, good.file.len)
                              : good.ranges_at % good.file.len +
                                  rng_below (&rng, good.file.len - good.ranges_at)] ^=
        (uint8_t) rng_between (&rng, 1, 255);
    old_recipe_reseal (bad, good.file.len);
    put_file (bad, good.file.len);
    r = recipe_open (path, &err);
    if (r && recipe_complaint (r, 2))
      fail_msg ("%s", recipe_complaint (r, 2));
    recipe_close (r);
    if (i % 100 == 99)
      free_good ();
  }
  if (rounds (2000) % 100 != 0)
    free_good ();
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_versions),   cmocka_unit_test (test_extremes),
    cmocka_unit_test (test_long_lists), cmocka_unit_test (test_notes),
    cmocka_unit_test (test_no_digests), cmocka_unit_test (test_threads),
    cmocka_unit_test (test_header),     cmocka_unit_test (test_sources),
    cmocka_unit_test (test_rows),       cmocka_unit_test (test_ranges),
    cmocka_unit_test (test_damage),     cmocka_unit_test (test_cuts),
    cmocka_unit_test (test_written_to), cmocka_unit_test (test_flaw_passes),
    cmocka_unit_test (test_forged),     cmocka_unit_test (test_too_scattered),
  };

  cmocka_set_test_filter (tests_with_threads ());
  return cmocka_run_group_tests (tests, set_up, tear_down);
}
