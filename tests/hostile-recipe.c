/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile-recipe huge|fills|names|recodings FILE: a recipe with right checksums that means no good.
 *
 * huge: an image of 2^54 bytes, in a file of as many zeros as that takes (a hole): no segment
 * is one.  fills: an image of 128 MiB, of segments of 50 bytes, each of which becomes a million
 * operations.  names: 4096 sources, none of which is there.  recodings: an image of 512 MiB, of
 * segments of 90 bytes, each of which becomes a million recodings, and a fill that is read
 * without a source.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "buffer.h"
#include "bytes.h"
#include "cleanup.h"
#include "column.h"
#include "forge-segment.h"
#include "merkle.h"
#include "recipe_format.h"
#include "recipe_write.h"
#include "recoding.h"
#include "segment_format.h"
#include "whole_io.h"

#define SPAN_LOG2 SEGMENT_MAX_LOG2
#define SPAN (1u << SPAN_LOG2)

#define HUGE_IMAGE (UINT64_C (1) << 54)
#define FILLS_IMAGE (UINT64_C (1) << 27)
#define FILL 16u /* bytes of one: more operations are refused */
#define RECODINGS_IMAGE (UINT64_C (1) << 29)

/* ---- Fills */

/* The segment's columns, as docs/format.md has them. */
static void
put_fills (struct buffer *b, uint32_t number)
{
  enum {
    CONSTANT = 1, /* a plane of one byte, as often as it takes */
  };
  static const uint8_t none[] = { 0 };
  uint64_t sum;

  b->len = 0;
  buffer_u8 (b, SEGMENT_METHOD_COLUMNS);
  buffer_append (b, none, 1); /* walks */
  buffer_append (b, none, 1); /* shapes */
  buffer_varint (b, SPAN / FILL);
  buffer_append (b, (const uint8_t[]){ 1, CONSTANT, SYMBOL_FILL }, 3);
  buffer_append (b, none, 1); /* bytes of events */
  buffer_append (b, (const uint8_t[]){ 1, CONSTANT, FILL }, 3);
  buffer_append (b, (const uint8_t[]){ CONSTANT, 'x' }, 2);
  sum = segment_checksum (b->data, b->len, number);
  buffer_le64 (b, sum);
}

static int
write_fills (int fd, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  CLEANUP_FREE uint8_t *merkle = calloc (merkle_stored_len (FILLS_IMAGE), 1);
  struct recipe_writer w;
  int r = recipe_writer_begin (&w, fd, path, FILLS_IMAGE, SPAN_LOG2, err);

  for (uint32_t i = 0; r == 0 && i < FILLS_IMAGE / SPAN; i++) {
    put_fills (&coded, i);
    r = recipe_writer_segment (&w, coded.data, coded.len, err);
  }
  if (r == 0)
    r = recipe_writer_finish (&w, NULL, 0, merkle, merkle_stored_len (FILLS_IMAGE), NULL,
                              NULL, 0, err);
  recipe_writer_free (&w);
  return r;
}

/* ---- Recodings */

/* So many times the same value. */
static void
put_column (struct buffer *b, uint64_t value, size_t n)
{
  CLEANUP_FREE uint64_t *values = calloc (n, sizeof *values);

  for (size_t i = 0; values && i < n; i++)
    values[i] = value;
  if (values)
    column_encode (b, values, n);
}

/* A shape that deflates the next byte of a lane, its uses, and a fill. */
static void
put_uses (struct buffer *b, size_t n)
{
  CLEANUP_FREE uint64_t *symbols = calloc (n + 1, sizeof *symbols);

  for (size_t i = 0; symbols && i < n; i++)
    symbols[i] = SYMBOL_SHAPE;
  if (!symbols)
    return;
  symbols[n] = SYMBOL_FILL;
  put_column (b, 1, 1); /* its lane */
  put_column (b, RECODING_DEFLATE, 1);
  put_column (b, 0, 1); /* its clock, and tokens */
  put_column (b, 0, 1);
  buffer_varint (b, n + 1);
  column_encode (b, symbols, n + 1);
  put_column (b, 1, n);           /* bytes of the image */
  put_column (b, zigzag (-1), n); /* each time the same byte of the lane */
  put_column (b, 1, n);           /* bytes of material */
  put_column (b, 0, n);           /* offsets */
  put_column (b, 0, n);           /* checks */
}

static void
put_recodings (struct buffer *b, uint32_t number)
{
  const size_t uses = SPAN / FILL;
  CLEANUP_BUFFER struct buffer columns = BUFFER_INIT;
  struct forged_layout l;
  struct forged_walk w;

  forge_layout (&l);
  w = forge_walk (&l, 0, 0, 1);
  forge_new (&w, 0, 0, 1);
  w.lane_start = 1;
  forge_walk_end (&w);
  forge_layout_end (&l);
  buffer_u8 (&columns, 1); /* shapes */
  put_uses (&columns, uses);
  b->len = 0;
  forged_layout_body (b, &l, columns.data, columns.len);
  forged_layout_free (&l);
  put_column (b, SPAN - uses, 1);
  plane_encode (b, (const uint8_t *) "x", 1);
  buffer_le64 (b, segment_checksum (b->data, b->len, number));
}

