/* SPDX-License-Identifier: BSD-3-Clause */
/* Text in HTML and SVG: see markup.h. */
#include "config.h"

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

void
markup_text (FILE *out, const char *text)
{
  size_t len;

  for (const unsigned char *p = (const unsigned char *) text; *p; p += len) {
    const char *escaped = entity (*p);

    len = utf8_len (p);
    if (!utf8_is_shown (p, len)) {
      fputs (UTF8_REPLACEMENT, out);
      len = len > 0 ? len : 1;
    }
    else if (escaped)
      fputs (escaped, out);
    else
      fwrite (p, 1, len, out);
  }
}
