/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of a path, by its text alone: nothing is looked up.  Thread safe.
 *
 * Decided against: basename(3) and dirname(3), which come in two kinds each and may write
 * into what they are given.
 */
#ifndef MKVDUP_PATH_H
#define MKVDUP_PATH_H

#include <stddef.h>

/* What comes after the last slash: part of `path`; "" of what ends with one. */
const char *path_base (const char *path);

/* What comes before that: "DIR/", or "" where there is no slash.  Malloced; NULL: no memory. */
char *path_prefix (const char *path);

/* The same to be opened: "DIR/", or ".".  Malloced; NULL: no memory. */
char *path_folder (const char *path);

/* How long `path` is before `ending`; 0 if it does not end so, or is nothing else. */
size_t path_without (const char *path, const char *ending);

#endif /* MKVDUP_PATH_H */
