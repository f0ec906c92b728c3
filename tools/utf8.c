/* SPDX-License-Identifier: BSD-3-Clause */
/* UTF-8: see utf8.h. */
#include "config.h"

#include "utf8.h"

size_t
utf8_len (const unsigned char *p)
{
  unsigned low = 0x80, high = 0xbf; /* of the second byte */
  size_t len;

  if (p[0] < 0x80)
    return 1;
  if (p[0] < 0xc2 || p[0] > 0xf4)
    return 0;
  len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if (p[0] == 0xe0)
    low = 0xa0;
  if (p[0] == 0xed)
    high = 0x9f;
  if (p[0] == 0xf0)
    low = 0x90;
  if (p[0] == 0xf4)
    high = 0x8f;
  if (p[1] < low || p[1] > high)
    return 0;
  for (size_t i = 2; i < len; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  return len;
}
