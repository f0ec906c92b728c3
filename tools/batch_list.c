/* SPDX-License-Identifier: BSD-3-Clause */
/* What a batch is to do: see batch_list.h. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "batch_list.h"
#include "cleanup.h"
#include "globs.h"
#include "path.h"
#include "tree.h"
#include "yaml_file.h"

/* Some 10,000 entries of a manifest. */
#define MAX_MANIFEST ((size_t) 8 << 20)

/* ---- Names */

static const char *
extension (const char *path)
{
  const char *base = path_base (path);
  const char *dot = strrchr (base, '.');

  return dot && dot != base ? dot : base + strlen (base);
}

static bool
is_mkv (const char *path)
{
  static const char *const extensions[] = { ".mkv", ".mk3d", ".mka", ".mks", ".webm" };

  for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
    if (strcasecmp (extension (path), extensions[i]) == 0)
      return true;
  return false;
}

static bool
is_manifest (const char *path)
{
  return strcasecmp (extension (path), ".yaml") == 0 ||
         strcasecmp (extension (path), ".yml") == 0;
}

char *
recipe_name_of (const char *mkv)
{
  char *name;

  return asprintf (&name, "%.*s.mkvdup", (int) (extension (mkv) - mkv), mkv) == -1 ? NULL
                                                                                   : name;
}

/* ---- The list */

static void
entry_free (struct batch_entry *e)
{
  free (e->mkv);
  free (e->recipe);
  free (e->name);
  free (e->source);
}

/* Takes the strings over, also when it fails. */
static int
add (struct batch_list *list, struct batch_entry *e, struct error *err)
{
  struct stat st;

  if (list->n == list->cap) {
    size_t cap = list->cap ? 2 * list->cap : 16;
    struct batch_entry *more = reallocarray (list->entries, cap, sizeof *more);

    if (!more) {
      entry_free (e);
      return error_set (err, ENOMEM, "a batch of %zu", cap);
    }
    list->entries = more;
    list->cap = cap;
  }
  e->size = stat (e->mkv, &st) == 0 ? (uint64_t) st.st_size : 0;
  list->entries[list->n++] = *e;
  return 0;
}

void
batch_list_free (struct batch_list *list)
{
  for (size_t i = 0; i < list->n; i++)
    entry_free (&list->entries[i]);
  free (list->entries);
  *list = (struct batch_list){ 0 };
}

/* ---- Folders and MKVs */

struct folder {
  struct batch_list *list;
  const char *path, *out;
};

/* `mkv`, whose recipe is called as its name from `name` on is. */
static int
add_mkv (struct batch_list *list, const char *mkv, const char *name, const char *out,
         struct error *err)
{
  struct batch_entry e = { .mkv = strdup (mkv) };
  CLEANUP_FREE char *recipe = recipe_name_of (out ? name : mkv);

  if (recipe && !out)
    e.recipe = take_ptr (&recipe);
  else if (recipe && asprintf (&e.recipe, "%s/%s", out, recipe) == -1)
    e.recipe = NULL;
  if (e.mkv && e.recipe)
    return add (list, &e, err);
  entry_free (&e);
  return error_set (err, ENOMEM, "%s", mkv);
}

static int
take_file (void *opaque, const char *path, struct error *err)
{
  const struct folder *f = opaque;
  const char *name = path + strlen (f->path);

  name += strspn (name, "/");
  return is_mkv (path) ? add_mkv (f->list, path, name, f->out, err) : 0;
}

/* What cannot be read might hold an MKV that is believed to be done. */
static int
refuse_folder (void *err, const struct error *why)
{
  *(struct error *) err = *why;
  return -1;
}

static int
note_recipe (void *found, const char *path, struct error *err)
{
  (void) err;
  if (path_without (path, ".mkvdup") > 0)
    *(bool *) found = true;
  return 0;
}

/* Without MKVs: all may have been deleted when their recipes were made; without recipes it may be
 * the wrong folder.
 */
static int
check_emptied (const char *path, const char *recipes, struct error *err)
{
  bool found = false;
  const struct globs_calls calls = {
    .file = note_recipe, .opaque = &found, .unreadable = refuse_folder, .watcher = err
  };

  if (globs_below (recipes, &calls, err) == -1)
    return -1;
  return found ? 0
               : error_set (err, 0, "%s: has no MKVs, and there are no recipes in %s",
                            path, recipes);
}

static int
add_folder (struct batch_list *list, const char *path, const char *out, struct error *err)
{
  struct folder f = { list, path, out };
  const struct globs_calls calls = {
    .file = take_file, .opaque = &f, .unreadable = refuse_folder, .watcher = err
  };
  size_t before = list->n;

  if (globs_below (path, &calls, err) == -1)
    return -1;
  return list->n > before ? 0 : check_emptied (path, out ? out : path, err);
}

/* ---- Manifests */

struct manifest {
  struct yaml_file yaml;
  struct batch_list *list;
  char *source; /* of those that name none; owned */
  const yaml_node_t *files;
  struct batch_entry entry; /* being read */
};

static int
set_once (struct manifest *m, char **to, const char *key, const yaml_node_t *value,
          bool is_path, struct error *err)
{
  if (*to)
    return yaml_complain (&m->yaml, value, err, "\"%s\" is given twice", key);
  *to = is_path ? yaml_path (&m->yaml, key, value, err)
                : yaml_string (&m->yaml, key, value, err);
  return *to ? 0 : -1;
}

