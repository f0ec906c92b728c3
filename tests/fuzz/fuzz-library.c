/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a YAML file of a library, and as a sidecar: refused with a message, or titles
 * with good names.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "library_yaml.h"
#include "sidecar.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const struct library_look look = { 1, 2, 0444, 0555 };

/* What was told of a file. */
struct told {
  const char *path;
  size_t n; /* titles, patterns and problems */
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

static int
on_include (void *opaque, const char *pattern, const struct library_look *own,
            struct error *err)
{
  struct told *told = opaque;

  (void) err;
  require (pattern[0] != '\0');
  check_look (own->uid, own->gid, own->file_mode);
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
  return 0;
}
