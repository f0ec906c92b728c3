/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The example in docs/format.md is a recipe: taken from the document as it stands,
 * it opens, checks, and gives the image; and it is what our writer writes.
 *
 *   test-format-doc                       run the test
 *   test-format-doc recipe|image|source   write that to standard output (to make the
 *                                         document anew, see format-annotate)
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>
#include <zstd.h>

#include "cleanup.h"
#include "merkle.h"
#include "naive.h"
#include "recipe.h"
#include "recipe_write.h"
#include "segment_plan.h"
#include "source.h"

enum {
  SECTOR = 2048,
  SECTORS = 40,
  SOURCE_SIZE = SECTOR * SECTORS,
  SPAN = 1 << SEGMENT_MIN_LOG2,
  TAIL = 12, /* bytes in the second segment */
  IMAGE_SIZE = SPAN + TAIL,
  VOID_SIZE = 1100,
  EXAMPLE_ZSTD = 10504, /* what the document's example was made with */
};

static uint8_t source[SOURCE_SIZE], image[IMAGE_SIZE];

/* ---- the example, as the document describes it ---- */

static const char front[] = "The first bytes of the image lie on no source.";

/* Byte i of the source: the fourth byte of i * i * 2654435761 modulo 2^32. */
static void
make_source (void)
{
  for (uint32_t i = 0; i < SOURCE_SIZE; i++)
    source[i] = (uint8_t) (i * i * UINT32_C (2654435761) >> 24);
}

/* Every fifth sector is audio: 1200 bytes at 31; the others video: 2028 at 20. */
static void
make_lanes (struct segment_plan *plan)
{
  segment_plan_lane (plan, 0);
  segment_plan_lane (plan, 0);
  for (uint64_t i = 0; i < SECTORS; i++)
    if (i % 5 == 4)
      segment_plan_piece (plan, 1, i * SECTOR + 31, 1200);
    else
      segment_plan_piece (plan, 0, i * SECTOR + 20, 2028);
}

static void
make_shapes (struct shape *video, struct shape *audio)
{
  *video = *audio = (struct shape){ 0 };
  shape_add_bytes (video, (const uint8_t *) "\xa3", 1);
  shape_add_vint_length (video, 0, 0);
  shape_add_bytes (video, (const uint8_t *) "\x81", 1);
  shape_add_time (video, 2);
  shape_add_bytes (video, (const uint8_t *) "\x80", 1);
  shape_add_bytes (audio, (const uint8_t *) "\xa3", 1);
  shape_add_vint_length (audio, 2, 0);
  shape_add_bytes (audio, (const uint8_t *) "\x82", 1);
  shape_add_time (audio, 2);
  shape_add_bytes (audio, (const uint8_t *) "\x80", 1);
}

struct maker {
  struct segment_plan plan;
  struct shape video, audio;
  uint64_t lane_at[2];
  uint32_t at; /* in the image */
};

static void
add_literal (struct maker *m, const void *bytes, uint32_t len)
{
  memcpy (image + m->at, bytes, len);
  m->at += len;
  segment_plan_span (&m->plan, &(struct plan_span){ .kind = SPAN_LITERAL, .len = len });
}

static void
add_copy (struct maker *m, uint32_t lane, uint32_t len, uint8_t transform)
{
  struct plan_span s = { .kind = SPAN_COPY,
                         .lane = lane,
                         .lane_at = m->lane_at[lane],
                         .len = len,
                         .transform = transform };
  const uint32_t chunk = lane ? 1200 : 2028;

  for (uint32_t i = 0; i < len; i++) {
    uint64_t at = m->lane_at[lane]++, n = at / chunk;
    uint64_t sector = lane ? 5 * n + 4 : n / 4 * 5 + n % 4;

    image[m->at + i] = source[sector * SECTOR + (lane ? 31 : 20) + at % chunk];
  }
  transform_apply (transform, image + m->at, len);
  m->at += len;
  segment_plan_span (&m->plan, &s);
}

