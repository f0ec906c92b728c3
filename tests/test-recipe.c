/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recipe file: what is written is read back; and a recipe that is cut, damaged,
 * forged or too new is refused, with a message that names the file.
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "atomic_file.h"
#include "bytes.h"
#include "merkle.h"
#include "naive.h"
#include "recipe.h"
#include "recipe_format.h"
#include "recipe_write.h"
#include "rng.h"
#include "segment_format.h"
#include "segment_plan.h"

enum {
  IMAGE_SIZE = 150000,
  SPAN = 1 << SEGMENT_MIN_LOG2,
  SOURCE_SIZE = IMAGE_SIZE + 5,
  MAX_FILE = 4096,
};

/* A type that nobody knows. */
#define SECTION_EXTRA SECTION_TAG ('X', 'T', 'R', 'A')

static uint8_t image[IMAGE_SIZE], source[SOURCE_SIZE], merkle[MERKLE_DIGEST];

static const struct recipe_note notes[] = {
  { (char *) "creator", (char *) "test" },
  { (char *) "name", (char *) "a=b\nc.mkv" },
  { (char *) "track", (char *) "" },
  { (char *) "track", (char *) "again" },
};

#define N_NOTES (sizeof notes / sizeof notes[0])

/* A recipe in memory, and a file (of no name) to put it in. */
static uint8_t good[MAX_FILE], bad[MAX_FILE];
static size_t good_len;
static int fd;
static char path[32];
static const char *zlib; /* what the next recipe says of it */

/* ---- making one ---- */

/* Segment `number`: a hundred literal bytes, the rest from the source five bytes on. */
static void
add_segment (struct recipe_writer *w, uint32_t number)
{
  static const uint64_t sizes[] = { 0, SOURCE_SIZE };
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct segment_plan plan = { 0 };
  uint32_t start = number * SPAN, left = IMAGE_SIZE - start;
  struct segment_context ctx = { .number = number,
                                 .len = left < SPAN ? left : SPAN,
                                 .n_sources = 2,
                                 .source_sizes = sizes };
  struct error err = ERROR_INIT;

  segment_plan_lane (&plan, 1);
  for (uint32_t at = 0; at < ctx.len; at += 1000)
    segment_plan_piece (&plan, 0, start + at + 5,
                        ctx.len - at < 1000 ? ctx.len - at : 1000);
  segment_plan_span (&plan, &(struct plan_span){ .kind = SPAN_LITERAL, .len = 100 });
  segment_plan_span (&plan, &(struct plan_span){
                              .kind = SPAN_COPY, .len = ctx.len - 100, .lane_at = 100 });
  assert_int_equal (segment_encode (&plan, image + start, &ctx, &coded, &err), 0);
  assert_int_equal (recipe_writer_segment (w, coded.data, coded.len, &err), 0);
  segment_plan_free (&plan);
}

static void
write_recipe (const char *source_path, size_t n_notes)
{
  const struct recipe_source sources[] = {
    { .path = (char *) "empty", .size = 0 },
    { .path = (char *) source_path,
      .size = SOURCE_SIZE,
      .hash = { 1, 2, 3 },
      .sample = UINT64_C (0x0123456789abcdef) },
  };
  struct recipe_writer w;
  struct error err = ERROR_INIT;

  assert_int_equal (ftruncate (fd, 0), 0);
  assert_int_equal (
    recipe_writer_begin (&w, fd, path, IMAGE_SIZE, SEGMENT_MIN_LOG2, &err), 0);
  for (uint32_t i = 0; i * SPAN < IMAGE_SIZE; i++)
    add_segment (&w, i);
  assert_int_equal (recipe_writer_finish (&w, sources, 2, merkle, sizeof merkle, zlib,
                                          notes, n_notes, &err),
                    0);
  recipe_writer_free (&w);
}

/* Make this the content of the file. */
static void
put_file (const uint8_t *data, size_t len)
{
  assert_int_equal (ftruncate (fd, 0), 0);
  assert_int_equal (pwrite (fd, data, len, 0), len);
}

