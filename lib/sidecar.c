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

#include "cleanup.h"
#include "file_id.h"
#include "path.h"
#include "sidecar.h"
#include "whole_io.h"
#include "yaml_file.h"
#include "yaml_out.h"

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

int
sidecar_write (struct atomic_file *f, const char *path, const struct sidecar *s,
               struct error *err)
{
  const char *const values[N_KEYS] = { s->name, s->dedup_file, s->source_dir };
  __attribute__ ((cleanup (yaml_out_release))) struct yaml_out y;
  CLEANUP_SIDECAR struct sidecar again = { .name = NULL };
  char size[24];

  *f = (struct atomic_file) ATOMIC_FILE_INIT;
  if (yaml_out_begin (&y, err) == -1)
    return error_context (err, "%s", path);
  yaml_out_mapping (&y);
  for (size_t i = 0; i < N_KEYS; i++) {
    yaml_out_plain (&y, keys[i].name);
    yaml_out_quoted (&y, values[i]);
  }
  snprintf (size, sizeof size, "%" PRIu64, s->image_size);
  yaml_out_plain (&y, IMAGE_SIZE);
  yaml_out_plain (&y, size);
  yaml_out_end_mapping (&y);
  if (yaml_out_finish (&y, err) == -1)
    return error_context (err, "%s", path);
  /* Of what libyaml writes it does not read all again. */
  if (sidecar_parse (&again, path, (const char *) y.text.data, y.text.len, err) == -1)
    return -1;
  if (atomic_file_open (f, path, err) == -1)
    return -1;
  return write_all (f->fd, y.text.data, y.text.len, 0, path, err);
}

void
sidecar_free (struct sidecar *s)
{
  free (s->name);
  free (s->dedup_file);
  free (s->source_dir);
  *s = (struct sidecar){ 0 };
}

int
sidecar_check_place (const char *path, const char *recipe, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar there = { .name = NULL };
  struct error ignored = ERROR_INIT;

  if (is_absent (path))
    return 0;
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
