/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes about tracks that create leaves in a recipe, as numbers:
 * "2 A_AC3 frames 16949 bytes 30372608 found 30372608".  Notes are for people: one that is not
 * as expected is no error.
 */
#ifndef MKVDUP_TRACK_NOTE_H
#define MKVDUP_TRACK_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "recipe.h"

struct track_note {
  uint64_t number; /* Matroska's; 0: bytes in no block */
  char codec[32];  /* "-" if it is not known */
  uint64_t frames;
  uint64_t bytes; /* of payload */
  uint64_t found; /* of these, on a source */
};

/* False if it is no such note. */
bool track_note_parse (const struct recipe_note *note, struct track_note *track);

#endif /* MKVDUP_TRACK_NOTE_H */
