/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a recipe file: see recipe.h and docs/format.md.
 *
 * What recipe_open has to know it reads at once: header, section table, sources, the
 * version of zlib.  Segments are read when they are wanted (recipe_segment.c).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "buffer.h"
#include "bytes.h"
#include "cleanup.h"
#include "column.h"
#include "merkle.h"
#include "recipe.h"
#include "recipe_format.h"
#include "recipe_old.h"
#include "whole_io.h"

/* Images of 2^56 bytes are beyond any disc, and sums of them do not overflow. */
#define IMAGE_MAX_SIZE (UINT64_C (1) << 56)

void
recipe_close (struct recipe *r)
{
  if (!r)
    return;
  for (uint32_t i = 0; i < r->n_sources; i++)
    free (r->sources[i].path);
  free (r->sources);
  free (r->source_sizes);
  free (r->sections);
  recipe_old_free (r->old);
  free (r->path);
  recipe_state_free (r->state);
  if (r->fd >= 0)
    close (r->fd);
  free (r);
}

static void
cleanup_recipe (struct recipe **r)
{
  recipe_close (*r);
}

bool
recipe_path_is_safe (const char *path)
{
  const char *part = path;

  if (path[0] == '\0' || path[0] == '/' || strlen (path) > RECIPE_MAX_SOURCE_PATH)
    return false;
  for (;;) {
    size_t n = strcspn (part, "/");

    if (n == 0 || (n == 1 && part[0] == '.') ||
        (n == 2 && part[0] == '.' && part[1] == '.'))
      return false;
    if (part[n] == '\0')
      return true;
    part += n + 1;
  }
}

/* ---- header and section table ---- */

/* The header is believed after this; its numbers are not yet bounded. */
static int
check_header (const uint8_t *h, const struct recipe *r, struct error *err)
{
  if (memcmp (h + HEADER_MAGIC, RECIPE_MAGIC, RECIPE_MAGIC_SIZE) != 0)
    return error_set (err, 0, "%s: not an mkvdup recipe", r->path);
  if (get_le64 (h + HEADER_CHECKSUM) != XXH3_64bits (h, HEADER_CHECKSUM))
    return error_set (err, 0, "%s: the header is damaged (checksum)", r->path);
  if (get_le32 (h + HEADER_VERSION) != RECIPE_VERSION)
    return error_set (err, 0, "%s: recipe version %u; this program knows version %d",
                      r->path, get_le32 (h + HEADER_VERSION), RECIPE_VERSION);
  if (get_le64 (h + HEADER_FILE_SIZE) != r->file_size)
    return error_set (err, 0, "%s: %llu bytes long, but was written as %llu", r->path,
                      (unsigned long long) r->file_size,
                      (unsigned long long) get_le64 (h + HEADER_FILE_SIZE));
  return 0;
}

static int
parse_header (struct recipe *r, const uint8_t *h, uint64_t *table, struct error *err)
{
  static const uint8_t zeros[HEADER_CHECKSUM - HEADER_SPAN_LOG2 - 1];
  uint64_t span;

  if (check_header (h, r, err) == -1)
    return -1;
  r->image_size = get_le64 (h + HEADER_IMAGE_SIZE);
  r->span_log2 = h[HEADER_SPAN_LOG2];
  r->n_sections = get_le32 (h + HEADER_SECTIONS);
  *table = get_le64 (h + HEADER_TABLE);
  if (r->image_size > IMAGE_MAX_SIZE || r->span_log2 < SEGMENT_MIN_LOG2 ||
      r->span_log2 > SEGMENT_MAX_LOG2 || r->n_sections > RECIPE_MAX_SECTIONS ||
      memcmp (h + HEADER_SPAN_LOG2 + 1, zeros, sizeof zeros) != 0)
    return error_set (err, 0, "%s: the header is malformed", r->path);
  span = UINT64_C (1) << r->span_log2;
  if ((r->image_size + span - 1) / span > UINT32_MAX - 1)
    return error_set (err, 0, "%s: the header is malformed", r->path);
  r->n_segments = (uint32_t) ((r->image_size + span - 1) / span);
  return 0;
}

