/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of files or folders seen, by device and inode, and a number beside them: hashed,
 * open addressing, at most half full.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_ID_SET_H
#define MKVDUP_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id {
  uint64_t dev, ino, beside;
};

struct id_set {
  struct id *slots; /* owned; an inode of UINT64_MAX is a free slot */
  size_t n, size;   /* size: a power of two, or 0 */
};

#define ID_SET_INIT \
  {                 \
    NULL, 0, 0      \
  }
#define CLEANUP_ID_SET __attribute__ ((cleanup (id_set_free)))

/* 1 if it was not there before, 0 if it was, -1 when out of memory. */
int id_set_add (struct id_set *set, uint64_t dev, uint64_t ino, uint64_t beside);
bool id_set_has (const struct id_set *set, uint64_t dev, uint64_t ino, uint64_t beside);
void id_set_free (struct id_set *set);

#endif /* MKVDUP_ID_SET_H */
