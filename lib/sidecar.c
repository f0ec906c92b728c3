/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing sidecars with libyaml: see sidecar.h.
 *
 * Values are always written double-quoted.  libyaml would leave a film called
 * "1917" or "null" plain, and other readers would take it for a number or nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <yaml.h>

#include "atomic_file.h"
#include "buffer.h"
#include "cleanup.h"
#include "sidecar.h"
#include "whole_io.h"

/* Three paths of PATH_MAX, every byte escaped, and comments. */
#define MAX_SIDECAR 65536

/* The keys, and where their values go. */
struct key {
  const char *name;
  size_t member; /* offset of the char * within struct sidecar */
  bool is_path;
};

static const struct key keys[] = {
  { "name", offsetof (struct sidecar, name), false },
  { "dedup_file", offsetof (struct sidecar, dedup_file), true },
  { "source_dir", offsetof (struct sidecar, source_dir), true },
};

#define N_KEYS (sizeof keys / sizeof keys[0])

static char **
key_value (struct sidecar *s, const struct key *key)
{
  return (char **) ((char *) s + key->member);
}

/* A parser with its document, which may not be there. */
struct yaml {
  yaml_parser_t parser;
  yaml_document_t document;
  bool has_parser, has_document;
};

static void
yaml_release (struct yaml *y)
{
  if (y->has_document)
    yaml_document_delete (&y->document);
  if (y->has_parser)
    yaml_parser_delete (&y->parser);
}

static int
read_text (const char *path, char *text, size_t *len, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (st.st_size > MAX_SIDECAR)
    return error_set (err, 0, "%s: too large for a sidecar", path);
  *len = (size_t) st.st_size;
  return read_all (fd, text, *len, 0, path, err);
}

static int
yaml_failed (const struct yaml *y, const char *path, struct error *err)
{
  return error_set (err, 0, "%s:%zu: %s", path, y->parser.problem_mark.line + 1,
                    y->parser.problem ? y->parser.problem : "out of memory");
}

/* Load the one document of the text.  A second one is an error. */
static int
load (struct yaml *y, const char *path, const char *text, size_t len, struct error *err)
{
  yaml_document_t second;
  bool empty;

  y->has_parser = yaml_parser_initialize (&y->parser);
  if (!y->has_parser)
    return error_set (err, ENOMEM, "%s", path);
  yaml_parser_set_input_string (&y->parser, (const unsigned char *) text, len);
  y->has_document = yaml_parser_load (&y->parser, &y->document);
  if (!y->has_document)
    return yaml_failed (y, path, err);
  if (!yaml_document_get_root_node (&y->document))
    return error_set (err, 0, "%s: empty", path);
  if (!yaml_parser_load (&y->parser, &second))
    return yaml_failed (y, path, err);
  empty = !yaml_document_get_root_node (&second);
  yaml_document_delete (&second);
  return empty ? 0 : error_set (err, 0, "%s: more than one document", path);
}

static const struct key *
find_key (const yaml_node_t *node)
{
  if (node->type != YAML_SCALAR_NODE)
    return NULL;
  for (size_t i = 0; i < N_KEYS; i++)
    if (strcmp ((const char *) node->data.scalar.value, keys[i].name) == 0)
      return &keys[i];
  return NULL;
}

/* Is it what YAML's core schema reads as null? */
static bool
is_null (const yaml_node_t *node)
{
  static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
  const char *value = (const char *) node->data.scalar.value;

  if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return false;
  for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
    if (strcmp (value, nulls[i]) == 0)
      return true;
  return false;
}

/* The string of a node, malloced; `where` goes in front of a relative path. */
static char *
node_string (const yaml_node_t *node, const struct key *key, const char *path,
             struct error *err)
{
  const char *value = (const char *) node->data.scalar.value;
  size_t line = node->start_mark.line + 1;
  const char *slash = strrchr (path, '/');
  char *result;

  if (node->type != YAML_SCALAR_NODE || is_null (node)) {
    error_set (err, 0, "%s:%zu: \"%s\" is not a string", path, line, key->name);
    return NULL;
  }
  if (*value == '\0' || strlen (value) != node->data.scalar.length) {
    error_set (err, 0, "%s:%zu: \"%s\" is %s", path, line, key->name,
               *value == '\0' ? "empty" : "cut by a NUL");
    return NULL;
  }
  if (!key->is_path || *value == '/' || !slash)
    result = strdup (value);
  else if (asprintf (&result, "%.*s/%s", (int) (slash - path), path, value) == -1)
    result = NULL;
  if (!result)
    error_set (err, ENOMEM, "%s", path);
  return result;
}