static int
parse_section (struct recipe *r, struct recipe_section *s, const uint8_t *p,
               struct error *err)
{
  *s = (struct recipe_section){ .type = get_le32 (p + SECTION_TYPE),
                                .flags = get_le32 (p + SECTION_FLAGS),
                                .offset = get_le64 (p + SECTION_OFFSET),
                                .len = get_le64 (p + SECTION_LEN),
                                .checksum = get_le64 (p + SECTION_CHECKSUM) };
  if (s->offset > r->file_size || s->len > r->file_size - s->offset)
    return error_set (err, 0, "%s: section %.4s reaches beyond the file", r->path,
                      (const char *) p + SECTION_TYPE);
  return 0;
}

static int
read_table (struct recipe *r, uint64_t at, struct error *err)
{
  size_t len = (size_t) r->n_sections * SECTION_SIZE;
  uint8_t raw[RECIPE_MAX_SECTIONS * SECTION_SIZE + 8];

  if (at > r->file_size || r->file_size - at < len + 8)
    return error_set (err, 0, "%s: the section table reaches beyond the file", r->path);
  if (read_all (r->fd, raw, len + 8, at, r->path, err) == -1)
    return -1;
  if (get_le64 (raw + len) != XXH3_64bits (raw, len))
    return error_set (err, 0, "%s: the section table is damaged (checksum)", r->path);
  r->table_at = at;
  r->state->table = XXH3_64bits (raw, len);
  r->sections = calloc (r->n_sections ? r->n_sections : 1, sizeof *r->sections);
  if (!r->sections)
    return error_set (err, ENOMEM, "%s", r->path);
  for (uint32_t i = 0; i < r->n_sections; i++)
    if (parse_section (r, &r->sections[i], raw + (size_t) i * SECTION_SIZE, err) == -1)
      return -1;
  return 0;
}

static const struct recipe_section *
find_section (const struct recipe *r, uint32_t type)
{
  for (uint32_t i = 0; r->sections && i < r->n_sections; i++)
    if (r->sections[i].type == type)
      return &r->sections[i];
  return NULL;
}

static bool
is_known (uint32_t type)
{
  return type == SECTION_SOURCES || type == SECTION_SEGMENTS || type == SECTION_INDEX ||
         type == SECTION_MERKLE || type == SECTION_ZLIB || type == SECTION_NOTES;
}

/* Refuse sections that we would have to know, flags likewise, and a type that is there
 * twice: which of the two were meant?
 */
static int
check_types (const struct recipe *r, struct error *err)
{
  for (uint32_t i = 0; r->sections && i < r->n_sections; i++) {
    const struct recipe_section *s = &r->sections[i];

    if (((s->flags & RECIPE_SECTION_REQUIRED) && !is_known (s->type)) ||
        (s->flags & ~RECIPE_SECTION_KNOWN_FLAGS))
      return error_set (
        err, 0, "%s: needs a newer mkvdup: section 0x%08x (flags %x) is not known here",
        r->path, s->type, s->flags);
    if (find_section (r, s->type) != s)
      return error_set (err, 0, "%s: section 0x%08x is there twice", r->path, s->type);
  }
  return 0;
}

/* Find the sections that every recipe has. */
static int
check_sections (struct recipe *r, struct error *err)
{
  const struct recipe_section *segments = find_section (r, SECTION_SEGMENTS),
                              *index = find_section (r, SECTION_INDEX),
                              *merkle = find_section (r, SECTION_MERKLE);

  if (check_types (r, err) == -1)
    return -1;
  if (!segments || !index || !merkle || !find_section (r, SECTION_SOURCES))
    return error_set (err, 0, "%s: a section is missing", r->path);
  if (index->len != ((uint64_t) r->n_segments + 1) * 8 ||
      merkle->len != merkle_stored_len (r->image_size))
    return error_set (err, 0, "%s: a section has the wrong length", r->path);
  r->segments_at = segments->offset;
  r->segments_len = segments->len;
  r->index_at = index->offset;
  r->merkle_at = merkle->offset;
  r->merkle_len = merkle->len;
  return 0;
}