static int
set_up (void **state)
{
  uint64_t rng = 7;
  struct error err = ERROR_INIT;

  (void) state;
  rng_fill (&rng, source, sizeof source);
  memcpy (image, source + 5, sizeof image);
  for (uint32_t at = 0; at < IMAGE_SIZE; at += SPAN)
    rng_fill (&rng, image + at, 100);
  assert_int_equal (merkle_group_digest (image, IMAGE_SIZE, IMAGE_SIZE, merkle, &err), 0);
  assert_int_equal (merkle_finish (merkle, IMAGE_SIZE, &err), 0);
  fd = memfd_create ("recipe", MFD_CLOEXEC);
  assert_true (fd >= 0);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  write_recipe ("disc/disc.iso", N_NOTES);
  good_len = (size_t) lseek (fd, 0, SEEK_END);
  assert_in_range (good_len, 1, MAX_FILE);
  assert_int_equal (pread (fd, good, good_len, 0), good_len);
  return 0;
}

static int
tear_down (void **state)
{
  (void) state;
  return close (fd);
}

/* ---- reading it ---- */

/* All segments give the image's bytes, or an error. */
static int
rebuild (const struct recipe *r, struct error *err)
{
  const uint8_t *const sources[] = { NULL, source };
  static uint8_t out[SPAN];

  for (uint32_t i = 0; i < r->n_segments; i++) {
    struct segment *seg = recipe_segment (r, i, err);

    if (!seg)
      return -1;
    naive_rebuild (seg, sources, out);
    assert_memory_equal (out, image + (size_t) i * SPAN, seg->len);
    segment_free (seg);
  }
  return 0;
}

static struct recipe *
must_open (void)
{
  struct error err = ERROR_INIT;
  struct recipe *r = recipe_open (path, &err);

  if (!r)
    fail_msg ("%s", err.text);
  return r;
}

static void
must_check (const struct recipe *r)
{
  struct error err = ERROR_INIT;

  if (recipe_check (r, &err) == -1)
    fail_msg ("%s", err.text);
}

/* Refused at the latest by recipe_check, with the file's name and a word of why. */
static void
check_refused (const char *why)
{
  struct error err = ERROR_INIT;
  struct recipe *r = recipe_open (path, &err);

  if (r)
    assert_int_equal (recipe_check (r, &err), -1);
  recipe_close (r);
  assert_non_null (strstr (err.text, path));
  if (!strstr (err.text, why))
    fail_msg ("\"%s\" does not say \"%s\"", err.text, why);
}

static void
test_read_back (void **state)
{
  struct error err = ERROR_INIT;
  struct recipe *r;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  assert_int_equal (r->image_size, IMAGE_SIZE);
  assert_int_equal (r->span_log2, SEGMENT_MIN_LOG2);
  assert_int_equal (r->n_segments, 3);
  assert_int_equal (r->n_sources, 2);
  assert_string_equal (r->sources[0].path, "empty");
  assert_string_equal (r->sources[1].path, "disc/disc.iso");
  assert_int_equal (r->sources[1].size, SOURCE_SIZE);
  assert_int_equal (r->source_sizes[1], SOURCE_SIZE);
  assert_memory_equal (r->sources[1].hash, "\1\2\3\0", 4);
  assert_true (r->sources[1].sample == UINT64_C (0x0123456789abcdef));
  must_check (r);
  assert_int_equal (rebuild (r, &err), 0);
  recipe_close (r);
}

static void
test_sections (void **state)
{
  struct error err = ERROR_INIT;
  uint64_t len, sum = 0;
  struct recipe *r;
  uint8_t *data;
  size_t n;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  assert_int_equal (r->n_sections, 5);
  for (uint32_t i = 0; i < r->n_segments; i++) {
    assert_int_equal (recipe_segment_len (r, i, &len, &err), 0);
    sum += len;
  }
  assert_int_equal (sum, r->segments_len);
  assert_int_equal (recipe_read_section (r, SECTION_MERKLE, &data, &n, &err), 0);
  assert_int_equal (n, sizeof merkle);
  assert_memory_equal (data, merkle, n);
  free (data);
  assert_int_equal (
    recipe_read_section (r, SECTION_TAG ('n', 'o', 'n', 'e'), &data, &n, &err), 0);
  assert_null (data);
  recipe_close (r);
}

