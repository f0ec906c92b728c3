/* SPDX-License-Identifier: BSD-3-Clause */
/* EBML integers and element headers: see ebml.h. */
#include "config.h"

#include "ebml.h"

/* RFC 8794 §11.2.4: Matroska's EBMLMaxIDLength is always 4. */
#define MAX_ID 4

/* Bytes of the integer whose first byte this is; 9: none that is allowed. */
static unsigned
width_of (uint8_t first)
{
  return first ? (unsigned) __builtin_clz (first) - 23 : 9;
}

unsigned
ebml_vint (const uint8_t *p, size_t len, unsigned max, uint64_t *value)
{
  unsigned width = len ? width_of (p[0]) : 9;
  uint64_t v;

  if (width > max || width > len)
    return 0;
  v = p[0] & (0xFFU >> width);
  for (unsigned i = 1; i < width; i++)
    v = v << 8 | p[i];
  *value = v;
  return width;
}

bool
ebml_header (const uint8_t *p, size_t len, struct ebml_element *e)
{
  uint64_t id, size;
  unsigned id_width = ebml_vint (p, len, MAX_ID, &id), size_width;

  if (!id_width)
    return false;
  size_width = ebml_vint (p + id_width, len - id_width, 8, &size);
  if (!size_width)
    return false;
  e->id = (uint32_t) (id | UINT64_C (1) << 7 * id_width);
  e->head = id_width + size_width;
  e->unknown = size == (UINT64_C (1) << 7 * size_width) - 1;
  e->size = e->unknown ? 0 : size;
  return true;
}

uint64_t
ebml_uint (const uint8_t *p, size_t len)
{
  uint64_t v = 0;

  for (size_t i = 0; i < len; i++)
    v = v << 8 | p[i];
  return v;
}
