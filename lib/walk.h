/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Go through a whole image once, in chunks, with several threads, and do something to each.
 *
 * Chunks are whole Merkle groups (the last one may end with the image) and are
 * handed out in the image's order, so that a disc is read nearly in sequence.  Memory is
 * two chunks a thread.
 */
#ifndef MKVDUP_WALK_H
#define MKVDUP_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "image.h"
#include "merkle.h"

/* Threads that are neighbours share a segment, which is decoded once; larger chunks
 * would only make the last thread finish later.
 */
#define WALK_CHUNK (4 * (size_t) MERKLE_GROUP)

/* Has chunk [offset, offset + len) of the image to read and to deal with, in 2 * WALK_CHUNK
 * bytes of memory.  Called by many threads at once, unless there is only one: then in order.
 */
typedef int walk_chunk_fn (void *opaque, uint8_t *memory, size_t len, uint64_t offset,
                           struct error *err);

/* The same with a chunk that has been read; called by many threads at once, unless there is only one: then in order.
 * `scratch` is WALK_CHUNK bytes for the callee's use.
 */
typedef int walk_fn (void *opaque, const uint8_t *data, size_t len, uint64_t offset,
                     uint8_t *scratch, struct error *err);

/* Told, by one thread at a time, how many bytes are done; false to stop. */
typedef bool walk_progress_fn (void *opaque, uint64_t done);

/*
 * Hand out the chunks of `size` bytes.
 * Returns when all is done.  On error (also of `fn`, or ECANCELED when `progress`,
 * which may be NULL, says to stop) no further chunks are begun; of several errors, the
 * one that is first in the image is given, whatever the number of threads.
 */
int walk_chunks (uint64_t size, unsigned threads, walk_chunk_fn *fn,
                 walk_progress_fn *progress, void *opaque, struct error *err);

/* The same, and each is read first; what cannot be read is an error. */
int walk_image (struct image *img, unsigned threads, walk_fn *fn,
                walk_progress_fn *progress, void *opaque, struct error *err);

/* Do these bytes have the digests that the recipe holds?  `offset` is that of a
 * group; `merkle` the stored levels.  (content_check.h is for every kind of recipe.)
 */
int check_groups (const struct recipe *recipe, const uint8_t *merkle, const uint8_t *data,
                  size_t len, uint64_t offset, struct error *err);

/* Where two runs of bytes differ first; `len` if they do not. */
size_t first_difference (const uint8_t *a, const uint8_t *b, size_t len);

#endif /* MKVDUP_WALK_H */
