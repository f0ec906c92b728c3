/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may be a disc below some folders, each by itself: a folder VIDEO_TS or BDMV with all
 * that is in it, and every other file.  Which of these files are images of discs, or streams,
 * is to be asked of them (disc.h): here none is opened, so that what has not changed need not
 * be.
 */
#ifndef MKVDUP_DISC_SEARCH_H
#define MKVDUP_DISC_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct disc_search {
  char **paths; /* absolute, without links, sorted, no two the same; owned, as they are */
  size_t n, cap;
};

/* A folder cannot be read, and is left out. */
typedef void disc_search_unreadable_fn (void *opaque, const struct error *why);

/* Add what there is at `place`, a folder or a file.  -1 with `err` set: it is not there, or
 * memory ran out.
 */
int disc_search_add (struct disc_search *search, const char *place,
                     disc_search_unreadable_fn *unreadable, void *opaque,
                     struct error *err);

/* All places have been added. */
void disc_search_sort (struct disc_search *search);
void disc_search_free (struct disc_search *search);

/* Is one of the paths a disc?  A folder is; a file is if disc_has_file (). */
int disc_search_is_disc (const char *path, bool *is, struct error *err);

#endif /* MKVDUP_DISC_SEARCH_H */
