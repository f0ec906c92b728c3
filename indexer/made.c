/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeping matches of material: see made.h. */
#include "config.h"

#include "made.h"
#include "material.h"
#include "recoding.h"

bool
made_undo (enum transform_kind kind, const struct queued_frame *f, const uint8_t *payload,
           struct buffer *buffer, struct made *made)
{
  *made = (struct made){ kind, payload, payload, f->frame.payload, buffer };
  if (kind == TRANSFORM_NONE)
    return true;
  if (!material_undo (kind, payload, f->frame.payload, buffer))
    return false;
  made->material = buffer->data;
  made->len = (uint32_t) buffer->len;
  return true;
}

/* Is all of a payload found that can only be made as a whole, and does that give it? */
static bool
is_whole (const struct queued_frame *f, const struct made *made,
          const struct match *match)
{
  return match->len == made->len &&
         material_reproduces (made->kind, made->buffer, made->payload, f->frame.payload);
}

int
made_keep (struct matcher_track *counts, struct queued_frame *f, const struct made *made,
           uint32_t i, struct match match)
{
  struct recoding_unit unit = recoding_unit (made->kind);

  if (unit.in == 0) {
    if (!is_whole (f, made, &match))
      return 0;
    f->check = recoding_check (made->payload, f->frame.payload);
    counts->found += f->frame.payload;
  }
  else {
    uint32_t cut = (unit.in - match.at % unit.in) % unit.in;

    if (match.len < cut + unit.in)
      return 0;
    match.at += cut;
    match.from += cut;
    match.len -= cut + (match.len - cut) % unit.in;
    counts->found += (uint64_t) match.len / unit.in * unit.out -
                     nal_overlap (&f->nals, match.at, match.len);
  }
  f->kind = (uint8_t) made->kind;
  f->material = made->len;
  return frame_add_match (f, i, &match);
}