static void
add_block (struct maker *m, uint32_t lane, uint32_t len, int64_t time, uint8_t transform)
{
  const struct shape *shape = lane ? &m->audio : &m->video;
  uint8_t header[SHAPE_MAX_HEADER];
  int n = shape_render (shape, len, time, header);

  memcpy (image + m->at, header, (size_t) n);
  m->at += (uint32_t) n;
  segment_plan_span (&m->plan, &(struct plan_span){ .kind = SPAN_HEADER,
                                                    .covers = 1,
                                                    .len = (uint32_t) n,
                                                    .time = time,
                                                    .clock = (uint8_t) lane,
                                                    .shape = shape });
  add_copy (m, lane, len, transform);
}

/* The first segment: text, zeros, then blocks, video and audio, until it is full. */
static void
make_image (struct maker *m)
{
  static const uint8_t zeros[VOID_SIZE];

  make_source ();
  make_lanes (&m->plan);
  make_shapes (&m->video, &m->audio);
  add_literal (m, front, sizeof front - 1);
  add_literal (m, zeros, sizeof zeros);
  for (uint32_t i = 0; i < 38; i++) {
    add_block (m, 0, 1000 + 37 * i * i % 900, 40 * (int64_t) i, TRANSFORM_NONE);
    if (i % 3 == 0)
      add_block (m, 1, 320, 24 * (int64_t) i, TRANSFORM_SWAP16);
    if (i % 7 == 0)
      add_block (m, 1, 300, 24 * (int64_t) i + 12, TRANSFORM_SWAP16);
  }
  add_copy (m, 0, SPAN - m->at, TRANSFORM_NONE);
  memcpy (image + SPAN, "end of image", TAIL);
}

static void
must (int result, const struct error *err)
{
  if (result == -1) {
    fprintf (stderr, "%s\n", err->text);
    exit (1);
  }
}

static void
add_segment (struct recipe_writer *w, const struct segment_plan *plan, uint32_t number)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  uint64_t size = SOURCE_SIZE;
  struct segment_context ctx = {
    .number = number, .len = number ? TAIL : SPAN, .n_sources = 1, .source_sizes = &size
  };
  struct error err = ERROR_INIT;

  must (segment_encode (plan, image + (size_t) number * SPAN, &ctx, &coded, &err), &err);
  must (recipe_writer_segment (w, coded.data, coded.len, &err), &err);
}

