/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of ES views, and where they lie: chunks are demuxed again when asked for,
 * and the last few are kept.
 *
 * Thread safety: a reader belongs to one thread; several may share an index.
 */
#ifndef MKVDUP_VIEW_H
#define MKVDUP_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "index.h"

struct view_reader;

/* `index` is borrowed.  NULL when out of memory. */
struct view_reader *view_reader_new (const struct disc_index *index);
void view_reader_free (struct view_reader *r);

/*
 * A pointer to the bytes of view `view` from `at` on, *avail of them (as many as lie in
 * the same chunk), valid until two further calls.  NULL and *avail 0 at the view's end,
 * or if reading failed: view_reader_failed.
 */
const uint8_t *view_get (struct view_reader *r, uint32_t view, uint64_t at,
                         size_t *avail);

/* How many bytes from `at` on are equal to data[0 … len). */
size_t view_match (struct view_reader *r, uint32_t view, uint64_t at, const uint8_t *data,
                   size_t len);

/* How many bytes before `at` are equal to those that end at data + len. */
size_t view_match_back (struct view_reader *r, uint32_t view, uint64_t at,
                        const uint8_t *data, size_t len);

/* Copy up to `len` bytes from `at` on; how many there were. */
size_t view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf,
                  size_t len);

/* A piece of a view: bytes that lie together in the source. */
struct view_piece {
  uint64_t at;   /* in the view */
  uint64_t from; /* in the source */
  uint32_t len;
};

/* The whole piece that holds byte `at` of the view.  -1 if there is none. */
int view_piece (struct view_reader *r, uint32_t view, uint64_t at,
                struct view_piece *piece);

/* Has reading a source failed?  Then what, in *err; what was answered since is not to be
 * believed.
 */
int view_reader_failed (const struct view_reader *r, struct error *err);

#endif /* MKVDUP_VIEW_H */
