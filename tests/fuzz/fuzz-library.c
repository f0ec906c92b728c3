/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a YAML file of a library, and as a sidecar: refused with a message, or titles
 * with good names; the patterns that it includes, below a small folder of our own: what they name
 * is there; and edited: it is as it was but for the value, or it is told that it is not.
 */
#include "config.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "cleanup.h"
#include "globs.h"
#include "library_yaml.h"
#include "sidecar.h"
#include "yaml_edit.h"
#include "yaml_file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const struct library_look look = { 1, 2, 0444, 0555 };

/* What was told of a file. */
struct told {
  const char *path;
  size_t n;        /* titles, patterns and problems */
  size_t expanded; /* patterns */
};

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_look (uint32_t uid, uint32_t gid, uint32_t mode)
{
  require (uid < UINT32_MAX && gid < UINT32_MAX && mode <= 07777);
}

static int
on_title (void *opaque, struct title *t, struct error *err)
{
  struct told *told = opaque;

  require (tree_check_name (t->name, err) == 0);
  require (t->recipe[0] == '/' && t->source_dir[0] == '/');
  check_look (t->stat.uid, t->stat.gid, t->stat.mode);
  free (t->name);
  free (t->recipe);
  free (t->source_dir);
  *t = (struct title){ 0 };
  told->n++;
  return 0;
}

/* ---- Patterns */

/* So many of one file are expanded. */
#define MOST_PATTERNS 4

/* A folder for them, made once … */
static char folder[] = "/tmp/fuzz-library.XXXXXX";
static bool has_folder;

/* … of these, … */
static const char *const things[] = { /* names that end with "/" are folders */
                                      "a.yaml", "b.yml",  ".hidden",     "[x].yaml",
                                      "*",      "d/",     "d/a.yaml",    "d/e/",
                                      "d/e/c",  ".dots/", ".dots/a.yaml"
};
#define N_THINGS (sizeof things / sizeof things[0])

/* … a link to itself, and one to nothing. */
static const char *const links[][2] = { { ".", "loop" }, { "gone", "d/nothing" } };
#define N_LINKS (sizeof links / sizeof links[0])

/* What folders have, at most, and how many there are. */
#define MOST_NAMES (N_THINGS + N_LINKS)
#define N_FOLDERS 4u

static void
remove_folder (void)
{
  int at = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

  for (size_t i = 0; i < N_LINKS; i++)
    unlinkat (at, links[i][1], 0);
  for (size_t i = N_THINGS; i-- > 0;)
    unlinkat (at, things[i], things[i][strlen (things[i]) - 1] == '/' ? AT_REMOVEDIR : 0);
  close (at);
  rmdir (folder);
}

static void
make_folder (void)
{
  int at;

  require (mkdtemp (folder) != NULL);
  atexit (remove_folder);
  at = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < N_THINGS; i++)
    if (things[i][strlen (things[i]) - 1] == '/')
      require (mkdirat (at, things[i], 0755) == 0);
    else
      require (mknodat (at, things[i], S_IFREG | 0644, 0) == 0);
  for (size_t i = 0; i < N_LINKS; i++)
    require (symlinkat (links[i][0], at, links[i][1]) == 0);
  close (at);
}

/* What was told of a pattern. */
struct expanded {
  size_t files, folders;
};

