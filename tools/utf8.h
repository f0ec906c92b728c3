/* SPDX-License-Identifier: BSD-3-Clause */
/* UTF-8 in text that may be anything. */
#ifndef MKVDUP_UTF8_H
#define MKVDUP_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the UTF-8 sequence at `p` (RFC 3629: no surrogates, no overlong forms, at
 * most U+10FFFF), or 0 if it is none.  Stops at the terminating NUL.
 */
size_t utf8_len (const unsigned char *p);

#endif /* MKVDUP_UTF8_H */