static void
test_notes (void **state)
{
  struct error err = ERROR_INIT;
  struct recipe_note *back;
  struct recipe *r;
  size_t n;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  assert_int_equal (recipe_notes (r, &back, &n, &err), 0);
  assert_int_equal (n, N_NOTES);
  for (size_t i = 0; i < n; i++) {
    assert_string_equal (back[i].key, notes[i].key);
    assert_string_equal (back[i].value, notes[i].value);
  }
  recipe_notes_free (back, n);
  recipe_close (r);

  write_recipe ("disc.iso", 0);
  r = must_open ();
  assert_int_equal (recipe_notes (r, &back, &n, &err), 0);
  assert_int_equal (n, 0);
  must_check (r);
  recipe_close (r);
}

/* Write a recipe that names a zlib. */
static void
write_with_zlib (const char *version)
{
  zlib = version;
  write_recipe ("disc.iso", 1);
  zlib = NULL;
}

static void
test_zlib (void **state)
{
  static const char longest[] =
    "123456789012345678901234567890123456789012345678901234567890 ~!",
                    too_long[] =
                      "1234567890123456789012345678901234567890123456789012345678901234";
  const char *const good_ones[] = { "1.2.13", "1", longest };
  const char *const bad_ones[] = { "",     "1.2\n",          "1.\x1f",
                                   "\x7f", "1.2.13\xc3\xa4", too_long };
  struct error err = ERROR_INIT;
  struct recipe *r;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  assert_string_equal (r->zlib, "");
  recipe_close (r);
  for (size_t i = 0; i < sizeof good_ones / sizeof *good_ones; i++) {
    write_with_zlib (good_ones[i]);
    r = must_open ();
    assert_string_equal (r->zlib, good_ones[i]);
    assert_int_equal (r->n_sections, 6);
    must_check (r);
    assert_int_equal (rebuild (r, &err), 0);
    recipe_close (r);
  }
  for (size_t i = 0; i < sizeof bad_ones / sizeof *bad_ones; i++) {
    write_with_zlib (bad_ones[i]);
    assert_null (recipe_open (path, &err));
    assert_non_null (strstr (err.text, "the version of zlib is malformed"));
  }
}

/* Damage shows when the recipe is opened. */
static void
test_damaged_zlib (void **state)
{
  struct error err = ERROR_INIT;
  const struct recipe_section *s;
  struct recipe *r;

  (void) state;
  write_with_zlib ("1.2.13");
  r = must_open ();
  s = &r->sections[4];
  assert_int_equal (s->type, SECTION_ZLIB);
  assert_int_equal (s->flags, RECIPE_SECTION_REQUIRED);
  assert_int_equal (pwrite (fd, "2", 1, (off_t) s->offset), 1);
  recipe_close (r);
  assert_null (recipe_open (path, &err));
  assert_non_null (strstr (err.text, "section ZLIB"));
}

static void
test_empty_image (void **state)
{
  static const uint8_t zeros[MERKLE_DIGEST], ones[MERKLE_DIGEST] = { 1 };
  struct error err = ERROR_INIT;
  struct recipe_writer w;
  struct recipe *r;

  (void) state;
  for (int i = 0; i < 2; i++) {
    assert_int_equal (ftruncate (fd, 0), 0);
    assert_int_equal (recipe_writer_begin (&w, fd, path, 0, SEGMENT_MAX_LOG2, &err), 0);
    assert_int_equal (recipe_writer_finish (&w, NULL, 0, i ? ones : zeros, MERKLE_DIGEST,
                                            NULL, NULL, 0, &err),
                      0);
    recipe_writer_free (&w);
    r = must_open ();
    assert_int_equal (r->n_segments, 0);
    assert_int_equal (r->n_sources, 0);
    assert_int_equal (recipe_check (r, &err), i ? -1 : 0);
    recipe_close (r);
  }
}

/* ---- damage ---- */

static void
test_every_truncation (void **state)
{
  (void) state;
  for (size_t len = 0; len < good_len; len++) {
    put_file (good, len);
    check_refused ("");
  }
  memcpy (bad, good, good_len);
  bad[good_len] = 0;
  put_file (bad, good_len + 1);
  check_refused ("was written as");
}

