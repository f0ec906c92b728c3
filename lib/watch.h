/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Noticing that something changed in folders: by inotify and by what is mounted, and where
 * that does not tell of all changes (network file systems, or no more watches to be had) by looking again
 * every so often.
 *
 * Folders can be added at any time, also again and again; a watch is never taken back: one
 * too many costs a look at what has not changed.  Names that begin with "." do not
 * count, so that files that are being written under such a name are seen when they are
 * done.
 *
 * Looking again takes a tenth of the time at most, however much changes.
 *
 * Thread safety: watch_folder by one thread at a time: first by the one that owns the
 * watch, then by `changed`.
 */
#ifndef MKVDUP_WATCH_H
#define MKVDUP_WATCH_H

#include <stdbool.h>

#include "error.h"

struct watch;

/* `poll` in seconds: how often to look where inotify does not help; 0: never.  NULL when out
 * of memory.  Without inotify at all, all folders are looked at every `poll` seconds.
 */
struct watch *watch_new (unsigned poll);

/* Of a library_folder_fn's type: `watch` is the struct watch. */
void watch_folder (void *watch, const char *path);

/* False: it could not be looked at, and is to be tried again after `poll` seconds. */
typedef bool watch_changed_fn (void *opaque);

/* Is it to be looked at again, though nothing has changed?  Asked every `poll` seconds. */
typedef bool watch_wanted_fn (void *opaque);

/*
 * Start a thread that calls `changed` after changes: not before they have paused for a
 * moment, but not later than some seconds after the first.  Changes since a folder was
 * added count.  `wanted` may be NULL.
 */
int watch_start (struct watch *watch, watch_changed_fn *changed, watch_wanted_fn *wanted,
                 void *opaque, struct error *err);

/* Ends the thread, and waits for `changed` to return. */
void watch_free (struct watch *watch);

#endif /* MKVDUP_WATCH_H */
