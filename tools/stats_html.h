/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page of `mkvdup stats`: one file of HTML that needs nothing else, for a browser of any
 * width, in light and dark.
 *
 * What it says of itself (Content-Security-Policy) lets a browser load nothing and run nothing
 * but the one script that is in it, whatever a name may contain; names are escaped all the
 * same (markup.h).
 */
#ifndef MKVDUP_STATS_HTML_H
#define MKVDUP_STATS_HTML_H

#include <stdbool.h>

#include "stats.h"

/* Write it to `path`, whole or not at all.  Another file than such a page is only replaced with
 * `force`, and what output_check refuses not even so.
 */
int stats_html_write (const struct stats *stats, const char *path, bool force,
                      struct error *err);

#endif /* MKVDUP_STATS_HTML_H */