static void
test_every_flip (void **state)
{
  (void) state;
  for (size_t i = 0; i < good_len; i++) {
    struct error err = ERROR_INIT;
    struct recipe *r;

    memcpy (bad, good, good_len);
    bad[i] ^= (uint8_t) (1u << (i % 8));
    put_file (bad, good_len);
    check_refused ("");
    /* And who does not check gets an error, or the right bytes. */
    r = recipe_open (path, &err);
    if (r && rebuild (r, &err) == -1)
      assert_non_null (strstr (err.text, path));
    recipe_close (r);
  }
}

static void
test_other_files (void **state)
{
  struct error err = ERROR_INIT;

  (void) state;
  assert_null (recipe_open ("/nonexistent/recipe", &err));
  assert_non_null (strstr (err.text, "/nonexistent/recipe"));
  assert_null (recipe_open ("/", &err));
  assert_null (recipe_open ("/dev/null", &err));
  memset (bad, 'x', sizeof bad);
  put_file (bad, sizeof bad);
  check_refused ("not an mkvdup recipe");
}

/* ---- forgeries: all checksums are right ---- */

static uint8_t *
table_entry (uint32_t i)
{
  return bad + get_le64 (bad + HEADER_TABLE) + (size_t) i * SECTION_SIZE;
}

static uint8_t *
find_entry (uint32_t type)
{
  uint32_t i = 0;

  while (get_le32 (table_entry (i) + SECTION_TYPE) != type)
    assert_true (++i < get_le32 (bad + HEADER_SECTIONS));
  return table_entry (i);
}

static void
begin_forgery (void)
{
  memcpy (bad, good, good_len);
}

/* Make all checksums right again, where they can be. */
static void
put_forgery (void)
{
  uint32_t n = get_le32 (bad + HEADER_SECTIONS);
  uint8_t *table = table_entry (0);

  for (uint32_t i = 0; i < n && i < 5; i++) {
    uint8_t *s = table_entry (i);
    uint64_t at = get_le64 (s + SECTION_OFFSET), len = get_le64 (s + SECTION_LEN);

    if (!(get_le32 (s + SECTION_FLAGS) & RECIPE_SECTION_SELF_CHECKED) && at < good_len &&
        len <= good_len - at)
      put_le64 (s + SECTION_CHECKSUM,
                XXH3_64bits_withSeed (bad + at, len, get_le32 (s + SECTION_TYPE)));
  }
  if (n <= 5)
    put_le64 (table + (size_t) n * SECTION_SIZE,
              XXH3_64bits (table, (size_t) n * SECTION_SIZE));
  put_le64 (bad + HEADER_CHECKSUM, XXH3_64bits (bad, HEADER_CHECKSUM));
  put_file (bad, good_len);
}

/* So that what follows shows something. */
static void
test_unchanged_forgery (void **state)
{
  struct recipe *r;

  (void) state;
  begin_forgery ();
  put_forgery ();
  assert_memory_equal (good, bad, good_len);
  r = must_open ();
  must_check (r);
  recipe_close (r);
}

static void
test_forged_header (void **state)
{
  (void) state;
  begin_forgery ();
  put_le32 (bad + HEADER_VERSION, 2);
  put_forgery ();
  check_refused ("version 2");

  for (int i = 0; i < 2; i++) {
    begin_forgery ();
    bad[HEADER_SPAN_LOG2] = i ? SEGMENT_MAX_LOG2 + 1 : SEGMENT_MIN_LOG2 - 1;
    put_forgery ();
    check_refused ("malformed");
  }
  begin_forgery ();
  bad[HEADER_SPAN_LOG2 + 7] = 1;
  put_forgery ();
  check_refused ("malformed");

  begin_forgery ();
  put_le64 (bad + HEADER_IMAGE_SIZE, UINT64_MAX);
  put_forgery ();
  check_refused ("malformed");

  begin_forgery ();
  put_le64 (bad + HEADER_IMAGE_SIZE, UINT64_C (4) * SPAN);
  put_forgery ();
  check_refused ("wrong length");

  begin_forgery ();
  put_le32 (bad + HEADER_SECTIONS, RECIPE_MAX_SECTIONS + 1);
  put_forgery ();
  check_refused ("malformed");

  begin_forgery ();
  put_le64 (bad + HEADER_TABLE, good_len - 8);
  put_le64 (bad + HEADER_CHECKSUM, XXH3_64bits (bad, HEADER_CHECKSUM));
  put_file (bad, good_len);
  check_refused ("beyond the file");
}