static int
set_priority (struct manifest *m, const char *key, const yaml_node_t *value,
              struct error *err)
{
  CLEANUP_FREE char *text = yaml_string (&m->yaml, key, value, err);
  char *end;

  if (!text)
    return -1;
  errno = 0;
  m->entry.priority = strtoll (text, &end, 10);
  if (errno != 0 || end == text || *end != '\0')
    return yaml_complain (&m->yaml, value, err, "\"priority\" is not a whole number");
  return 0;
}

/* As in the Go program: a name without extension is an MKV's.  Checked as the server would. */
static int
set_name (struct manifest *m, const char *key, const yaml_node_t *value,
          struct error *err)
{
  struct error why = ERROR_INIT;
  char *whole;

  if (set_once (m, &m->entry.name, key, value, false, err) == -1)
    return -1;
  if (!is_mkv (m->entry.name)) {
    if (asprintf (&whole, "%s.mkv", m->entry.name) == -1)
      return error_set (err, ENOMEM, "%s", m->yaml.path);
    free (m->entry.name);
    m->entry.name = whole;
  }
  if (tree_check_name (m->entry.name, &why) == -1)
    return yaml_complain (&m->yaml, value, err, "%s", why.text);
  return 0;
}

static int
take_file_pair (void *opaque, const char *key, const yaml_node_t *key_node,
                const yaml_node_t *value, struct error *err)
{
  struct manifest *m = opaque;

  if (strcmp (key, "mkv") == 0)
    return set_once (m, &m->entry.mkv, key, value, true, err);
  if (strcmp (key, "output") == 0)
    return set_once (m, &m->entry.recipe, key, value, true, err);
  if (strcmp (key, "source_dir") == 0)
    return set_once (m, &m->entry.source, key, value, true, err);
  if (strcmp (key, "name") == 0)
    return set_name (m, key, value, err);
  if (strcmp (key, "priority") == 0)
    return set_priority (m, key, value, err);
  return yaml_complain (&m->yaml, key_node, err, "\"%s\" is no key of a file", key);
}

/* What it does not say itself. */
static int
complete_entry (struct manifest *m, const yaml_node_t *node, struct error *err)
{
  struct batch_entry *e = &m->entry;

  if (!e->mkv)
    return yaml_complain (&m->yaml, node, err, "\"mkv\" is missing");
  if (!e->recipe)
    e->recipe = recipe_name_of (e->mkv);
  if (!e->source && m->source)
    e->source = strdup (m->source);
  if (!e->recipe || (m->source && !e->source))
    return error_set (err, ENOMEM, "%s", e->mkv);
  return 0;
}

static int
add_entry (struct manifest *m, const yaml_node_t *node, struct error *err)
{
  m->entry = (struct batch_entry){ .mkv = NULL };
  if (yaml_check_item (&m->yaml, node, "a file", err) == 0 &&
      yaml_each_pair (&m->yaml, node, take_file_pair, m, err) == 0 &&
      complete_entry (m, node, err) == 0)
    return add (m->list, &m->entry, err);
  entry_free (&m->entry);
  return -1;
}

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct manifest *m = opaque;

  if (strcmp (key, "source_dir") == 0)
    return set_once (m, &m->source, key, value, true, err);
  if (strcmp (key, "files") != 0)
    return yaml_complain (&m->yaml, key_node, err, "\"%s\" is no key of a manifest", key);
  if (m->files)
    return yaml_complain (&m->yaml, value, err, "\"files\" is given twice");
  m->files = value;
  return 0;
}

static int
read_manifest (struct manifest *m, const char *path, struct error *err)
{
  if (yaml_file_load (&m->yaml, path, MAX_MANIFEST, err) == -1 ||
      yaml_each_pair (&m->yaml, yaml_document_get_root_node (&m->yaml.document),
                      take_pair, m, err) == -1)
    return -1;
  if (!m->files || m->files->type != YAML_SEQUENCE_NODE ||
      m->files->data.sequence.items.start == m->files->data.sequence.items.top)
    return error_set (err, 0, "%s: \"files\" is missing, or no list with something in it",
                      path);
  for (const yaml_node_item_t *i = m->files->data.sequence.items.start;
       i < m->files->data.sequence.items.top; i++)
    if (add_entry (m, yaml_document_get_node (&m->yaml.document, *i), err) == -1)
      return -1;
  return 0;
}

static int
add_manifest (struct batch_list *list, const char *path, struct error *err)
{
  struct manifest m = { .list = list };
  int r = read_manifest (&m, path, err);

  yaml_file_release (&m.yaml);
  free (m.source);
  return r;
}

int
batch_list_add (struct batch_list *list, const char *operand, const char *out,
                struct error *err)
{
  struct stat st;

  if (stat (operand, &st) == -1) {
    /* Perhaps its recipe was made, and it was deleted, before a batch was cut off. */
    if (errno == ENOENT && is_mkv (operand))
      return add_mkv (list, operand, path_base (operand), out, err);
    return error_set (err, errno, "%s", operand);
  }
  if (S_ISDIR (st.st_mode))
    return add_folder (list, operand, out, err);
  if (is_manifest (operand) && out)
    return error_set (err, 0, "%s: says itself where recipes go: --output is not for it",
                      operand);
  if (is_manifest (operand))
    return add_manifest (list, operand, err);
  return add_mkv (list, operand, path_base (operand), out, err);
}
