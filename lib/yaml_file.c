/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading YAML files: see yaml_file.h.
 *
 * libyaml has no limits of its own, but loops over all that is open, named or declared: its
 * time grows with the square of nested brackets, anchors and %TAG lines; a node of one byte
 * takes 170 of memory, and one token can make two (a "?" without a key and a value).  So the
 * tokens of a file are counted before it is loaded.
 *
 * An alias costs libyaml nothing, but what it stands for is read again by us, and kept: what a
 * few bytes of a file can ask for is the product of aliases and the size of a value, or the
 * pairs of a mapping.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "path.h"
#include "whole_io.h"
#include "yaml_file.h"

#define MAX_DEPTH 64u
#define MAX_ANCHORS 64u
#define MAX_ALIASES 10000u
#define MAX_DIRECTIVES 16u
#define MAX_PREFIX 64u     /* bytes of a %TAG line that each of its tags takes */
#define BYTES_PER_TOKEN 8u /* of the largest file; a title has 15 tokens */

void
yaml_file_release (struct yaml_file *y)
{
  if (y->has_document)
    yaml_document_delete (&y->document);
  if (y->has_parser)
    yaml_parser_delete (&y->parser);
  y->has_document = y->has_parser = false;
}

/* ---- Loading */

static int
too_large (const char *path, size_t max, struct error *err)
{
  return error_set (err, 0, "%s: too large: more than %zu bytes", path, max);
}

static int
read_text (const char *path, size_t max, char **text, size_t *len, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  struct stat st;

  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode))
    return error_set (err, 0, "%s: not a regular file", path);
  if ((unsigned long long) st.st_size > max)
    return too_large (path, max, err);
  *len = (size_t) st.st_size;
  *text = malloc (*len + 1);
  if (!*text)
    return error_set (err, ENOMEM, "%s", path);
  return read_all (fd, *text, *len, 0, path, err);
}

static int
parser_failed (const struct yaml_file *y, struct error *err)
{
  return error_set (err, 0, "%s:%zu: %s", y->path, y->parser.problem_mark.line + 1,
                    y->parser.problem ? y->parser.problem : "out of memory");
}

static int
start_parser (struct yaml_file *y, const char *text, size_t len, struct error *err)
{
  yaml_file_release (y);
  y->has_parser = yaml_parser_initialize (&y->parser);
  if (!y->has_parser)
    return error_set (err, ENOMEM, "%s", y->path);
  yaml_parser_set_input_string (&y->parser, (const unsigned char *) text, len);
  return 0;
}

/* What was met in a file so far. */
struct counts {
  size_t tokens, depth, anchors, aliases, directives;
  bool has_long_prefix;
};

static void
count (struct counts *n, const yaml_token_t *token)
{
  n->tokens++;
  switch (token->type) {
  case YAML_BLOCK_SEQUENCE_START_TOKEN:
  case YAML_BLOCK_MAPPING_START_TOKEN:
  case YAML_FLOW_SEQUENCE_START_TOKEN:
  case YAML_FLOW_MAPPING_START_TOKEN:
    n->depth++;
    break;
  case YAML_BLOCK_END_TOKEN:
  case YAML_FLOW_SEQUENCE_END_TOKEN:
  case YAML_FLOW_MAPPING_END_TOKEN:
    n->depth -= n->depth > 0;
    break;
  case YAML_ANCHOR_TOKEN:
    n->anchors++;
    break;
  case YAML_ALIAS_TOKEN:
    n->aliases++;
    break;
  case YAML_TAG_DIRECTIVE_TOKEN:
    n->directives++;
    n->has_long_prefix =
      n->has_long_prefix ||
      strlen ((const char *) token->data.tag_directive.prefix) > MAX_PREFIX;
    break;
  default:
    break;
  }
}

static bool
has_too_many (const struct counts *n, size_t max_tokens)
{
  return n->tokens > max_tokens || n->depth > MAX_DEPTH || n->anchors > MAX_ANCHORS ||
         n->aliases > MAX_ALIASES || n->directives > MAX_DIRECTIVES;
}

/* What is no YAML ends it: that will be told when it is parsed. */
static int
check_counts (struct yaml_file *y, const char *text, size_t len, size_t max,
              struct error *err)
{
  struct counts n = { 0 };
  yaml_token_type_t type = YAML_NO_TOKEN;
  yaml_token_t token;

  if (start_parser (y, text, len, err) == -1)
    return -1;
  while (type != YAML_STREAM_END_TOKEN && yaml_parser_scan (&y->parser, &token)) {
    const size_t line = token.start_mark.line + 1;

    type = token.type;
    count (&n, &token);
    yaml_token_delete (&token);
    if (n.has_long_prefix)
      return error_set (err, 0, "%s:%zu: a prefix of more than %u bytes", y->path, line,
                        MAX_PREFIX);
    if (has_too_many (&n, max / BYTES_PER_TOKEN))
      return error_set (err, 0,
                        "%s:%zu: more than %u levels, %u anchors, %u aliases, "
                        "%u directives or %zu tokens",
                        y->path, line, MAX_DEPTH, MAX_ANCHORS, MAX_ALIASES,
                        MAX_DIRECTIVES, max / BYTES_PER_TOKEN);
  }
  return 0;
}