static void
test_sections_not_known (void **state)
{
  struct error err = ERROR_INIT;
  struct recipe_note *back;
  struct recipe *r;
  size_t n;

  (void) state;
  begin_forgery ();
  put_le32 (find_entry (SECTION_NOTES) + SECTION_TYPE, SECTION_EXTRA);
  put_forgery ();
  r = must_open ();
  must_check (r);
  assert_int_equal (rebuild (r, &err), 0);
  assert_int_equal (recipe_notes (r, &back, &n, &err), 0);
  assert_int_equal (n, 0);
  recipe_close (r);

  /* Not known, but not to be damaged either. */
  bad[get_le64 (find_entry (SECTION_EXTRA) + SECTION_OFFSET)] ^= 1;
  put_file (bad, good_len);
  check_refused ("damaged");

  put_le32 (find_entry (SECTION_EXTRA) + SECTION_FLAGS, RECIPE_SECTION_REQUIRED);
  put_forgery ();
  check_refused ("newer mkvdup");

  begin_forgery ();
  put_le32 (find_entry (SECTION_NOTES) + SECTION_FLAGS, 4);
  put_forgery ();
  check_refused ("newer mkvdup");
}

static void
test_forged_table (void **state)
{
  static const uint32_t types[] = { SECTION_SOURCES, SECTION_SEGMENTS, SECTION_INDEX,
                                    SECTION_MERKLE };
  uint8_t *s;

  (void) state;
  for (size_t i = 0; i < 4; i++) {
    begin_forgery ();
    s = find_entry (types[i]);
    put_le32 (s + SECTION_TYPE, SECTION_EXTRA);
    s[SECTION_FLAGS] &= (uint8_t) ~RECIPE_SECTION_REQUIRED;
    put_forgery ();
    check_refused ("missing");
  }
  begin_forgery ();
  put_le32 (find_entry (SECTION_NOTES) + SECTION_TYPE, SECTION_SOURCES);
  put_forgery ();
  check_refused ("twice");

  begin_forgery ();
  s = find_entry (SECTION_NOTES);
  put_le64 (s + SECTION_OFFSET, UINT64_MAX - 5);
  put_forgery ();
  check_refused ("beyond the file");

  begin_forgery ();
  s = find_entry (SECTION_INDEX);
  put_le64 (s + SECTION_LEN, get_le64 (s + SECTION_LEN) - 8);
  put_forgery ();
  check_refused ("wrong length");

  begin_forgery ();
  s = find_entry (SECTION_SEGMENTS);
  put_le64 (s + SECTION_LEN, get_le64 (s + SECTION_LEN) + 1);
  put_forgery ();
  check_refused ("cover all segments");
}

static void
test_forged_index (void **state)
{
  uint8_t *index;

  (void) state;
  for (int i = 0; i < 4; i++) {
    begin_forgery ();
    index = bad + get_le64 (find_entry (SECTION_INDEX) + SECTION_OFFSET);
    put_le64 (index + 8 * (size_t) i, i % 2 ? 0 : UINT64_MAX);
    put_forgery ();
    check_refused (i == 1 ? "segment 0" : "segment");
  }
}

/* An image of two groups of zeros: two digests of level 1, and the root. */
static void
write_zeros (const uint8_t *levels)
{
  struct segment_context ctx = { .len = 2 * MERKLE_GROUP };
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct segment_plan plan = { 0 };
  uint8_t *zeros = calloc (ctx.len, 1);
  struct recipe_writer w;
  struct error err = ERROR_INIT;

  segment_plan_span (&plan, &(struct plan_span){ .kind = SPAN_LITERAL, .len = ctx.len });
  assert_int_equal (segment_encode (&plan, zeros, &ctx, &coded, &err), 0);
  assert_int_equal (ftruncate (fd, 0), 0);
  assert_int_equal (recipe_writer_begin (&w, fd, path, ctx.len, 20, &err), 0);
  assert_int_equal (recipe_writer_segment (&w, coded.data, coded.len, &err), 0);
  assert_int_equal (
    recipe_writer_finish (&w, NULL, 0, levels, 3 * MERKLE_DIGEST, NULL, NULL, 0, &err),
    0);
  recipe_writer_free (&w);
  segment_plan_free (&plan);
  free (zeros);
}

