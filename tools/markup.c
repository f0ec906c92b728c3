/* SPDX-License-Identifier: BSD-3-Clause */
/* Text in HTML and SVG: see markup.h. */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "markup.h"
#include "utf8.h"

static const char *
entity (unsigned char c)
{
  switch (c) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  default:
    return NULL;
  }
}

/* C0 and C1 controls; U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, which turn the
 * direction; U+FFFE and U+FFFF, which XML does not have.
 */
static bool
is_refused (const unsigned char *p, size_t len)
{
  if (len == 1)
    return *p < 0x20 || *p == 0x7f;
  if (len == 2)
    return p[0] == 0xc2 && p[1] < 0xa0;
  if (len != 3)
    return false;
  if (p[0] == 0xef && p[1] == 0xbf)
    return p[2] >= 0xbe;
  if (p[0] != 0xe2)
    return false;
  return (p[1] == 0x80 &&
          (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
         (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

void
markup_text (FILE *out, const char *text)
{
  size_t len;

  for (const unsigned char *p = (const unsigned char *) text; *p; p += len) {
    const char *escaped = entity (*p);

    len = utf8_len (p);
    if (len == 0 || is_refused (p, len)) {
      fputs (UTF8_REPLACEMENT, out);
      len = len > 0 ? len : 1;
    }
    else if (escaped)
      fputs (escaped, out);
    else
      fwrite (p, 1, len, out);
  }
}
