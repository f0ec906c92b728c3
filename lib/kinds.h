/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which kinds of messages were told, and when, so that one that comes again and again is
 * told every so often.  A kind is a text without the numbers in it, but for those in paths:
 * what differs in an offset only is one, and two files are two.
 *
 * Thread safety: none; the owner of a table has a lock for it.
 */
#ifndef MKVDUP_KINDS_H
#define MKVDUP_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in a table, which begins as zeros. */
struct kind {
  uint64_t hash;
  int64_t told;    /* when, as clock_ms; 0: a free place */
  unsigned silent; /* how many were not told since */
};

#define KIND_SEED UINT64_C (0xcbf29ce484222325)

/* What tells kinds apart: of a text without its numbers, and of bytes as they are.  `hash` is
 * KIND_SEED or what another call returned.
 */
uint64_t kind_of_text (uint64_t hash, const char *text);
uint64_t kind_of_bytes (uint64_t hash, const void *bytes, size_t len);

/* How many were not told. */
struct untold {
  unsigned like_it; /* of the kind that is to be told, since it was told last */
  unsigned others;  /* of kinds that have no place; who tells it sets it to 0 */
};

/* Is one of this kind to be told now, `apart` milliseconds or more after the last?  If so,
 * untold->like_it is set; untold->others is added to either way.  Of more kinds than places
 * the one that was told longest ago is forgotten, if that is as long ago; else the new one is
 * not told.
 */
bool kinds_is_due (struct kind *kinds, size_t n, uint64_t hash, int64_t apart,
                   struct untold *untold);

#endif /* MKVDUP_KINDS_H */
