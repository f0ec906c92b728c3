/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile-recipe huge|fills|names FILE: a recipe with right checksums that means no good.
 *
 * huge: an image of 2^54 bytes, in a file of as many zeros as that takes (a hole): no segment
 * is one.  fills: an image of 128 MiB, of segments of 50 bytes, each of which becomes a million
 * operations.  names: 4096 sources, none of which is there.
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
#include "merkle.h"
#include "recipe_format.h"
#include "recipe_write.h"
#include "segment_format.h"
#include "whole_io.h"

#define SPAN_LOG2 SEGMENT_MAX_LOG2
#define SPAN (1u << SPAN_LOG2)

#define HUGE_IMAGE (UINT64_C (1) << 54)
#define FILLS_IMAGE (UINT64_C (1) << 27)
#define FILL 16u /* bytes of one: more operations are refused */

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
                { "names", write_names } };
  struct error why = ERROR_INIT;
  CLEANUP_CLOSE int fd = -1;

  if (argc != 3)
    errx (2, "usage: hostile-recipe huge|fills|names FILE");
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
