/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An export as a connection sees it: an image, its hash device, or the disk, and the padding
 * behind it.  A connection has one of its own, which is what had the name when it connected.
 *
 * Thread safety: immutable; any number of threads may read.  Any may open and close others.
 */
#ifndef MKVDUP_EXPORT_H
#define MKVDUP_EXPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "library.h"
#include "padding.h"
#include "verity.h"

/* Digits of a Merkle root that tell an image. */
#define EXPORT_SHORTEST_ID 16

struct export
{
  atomic_uint refs;
  struct snapshot *snapshot;        /* owned reference; NULL where one recipe is served */
  struct title *title;              /* the title, or ... */
  struct image *image;              /* (and its image, in use) */
  struct disk *disk;                /* ... the disk; borrowed of the snapshot */
  char root[2 * MERKLE_DIGEST + 1]; /* the image's, for people; "" if it is not known */
  bool is_hashes;                   /* the title's hash device, and not the image */
  struct verity verity;             /* if so */
  struct padding padding;           /* behind it; of no length but behind an image */
  struct export *next, *before;     /* of all; guarded by their lock */
};

/* With one reference.  NULL with `err` set; its errnum is ENOENT if nothing has the name. */
struct export *export_open (const char *name, struct error *err);
struct export *export_ref (struct export *e);
void export_unref (struct export *e);

/* Those that nbdkit has not let go of: once it is asked to end it closes none.  Nobody may be
 * reading any more.
 */
void export_close_all (void);

/* For people; interned by nbdkit. */
const char *export_describe (const struct export *e);

/* As image_read, image_try_read, image_extents and image_prefetch, padding included. */
int export_read (const struct export *e, void *buf, size_t count, uint64_t offset,
                 struct error *err);
bool export_try_read (const struct export *e, void *buf, size_t count, uint64_t offset);
int export_extents (const struct export *e, uint64_t offset, uint64_t count,
                    image_extent_fn *fn, void *opaque, struct error *err);
int export_prefetch (const struct export *e, uint64_t offset, uint64_t count,
                     struct error *err);

/* Say in front of an error what could not be read, where, and what that waits for.  Returns
 * -1.
 */
int export_context (const struct export *e, uint64_t offset, struct error *err);

#endif /* MKVDUP_EXPORT_H */
