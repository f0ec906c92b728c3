/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which kinds of messages were told, and when, so that one that comes again and again is
 * told every so often.  A kind is a text without the numbers in it: what differs in an
 * offset only is one.
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

/* Is one of this kind to be told now, `apart` milliseconds or more after the last?  *silent
 * is then how many were not, since.  Of more kinds than places the one that was told longest
 * ago is forgotten.
 */
bool kinds_is_due (struct kind *kinds, size_t n, uint64_t hash, int64_t apart,
                   unsigned *silent);

#endif /* MKVDUP_KINDS_H */
