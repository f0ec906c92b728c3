/* SPDX-License-Identifier: BSD-3-Clause */
/* Folders of files: opened, synced, made. */
#ifndef MKVDUP_FOLDERS_H
#define MKVDUP_FOLDERS_H

#include "error.h"

/* The folder that holds `path`, or will, open for reading; -1 with `err` set. */
int folder_open (const char *path, struct error *err);

/* fsync it, after `path` in it has got its name; `dir` is open.  A file system that knows no such
 * thing for folders is none to fail for.
 */
int folder_sync (int dir, const char *path, struct error *err);

/* Make the folders that are to hold `file`, as far as they are missing, for good: each that is
 * made is synced into the one that holds it.  A file in them is lost with them.
 */
int folders_make (const char *file, struct error *err);

#endif /* MKVDUP_FOLDERS_H */
