/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in every page of stats_html.c, as it stands there: the style and the script. */
#ifndef MKVDUP_STATS_PAGE_H
#define MKVDUP_STATS_PAGE_H

/* Colours come in two sets, by what the reader prefers; "s0" to "s6" are sources, "u" is what
 * is on none (map_strip.h).  Each has 3:1 at least against what is behind it, text 4.5:1.
 */
extern const char stats_page_style[];

/* Sorting and filtering titles.  Without it the page has all titles, by name. */
extern const char stats_page_script[];

#endif /* MKVDUP_STATS_PAGE_H */
