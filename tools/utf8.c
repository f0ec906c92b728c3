/* SPDX-License-Identifier: BSD-3-Clause */
/* UTF-8: see utf8.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

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

/* Refused are C0 and C1 controls; U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, which
 * turn the direction; U+FFFE and U+FFFF, which XML does not have.
 */
bool
utf8_is_shown (const unsigned char *p, size_t len)
{
  if (len == 0)
    return false;
  if (len == 1)
    return *p >= 0x20 && *p != 0x7f;
  if (len == 2)
    return p[0] != 0xc2 || p[1] >= 0xa0;
  if (len != 3)
    return true;
  if (p[0] == 0xef && p[1] == 0xbf)
    return p[2] < 0xbe;
  if (p[0] != 0xe2)
    return true;
  return !(
    (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

/* The next character of *text as it is shown, which is passed: its length. */
static size_t
take_shown (const unsigned char **text, const char **shown)
{
  size_t len = utf8_len (*text);

  *shown = (const char *) *text;
  *text += len > 0 ? len : 1;
  if (utf8_is_shown ((const unsigned char *) *shown, len))
    return len;
  *shown = UTF8_REPLACEMENT;
  return strlen (UTF8_REPLACEMENT);
}

static size_t
count (const char *text)
{
  const unsigned char *at = (const unsigned char *) text;
  const char *shown;
  size_t n = 0;

  for (; *at; n++)
    take_shown (&at, &shown);
  return n;
}

char *
utf8_shorten (const char *text, size_t most)
{
  const unsigned char *at = (const unsigned char *) text;
  size_t n = count (text), skip = n > most ? n - most + 1 : 0;
  char *out = malloc (3 * strlen (text) + sizeof UTF8_ELLIPSIS), *end = out;
  const char *shown;

  if (!out)
    return NULL;
  if (skip > 0)
    end = stpcpy (end, UTF8_ELLIPSIS);
  for (size_t i = 0; *at; i++) {
    size_t len = take_shown (&at, &shown);

    if (i >= skip)
      end = mempcpy (end, shown, len);
  }
  *end = '\0';
  return out;
}

bool
is_text (const char *bytes, size_t n)
{
  static const char controls[] = { '\a', '\b', '\t', '\n', '\v', '\f', '\r', '\033' };

  for (size_t i = 0; i < n; i++)
    if ((unsigned char) bytes[i] < 0x20 && !memchr (controls, bytes[i], sizeof controls))
      return false;
  return true;
}
