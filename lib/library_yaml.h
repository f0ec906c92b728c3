/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One YAML file of a library, with the keys of the Go mkvdup: `name`, `dedup_file`,
 * `source_dir` for one title, `virtual_files` for a list of such, `includes` for patterns
 * of other files, `on_error_command`; and ours: `image_size`, `uid`, `gid`, `file_mode`,
 * `dir_mode`.  Unknown keys are ignored.  Private to the library's files.
 */
#ifndef MKVDUP_LIBRARY_YAML_H
#define MKVDUP_LIBRARY_YAML_H

#include <stdbool.h>

#include "library_config.h"
#include "yaml_file.h"

struct library_yaml_calls {
  /* A title; its strings are taken over.  Its stat is set. */
  int (*title) (void *opaque, struct title *title, struct error *err);
  /* A pattern, relative to the file's folder; and how titles look by default there. */
  int (*include) (void *opaque, const char *pattern, const struct library_look *look,
                  struct error *err);
  /* A title or pattern that is wrong and left out. */
  void (*problem) (void *opaque, const struct error *why);
  /* A hook, which may be taken over.  NULL: this file was found, and not named: it may have none,
   * and is told so; and what is no list in it is left out, while one that was named is wrong then.
   */
  void (*hook) (void *opaque, struct hook_settings *hook);
  void *opaque;
};

/*
 * Read `path`.  `look` is what holds unless the file says otherwise; it is changed to what
 * the file says.  *is_library tells whether it has any of the keys that name titles.  -1
 * with `err` set: not readable, no YAML, memory; or what a call returned.
 */
int library_yaml_read (const char *path, struct library_look *look,
                       const struct library_yaml_calls *calls, bool *is_library,
                       struct error *err);

/* library_hook.c: read the value of `on_error_command`.  -1 with `err` set, and nothing to
 * free.
 */
int library_hook_read (struct yaml_file *yaml, const yaml_node_t *value,
                       struct hook_settings *settings, struct error *err);

#endif /* MKVDUP_LIBRARY_YAML_H */
