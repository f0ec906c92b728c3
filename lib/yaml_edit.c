/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editing YAML: see yaml_edit.h.  libyaml tells where the value stands.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "yaml_edit.h"
#include "yaml_file.h"
#include "yaml_out.h"

/* Characters of the text: [from, end). */
struct place {
  const char *key;
  size_t from, end;
};

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct place *place = opaque;

  (void) err;
  /* An alias stands elsewhere, and before. */
  if (strcmp (key, place->key) == 0 &&
      value->start_mark.index > key_node->start_mark.index) {
    place->from = value->start_mark.index;
    place->end = value->end_mark.index;
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
  root = yaml_document_get_root_node (&yaml.document);
  yaml_each_pair (&yaml, root, take_pair, place, err);
  return place->end > place->from
           ? 0
           : error_set (err, 0, "%s: has no %s that can be changed", path, place->key);
}

/* Marks count characters, not bytes. */
static const char *
character (const char *text, size_t len, size_t n)
{
  const char *p = text, *end = text + len;

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
  buffer_append (&out, quoted.data, quoted.len);
  buffer_append (&out, end, (size_t) (was + text->len - end));
  if (out.failed)
    return error_set (err, ENOMEM, "%s", path);
  swap = *text;
  *text = out;
  out = swap;
  return 0;
}
