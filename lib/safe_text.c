/* SPDX-License-Identifier: BSD-3-Clause */
/* Text without control characters: see safe_text.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "safe_text.h"

/* "\NNN"; how many bytes that is. */
static size_t
put_octal (char *to, unsigned char c)
{
  to[0] = '\\';
  for (int i = 3; i > 0; i--, c >>= 3)
    to[i] = (char) ('0' + (c & 7));
  return 4;
}

size_t
safe_next (const char **text, char shown[SAFE_MAX])
{
  unsigned char c = (unsigned char) *(*text)++, next = (unsigned char) **text;

  if (c < 0x20 || c == 0x7f)
    return put_octal (shown, c);
  if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
    ++*text;
    return put_octal (shown, c) + put_octal (shown + 4, next);
  }
  shown[0] = (char) c;
  return 1;
}

char *
safe_text (const char *text)
{
  /* No byte comes to more than four. */
  char *safe = malloc (4 * strlen (text) + 1), *to = safe;

  while (to && *text) {
    char shown[SAFE_MAX];
    size_t n = safe_next (&text, shown);

    to = mempcpy (to, shown, n);
  }
  if (to)
    *to = '\0';
  return safe;
}
