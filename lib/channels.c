/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving channels: see channels.h.  Sound of more than two is rare, and a few Mbit/s: no
 * vectors here, but one loop for all.
 */
#include "config.h"

#include <string.h>

#include "channels.h"

/* Kinds come four by four. */
#define LAYOUT(name, slots, n, ...)                         \
  [name##_16_LE] = { slots, n, 2, true, { __VA_ARGS__ } },  \
  [name##_16_BE] = { slots, n, 2, false, { __VA_ARGS__ } }, \
  [name##_24_LE] = { slots, n, 3, true, { __VA_ARGS__ } },  \
  [name##_24_BE] = { slots, n, 3, false, { __VA_ARGS__ } }

static const struct channels layouts[TRANSFORM_KINDS] = {
  LAYOUT (TRANSFORM_ORDER6, 6, 6, 0, 1, 2, 5, 3, 4),
  LAYOUT (TRANSFORM_ORDER8, 8, 8, 0, 1, 2, 7, 4, 5, 3, 6),
  LAYOUT (RECODING_KEEP1, 2, 1, 0),
  LAYOUT (RECODING_KEEP3, 4, 3, 0, 1, 2),
  LAYOUT (RECODING_KEEP5, 6, 5, 0, 1, 2, 3, 4),
  LAYOUT (RECODING_KEEP7, 8, 7, 0, 1, 2, 4, 5, 3, 6),
};

const struct channels *
channels_of (enum transform_kind kind)
{
  return kind < TRANSFORM_KINDS && layouts[kind].slots ? &layouts[kind] : NULL;
}

/* Either way: a value that is turned round twice is as it was. */
static inline void
copy_value (const struct channels *c, uint8_t *to, const uint8_t *from)
{
  for (size_t i = 0; i < c->width; i++)
    to[i] = from[c->little ? c->width - 1 - i : i];
}

void
channels_take (const struct channels *c, const uint8_t *in, size_t moments, uint8_t *out)
{
  for (; moments > 0; moments--, in += (size_t) c->slots * c->width)
    for (size_t i = 0; i < c->n; i++, out += c->width)
      copy_value (c, out, in + (size_t) c->from[i] * c->width);
}

void
channels_put_back (const struct channels *c, const uint8_t *in, size_t moments,
                   uint8_t *out)
{
  if (c->n < c->slots)
    memset (out, 0, moments * c->slots * c->width);
  for (; moments > 0; moments--, out += (size_t) c->slots * c->width)
    for (size_t i = 0; i < c->n; i++, in += c->width)
      copy_value (c, out + (size_t) c->from[i] * c->width, in);
}