static void
identify_source (struct recipe_source *s)
{
  CLEANUP_CLOSE int fd = memfd_create ("source", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  XXH128_canonical_t hash;

  *s = (struct recipe_source){ .path = (char *) "disc.vob", .size = SOURCE_SIZE };
  XXH128_canonicalFromHash (&hash, XXH3_128bits (source, SOURCE_SIZE));
  memcpy (s->hash, hash.digest, sizeof s->hash);
  must (write (fd, source, SOURCE_SIZE) == SOURCE_SIZE ? 0 : -1, &err);
  must (source_sample (fd, SOURCE_SIZE, &s->sample, &err), &err);
}

static void
write_recipe (int fd)
{
  static const struct recipe_note notes[] = { { (char *) "name", (char *) "example" } };
  struct maker m = { 0 };
  struct segment_plan tail = { 0 };
  uint8_t merkle[MERKLE_DIGEST];
  struct recipe_source s;
  struct recipe_writer w;
  struct error err = ERROR_INIT;

  make_image (&m);
  identify_source (&s);
  must (merkle_group_digest (image, IMAGE_SIZE, IMAGE_SIZE, merkle, &err), &err);
  must (merkle_finish (merkle, IMAGE_SIZE, &err), &err);
  segment_plan_span (&tail, &(struct plan_span){ .kind = SPAN_LITERAL, .len = TAIL });
  must (recipe_writer_begin (&w, fd, "recipe", IMAGE_SIZE, SEGMENT_MIN_LOG2, &err), &err);
  add_segment (&w, &m.plan, 0);
  add_segment (&w, &tail, 1);
  must (recipe_writer_finish (&w, &s, 1, merkle, sizeof merkle, NULL, notes, 1, &err),
        &err);
  recipe_writer_free (&w);
  segment_plan_free (&m.plan);
  segment_plan_free (&tail);
}

/* ---- the example, as the document has it ---- */

#define BLOCK_BEGIN "```recipe\n"
#define BLOCK_END "```\n"

/* Lines "OFFSET  HH HH HH  what it is": offset and bytes in hexadecimal, two spaces
 * before the comment.  Lines that start with a space are comment only.
 */
static void
take_line (const char *line, struct buffer *out)
{
  unsigned long offset, byte;
  char *p;

  if (line[0] == ' ' || line[0] == '\n')
    return;
  offset = strtoul (line, &p, 16);
  assert_int_equal (offset, out->len);
  assert_true (p[0] == ' ');
  p++;
  while (p[0] == ' ' && p[1] != ' ') {
    char *end;

    byte = strtoul (p, &end, 16);
    assert_ptr_equal (end, p + 3);
    buffer_u8 (out, (uint8_t) byte);
    p = end;
  }
}

static void
read_document (struct buffer *out)
{
  CLEANUP_FREE char *name = NULL;
  CLEANUP_FCLOSE FILE *fp = NULL;
  const char *srcdir = getenv ("srcdir");
  char line[512];
  int blocks = 0, inside = 0;

  assert_true (asprintf (&name, "%s/../docs/format.md", srcdir ? srcdir : ".") > 0);
  fp = fopen (name, "r");
  if (!fp)
    fail_msg ("%s cannot be opened", name);
  while (fgets (line, sizeof line, fp)) {
    if (strcmp (line, BLOCK_BEGIN) == 0) {
      blocks++;
      inside = 1;
    }
    else if (strcmp (line, BLOCK_END) == 0)
      inside = 0;
    else if (inside)
      take_line (line, out);
  }
  assert_int_equal (blocks, 1);
}

static void
test_document_is_what_is_written (void **state)
{
  CLEANUP_BUFFER struct buffer doc = BUFFER_INIT;
  CLEANUP_CLOSE int fd = memfd_create ("written", MFD_CLOEXEC);
  CLEANUP_FREE uint8_t *written = NULL;
  off_t len;

  (void) state;
  /* Other releases of zstd make other frames. */
  if (ZSTD_versionNumber () != EXAMPLE_ZSTD)
    skip ();
  read_document (&doc);
  write_recipe (fd);
  len = lseek (fd, 0, SEEK_END);
  written = malloc ((size_t) len);
  assert_int_equal (pread (fd, written, (size_t) len, 0), len);
  assert_int_equal (len, doc.len);
  assert_memory_equal (written, doc.data, doc.len);
}

static void
test_document_gives_the_image (void **state)
{
  CLEANUP_BUFFER struct buffer doc = BUFFER_INIT;
  CLEANUP_CLOSE int fd = memfd_create ("document", MFD_CLOEXEC);
  const uint8_t *const sources[] = { source };
  struct error err = ERROR_INIT;
  static uint8_t out[SPAN];
  struct recipe *r;
  char path[32];

  (void) state;
  read_document (&doc);
  assert_int_equal (write (fd, doc.data, doc.len), doc.len);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = recipe_open (path, &err);
  if (!r || recipe_check (r, &err) == -1) {
    fail_msg ("%s", err.text);
    return;
  }
  assert_int_equal (r->image_size, IMAGE_SIZE);
  for (uint32_t i = 0; i < r->n_segments; i++) {
    struct segment *seg = recipe_segment (r, i, &err);

    assert_non_null (seg);
    naive_rebuild (seg, sources, out);
    assert_memory_equal (out, image + (size_t) i * SPAN, seg->len);
    segment_free (seg);
  }
  recipe_close (r);
}

int
main (int argc, char *argv[])
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_document_is_what_is_written),
    cmocka_unit_test (test_document_gives_the_image),
  };

  if (argc == 1)
    return cmocka_run_group_tests (tests, NULL, NULL);
  if (strcmp (argv[1], "recipe") == 0) {
    /* A pipe cannot be written at offsets. */
    CLEANUP_CLOSE int fd = memfd_create ("recipe", MFD_CLOEXEC);
    uint8_t byte;

    write_recipe (fd);
    for (off_t at = 0; pread (fd, &byte, 1, at) == 1; at++)
      putchar (byte);
  }
  else {
    struct maker m = { 0 };

    make_image (&m);
    segment_plan_free (&m.plan);
    if (strcmp (argv[1], "image") == 0)
      fwrite (image, 1, sizeof image, stdout);
    else
      fwrite (source, 1, sizeof source, stdout);
  }
  return 0;
}
