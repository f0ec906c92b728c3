/* SPDX-License-Identifier: BSD-3-Clause */
/* Where frames end in lanes: see frame_ends.h. */
#include "config.h"

#include <string.h>

#include "frame_ends.h"

void
frame_ends_free (struct frame_ends *f)
{
  for (size_t i = 0; i < SEGMENT_MAX_LANES; i++)
    buffer_free (&f->lanes[i].ends);
}

void
frame_ends_frame (struct frame_ends *f)
{
  f->frame++;
}

/* Those that do not increase are left out: a lane may be read backwards, but not laid out.
 * Nor does anything end at 0.
 */
static void
add_end (struct frame_ends_lane *l, uint64_t end)
{
  uint64_t last = 0;

  if (l->ends.len > 0)
    memcpy (&last, l->ends.data + l->ends.len - sizeof last, sizeof last);
  if (end > last)
    buffer_append (&l->ends, &end, sizeof end);
}

void
frame_ends_copy (struct frame_ends *f, uint32_t lane, uint64_t at, uint64_t len)
{
  struct frame_ends_lane *l = &f->lanes[lane];

  if (f->frame != l->frame) {
    add_end (l, l->used ? l->next : at);
    l->frame = f->frame;
  }
  l->used = true;
  l->next = at + len;
}

bool
frame_ends_finish (struct frame_ends *f)
{
  bool failed = false;

  for (size_t i = 0; i < SEGMENT_MAX_LANES; i++) {
    if (f->lanes[i].used)
      add_end (&f->lanes[i], f->lanes[i].next);
    failed |= f->lanes[i].ends.failed;
  }
  return !failed;
}
