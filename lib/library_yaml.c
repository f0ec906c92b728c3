/* SPDX-License-Identifier: BSD-3-Clause */
/* YAML files of a library: see library_yaml.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "library_yaml.h"

/* A mapping being read: the file's own, or that of one virtual file. */
struct reading {
  struct yaml_file *yaml;
  const struct library_yaml_calls *calls;
  struct title title; /* as far as it was given */
  struct library_look look;
  const yaml_node_t *includes, *virtual_files, *hook;
  const yaml_node_t *first; /* key that makes it a title */
};

static void
free_title (struct title *t)
{
  free (t->name);
  free (t->recipe);
  free (t->source_dir);
  free (t->yaml);
}

/* ---- Values */

static int
set_string (struct reading *r, char **to, const char *key, const yaml_node_t *value,
            bool is_path, struct error *err)
{
  if (*to)
    return yaml_complain (r->yaml, value, err, "\"%s\" is given twice", key);
  *to = is_path ? yaml_path (r->yaml, key, value, err)
                : yaml_string (r->yaml, key, value, err);
  return *to ? 0 : -1;
}

static int
set_number (struct reading *r, uint32_t *to, const char *key, const yaml_node_t *value,
            int base, unsigned long max, struct error *err)
{
  CLEANUP_FREE char *text = yaml_string (r->yaml, key, value, err);
  const char *digits = text;
  unsigned long number;
  char *end;

  if (!text)
    return -1;
  /* YAML 1.2 writes octal as 0o644, its forerunners as 0644. */
  if (base == 8 && strncmp (text, "0o", 2) == 0)
    digits += 2;
  errno = 0;
  number = strtoul (digits, &end, base);
  if (errno != 0 || *end != '\0' || *digits < '0' || *digits > '9' || number > max)
    return yaml_complain (r->yaml, value, err, "\"%s\" is not a number from 0 to %lu%s",
                          key, base == 8 ? 7777 : max, base == 8 ? ", octal" : "");
  *to = (uint32_t) number;
  return 0;
}

static int
set_node (const struct reading *r, const yaml_node_t **to, const char *key,
          const yaml_node_t *value, struct error *err)
{
  if (*to)
    return yaml_complain (r->yaml, value, err, "\"%s\" is given twice", key);
  *to = value;
  return 0;
}

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct reading *r = opaque;
  bool is_title = true;
  int result = 0;

  if (strcmp (key, "name") == 0)
    result = set_string (r, &r->title.name, key, value, false, err);
  else if (strcmp (key, "dedup_file") == 0)
    result = set_string (r, &r->title.recipe, key, value, true, err);
  else if (strcmp (key, "source_dir") == 0)
    result = set_string (r, &r->title.source_dir, key, value, true, err);
  else
    is_title = false;
  if (is_title && !r->first)
    r->first = key_node;
  if (strcmp (key, "image_size") == 0)
    result = yaml_size (r->yaml, key, value, &r->title.size, err);
  if (strcmp (key, "uid") == 0)
    result = set_number (r, &r->look.uid, key, value, 10, UINT32_MAX - 1, err);
  else if (strcmp (key, "gid") == 0)
    result = set_number (r, &r->look.gid, key, value, 10, UINT32_MAX - 1, err);
  else if (strcmp (key, "file_mode") == 0)
    result = set_number (r, &r->look.file_mode, key, value, 8, 07777, err);
  else if (strcmp (key, "dir_mode") == 0)
    result = set_number (r, &r->look.folder_mode, key, value, 8, 07777, err);
  else if (strcmp (key, "includes") == 0)
    result = set_node (r, &r->includes, key, value, err);
  else if (strcmp (key, "virtual_files") == 0)
    result = set_node (r, &r->virtual_files, key, value, err);
  else if (strcmp (key, "on_error_command") == 0)
    result = set_node (r, &r->hook, key, value, err);
  return result;
}

/* ---- Titles */

static int
check_title (const struct reading *r, struct error *err)
{
  const char *missing = !r->title.name         ? "name"
                        : !r->title.recipe     ? "dedup_file"
                        : !r->title.source_dir ? "source_dir"
                                               : NULL;

  if (missing)
    return yaml_complain (r->yaml, r->first, err, "a title without \"%s\"", missing);
  if (tree_check_name (r->title.name, err) == 0)
    return 0;
  return yaml_complain (r->yaml, r->first, err, "%s", err->text);
}

/* Hand over what was read, if it is good. */
static int
finish_title (struct reading *r, struct error *err)
{
  struct error why = ERROR_INIT;

  if (check_title (r, &why) == -1) {
    r->calls->problem (r->calls->opaque, &why);
    return 0;
  }
  r->title.stat = (struct tree_stat){ .mode = r->look.file_mode,
                                      .uid = r->look.uid,
                                      .gid = r->look.gid };
  return r->calls->title (r->calls->opaque, &r->title, err);
}

