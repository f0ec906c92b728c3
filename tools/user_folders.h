/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the user's own files are, as the XDG base directory specification has it. */
#ifndef MKVDUP_USER_FOLDERS_H
#define MKVDUP_USER_FOLDERS_H

#include "error.h"

/* `name` in the folder that the environment variable `variable` names, or else in `fallback`
 * below the home.  Malloced; NULL with `err` set: there is neither, or no memory.
 */
char *user_path (const char *variable, const char *fallback, const char *name,
                 struct error *err);

/* The folder of indexes that are kept. */
char *index_folder (struct error *err);

#endif /* MKVDUP_USER_FOLDERS_H */
