/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing sidecars with libyaml: see sidecar.h.
 *
 * Values are always written double-quoted.  libyaml would leave a film called
 * "1917" or "null" plain, and other readers would take it for a number or nothing.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "buffer.h"
#include "cleanup.h"
#include "file_id.h"
#include "path.h"
#include "sidecar.h"
#include "whole_io.h"
#include "yaml_file.h"

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

static const struct key *
find_key (const char *name)
{
  for (size_t i = 0; i < N_KEYS; i++)
    if (strcmp (name, keys[i].name) == 0)
      return &keys[i];
  return NULL;
}

#define IMAGE_SIZE "image_size"

/* A sidecar being read. */
struct reading {
  struct yaml_file yaml;
  struct sidecar *sidecar;
};

static int
take_value (void *opaque, const char *name, const yaml_node_t *key_node,
            const yaml_node_t *value, struct error *err)
{
  struct reading *r = opaque;
  const struct key *key = find_key (name);
  char **to = key ? key_value (r->sidecar, key) : NULL;

  if (strcmp (name, IMAGE_SIZE) == 0)
    return yaml_size (&r->yaml, name, value, &r->sidecar->image_size, err);
  if (!key)
    return 0;
  if (*to)
    return yaml_complain (&r->yaml, key_node, err, "\"%s\" is given twice", name);
  *to = key->is_path ? yaml_path (&r->yaml, name, value, err)
                     : yaml_string (&r->yaml, name, value, err);
  return *to ? 0 : -1;
}

static int
take_values (struct reading *r, struct error *err)
{
  const yaml_node_t *root = yaml_document_get_root_node (&r->yaml.document);

  if (yaml_each_pair (&r->yaml, root, take_value, r, err) == -1)
    return -1;
  for (size_t i = 0; i < N_KEYS; i++)
    if (!*key_value (r->sidecar, &keys[i]))
      return error_set (err, 0, "%s: \"%s\" is missing", r->yaml.path, keys[i].name);
  return 0;
}

/* What was loaded, or not. */
static int
finish_reading (struct reading *reading, int r, struct error *err)
{
  *reading->sidecar = (struct sidecar){ 0 };
  if (r == 0)
    r = take_values (reading, err);
  yaml_file_release (&reading->yaml);
  if (r == -1)
    sidecar_free (reading->sidecar);
  return r;
}

int
sidecar_read (struct sidecar *s, const char *path, struct error *err)
{
  struct reading reading = { .sidecar = s };
  int r = yaml_file_load (&reading.yaml, path, SIDECAR_MAX_FILE, err);

  return finish_reading (&reading, r, err);
}

int
sidecar_parse (struct sidecar *s, const char *path, const char *text, size_t len,
               struct error *err)
{
  struct reading reading = { .sidecar = s };
  int r = yaml_file_parse (&reading.yaml, path, text, len, SIDECAR_MAX_FILE, err);

  return finish_reading (&reading, r, err);
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
emit_size (yaml_emitter_t *emitter, uint64_t size)
{
  char text[24];

  snprintf (text, sizeof text, "%" PRIu64, size);
  return emit_scalar (emitter, IMAGE_SIZE, YAML_PLAIN_SCALAR_STYLE) &&
         emit_scalar (emitter, text, YAML_PLAIN_SCALAR_STYLE);
}

static bool
emit_mapping (yaml_emitter_t *emitter, const char *const values[N_KEYS], uint64_t size)
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
  return emit_size (emitter, size) && yaml_mapping_end_event_initialize (&event) &&
         yaml_emitter_emit (emitter, &event) &&
         yaml_document_end_event_initialize (&event, 1) &&
         yaml_emitter_emit (emitter, &event) &&
         yaml_stream_end_event_initialize (&event) && yaml_emitter_emit (emitter, &event);
}

int
sidecar_write (struct atomic_file *f, const char *path, const struct sidecar *s,
               struct error *err)
{
  const char *const values[N_KEYS] = { s->name, s->dedup_file, s->source_dir };
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  yaml_emitter_t emitter;
  bool ok;

  *f = (struct atomic_file) ATOMIC_FILE_INIT;
  if (!yaml_emitter_initialize (&emitter))
    return error_set (err, ENOMEM, "%s", path);
  yaml_emitter_set_output (&emitter, append, &text);
  yaml_emitter_set_unicode (&emitter, 1);
  yaml_emitter_set_width (&emitter, -1); /* no folding */
  ok = emit_mapping (&emitter, values, s->image_size);
  yaml_emitter_delete (&emitter);
  if (text.failed)
    return error_set (err, ENOMEM, "%s", path);
  /* Memory aside, text that is not UTF-8 is all that libyaml refuses. */
  if (!ok)
    return error_set (err, EILSEQ, "%s: a name in it cannot be written as YAML", path);
  if (atomic_file_open (f, path, err) == -1)
    return -1;
  return write_all (f->fd, text.data, text.len, 0, path, err);
}

void
sidecar_free (struct sidecar *s)
{
  free (s->name);
  free (s->dedup_file);
  free (s->source_dir);
  *s = (struct sidecar){ 0 };
}

/* Do two paths name one place, whether or not there is a file? */
static bool
same_place (const char *a, const char *b)
{
  CLEANUP_FREE char *folder_a = path_folder (a);
  CLEANUP_FREE char *folder_b = path_folder (b);

  return folder_a && folder_b && strcmp (path_base (a), path_base (b)) == 0 &&
         same_file (folder_a, folder_b);
}

int
sidecar_check_place (const char *path, const char *recipe, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar there = { .name = NULL };
  struct error ignored = ERROR_INIT;

  if (access (path, F_OK) == -1)
    return errno == ENOENT ? 0 : error_set (err, errno, "%s", path);
  if (sidecar_read (&there, path, &ignored) == 0 &&
      (same_file (there.dedup_file, recipe) || same_place (there.dedup_file, recipe)))
    return 0;
  return error_set (
    err, 0, "%s: exists and is not the sidecar of %s: not replaced without --force", path,
    recipe);
}

char *
sidecar_path (const char *recipe_path)
{
  char *path;

  return asprintf (&path, "%s.yaml", recipe_path) == -1 ? NULL : path;
}