/* An item of `virtual_files`. */
static int
read_virtual_file (const struct reading *file, const yaml_node_t *item, struct error *err)
{
  struct reading r = {
    .yaml = file->yaml, .calls = file->calls, .look = file->look, .first = item
  };
  struct error why = ERROR_INIT;
  int result = 0;

  if (yaml_check_item (r.yaml, item, "a virtual file", &why) == -1 ||
      yaml_each_pair (r.yaml, item, take_pair, &r, &why) == -1)
    r.calls->problem (r.calls->opaque, &why);
  else
    result = finish_title (&r, err);
  free_title (&r.title);
  return result;
}

/* ---- Lists */

typedef int item_fn (const struct reading *r, const yaml_node_t *item, struct error *err);

static int
each_item (const struct reading *r, const yaml_node_t *list, item_fn *fn,
           struct error *err)
{
  const yaml_node_item_t *item = list->data.sequence.items.start;
  int result = 0;

  for (; result == 0 && item < list->data.sequence.items.top; item++)
    result = fn (r, yaml_document_get_node (&r->yaml->document, *item), err);
  return result;
}

static int
read_include (const struct reading *r, const yaml_node_t *item, struct error *err)
{
  struct error why = ERROR_INIT;
  CLEANUP_FREE char *pattern = yaml_string (r->yaml, "includes", item, &why);

  if (pattern)
    return r->calls->include (r->calls->opaque, pattern, &r->look, err);
  r->calls->problem (r->calls->opaque, &why);
  return 0;
}

/* A list, or nothing (null). */
static int
read_list (const struct reading *r, const char *key, const yaml_node_t *list, item_fn *fn,
           struct error *err)
{
  struct error why = ERROR_INIT;

  if (!list || yaml_is_null (list))
    return 0;
  if (list->type == YAML_SEQUENCE_NODE)
    return each_item (r, list, fn, err);
  yaml_complain (r->yaml, list, &why, "\"%s\" is not a list", key);
  if (r->calls->hook) {
    *err = why;
    return -1;
  }
  r->calls->problem (r->calls->opaque, &why);
  return 0;
}

/* ---- The hook */

/* Who may write a file that was only found is not to run programs. */
static int
read_hook (const struct reading *r, struct error *err)
{
  CLEANUP_HOOK_SETTINGS struct hook_settings hook = { 0 };
  struct error why = ERROR_INIT;

  if (!r->calls->hook) {
    yaml_complain (r->yaml, r->hook, &why,
                   "\"on_error_command\" counts only in a file that library= names, and "
                   "not where one is included or found");
    r->calls->problem (r->calls->opaque, &why);
    return 0;
  }
  if (library_hook_read (r->yaml, r->hook, &hook, err) == -1)
    return -1;
  if (hook.command)
    r->calls->hook (r->calls->opaque, &hook);
  return 0;
}

/* ---- Files */

/* Ends with 1 at a key that makes a file one of a library. */
static int
names_titles (void *opaque, const char *key, const yaml_node_t *key_node,
              const yaml_node_t *value, struct error *err)
{
  (void) opaque, (void) key_node, (void) value, (void) err;
  return strcmp (key, "dedup_file") == 0 || strcmp (key, "virtual_files") == 0 ||
         strcmp (key, "includes") == 0;
}

int
library_yaml_read (const char *path, struct library_look *look,
                   const struct library_yaml_calls *calls, bool *is_library,
                   struct error *err)
{
  CLEANUP_YAML_FILE struct yaml_file yaml = { 0 };
  struct reading r = { .yaml = &yaml, .calls = calls, .look = *look };
  const yaml_node_t *root;
  int result;

  *is_library = false;
  if (yaml_file_load (&yaml, path, LIBRARY_MAX_YAML, err) == -1)
    return -1;
  root = yaml_document_get_root_node (&yaml.document);
  /* Others' files mean what they like with our other keys. */
  *is_library = yaml_each_pair (&yaml, root, names_titles, NULL, err) == 1;
  if (!*is_library)
    return 0;
  result = yaml_each_pair (&yaml, root, take_pair, &r, err);
  if (result == 0 && r.hook)
    result = read_hook (&r, err);
  if (result == 0)
    *look = r.look;
  if (result == 0 && r.first)
    result = finish_title (&r, err);
  if (result == 0)
    result = read_list (&r, "virtual_files", r.virtual_files, read_virtual_file, err);
  if (result == 0)
    result = read_list (&r, "includes", r.includes, read_include, err);
  free_title (&r.title);
  return result;
}
