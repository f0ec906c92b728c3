/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a recipe file: see recipe_write.h and docs/format.md. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "bytes.h"
#include "column.h"
#include "recipe_format.h"
#include "recipe_write.h"
#include "whole_io.h"

int
recipe_writer_begin (struct recipe_writer *w, int fd, const char *path,
                     uint64_t image_size, unsigned span_log2, struct error *err)
{
  if (span_log2 < SEGMENT_MIN_LOG2 || span_log2 > SEGMENT_MAX_LOG2)
    return error_set (err, 0, "%s: segments of 2^%u bytes", path, span_log2);
  *w = (struct recipe_writer){ .fd = fd,
                               .path = path,
                               .image_size = image_size,
                               .span_log2 = span_log2,
                               .at = HEADER_SIZE };
  buffer_le64 (&w->index, 0);
  return 0;
}

void
recipe_writer_free (struct recipe_writer *w)
{
  buffer_free (&w->index);
  buffer_free (&w->table);
}

static int
put (struct recipe_writer *w, const void *data, size_t len, struct error *err)
{
  if (write_all (w->fd, data, len, w->at, w->path, err) == -1)
    return -1;
  w->at += len;
  return 0;
}

int
recipe_writer_segment (struct recipe_writer *w, const uint8_t *coded, size_t len,
                       struct error *err)
{
  if (put (w, coded, len, err) == -1)
    return -1;
  buffer_le64 (&w->index, w->at - HEADER_SIZE);
  return 0;
}

static void
add_to_table (struct recipe_writer *w, uint32_t type, uint32_t flags, uint64_t offset,
              uint64_t len, uint64_t checksum)
{
  buffer_le32 (&w->table, type);
  buffer_le32 (&w->table, flags);
  buffer_le64 (&w->table, offset);
  buffer_le64 (&w->table, len);
  buffer_le64 (&w->table, checksum);
  w->n_sections++;
}

static int
put_section (struct recipe_writer *w, uint32_t type, uint32_t flags, const void *data,
             size_t len, struct error *err)
{
  add_to_table (w, type, flags, w->at, len, XXH3_64bits_withSeed (data, len, type));
  return put (w, data, len, err);
}

static int
put_sources (struct recipe_writer *w, const struct recipe_source *sources, uint32_t n,
             struct error *err)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  buffer_varint (&b, n);
  for (uint32_t i = 0; i < n; i++) {
    buffer_varint (&b, strlen (sources[i].path));
    buffer_append (&b, sources[i].path, strlen (sources[i].path));
    buffer_le64 (&b, sources[i].size);
    buffer_append (&b, sources[i].hash, sizeof sources[i].hash);
    buffer_le64 (&b, sources[i].sample);
  }
  if (b.failed)
    return error_set (err, ENOMEM, "%s", w->path);
  return put_section (w, SECTION_SOURCES, RECIPE_SECTION_REQUIRED, b.data, b.len, err);
}

/* Notes are "key=value" strings, each with its NUL, in one plane behind their length. */
static int
put_notes (struct recipe_writer *w, const struct recipe_note *notes, size_t n,
           struct error *err)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT, b = BUFFER_INIT;

  for (size_t i = 0; i < n; i++) {
    buffer_append (&text, notes[i].key, strlen (notes[i].key));
    buffer_u8 (&text, '=');
    buffer_append (&text, notes[i].value, strlen (notes[i].value) + 1);
  }
  if (text.len > RECIPE_MAX_NOTES)
    return error_set (err, 0, "%s: %zu bytes of notes are too many", w->path, text.len);
  buffer_varint (&b, text.len);
  plane_encode (&b, text.data, text.len);
  if (text.failed || b.failed)
    return error_set (err, ENOMEM, "%s", w->path);
  return put_section (w, SECTION_NOTES, 0, b.data, b.len, err);
}

static int
put_table_and_header (struct recipe_writer *w, struct error *err)
{
  uint8_t header[HEADER_SIZE] = { 0 };
  uint64_t table_at = w->at;

  buffer_le64 (&w->table, XXH3_64bits (w->table.data, w->table.len));
  if (w->table.failed)
    return error_set (err, ENOMEM, "%s", w->path);
  if (put (w, w->table.data, w->table.len, err) == -1)
    return -1;
  memcpy (header + HEADER_MAGIC, RECIPE_MAGIC, RECIPE_MAGIC_SIZE);
  put_le32 (header + HEADER_VERSION, RECIPE_VERSION);
  put_le32 (header + HEADER_SECTIONS, w->n_sections);
  put_le64 (header + HEADER_IMAGE_SIZE, w->image_size);
  put_le64 (header + HEADER_FILE_SIZE, w->at);
  put_le64 (header + HEADER_TABLE, table_at);
  header[HEADER_SPAN_LOG2] = (uint8_t) w->span_log2;
  put_le64 (header + HEADER_CHECKSUM, XXH3_64bits (header, HEADER_CHECKSUM));
  return write_all (w->fd, header, sizeof header, 0, w->path, err);
}

int
recipe_writer_finish (struct recipe_writer *w, const struct recipe_source *sources,
                      uint32_t n_sources, const uint8_t *merkle, size_t merkle_len,
                      const char *zlib, const struct recipe_note *notes, size_t n_notes,
                      struct error *err)
{
  const uint32_t required = RECIPE_SECTION_REQUIRED;

  if (w->index.failed)
    return error_set (err, ENOMEM, "%s", w->path);
  add_to_table (w, SECTION_SEGMENTS, required | RECIPE_SECTION_SELF_CHECKED, HEADER_SIZE,
                w->at - HEADER_SIZE, 0);
  if (put_section (w, SECTION_INDEX, required, w->index.data, w->index.len, err) == -1 ||
      put_sources (w, sources, n_sources, err) == -1 ||
      put_section (w, SECTION_MERKLE, required, merkle, merkle_len, err) == -1)
    return -1;
  if (zlib && put_section (w, SECTION_ZLIB, required, zlib, strlen (zlib), err) == -1)
    return -1;
  if (n_notes > 0 && put_notes (w, notes, n_notes, err) == -1)
    return -1;
  return put_table_and_header (w, err);
}
