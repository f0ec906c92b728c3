/* SPDX-License-Identifier: BSD-3-Clause */
/* See reseal.h.  Believes nothing: what it is given may be no recipe at all. */
#include "config.h"

#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

#include "bytes.h"
#include "recipe.h"
#include "recipe_format.h"
#include "reseal.h"
#include "segment_format.h"

/* The content of entry `s` of the table, if it is within the file. */
static bool
content (size_t len, const uint8_t *s, uint64_t *at, uint64_t *n)
{
  *at = get_le64 (s + SECTION_OFFSET);
  *n = get_le64 (s + SECTION_LEN);
  return *at <= len && *n <= len - *at;
}

static const uint8_t *
find (const uint8_t *table, uint32_t n, uint32_t type)
{
  for (uint32_t i = 0; i < n; i++)
    if (get_le32 (table + (size_t) i * SECTION_SIZE + SECTION_TYPE) == type)
      return table + (size_t) i * SECTION_SIZE;
  return NULL;
}

static void
reseal_segments (uint8_t *data, size_t len, const uint8_t *table, uint32_t n)
{
  const uint8_t *segments = find (table, n, SECTION_SEGMENTS),
                *index = find (table, n, SECTION_INDEX);
  uint64_t at, size, index_at, index_size;

  if (!segments || !index || !content (len, segments, &at, &size) ||
      !content (len, index, &index_at, &index_size))
    return;
  for (uint32_t i = 0; (i + 2) * UINT64_C (8) <= index_size; i++) {
    uint64_t start = get_le64 (data + index_at + i * UINT64_C (8)),
             end = get_le64 (data + index_at + i * UINT64_C (8) + 8);

    if (start <= end && end <= size && end - start >= SEGMENT_CHECKSUM_SIZE) {
      size_t body = (size_t) (end - start) - SEGMENT_CHECKSUM_SIZE;

      put_le64 (data + at + start + body, segment_checksum (data + at + start, body, i));
    }
  }
}

static void
reseal_table (uint8_t *data, size_t len, uint8_t *table, uint32_t n)
{
  uint64_t at, size;

  reseal_segments (data, len, table, n);
  for (uint32_t i = 0; i < n; i++) {
    uint8_t *s = table + (size_t) i * SECTION_SIZE;

    if (content (len, s, &at, &size) &&
        !(get_le32 (s + SECTION_FLAGS) & RECIPE_SECTION_SELF_CHECKED))
      put_le64 (s + SECTION_CHECKSUM, XXH3_64bits_withSeed (data + at, (size_t) size,
                                                            get_le32 (s + SECTION_TYPE)));
  }
  put_le64 (table + (size_t) n * SECTION_SIZE,
            XXH3_64bits (table, (size_t) n * SECTION_SIZE));
}

void
reseal (uint8_t *data, size_t len)
{
  uint64_t table;
  uint32_t n;

  if (len < HEADER_SIZE)
    return;
  for (size_t i = 0; i < RECIPE_MAGIC_SIZE; i++)
    data[HEADER_MAGIC + i] = (uint8_t) RECIPE_MAGIC[i];
  put_le32 (data + HEADER_VERSION, RECIPE_VERSION);
  put_le64 (data + HEADER_FILE_SIZE, len);
  table = get_le64 (data + HEADER_TABLE);
  n = get_le32 (data + HEADER_SECTIONS);
  if (n <= RECIPE_MAX_SECTIONS && table <= len &&
      len - table >= (size_t) n * SECTION_SIZE + 8)
    reseal_table (data, len, data + table, n);
  put_le64 (data + HEADER_CHECKSUM, XXH3_64bits (data, HEADER_CHECKSUM));
}
