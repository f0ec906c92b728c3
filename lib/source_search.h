/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding sources by content anywhere below folders: for discs that were moved or
 * renamed since their recipes were made.
 *
 * A file of the right size and sample (source.h) is the source.  If several files are, they
 * are copies most of the time, but need not be: then they are hashed whole, in the order of
 * their names, until one has the source's hash.
 *
 * Sources of the Go program's recipes have no sample: each file of their size is hashed, until
 * one has their hash.
 *
 * Where a source was found is remembered, in memory and in an index file, so that folders
 * are walked once and not at each start.  The index is a hint: what it says is checked, and
 * a folder is walked again when it is wrong; so it may be stale, damaged or deleted, and
 * of two servers with one index the last to write wins.
 *
 * The index is text: a line "mkvdup sources 1", then lines of the XXH3-128 of a source
 * (32 hexadecimal digits), its size (bytes) and its path, divided by a space.
 *
 * Files whose names begin with ".", in such folders, or behind links are not found.
 *
 * Thread safety: any number at once.  What is remembered is tried at once; one thread at a
 * time walks and hashes, and others that have to wait for it.
 */
#ifndef MKVDUP_SOURCE_SEARCH_H
#define MKVDUP_SOURCE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "source.h"

struct source_search; /* internally locked */

/* `places` are folders; others of them are ignored.  Both are copied.  `index` NULL: nothing
 * is remembered in a file.  NULL when out of memory.
 */
struct source_search *source_search_new (const char *const *places, size_t n_places,
                                         const char *index);
void source_search_free (struct source_search *search);

/* Have `problem` told if the index file cannot be written: once, by whichever thread finds
 * out.  Nothing fails for that.  Call it before the search is used.
 */
typedef void source_search_problem_fn (void *opaque, const char *text);
void source_search_tell (struct source_search *search, source_search_problem_fn *problem,
                         void *opaque);

/* Open the source `id` wherever it is; a source_finder's `open`; the search is opaque.  If the
 * file `but` was found to be of no use (NULL: none was), it is one of those that are found, and
 * has another hash.  -1 with `err` set if it is nowhere; without text if there is nowhere to look.
 */
int source_search_open (void *opaque, const struct recipe_source *id, bool direct,
                        const struct file_id *but, struct source *out, struct error *err);

/* How often places have been walked, for tests. */
unsigned source_search_walks (struct source_search *search);

#endif /* MKVDUP_SOURCE_SEARCH_H */
