/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From many small copies to few large reads.
 *
 * The payload of one stream lies on a disc in pieces of 184 or some 2000 bytes, with
 * those of other streams between; a film's image wants most of them, in another order. A
 * gather collects pieces (which bytes of which source go where), reads the stretches of
 * source they lie in, and scatters the pieces from there.
 *
 * It has a fixed size: a reader fills it, has it read, and fills it again, so that
 * nothing is allocated per piece and a request of any length takes bounded memory.
 *
 * Thread safety: a gather belongs to one thread from gather_get to gather_put.
 */
#ifndef MKVDUP_GATHER_H
#define MKVDUP_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "segment.h"
#include "source.h"

struct gather;

/* Borrow an empty gather from the process's pool, for gather_read or for gather_prefetch;
 * NULL when out of memory.
 */
struct gather *gather_get (bool prefetch);
void gather_put (struct gather *g);

/* Have one in the pool whose memory is there already, for the first reader. */
void gather_warm (void);

/*
 * From now on `fn` is called before gather_read waits for something that is not in the
 * page cache, and says whether it may; until gather_put.
 */
typedef bool gather_wait_fn (void *opaque);
void gather_before_wait (struct gather *g, gather_wait_fn *fn, void *opaque);

/* Forget everything noted. */
void gather_reset (struct gather *g);

/* Bytes of a source, as an operation names them. */
struct gather_span {
  const struct source *source;
  uint64_t from;               /* where a chunk starts */
  const struct stride *stride; /* NULL: the bytes are contiguous */
  uint64_t skip;               /* payload bytes to leave out at the front */
};

/*
 * Note that `len` bytes of `span` go to `dst`, or as many from the front as there is
 * room for: returns how many, 0 if the gather has to be read (or prefetched) first.
 * What has been noted is borrowed until then; `dst` is not looked at when prefetching.
 */
size_t gather_add (struct gather *g, const struct gather_span *span, uint8_t *dst,
                   size_t len);

/*
 * Read everything noted, put it where it goes, and empty the gather.  A source that
 * cannot be read or was written to since it was verified is an error, which names it,
 * the offset and the cause; *failed is then that source, and what the destinations hold
 * is undefined.
 */
int gather_read (struct gather *g, const struct source **failed, struct error *err);

/* Ask the kernel to have everything noted in its cache soon, or, with `wait`, have it there
 * on return, as far as it can be read; empty the gather.
 */
void gather_prefetch (struct gather *g, bool wait);

#endif /* MKVDUP_GATHER_H */