static void
check_below (const char *path)
{
  size_t len = strlen (folder);

  require (strncmp (path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

static int
on_file (void *opaque, const char *path, struct error *err)
{
  struct expanded *x = opaque;
  struct stat st;

  (void) err;
  check_below (path);
  require (lstat (path, &st) == 0 && !S_ISDIR (st.st_mode));
  require (stat (path, &st) == -1 || !S_ISDIR (st.st_mode));
  x->files++;
  return 0;
}

static int
on_folder (void *watcher, const char *path, struct error *err)
{
  struct expanded *x = watcher;

  (void) err;
  check_below (path);
  x->folders++;
  return 0;
}

static int
on_unreadable (void *watcher, const struct error *why)
{
  (void) watcher;
  require (why->text[0] != '\0');
  return 0;
}

/* What a pattern is of: parts between slashes. */
struct parts {
  size_t n, plain; /* of all, those that are names */
  bool lead_out;
};

static struct parts
parts_of (const char *pattern)
{
  struct parts parts = { 0 };

  for (const char *p = pattern; *p; p += strspn (p, "/")) {
    size_t len = strcspn (p, "/");

    parts.n++;
    parts.plain += strcspn (p, "*?[\\") >= len;
    parts.lead_out = parts.lead_out || (len == 2 && strncmp (p, "..", 2) == 0);
    p += len;
  }
  return parts;
}

static void
try_pattern (const char *pattern)
{
  struct expanded x = { 0 };
  const struct globs_calls calls = { on_file, &x, on_folder, on_unreadable, &x, false };
  struct error err = ERROR_INIT;
  struct parts parts;

  if (!has_folder)
    make_folder ();
  has_folder = true;
  pattern += strspn (pattern, "/");
  parts = parts_of (pattern);
  if (parts.lead_out)
    return;
  require (globs_expand (folder, pattern, &calls, &err) == 0);
  require (x.files <= x.folders * MOST_NAMES);
  /* None is read for a part twice; behind "**" one is added. */
  require (parts.plain || x.folders <= N_FOLDERS * (parts.n + 1));
}

/* ---- Files */

static int
on_include (void *opaque, const char *pattern, const struct library_look *own,
            struct error *err)
{
  struct told *told = opaque;

  (void) err;
  require (pattern[0] != '\0');
  check_look (own->uid, own->gid, own->file_mode);
  if (told->expanded++ < MOST_PATTERNS)
    try_pattern (pattern);
  told->n++;
  return 0;
}

/* All messages say which file. */
static void
check_message (const struct told *told, const struct error *err)
{
  size_t len = strlen (told->path);

  require (strncmp (err->text, told->path, len) == 0 && err->text[len] == ':');
}

static void
on_problem (void *opaque, const struct error *why)
{
  struct told *told = opaque;

  check_message (told, why);
  told->n++;
}

/* Within the bounds that calls rely on. */
static void
on_hook (void *opaque, struct hook_settings *hook)
{
  struct told *told = opaque;
  struct error err = ERROR_INIT;

  require (hook->command && hook->command[0] && hook->command[0][0]);
  require (hook_settings_check (hook, &err) == 0);
  require (hook->timeout_ms > 0 && hook->batch_ms >= 0 && hook->repeat_ms >= 0);
  told->n++;
}

static void
try_library (const char *path, bool is_named)
{
  struct told told = { .path = path };
  const struct library_yaml_calls calls = { on_title, on_include, on_problem,
                                            is_named ? on_hook : NULL, &told };
  struct library_look own = look;
  struct error err = ERROR_INIT;
  bool is_library = false;

  if (library_yaml_read (path, &own, &calls, &is_library, &err) == -1)
    check_message (&told, &err);
  else
    require (is_library || told.n == 0);
  check_look (own.uid, own.gid, own.file_mode);
  check_look (own.uid, own.gid, own.folder_mode);
}

static void
try_sidecar (const char *path)
{
  const struct told told = { .path = path };
  CLEANUP_SIDECAR struct sidecar s = { 0 };
  struct error err = ERROR_INIT;

  if (sidecar_read (&s, path, &err) == -1) {
    check_message (&told, &err);
    require (!s.name && !s.dedup_file && !s.source_dir);
  }
  else
    require (s.name[0] && s.dedup_file[0] == '/' && s.source_dir[0] == '/');
}

/* ---- Editing */

/* A text's pairs, the one that is edited aside. */
struct pairs {
  const char *key;
  char *value; /* owned; of the key's last */
  size_t n;
  struct buffer others; /* owned */
};

static void
release_pairs (struct pairs *p)
{
  free (p->value);
  buffer_free (&p->others);
}

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct pairs *p = opaque;
  bool is_scalar = value->type == YAML_SCALAR_NODE;

  (void) key_node;
  (void) err;
  p->n++;
  if (strcmp (key, p->key) == 0) {
    free (p->value);
    p->value = is_scalar ? strdup ((const char *) value->data.scalar.value) : NULL;
    return 0;
  }
  buffer_append (&p->others, key, strlen (key) + 1);
  if (is_scalar)
    buffer_append (&p->others, value->data.scalar.value, value->data.scalar.length);
  else
    buffer_u8 (&p->others, (uint8_t) value->type);
  return 0;
}

static bool
read_pairs (struct pairs *p, const char *key, const struct buffer *text)
{
  CLEANUP_YAML_FILE struct yaml_file yaml;
  struct error err = ERROR_INIT;

  *p = (struct pairs){ .key = key };
  if (yaml_file_parse (&yaml, "text", (const char *) text->data, text->len,
                       SIDECAR_MAX_FILE, &err) == -1)
    return false;
  yaml_each_pair (&yaml, yaml_document_get_root_node (&yaml.document), take_pair, p,
                  &err);
  return true;
}

/* Where there are anchors or tags, who edits has to see what came of it. */
static bool
is_plain (const struct buffer *text)
{
  return !memchr (text->data, '&', text->len) && !memchr (text->data, '!', text->len);
}

static void
check_edited (const struct buffer *old, const struct buffer *text, const char *key,
              const char *value)
{
  __attribute__ ((cleanup (release_pairs))) struct pairs was = { 0 }, is = { 0 };

  require (read_pairs (&was, key, old) && read_pairs (&is, key, text));
  require (is.value && strcmp (is.value, value) == 0 && is.n == was.n);
  require (
    is.others.len == was.others.len &&
    (is.others.len == 0 || memcmp (is.others.data, was.others.data, is.others.len) == 0));
}

static bool
try_edit (struct buffer *text, const char *key, const char *value)
{
  CLEANUP_BUFFER struct buffer old = BUFFER_INIT;
  struct error err = ERROR_INIT;

  buffer_append (&old, text->data, text->len);
  if (yaml_edit_value (text, "text", SIDECAR_MAX_FILE, key, value, &err) == -1) {
    require (err.text[0] && text->len == old.len &&
             memcmp (text->data, old.data, old.len) == 0);
    return false;
  }
  if (is_plain (&old))
    check_edited (&old, text, key, value);
  return true;
}

static void
try_edits (const uint8_t *data, size_t size)
{
  static const char odd[] = "\xe2\x80\x9c\xc3\x84\"'\\ \n\t: #-\xf0\x9f\x8e\xac\xc2\x85 ";
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

  if (size == 0)
    return;
  buffer_append (&text, data, size);
  if (try_edit (&text, "name", "Film"))
    try_edit (&text, "source_dir", odd);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_CLOSE int fd = memfd_create ("library", MFD_CLOEXEC);
  char path[32];

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  try_library (path, true);
  try_library (path, false);
  try_sidecar (path);
  try_edits (data, size);
  return 0;
}
