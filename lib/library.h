/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library: the titles that its configuration names, and the disk with all of them.
 *
 * What is in it at one moment is a snapshot, which never changes.  When the configuration
 * or a recipe changes, library_reload makes another snapshot, which shares with
 * the last one whatever is as it was; who holds an older one keeps it.
 *
 * Thread safety: library_reload by one thread at a time; all others by any number.
 */
#ifndef MKVDUP_LIBRARY_H
#define MKVDUP_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "error.h"
#include "library_config.h"
#include "titles.h"

/* What the disk is called where nothing else is said: no title is, then. */
#define LIBRARY_DISK "disk"

struct library_options {
  const char *const *paths; /* folders and YAML files; borrowed, as all here */
  size_t n_paths;
  struct library_look look;
  const char *disk; /* the name of the disk; NULL: there is none */
  enum disk_kind disk_kind;
  struct titles *titles;
  library_folder_fn *folder; /* called with each folder before it is read */
  void (*problem) (void *opaque, const char *text); /* one that was not there before */
  /* What files say of it, each time they were read, before their problems are told; may be
   * taken over.  NULL: nobody asks.
   */
  void (*hook) (void *opaque, struct hook_settings *hook);
  void *opaque;
};

struct library; /* internally locked */

struct snapshot {
  struct title **titles; /* sorted by tree_compare_names, and agreeing */
  uint32_t n;
  struct library_look look;
  struct snapshot_state *state; /* library.c's */
};

/* A library without titles until it is reloaded.  NULL when out of memory. */
struct library *library_new (const struct library_options *options);
/* All snapshots have to have been let go. */
void library_free (struct library *library);

/* Look at everything again.  -1 with `err` set: what is configured cannot be read, or memory or
 * descriptors are short; then all is as before.
 */
int library_reload (struct library *library, struct error *err);

/* Are there titles, or files of the disk, that are not served because their recipes could not
 * be read, or folders and YAML files that could not be looked at for them?  Then looking again
 * may help, though nothing has changed.
 */
bool library_lacks_titles (struct library *library);

/* What there is now. */
struct snapshot *library_snapshot (struct library *library);
void snapshot_unref (struct snapshot *snapshot);

/* NULL if no title is called so. */
struct title *snapshot_find (const struct snapshot *snapshot, const char *name);

/* The disk, made when it is first asked for; it lives as long as the snapshot.  NULL with
 * `err` set.
 */
struct disk *snapshot_disk (struct snapshot *snapshot, struct error *err);

#endif /* MKVDUP_LIBRARY_H */
