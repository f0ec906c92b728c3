/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sound whose channels lie otherwise on a Blu-ray than elsewhere: what the transforms and
 * recodings of segment.h do that move channels, or drop an empty one.
 *
 * The disc has the values of one moment in an even number of *slots*, big-endian; of an
 * odd number of channels the last slot is empty.
 *
 * Thread safe.
 */
#ifndef MKVDUP_CHANNELS_H
#define MKVDUP_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment.h"

#define CHANNELS_MAX 8

struct channels {
  uint8_t slots, n;           /* n channels are kept, slots or one less */
  uint8_t width;              /* bytes of a value */
  bool little;                /* -endian, off the disc */
  uint8_t from[CHANNELS_MAX]; /* channel i is in slot from[i] */
};

/* What `kind` does; NULL if it is of another sort. */
const struct channels *channels_of (enum transform_kind kind);

/* The channels of so many moments, from the disc's form, … */
void channels_take (const struct channels *c, const uint8_t *in, size_t moments,
                    uint8_t *out);

/* … and back; what is in no channel becomes zero. */
void channels_put_back (const struct channels *c, const uint8_t *in, size_t moments,
                        uint8_t *out);

#endif /* MKVDUP_CHANNELS_H */
