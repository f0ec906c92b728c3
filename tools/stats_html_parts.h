/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the page share.  Not for others. */
#ifndef MKVDUP_STATS_HTML_PARTS_H
#define MKVDUP_STATS_HTML_PARTS_H

#include <stdio.h>

#include "stats.h"

/* The section with all titles, and that with all sources. */
void stats_html_titles (FILE *out, const struct stats *stats);
void stats_html_discs (FILE *out, const struct stats *stats);

/* "99.976 %", with as many digits as tell it from 100 and 0. */
void stats_html_percent (FILE *out, uint64_t part, uint64_t whole);

/* A square in the colour of a class. */
void stats_html_dot (FILE *out, const char *class_name);

#endif /* MKVDUP_STATS_HTML_PARTS_H */
