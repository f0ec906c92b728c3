/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash of a whole source, which a recipe has on record: XXH3-128.  Its sample (source.h)
 * tells a wrong source most of the time; this tells always, and reads all of it.
 *
 * Thread safe.
 */
#ifndef MKVDUP_SOURCE_HASH_H
#define MKVDUP_SOURCE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "recipe.h"
#include "source.h"

/* Told of each part that was read; false to stop. */
typedef bool source_hash_progress_fn (void *opaque, uint64_t bytes);

/* Read `src` from its first to its last byte, a mebibyte at a time.  `progress` may be NULL.
 * -1 with `err` set, which names the source and where reading failed: ECANCELED if it was
 * `progress` that said to stop.
 */
int source_hash (const struct source *src, uint8_t hash[RECIPE_HASH_SIZE],
                 source_hash_progress_fn *progress, void *opaque, struct error *err);

/* The same, and it has to be the hash of `id`, which may be an XXH64: if not, `err` is EBADMSG. */
int source_check_hash (const struct source *src, const struct recipe_source *id,
                       source_hash_progress_fn *progress, void *opaque,
                       struct error *err);

/* The same, but a file that this process has hashed, and that was not written to since, is not
 * read again: any number of recipes may say that they are of a file, each with another hash.
 */
int source_check_hash_once (const struct source *src, const struct recipe_source *id,
                            struct error *err);

#endif /* MKVDUP_SOURCE_HASH_H */