/* ---- sections ---- */

int
recipe_read_section (const struct recipe *r, uint32_t type, uint8_t **data, size_t *len,
                     struct error *err)
{
  const struct recipe_section *s = find_section (r, type);
  CLEANUP_FREE uint8_t *p = NULL;

  *data = NULL;
  *len = 0;
  if (!s)
    return 0;
  p = malloc (s->len ? s->len : 1);
  if (!p)
    return error_set (err, ENOMEM, "%s", r->path);
  if (read_all (r->fd, p, s->len, s->offset, r->path, err) == -1)
    return -1;
  if (!(s->flags & RECIPE_SECTION_SELF_CHECKED) &&
      s->checksum != XXH3_64bits_withSeed (p, s->len, type))
    return error_set (err, 0, "%s: section %.4s at offset %llu is damaged (checksum)",
                      r->path, (const char *) &(uint32_t){ htole32 (type) },
                      (unsigned long long) s->offset);
  *data = take_ptr (&p);
  *len = s->len;
  return 0;
}

static int
parse_source (struct recipe *r, struct reader *in, struct recipe_source *s,
              struct error *err)
{
  size_t n = reader_bounded (in, RECIPE_MAX_SOURCE_PATH);
  const uint8_t *path = reader_take (in, n), *hash;

  if (path && memchr (path, 0, n))
    in->failed = true;
  if (!path || in->failed)
    return 0;
  s->path = strndup ((const char *) path, n);
  if (!s->path)
    return error_set (err, ENOMEM, "%s", r->path);
  s->size = reader_le64 (in);
  hash = reader_take (in, sizeof s->hash);
  if (hash)
    memcpy (s->hash, hash, sizeof s->hash);
  s->sample = reader_le64 (in);
  if (s->size > SOURCE_MAX_SIZE || !recipe_path_is_safe (s->path))
    in->failed = true;
  return 0;
}

static int
read_sources (struct recipe *r, struct error *err)
{
  const struct recipe_section *s = find_section (r, SECTION_SOURCES);
  CLEANUP_FREE uint8_t *data = NULL;
  struct reader in;
  size_t len;
  uint32_t n;

  if (s->len > RECIPE_MAX_SMALL_SECTION)
    return error_set (err, 0, "%s: the source table is malformed", r->path);
  if (recipe_read_section (r, SECTION_SOURCES, &data, &len, err) == -1)
    return -1;
  in = reader_init (data, len);
  n = (uint32_t) reader_bounded (&in, SOURCE_MAX_COUNT);
  r->sources = calloc (n + 1, sizeof *r->sources);
  r->source_sizes = calloc (n + 1, sizeof *r->source_sizes);
  if (!r->sources || !r->source_sizes)
    return error_set (err, ENOMEM, "%s", r->path);
  for (r->n_sources = 0; r->n_sources < n && !in.failed; r->n_sources++) {
    if (parse_source (r, &in, &r->sources[r->n_sources], err) == -1)
      return -1;
    r->source_sizes[r->n_sources] = r->sources[r->n_sources].size;
  }
  if (in.failed || reader_left (&in) != 0)
    return error_set (err, 0, "%s: the source table is malformed", r->path);
  return 0;
}

/* The version of zlib: shown to people, so nothing but what can be shown. */
static int
read_zlib (struct recipe *r, struct error *err)
{
  const struct recipe_section *s = find_section (r, SECTION_ZLIB);
  CLEANUP_FREE uint8_t *data = NULL;
  size_t len;

  if (!s)
    return 0;
  if (s->len < 1 || s->len >= sizeof r->zlib)
    return error_set (err, 0, "%s: the version of zlib is malformed", r->path);
  if (recipe_read_section (r, SECTION_ZLIB, &data, &len, err) == -1)
    return -1;
  if (!data)
    return 0;
  for (size_t i = 0; i < len; i++)
    if (data[i] < 0x20 || data[i] > 0x7e)
      return error_set (err, 0, "%s: the version of zlib is malformed", r->path);
  memcpy (r->zlib, data, len);
  return 0;
}