static void
test_forged_merkle (void **state)
{
  static const uint8_t zeros[MERKLE_GROUP];
  uint8_t levels[3 * MERKLE_DIGEST];
  struct error err = ERROR_INIT;
  struct recipe *r;

  (void) state;
  for (size_t i = 0; i < 2; i++)
    assert_int_equal (merkle_group_digest (zeros, MERKLE_GROUP, 2 * MERKLE_GROUP,
                                           &levels[i * MERKLE_DIGEST], &err),
                      0);
  assert_int_equal (merkle_finish (levels, 2 * MERKLE_GROUP, &err), 0);
  write_zeros (levels);
  r = must_open ();
  must_check (r);
  recipe_close (r);
  levels[40] ^= 1;
  write_zeros (levels);
  check_refused ("Merkle");
}

static void
test_forged_sources (void **state)
{
  uint8_t *sources, *s;

  (void) state;
  begin_forgery ();
  s = find_entry (SECTION_SOURCES);
  put_le64 (s + SECTION_LEN, get_le64 (s + SECTION_LEN) - 1);
  put_forgery ();
  check_refused ("source table is malformed");

  begin_forgery ();
  s = find_entry (SECTION_SOURCES);
  sources = bad + get_le64 (s + SECTION_OFFSET);
  sources[0] = 1; /* and bytes left over */
  put_forgery ();
  check_refused ("source table is malformed");

  begin_forgery ();
  sources = bad + get_le64 (find_entry (SECTION_SOURCES) + SECTION_OFFSET);
  put_le64 (sources + 2 + 5, SOURCE_MAX_SIZE + 1); /* size of "empty" */
  put_forgery ();
  check_refused ("source table is malformed");

  begin_forgery ();
  sources = bad + get_le64 (find_entry (SECTION_SOURCES) + SECTION_OFFSET);
  sources[2] = 0; /* of its path */
  put_forgery ();
  check_refused ("source table is malformed");

  /* A source that shrank: what is copied from beyond its end is refused. */
  begin_forgery ();
  sources = bad + get_le64 (find_entry (SECTION_SOURCES) + SECTION_OFFSET);
  put_le64 (sources + 2 + 5 + 32 + 1 + 13, SOURCE_SIZE - 1);
  put_forgery ();
  check_refused ("segment 2 is malformed");
}

static void
test_forged_notes (void **state)
{
  uint8_t *text;

  (void) state;
  begin_forgery ();
  text = bad + get_le64 (find_entry (SECTION_NOTES) + SECTION_OFFSET);
  text[0]++;
  put_forgery ();
  check_refused ("notes are malformed");
}

static void
test_unsafe_paths (void **state)
{
  static const char *const unsafe[] = {
    "",       "/",   "/etc/passwd", ".",    "..",    "../a", "a/..",
    "a/../b", "./a", "a/.",         "a//b", "a/./b", "a/b/", "//",
  };
  static const char *const safe[] = {
    "a", "a/b", "...", ".a", "..a/b", "a/b..", "a b\\c"
  };
  char *longest = malloc (RECIPE_MAX_SOURCE_PATH + 2);

  (void) state;
  for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++) {
    assert_false (recipe_path_is_safe (unsafe[i]));
    write_recipe (unsafe[i], 0);
    check_refused ("source table is malformed");
  }
  for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
    assert_true (recipe_path_is_safe (safe[i]));
    write_recipe (safe[i], 0);
    recipe_close (must_open ());
  }
  memset (longest, 'a', RECIPE_MAX_SOURCE_PATH + 1);
  longest[RECIPE_MAX_SOURCE_PATH + 1] = 0;
  assert_false (recipe_path_is_safe (longest));
  longest[RECIPE_MAX_SOURCE_PATH] = 0;
  assert_true (recipe_path_is_safe (longest));
  free (longest);
}