static int
take_values (struct sidecar *s, struct yaml *y, const char *path, struct error *err)
{
  yaml_node_t *root = yaml_document_get_root_node (&y->document);
  yaml_node_pair_t *pair;

  if (root->type != YAML_MAPPING_NODE)
    return error_set (err, 0, "%s:%zu: not a mapping", path, root->start_mark.line + 1);
  for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top;
       pair++) {
    yaml_node_t *key_node = yaml_document_get_node (&y->document, pair->key);
    const struct key *key = find_key (key_node);

    if (!key)
      continue;
    if (*key_value (s, key))
      return error_set (err, 0, "%s:%zu: \"%s\" is given twice", path,
                        key_node->start_mark.line + 1, key->name);
    *key_value (s, key) =
      node_string (yaml_document_get_node (&y->document, pair->value), key, path, err);
    if (!*key_value (s, key))
      return -1;
  }
  for (size_t i = 0; i < N_KEYS; i++)
    if (!*key_value (s, &keys[i]))
      return error_set (err, 0, "%s: \"%s\" is missing", path, keys[i].name);
  return 0;
}

int
sidecar_read (struct sidecar *s, const char *path, struct error *err)
{
  __attribute__ ((cleanup (yaml_release))) struct yaml y = { 0 };
  CLEANUP_FREE char *text = malloc (MAX_SIDECAR);
  size_t len = 0;

  *s = (struct sidecar){ 0 };
  if (!text)
    return error_set (err, ENOMEM, "%s", path);
  if (read_text (path, text, &len, err) == -1 || load (&y, path, text, len, err) == -1)
    return -1;
  if (take_values (s, &y, path, err) == -1) {
    sidecar_free (s);
    return -1;
  }
  return 0;
}

static int
append (void *opaque, unsigned char *data, size_t len)
{
  struct buffer *out = opaque;

  buffer_append (out, data, len);
  return !out->failed;
}

static bool
emit_scalar (yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
  yaml_event_t event;

  return yaml_scalar_event_initialize (&event, NULL, NULL, (const yaml_char_t *) text,
                                       (int) strlen (text), 1, 1, style) &&
         yaml_emitter_emit (emitter, &event);
}

static bool
emit_mapping (yaml_emitter_t *emitter, const char *const values[N_KEYS])
{
  yaml_event_t event;

  if (!yaml_stream_start_event_initialize (&event, YAML_UTF8_ENCODING) ||
      !yaml_emitter_emit (emitter, &event) ||
      !yaml_document_start_event_initialize (&event, NULL, NULL, NULL, 1) ||
      !yaml_emitter_emit (emitter, &event) ||
      !yaml_mapping_start_event_initialize (&event, NULL, NULL, 1,
                                            YAML_BLOCK_MAPPING_STYLE) ||
      !yaml_emitter_emit (emitter, &event))
    return false;
  for (size_t i = 0; i < N_KEYS; i++)
    if (!emit_scalar (emitter, keys[i].name, YAML_PLAIN_SCALAR_STYLE) ||
        !emit_scalar (emitter, values[i], YAML_DOUBLE_QUOTED_SCALAR_STYLE))
      return false;
  return yaml_mapping_end_event_initialize (&event) &&
         yaml_emitter_emit (emitter, &event) &&
         yaml_document_end_event_initialize (&event, 1) &&
         yaml_emitter_emit (emitter, &event) &&
         yaml_stream_end_event_initialize (&event) && yaml_emitter_emit (emitter, &event);
}

int
sidecar_write (const char *path, const char *name, const char *dedup_file,
               const char *source_dir, struct error *err)
{
  const char *const values[N_KEYS] = { name, dedup_file, source_dir };
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  yaml_emitter_t emitter;
  bool ok;

  if (!yaml_emitter_initialize (&emitter))
    return error_set (err, ENOMEM, "%s", path);
  yaml_emitter_set_output (&emitter, append, &text);
  yaml_emitter_set_unicode (&emitter, 1);
  yaml_emitter_set_width (&emitter, -1); /* no folding */
  ok = emit_mapping (&emitter, values);
  yaml_emitter_delete (&emitter);
  if (text.failed)
    return error_set (err, ENOMEM, "%s", path);
  /* Memory aside, text that is not UTF-8 is all that libyaml refuses. */
  if (!ok)
    return error_set (err, EILSEQ, "%s: a name in it cannot be written as YAML", path);
  return atomic_file_put (path, text.data, text.len, err);
}

void
sidecar_free (struct sidecar *s)
{
  free (s->name);
  free (s->dedup_file);
  free (s->source_dir);
  *s = (struct sidecar){ 0 };
}

char *
sidecar_path (const char *recipe_path)
{
  char *path;

  return asprintf (&path, "%s.yaml", recipe_path) == -1 ? NULL : path;
}