/* One that has nothing open; NULL when out of memory. */
static struct recipe *
new_recipe (const char *path)
{
  struct recipe *r = calloc (1, sizeof *r);

  if (!r)
    return NULL;
  r->fd = -1;
  r->path = strdup (path);
  r->state = calloc (1, sizeof *r->state);
  if (!r->path || !r->state) {
    recipe_close (r);
    return NULL;
  }
  return r;
}

/* The header, of a file that can be a recipe; *is_old: of the Go program. */
static int
read_header (struct recipe *r, struct stat *st, uint64_t *table, bool *is_old,
             struct error *err)
{
  uint8_t header[HEADER_SIZE];

  _Static_assert(HEADER_SIZE <= RECIPE_OLD_HEADER, "no file of either is shorter");
  if (fstat (r->fd, st) == -1)
    return error_set (err, errno, "%s", r->path);
  if (!S_ISREG (st->st_mode) || st->st_size < HEADER_SIZE)
    return error_set (err, 0, "%s: not an mkvdup recipe", r->path);
  r->file_size = (uint64_t) st->st_size;
  recipe_state_init (r, st);
  if (read_all (r->fd, header, sizeof header, 0, r->path, err) == -1)
    return -1;
  r->state->header = XXH3_64bits (header, sizeof header);
  *is_old = recipe_old_is (header);
  return *is_old ? recipe_old_peek (r, header, err)
                 : parse_header (r, header, table, err);
}

static int
open_file (const char *path, struct error *err)
{
  int fd = open (path, OPEN_UNKNOWN);

  return fd == -1 ? error_set (err, errno, "%s", path) : fd;
}

int
recipe_peek (const char *path, uint64_t *image_size, struct stat *st, struct error *err)
{
  __attribute__ ((cleanup (cleanup_recipe))) struct recipe *r = new_recipe (path);
  uint64_t table = 0;
  bool is_old;

  if (!r)
    return error_set (err, ENOMEM, "%s", path);
  r->fd = open_file (path, err);
  if (r->fd == -1 || read_header (r, st, &table, &is_old, err) == -1)
    return -1;
  *image_size = r->image_size;
  return 0;
}

int
recipe_kind_of (const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  uint8_t start[RECIPE_MAGIC_SIZE];
  struct stat st;
  ssize_t n;

  if (fd == -1 && errno == ENOENT)
    return RECIPE_NONE;
  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode))
    return RECIPE_NONE;
  n = read_patiently (fd, start, sizeof start, 0);
  if (n == -1)
    return error_set (err, errno, "%s", path);
  if (n < (ssize_t) sizeof start)
    return RECIPE_NONE;
  if (recipe_old_is (start))
    return RECIPE_OF_GO;
  return memcmp (start, RECIPE_MAGIC, sizeof start) == 0 ? RECIPE_OURS : RECIPE_NONE;
}

/* What is behind the header. */
static int
read_rest (struct recipe *r, uint64_t table, struct error *err)
{
  if (read_table (r, table, err) == -1 || check_sections (r, err) == -1 ||
      read_sources (r, err) == -1)
    return -1;
  return read_zlib (r, err);
}

struct recipe *
recipe_open_fd (int fd, const char *path, struct error *err)
{
  __attribute__ ((cleanup (cleanup_recipe))) struct recipe *r = new_recipe (path);
  struct stat st;
  uint64_t table = 0;
  bool is_old = false;

  if (!r) {
    close (fd);
    error_set (err, ENOMEM, "%s", path);
    return NULL;
  }
  r->fd = fd;
  if (read_header (r, &st, &table, &is_old, err) == -1 ||
      (is_old ? recipe_old_open (r, err) : read_rest (r, table, err)) == -1)
    return NULL;
  return take_ptr (&r);
}

struct recipe *
recipe_open (const char *path, struct error *err)
{
  int fd = open_file (path, err);

  return fd == -1 ? NULL : recipe_open_fd (fd, path, err);
}
