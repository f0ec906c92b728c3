/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payloads that are on the disc in another form: samples with their bytes the other way
 * round, subtitles deflated.  What is on the disc is a payload's *material*; it is
 * searched for like any payload, and the recipe's transforms and recodings (segment.h)
 * make the payload of it again.
 *
 * How a payload was made is guessed from its track's codec and compression, and proved
 * by its material being found.
 */
#ifndef MKVDUP_MATERIAL_H
#define MKVDUP_MATERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "matroska.h"
#include "segment.h"

/* What a track's payloads may have been made by, the likeliest first. */
struct material_kinds {
  uint8_t n;
  uint8_t kind[7]; /* enum transform_kind */
};

/* Was each frame of a lace made by itself? */
bool material_is_by_frame (const struct material_kinds *kinds);

/* Those of a track; NULL (nothing is known of it) stands for a track of bytes as they
 * are.
 */
const struct material_kinds *material_kinds (const struct matroska_track *track);

/*
 * Undo `kind`: put the material of `payload` into `out`, in place of what that held.
 * What works in units takes the whole ones at the payload's front, as many as one
 * recoding may have.  False if it was not made that way, or memory ran out
 * (out->failed).
 */
bool material_undo (enum transform_kind kind, const uint8_t *payload, uint32_t len,
                    struct buffer *out);

/* Does recoding the material give exactly `payload`?  False when out of memory, too. */
bool material_reproduces (enum transform_kind kind, const struct buffer *material,
                          const uint8_t *payload, uint32_t len);

#endif /* MKVDUP_MATERIAL_H */
