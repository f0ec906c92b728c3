/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text that holds names, for logs and terminals: a file's name may have line ends in it, and
 * what a terminal takes for orders.
 *
 * Thread safe.
 */
#ifndef MKVDUP_SAFE_TEXT_H
#define MKVDUP_SAFE_TEXT_H

#include <stddef.h>

/* What a character comes to at most. */
#define SAFE_MAX 8

/* The next byte of *text, which is passed, as it is to be shown: itself; or, of control
 * characters (C0, DEL, and C1 in UTF-8, which are two bytes), "\NNN" for each.  Returns how
 * many bytes that is.
 */
size_t safe_next (const char **text, char shown[SAFE_MAX]);

/* All of it, malloced; NULL when out of memory. */
char *safe_text (const char *text);

#endif /* MKVDUP_SAFE_TEXT_H */
