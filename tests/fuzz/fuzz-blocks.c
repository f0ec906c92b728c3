/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a Matroska file, and what is made of each of its blocks: a header's shape
 * is sound; NAL units lie within the frame, one behind the other; and
 * what undoing gives is within its bounds, and is what it was made of when that is said.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block_shape.h"
#include "cleanup.h"
#include "material.h"
#include "matroska.h"
#include "nal.h"
#include "recoding.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

/* A shape is a guess, which may be wrong, but is sound. */
static void
check_shape (const struct matroska_block *b, const uint8_t *data)
{
  uint8_t header[SHAPE_MAX_HEADER];
  struct shape s;
  size_t head;

  if (!block_shape (b, data + b->at, &s, &head))
    return;
  require (shape_is_valid (&s) && head <= b->payload - b->at);
  require (shape_render (&s, b->outer_end - b->at, b->time, header) <= SHAPE_MAX_HEADER);
}

static void
check_units (const uint8_t *frame, uint32_t len)
{
  for (unsigned width = 1; width <= 4; width++) {
    struct nal_list list;
    uint32_t done = 0, from, end;

    nal_parse (frame, len, width, &list);
    require (list.n <= NAL_MAX);
    for (unsigned i = 0; i < list.n; i++) {
      nal_body (&list, len, i, &from, &end);
      require (list.at[i] == done && from == done + width && from <= end && end <= len);
      done = end;
    }
    require (list.n == 0 || done == len);
    require (nal_overlap (&list, 0, len) == list.n * width);
  }
}

static void
check_material (const uint8_t *frame, uint32_t len)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;

  for (int kind = TRANSFORM_NONE + 1; kind < TRANSFORM_KINDS; kind++) {
    struct recoding_unit unit = recoding_unit ((enum transform_kind) kind);
    uint32_t whole = unit.out ? len - len % unit.out : len;

    if (!material_undo ((enum transform_kind) kind, frame, len, &out))
      continue;
    require (out.len > 0 && (kind < FIRST_RECODING || out.len <= RECODING_MAX_MATERIAL));
    /* Deflating has many results, and dropping forgets; the rest has one way back. */
    if (kind >= FIRST_RECODING && unit.out && whole / unit.out * unit.in == out.len)
      require (material_reproduces ((enum transform_kind) kind, &out, frame, whole));
  }
}

static void
check_block (const struct matroska *m, const struct matroska_block *b,
             const uint8_t *data)
{
  const struct matroska_track *track = matroska_track (m, b->track);
  const uint8_t *frame = data + b->payload;
  uint32_t len = (uint32_t) (b->end - b->payload);

  require (material_kinds (track)->n >= 1);
  require (!material_is_by_frame (material_kinds (track)) ||
           track->compression == MATROSKA_ZLIB);
  require (nal_width (track) <= 4);
  check_shape (b, data);
  check_units (frame, len);
  check_material (frame, len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_CLOSE int fd = memfd_create ("fuzz", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  struct matroska_block b;
  struct matroska *m;
  struct window w;

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  require (window_init (&w, fd, size, 4096, &err) == 0);
  m = matroska_open (&w);
  require (m != NULL);
  while (matroska_next (m, &b))
    check_block (m, &b, data);
  matroska_close (m);
  window_free (&w);
  return 0;
}
