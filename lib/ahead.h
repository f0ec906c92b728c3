/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading ahead: what streams.h says will be wanted is fetched by a thread of the image's
 * own, so that neither asking nor a slow source holds up a request, nor one image another.
 *
 * The thread starts with the first fetch and ends when there was none for a minute.
 */
#ifndef MKVDUP_AHEAD_H
#define MKVDUP_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct ahead; /* internally locked */

/* Ask for bytes [from, to), which are not waited for.  Called in the thread. */
typedef void ahead_fetch_fn (void *opaque, uint64_t from, uint64_t to);

/* For an image of `size` bytes.  NULL when out of memory. */
struct ahead *ahead_new (uint64_t size, ahead_fetch_fn *fetch, void *opaque);

/* Waits for a fetch that is being asked for. */
void ahead_free (struct ahead *ahead);

/* Is something being fetched, which ahead_free would have to wait for? */
bool ahead_is_busy (struct ahead *ahead);

/* Is anybody reading in order?  Then, and when a read has to wait, tell ahead_note.  No
 * lock: while everything is in memory that is all that reading ahead costs.
 */
bool ahead_is_watching (const struct ahead *ahead);

/* Somebody reads this, and has to wait for it or not.  Thread safe, does not wait. */
void ahead_note (struct ahead *ahead, uint64_t offset, uint64_t count, bool waits);

#endif /* MKVDUP_AHEAD_H */