/* Touched it is what it was; another recipe would have right checksums, too. */
static void
test_written_over (void **state)
{
  static const struct timespec long_ago[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
  uint8_t other[MERKLE_DIGEST];
  struct error err = ERROR_INIT;
  struct segment *seg;
  struct recipe *r;
  uint64_t before;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  before = atomic_load (&r->state->changes);
  assert_int_equal (recipe_check_state (r, &err), 0);
  assert_true (atomic_load (&r->state->changes) == before);
  assert_int_equal (futimens (fd, long_ago), 0);
  seg = recipe_segment (r, 0, &err);
  assert_non_null (seg);
  segment_free (seg);
  assert_true (atomic_load (&r->state->changes) != before);
  memset (other, 7, sizeof other);
  assert_int_equal (pwrite (fd, other, sizeof other, (off_t) r->table_at), sizeof other);
  for (int i = 0; i < 2; i++) {
    assert_null (recipe_segment (r, 0, &err));
    assert_non_null (strstr (err.text, "was written to since it was opened"));
    assert_int_equal (err.errnum, ESTALE);
  }
  put_file (good, good_len);
  seg = recipe_segment (r, 0, &err);
  assert_non_null (seg);
  segment_free (seg);
  recipe_close (r);
}

/* A segment with a right checksum, and the time that the file had. */
static void
test_written_over_unseen (void **state)
{
  struct error err = ERROR_INIT;
  struct timespec times[2];
  struct recipe *r;
  struct stat st;
  uint8_t *segment;
  uint64_t len;
  size_t body;

  (void) state;
  put_file (good, good_len);
  r = must_open ();
  assert_int_equal (fstat (fd, &st), 0);
  times[0] = st.st_atim;
  times[1] = st.st_mtim;
  usleep (20000);
  assert_int_equal (recipe_segment_len (r, 0, &len, &err), 0);
  body = (size_t) len - SEGMENT_CHECKSUM_SIZE;
  begin_forgery ();
  segment = bad + r->segments_at;
  segment[body - 1]++;
  put_le64 (segment + body, segment_checksum (segment, body, 0));
  put_forgery ();
  assert_int_equal (futimens (fd, times), 0);
  recipe_check_state (r, &err);
  assert_int_equal (atomic_load (&r->state->changes), 1);
  /* Of what only got another mode everything can be read. */
  put_file (good, good_len);
  assert_int_equal (fchmod (fd, 0700), 0);
  assert_int_equal (rebuild (r, &err), 0);
  recipe_close (r);
}

static void
test_writer_refuses_spans (void **state)
{
  struct error err = ERROR_INIT;
  struct recipe_writer w;

  (void) state;
  assert_int_equal (recipe_writer_begin (&w, fd, path, 1, SEGMENT_MIN_LOG2 - 1, &err),
                    -1);
  assert_int_equal (recipe_writer_begin (&w, fd, path, 1, SEGMENT_MAX_LOG2 + 1, &err),
                    -1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_read_back),
    cmocka_unit_test (test_sections),
    cmocka_unit_test (test_notes),
    cmocka_unit_test (test_zlib),
    cmocka_unit_test (test_damaged_zlib),
    cmocka_unit_test (test_empty_image),
    cmocka_unit_test (test_every_truncation),
    cmocka_unit_test (test_every_flip),
    cmocka_unit_test (test_other_files),
    cmocka_unit_test (test_unchanged_forgery),
    cmocka_unit_test (test_forged_header),
    cmocka_unit_test (test_sections_not_known),
    cmocka_unit_test (test_forged_table),
    cmocka_unit_test (test_forged_index),
    cmocka_unit_test (test_forged_merkle),
    cmocka_unit_test (test_forged_sources),
    cmocka_unit_test (test_forged_notes),
    cmocka_unit_test (test_unsafe_paths),
    cmocka_unit_test (test_written_over_unseen),
    cmocka_unit_test (test_written_over),
    cmocka_unit_test (test_writer_refuses_spans),
  };

  return cmocka_run_group_tests (tests, set_up, tear_down);
}
