/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges as people write them: see byte_range.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "byte_range.h"

/* The number at *text, which is moved behind it. */
static bool
parse_amount (const char **text, uint64_t *amount)
{
  static const char units[] = "KMGT";
  bool is_hex = (*text)[0] == '0' && ((*text)[1] | 0x20) == 'x';
  const char *digits = is_hex ? *text + 2 : *text;
  const char *unit;
  char *end;

  /* strtoull would take a sign, spaces, and "0x" without a digit. */
  if (!strchr (is_hex ? "0123456789abcdefABCDEF" : "0123456789", *digits) || !*digits)
    return false;
  errno = 0;
  *amount = strtoull (digits, &end, is_hex ? 16 : 10);
  if (errno != 0)
    return false;
  unit = *end ? strchr (units, *end & ~0x20) : NULL;
  if (unit) {
    unsigned shift = 10 * (unsigned) (unit - units + 1);

    if (*amount > UINT64_MAX >> shift)
      return false;
    *amount <<= shift;
    end++;
  }
  *text = end;
  return true;
}

bool
byte_range_parse (const char *text, struct byte_range *range)
{
  range->len = 1;
  if (!parse_amount (&text, &range->offset))
    return false;
  if (*text == ':') {
    text++;
    if (!parse_amount (&text, &range->len))
      return false;
  }
  return *text == '\0' && range->len > 0;
}

int
byte_range_cut (struct byte_range *range, uint64_t size, struct error *err)
{
  if (range->offset >= size)
    return error_set (
      err, 0, "offset %" PRIu64 " is behind the image, which has %" PRIu64 " bytes",
      range->offset, size);
  if (range->len > size - range->offset)
    range->len = size - range->offset;
  return 0;
}
