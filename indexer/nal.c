/* SPDX-License-Identifier: BSD-3-Clause */
/* Length-prefixed NAL units: see nal.h. */
#include "config.h"

#include <pthread.h>
#include <string.h>

#include "nal.h"

/* Where avcC (14496-15 §5.3.3.1) and hvcC (§8.3.3.1) have lengthSizeMinusOne. */
#define AVCC_LENGTH_SIZE 4
#define HVCC_LENGTH_SIZE 21

unsigned
nal_width_of_frames (const struct matroska_track *track)
{
  size_t at;

  if (track && strcmp (track->codec, "V_MPEG4/ISO/AVC") == 0)
    at = AVCC_LENGTH_SIZE;
  else if (track && strcmp (track->codec, "V_MPEGH/ISO/HEVC") == 0)
    at = HVCC_LENGTH_SIZE;
  else
    return 0;
  return at < track->n_private ? (track->private[at] & 3U) + 1 : 0;
}

unsigned
nal_width (const struct matroska_track *track)
{
  return track && track->compression == MATROSKA_UNCOMPRESSED
           ? nal_width_of_frames (track)
           : 0;
}

static uint32_t
read_prefix (const uint8_t *p, unsigned width)
{
  uint32_t v = 0;

  for (unsigned i = 0; i < width; i++)
    v = v << 8 | p[i];
  return v;
}

void
nal_parse (const uint8_t *frame, uint32_t len, unsigned width, struct nal_list *list)
{
  uint32_t at = 0;

  list->n = 0;
  list->width = (uint8_t) width;
  while (width > 0 && len - at >= width) {
    uint32_t size = read_prefix (frame + at, width);

    if (size > len - at - width)
      break;
    if (list->n < NAL_MAX)
      list->at[list->n++] = at;
    at += width + size;
  }
  if (at != len)
    list->n = 0;
}

void
nal_body (const struct nal_list *list, uint32_t len, unsigned i, uint32_t *from,
          uint32_t *end)
{
  *from = list->at[i] + list->width;
  *end = i + 1U < list->n ? list->at[i + 1] : len;
}

uint32_t
nal_overlap (const struct nal_list *list, uint32_t at, uint32_t len)
{
  uint32_t sum = 0, end = at + len;

  for (unsigned i = 0; i < list->n; i++) {
    uint32_t from = list->at[i] > at ? list->at[i] : at;
    uint32_t to = list->at[i] + list->width < end ? list->at[i] + list->width : end;

    sum += from < to ? to - from : 0;
  }
  return sum;
}

static struct shape shapes[5]; /* by width */
static pthread_once_t shapes_once = PTHREAD_ONCE_INIT;

static void
make_shapes (void)
{
  for (unsigned width = 1; width <= 4; width++)
    shape_add_be_length (&shapes[width], width, 0);
}

const struct shape *
nal_shape (unsigned width)
{
  pthread_once (&shapes_once, make_shapes);
  return &shapes[width];
}