/* The one document of the text.  A second one is an error. */
static int
parse (struct yaml_file *y, const char *text, size_t len, struct error *err)
{
  yaml_document_t second;
  bool empty;

  if (start_parser (y, text, len, err) == -1)
    return -1;
  y->has_document = yaml_parser_load (&y->parser, &y->document);
  if (!y->has_document)
    return parser_failed (y, err);
  if (!yaml_document_get_root_node (&y->document))
    return error_set (err, 0, "%s: empty", y->path);
  if (!yaml_parser_load (&y->parser, &second))
    return parser_failed (y, err);
  empty = !yaml_document_get_root_node (&second);
  yaml_document_delete (&second);
  return empty ? 0 : error_set (err, 0, "%s: more than one document", y->path);
}

int
yaml_file_load (struct yaml_file *y, const char *path, size_t max, struct error *err)
{
  CLEANUP_FREE char *text = NULL;
  size_t len = 0;

  *y = (struct yaml_file){ .path = path };
  return read_text (path, max, &text, &len, err) == -1
           ? -1
           : yaml_file_parse (y, path, text, len, max, err);
}

int
yaml_file_parse (struct yaml_file *y, const char *path, const char *text, size_t len,
                 size_t max, struct error *err)
{
  const yaml_node_t *root;

  *y = (struct yaml_file){ .path = path };
  if (len > max)
    return too_large (path, max, err);
  if (check_counts (y, text, len, max, err) == -1 || parse (y, text, len, err) == -1)
    return -1;
  root = yaml_document_get_root_node (&y->document);
  return root->type == YAML_MAPPING_NODE ? 0
                                         : yaml_complain (y, root, err, "not a mapping");
}

/* ---- What is in it */

int
yaml_complain (const struct yaml_file *y, const yaml_node_t *node, struct error *err,
               const char *fmt, ...)
{
  va_list args;
  char text[sizeof err->text];

  va_start (args, fmt);
  vsnprintf (text, sizeof text, fmt, args);
  va_end (args);
  return error_set (err, 0, "%s:%zu: %s", y->path, node->start_mark.line + 1, text);
}

int
yaml_each_pair (struct yaml_file *y, const yaml_node_t *mapping, yaml_pair_fn *fn,
                void *opaque, struct error *err)
{
  const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
  int r = 0;

  for (; r == 0 && pair < mapping->data.mapping.pairs.top; pair++) {
    const yaml_node_t *key = yaml_document_get_node (&y->document, pair->key);

    if (key->type == YAML_SCALAR_NODE)
      r = fn (opaque, (const char *) key->data.scalar.value, key,
              yaml_document_get_node (&y->document, pair->value), err);
  }
  return r;
}

int
yaml_check_item (const struct yaml_file *y, const yaml_node_t *node, const char *what,
                 struct error *err)
{
  if (node->type != YAML_MAPPING_NODE)
    return yaml_complain (y, node, err, "%s that is not a mapping", what);
  if (node->data.mapping.pairs.top - node->data.mapping.pairs.start > YAML_MAX_PAIRS)
    return yaml_complain (y, node, err, "%s of more than %d pairs", what, YAML_MAX_PAIRS);
  return 0;
}

bool
yaml_is_null (const yaml_node_t *node)
{
  static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

  if (node->type != YAML_SCALAR_NODE ||
      node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return false;
  for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
    if (strcmp ((const char *) node->data.scalar.value, nulls[i]) == 0)
      return true;
  return false;
}

/* The text of a node, which it owns. */
static const char *
text_of (const struct yaml_file *y, const char *key, const yaml_node_t *node,
         struct error *err)
{
  const char *value;

  if (node->type != YAML_SCALAR_NODE || yaml_is_null (node)) {
    yaml_complain (y, node, err, "\"%s\" is not a string", key);
    return NULL;
  }
  if (node->data.scalar.length > YAML_MAX_VALUE) {
    yaml_complain (y, node, err, "\"%s\" is longer than %d bytes", key, YAML_MAX_VALUE);
    return NULL;
  }
  value = (const char *) node->data.scalar.value;
  if (*value == '\0' || strlen (value) != node->data.scalar.length) {
    yaml_complain (y, node, err, "\"%s\" is %s", key,
                   *value == '\0' ? "empty" : "cut by a NUL");
    return NULL;
  }
  return value;
}

char *
yaml_string (const struct yaml_file *y, const char *key, const yaml_node_t *value,
             struct error *err)
{
  const char *text = text_of (y, key, value, err);
  char *copy = text ? strdup (text) : NULL;

  if (text && !copy)
    error_set (err, ENOMEM, "%s", y->path);
  return copy;
}

char *
yaml_path (const struct yaml_file *y, const char *key, const yaml_node_t *value,
           struct error *err)
{
  const char *text = text_of (y, key, value, err);
  char *path;

  if (!text)
    return NULL;
  if (*text == '/')
    path = strdup (text);
  else if (asprintf (&path, "%.*s%s", (int) (path_base (y->path) - y->path), y->path,
                     text) == -1)
    path = NULL;
  if (!path)
    error_set (err, ENOMEM, "%s", y->path);
  return path;
}

int
yaml_size (const struct yaml_file *y, const char *key, const yaml_node_t *value,
           uint64_t *size, struct error *err)
{
  const char *text = text_of (y, key, value, err);
  char *end;

  if (!text)
    return -1;
  errno = 0;
  *size = strtoull (text, &end, 10);
  if (errno != 0 || *end != '\0' || *text < '0' || *text > '9')
    return yaml_complain (y, value, err, "\"%s\" is not a number of bytes", key);
  return 0;
}
