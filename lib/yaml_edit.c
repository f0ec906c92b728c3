/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editing YAML: see yaml_edit.h.  libyaml tells where the value stands.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "yaml_edit.h"
#include "yaml_file.h"
#include "yaml_out.h"

/* Characters of the text: [from, end). */
struct place {
  const char *key;
  size_t from, end;
  bool is_block;     /* "|" or ">": its end is that of its last line */
  bool is_outdented; /* at the begin of a line */
};

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct place *place = opaque;

  (void) err;
  if (strcmp (key, place->key) != 0)
    return 0;
  place->from = place->end = 0;
  /* An alias stands elsewhere, and before. */
  if (value->type == YAML_SCALAR_NODE &&
      value->start_mark.index > key_node->start_mark.index) {
    place->from = value->start_mark.index;
    place->end = value->end_mark.index;
    place->is_outdented = value->start_mark.column == 0;
    place->is_block = value->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                      value->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
  }
  return 0;
}

static int
find_value (const struct buffer *text, const char *path, size_t max, struct place *place,
            struct error *err)
{
  CLEANUP_YAML_FILE struct yaml_file yaml;
  const yaml_node_t *root;

  if (yaml_file_parse (&yaml, path, (const char *) text->data, text->len, max, err) == -1)
    return -1;
  /* Its marks count characters of what libyaml made of it. */
  if (yaml.parser.encoding != YAML_UTF8_ENCODING)
    return error_set (err, 0, "%s: is not in UTF-8: not changed", path);
  root = yaml_document_get_root_node (&yaml.document);
  yaml_each_pair (&yaml, root, take_pair, place, err);
  return place->end > place->from
           ? 0
           : error_set (err, 0, "%s: has no %s that can be changed", path, place->key);
}

/* Marks count characters, not bytes; a byte order mark is none. */
static const char *
character (const char *text, size_t len, size_t n)
{
  const char *p = text, *end = text + len;

  if (len >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    p += 3;
  for (; p < end && n > 0; n--)
    do
      p++;
    while (p < end && (*p & 0xc0) == 0x80);
  return p;
}

/* The value as a line of YAML, without the end of the line. */
static int
quote (const char *value, struct buffer *quoted, struct error *err)
{
  struct yaml_out y;
  int r;

  if (yaml_out_begin (&y, err) == -1)
    return -1;
  yaml_out_quoted (&y, value);
  r = yaml_out_finish (&y, err);
  if (r == 0)
    buffer_append (quoted, y.text.data, strcspn ((const char *) y.text.data, "\n"));
  yaml_out_release (&y);
  return r == 0 && quoted->failed ? error_set (err, ENOMEM, "YAML") : r;
}

int
yaml_edit_value (struct buffer *text, const char *path, size_t max, const char *key,
                 const char *value, struct error *err)
{
  CLEANUP_BUFFER struct buffer quoted = BUFFER_INIT, out = BUFFER_INIT;
  const char *was = (const char *) text->data, *from, *end;
  struct place place = { .key = key };
  struct buffer swap;

  if (find_value (text, path, max, &place, err) == -1 ||
      quote (value, &quoted, err) == -1)
    return -1;
  from = character (was, text->len, place.from);
  end = character (was, text->len, place.end);
  buffer_append (&out, was, (size_t) (from - was));
  /* At the begin of a line "|" is a value to libyaml, and what is quoted is none. */
  if (place.is_outdented)
    buffer_u8 (&out, ' ');
  buffer_append (&out, quoted.data, quoted.len);
  if (place.is_block)
    buffer_u8 (&out, '\n');
  buffer_append (&out, end, (size_t) (was + text->len - end));
  if (out.failed)
    return error_set (err, ENOMEM, "%s", path);
  swap = *text;
  *text = out;
  out = swap;
  return 0;
}
