/* SPDX-License-Identifier: BSD-3-Clause */
/* UTF-8 in text that may be anything. */
#ifndef MKVDUP_UTF8_H
#define MKVDUP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define UTF8_ELLIPSIS "\xe2\x80\xa6"    /* U+2026 */

/* The length of the UTF-8 sequence at `p` (RFC 3629: no surrogates, no overlong forms, at
 * most U+10FFFF), or 0 if it is none.  Stops at the terminating NUL.
 */
size_t utf8_len (const unsigned char *p);

/* May a sequence of that length be shown to people: is it one, no control, and nothing that
 * turns the direction of writing, so that a name looks like another?
 */
bool utf8_is_shown (const unsigned char *p, size_t len);

/* How much of a file tells what it is. */
#define UTF8_LOOK 1024

/* What a terminal or an editor takes; MKVs, recipes and images begin with other bytes. */
bool is_text (const char *bytes, size_t n);

/* `text` to be shown, in `most` characters: what is too long loses its begin, and what may not
 * be shown is U+FFFD.  Malloced, NULL when out of memory.
 */
char *utf8_shorten (const char *text, size_t most);

#endif /* MKVDUP_UTF8_H */
