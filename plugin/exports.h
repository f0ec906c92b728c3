/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is exported under which name: one recipe's image; or the titles of a library, and
 * the disk with all of them; and the hash devices of images.
 *
 * Thread safety: between exports_start and exports_stop, any number of threads.
 */
#ifndef MKVDUP_EXPORTS_H
#define MKVDUP_EXPORTS_H

#include <stdint.h>

#include <nbdkit-plugin.h>

#include "error.h"
#include "export.h"

/* All that can be wrong is found here, before nbdkit forks. */
int exports_init (struct error *err);

/* After the fork: begin to notice changes. */
int exports_start (struct error *err);
void exports_stop (void);

int exports_list (struct nbdkit_exports *list);

/* The one that an empty name means; interned by nbdkit, "" if there is none. */
const char *exports_default (void);

/* Fill in what `e` is, by name (not an empty one).  -1 with `err` set; its errnum is ENOENT if nothing is called
 * so.  What has been filled in is to be released whether or not.
 */
int exports_find (struct export *e, const char *name, struct error *err);

/* The same of "NAME@ID".  *id is then the end of `name`, for export_open to compare; NULL
 * if something is called just so.
 */
int exports_find_pinned (struct export *e, const char *name, const char **id,
                         struct error *err);

/* What lists and clients are told of them; interned by nbdkit. */
const char *describe_title (const struct title *t);
const char *describe_disk (uint32_t n_files);
const char *describe_pinned_disk (const struct disk *disk);
const char *describe_pinned_title (const struct title *t, const char *root);
const char *describe_hashes (void);

#endif /* MKVDUP_EXPORTS_H */
