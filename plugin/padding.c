/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding: see padding.h. */
#include "config.h"

#include <string.h>

#include "padding.h"

#define EBML_VOID 0xec

void
padding_init (struct padding *p, uint64_t size, unsigned block, bool as_void)
{
  uint64_t len = (block - size % block) % block;
  unsigned width = 1; /* bytes of the Void's size */

  if (as_void && len == 1)
    len += block;
  *p = (struct padding){ size, size + len, !as_void || len == 0, { 0 } };
  if (p->is_zero)
    return;
  /* Seven bits a byte; all ones would mean "unknown". */
  while (len - 1 - width >= (1u << (7 * width)) - 1)
    ++width;
  len -= 1 + width;
  p->head[0] = EBML_VOID;
  for (unsigned i = 0; i < width; ++i)
    p->head[width - i] = (uint8_t) (len >> (8 * i));
  p->head[1] |= (uint8_t) (0x80 >> (width - 1));
}

void
padding_read (const struct padding *p, uint8_t *buf, size_t count, uint64_t offset)
{
  uint64_t into = offset - p->start;

  memset (buf, 0, count);
  for (size_t i = 0; i < count && into + i < sizeof p->head; ++i)
    buf[i] = p->head[into + i];
}