static int
write_recodings (int fd, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  CLEANUP_FREE uint8_t *merkle = calloc (merkle_stored_len (RECODINGS_IMAGE), 1);
  struct recipe_source source = { .path = (char *) "disc", .size = 1 };
  struct recipe_writer w;
  int r = recipe_writer_begin (&w, fd, path, RECODINGS_IMAGE, SPAN_LOG2, err);

  for (uint32_t i = 0; r == 0 && i < RECODINGS_IMAGE / SPAN; i++) {
    put_recodings (&coded, i);
    r = recipe_writer_segment (&w, coded.data, coded.len, err);
  }
  if (r == 0)
    r = recipe_writer_finish (&w, &source, 1, merkle, merkle_stored_len (RECODINGS_IMAGE),
                              recoding_zlib (), NULL, 0, err);
  recipe_writer_free (&w);
  return r;
}

/* ---- Names */

static int
write_names (int fd, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct recipe_source sources[SOURCE_MAX_COUNT] = { 0 };
  CLEANUP_FREE uint8_t *merkle = calloc (merkle_stored_len (SPAN), 1);
  char names[SOURCE_MAX_COUNT][8];
  struct recipe_writer w;

  for (unsigned i = 0; i < SOURCE_MAX_COUNT; i++) {
    snprintf (names[i], sizeof names[i], "%u", i);
    sources[i].path = names[i];
    sources[i].size = 1;
  }
  put_fills (&coded, 0);
  if (recipe_writer_begin (&w, fd, path, SPAN, SPAN_LOG2, err) == -1 ||
      recipe_writer_segment (&w, coded.data, coded.len, err) == -1)
    return -1;
  return recipe_writer_finish (&w, sources, SOURCE_MAX_COUNT, merkle,
                               merkle_stored_len (SPAN), NULL, NULL, 0, err);
}

/* ---- Huge */

static void
put_section (struct buffer *table, uint32_t type, uint64_t *at, uint64_t len,
             uint64_t checksum)
{
  buffer_le32 (table, type);
  buffer_le32 (table,
               RECIPE_SECTION_REQUIRED | (checksum ? 0 : RECIPE_SECTION_SELF_CHECKED));
  buffer_le64 (table, *at);
  buffer_le64 (table, len);
  buffer_le64 (table, checksum);
  *at += len;
}

/* All that is not zeros is written: source table (a zero too), section table, header. */
static int
write_huge (int fd, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer table = BUFFER_INIT;
  uint8_t header[HEADER_SIZE] = { 0 };
  static const uint8_t no_sources[1];
  uint64_t at = HEADER_SIZE;

  put_section (&table, SECTION_SOURCES, &at, 1,
               XXH3_64bits_withSeed (no_sources, 1, SECTION_SOURCES));
  put_section (&table, SECTION_SEGMENTS, &at, 1, 0);
  put_section (&table, SECTION_INDEX, &at, (HUGE_IMAGE / SPAN + 1) * 8, 0);
  put_section (&table, SECTION_MERKLE, &at, merkle_stored_len (HUGE_IMAGE), 0);
  buffer_le64 (&table, XXH3_64bits (table.data, table.len));
  memcpy (header + HEADER_MAGIC, RECIPE_MAGIC, RECIPE_MAGIC_SIZE);
  put_le32 (header + HEADER_VERSION, RECIPE_VERSION);
  put_le32 (header + HEADER_SECTIONS, 4);
  put_le64 (header + HEADER_IMAGE_SIZE, HUGE_IMAGE);
  put_le64 (header + HEADER_FILE_SIZE, at + table.len);
  put_le64 (header + HEADER_TABLE, at);
  header[HEADER_SPAN_LOG2] = SPAN_LOG2;
  put_le64 (header + HEADER_CHECKSUM, XXH3_64bits (header, HEADER_CHECKSUM));
  return write_all (fd, header, sizeof header, 0, path, err) == -1 ||
             write_all (fd, table.data, table.len, at, path, err) == -1
           ? -1
           : 0;
}

int
main (int argc, char *argv[])
{
  static const struct {
    const char *kind;
    int (*write) (int fd, const char *path, struct error *err);
  } kinds[] = { { "huge", write_huge },
                { "fills", write_fills },
                { "names", write_names },
                { "recodings", write_recodings } };
  struct error why = ERROR_INIT;
  CLEANUP_CLOSE int fd = -1;

  if (argc != 3)
    errx (2, "usage: hostile-recipe huge|fills|names|recodings FILE");
  fd = open (argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd == -1)
    err (1, "%s", argv[2]);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp (argv[1], kinds[i].kind) == 0) {
      if (kinds[i].write (fd, argv[2], &why) == -1)
        errx (1, "%s", why.text);
      return 0;
    }
  errx (2, "no kind: %s", argv[1]);
}
