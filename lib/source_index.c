/* SPDX-License-Identifier: BSD-3-Clause */
/* Where sources were found: see source_index.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "file_id.h"
#include "folders.h"
#include "source_index.h"
#include "whole_io.h"

#define TITLE "mkvdup sources 1\n"
#define FIRST_WORDS 15 /* of any version: "mkvdup sources " */

/* ---- In memory */

/* Where `hash` and `size` are, or would go. */
static size_t
place_of (const struct source_index *index, const uint8_t *hash, uint64_t size,
          bool *is_there)
{
  size_t low = 0, high = index->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct source_index_entry *e = &index->entries[middle];
    int order = memcmp (hash, e->hash, sizeof e->hash);

    if (order == 0)
      order = size < e->size ? -1 : size > e->size;
    if (order == 0) {
      *is_there = true;
      return middle;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  *is_there = false;
  return low;
}

const char *
source_index_find (const struct source_index *index, const struct recipe_source *id)
{
  bool is_there;
  size_t i = place_of (index, id->hash, id->size, &is_there);

  return is_there ? index->entries[i].path : NULL;
}

static bool
make_room (struct source_index *index)
{
  size_t cap = index->cap ? index->cap * 2 : 16;
  struct source_index_entry *entries;

  if (index->n == SOURCE_INDEX_MAX)
    return false;
  if (index->n < index->cap)
    return true;
  entries = realloc (index->entries, cap * sizeof *entries);
  if (!entries)
    return false;
  index->entries = entries;
  index->cap = cap;
  return true;
}

/* Takes `path` over. */
static void
put (struct source_index *index, const uint8_t *hash, uint64_t size, char *path,
     bool replace)
{
  bool is_there;
  size_t i = place_of (index, hash, size, &is_there);
  struct source_index_entry *e;

  if (!path || (is_there && !replace) || (!is_there && !make_room (index))) {
    free (path);
    return;
  }
  e = &index->entries[i];
  if (is_there)
    free (e->path);
  else {
    memmove (e + 1, e, (index->n - i) * sizeof *e);
    index->n++;
  }
  memcpy (e->hash, hash, sizeof e->hash);
  e->size = size;
  e->path = path;
}

void
source_index_put (struct source_index *index, const struct recipe_source *id,
                  const char *path)
{
  if (!strchr (path, '\n'))
    put (index, id->hash, id->size, strdup (path), true);
}

void
source_index_free (struct source_index *index)
{
  for (size_t i = 0; i < index->n; i++)
    free (index->entries[i].path);
  free (index->entries);
  *index = (struct source_index){ 0 };
}

/* ---- As text */

static int
digit (char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_hash (const char *text, uint8_t *hash)
{
  for (size_t i = 0; i < RECIPE_HASH_SIZE; i++) {
    int high = digit (text[2 * i]), low = high < 0 ? -1 : digit (text[2 * i + 1]);

    if (low < 0)
      return false;
    hash[i] = (uint8_t) (high << 4 | low);
  }
  return true;
}

/* A line, terminated. */
static void
parse_line (struct source_index *index, const char *line)
{
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t size;
  char *end;

  if (!parse_hash (line, hash) || line[2 * sizeof hash] != ' ')
    return;
  line += 2 * sizeof hash + 1;
  size = strtoull (line, &end, 10);
  if (*line >= '0' && *line <= '9' && end[0] == ' ' && end[1] != '\0')
    put (index, hash, size, strdup (end + 1), false);
}

void
source_index_parse (struct source_index *index, const char *text, size_t len)
{
  const char *end = text + len;

  if (len < strlen (TITLE) || memcmp (text, TITLE, strlen (TITLE)) != 0)
    return;
  text += strlen (TITLE);
  while (text < end) {
    const char *line_end = memchr (text, '\n', (size_t) (end - text));
    CLEANUP_FREE char *line = NULL;

    /* The last line ends too, or was cut. */
    if (!line_end)
      return;
    line = strndup (text, (size_t) (line_end - text));
    if (line)
      parse_line (index, line);
    text = line_end + 1;
  }
}

void
source_index_read (struct source_index *index, const char *path)
{
  CLEANUP_FREE char *text = NULL;
  struct error ignored = ERROR_INIT;
  size_t len;

  if (read_file (path, SOURCE_INDEX_MAX_FILE, &text, &len, &ignored) == 0)
    source_index_parse (index, text, len);
}

void
source_index_format (const struct source_index *index, struct buffer *out)
{
  buffer_append (out, TITLE, strlen (TITLE));
  for (size_t i = 0; i < index->n; i++) {
    const struct source_index_entry *e = &index->entries[i];
    char text[64];
    size_t len = 0;

    for (size_t k = 0; k < sizeof e->hash; k++)
      len += (size_t) snprintf (text + len, sizeof text - len, "%02x", e->hash[k]);
    len += (size_t) snprintf (text + len, sizeof text - len, " %" PRIu64 " ", e->size);
    buffer_append (out, text, len);
    buffer_append (out, e->path, strlen (e->path));
    buffer_u8 (out, '\n');
  }
}

/* Whoever gives the wrong file for it is not to lose it; nor one that cannot be opened, which
 * may be anything.
 */
static int
check_is_index (const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  char start[sizeof TITLE] = "";
  struct stat st;

  if (fd == -1 && errno == ENOENT)
    return 0;
  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (st.st_size == 0)
    return 0;
  if (S_ISREG (st.st_mode) && read_patiently (fd, start, FIRST_WORDS, 0) == FIRST_WORDS &&
      memcmp (start, TITLE, FIRST_WORDS) == 0)
    return 0;
  return error_set (err, 0, "%s: is another file, and not replaced", path);
}

static int
put_text (const struct buffer *text, const char *path, struct error *err)
{
  struct stat st;
  bool is_new = lstat (path, &st) == -1 && errno == ENOENT;

  if (check_is_index (path, err) == -1)
    return -1;
  return (is_new ? atomic_file_put_new : atomic_file_put) (path, text->data, text->len,
                                                           err);
}

int
source_index_write (const struct source_index *index, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  CLEANUP_FREE char *real = NULL;
  int r;

  source_index_format (index, &out);
  if (out.failed)
    return error_set (err, ENOMEM, "%s", path);
  if (folders_make (path, err) == -1)
    return -1;
  /* What a link leads to, unless that is nothing. */
  if (access (path, F_OK) == 0) {
    real = file_behind (path, err);
    if (!real)
      return -1;
    path = real;
  }
  r = put_text (&out, path, err);
  /* What has come to be there meanwhile may be another server's index: it is looked at. */
  return r == -1 && err->errnum == EEXIST ? put_text (&out, path, err) : r;
}
