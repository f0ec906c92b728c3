/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fingerprint of a disc: the lowest hashes of its key pictures (key_picture.h), a few
 * kilobytes whatever its size.
 *
 * All that is not above `limit` is there, so it tells how much of an MKV is on the disc: as
 * large a share as of those hashes of the MKV's that are not above the limit.  That holds for a
 * short title on a disc of many, too, if enough of the MKV is read.  The lowest so many were
 * chosen, and not one in so many: a short disc is not to have too few, nor a
 * long one megabytes.
 */
#ifndef MKVDUP_FINGERPRINT_H
#define MKVDUP_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "disc.h"
#include "error.h"
#include "lowest.h"

/* 8 bytes each in a library. */
#define FINGERPRINT_HASHES 600

struct fingerprint {
  struct lowest pictures; /* settled */
  uint64_t bytes;         /* of the disc's files */
  uint64_t packets;       /* of streams */
  uint64_t scrambled;     /* of these: what is in them is not known, … */
  uint8_t scrambling;     /* … because of this: enum scrambling, a set */
};

/* Bytes of the disc read so far; false to stop.  One thread at a time. */
typedef bool fingerprint_progress_fn (void *opaque, uint64_t done);

/* Read all files of a disc, in order, each byte once, with `threads` threads (>= 1).
 * `progress` may be NULL.  On failure (ECANCELED when stopped) there is nothing to free.
 */
int fingerprint_disc (struct fingerprint *f, const struct disc *disc, unsigned threads,
                      fingerprint_progress_fn *progress, void *opaque, struct error *err);
void fingerprint_free (struct fingerprint *f);

/* Is so much of it scrambled that it is of no use? */
bool fingerprint_is_scrambled (const struct fingerprint *f);

#endif /* MKVDUP_FINGERPRINT_H */
