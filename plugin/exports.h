/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is exported under which name: one recipe's image; or the titles of a library, and
 * the disk with all of them.
 *
 * A connection has an export of its own, which is what had the name when it connected.
 *
 * Thread safety: between exports_start and exports_stop, any number of threads.
 */
#ifndef MKVDUP_EXPORTS_H
#define MKVDUP_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nbdkit-plugin.h>

#include "error.h"
#include "image.h"
#include "padding.h"

/* One connection's; immutable. */
struct export
{
  struct snapshot *snapshot; /* owned reference; NULL where one recipe is served */
  struct title *title;       /* the title, or ... */
  struct image *image;       /* (and its image, in use) */
  struct disk *disk;         /* ... the disk; borrowed of the snapshot */
  struct padding padding;    /* behind it; of no length behind a disk */
};

/* All that can be wrong is found here, before nbdkit forks. */
int exports_init (struct error *err);

/* After the fork: begin to notice changes. */
int exports_start (struct error *err);
void exports_stop (void);

int exports_list (struct nbdkit_exports *list);

/* The one that an empty name means; interned by nbdkit, "" if there is none. */
const char *exports_default (void);

/* NULL with `err` set; its errnum is ENOENT if nothing has the name. */
struct export *export_open (const char *name, struct error *err);
void export_close (struct export *e);

/* For people; interned by nbdkit. */
const char *export_describe (const struct export *e);

/* As image_read, image_extents and image_prefetch, padding included. */
int export_read (const struct export *e, void *buf, size_t count, uint64_t offset,
                 struct error *err);
int export_extents (const struct export *e, uint64_t offset, uint64_t count,
                    image_extent_fn *fn, void *opaque, struct error *err);
int export_prefetch (const struct export *e, uint64_t offset, uint64_t count,
                     struct error *err);

#endif /* MKVDUP_EXPORTS_H */
