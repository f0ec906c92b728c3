/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text in HTML and SVG.  Names come from recipes that anyone may have made: whatever is in
 * them is text there and nothing else, in an element or between double quotes.
 */
#ifndef MKVDUP_MARKUP_H
#define MKVDUP_MARKUP_H

#include <stdio.h>

/* What is special is escaped; what is no UTF-8, or no character of XML, is U+FFFD; characters
 * that turn the direction of writing are, too, so that no name looks like another.
 */
void markup_text (FILE *out, const char *text);

#endif /* MKVDUP_MARKUP_H */
