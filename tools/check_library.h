/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library as the server sees it, for commands: read by the same code, with its titles'
 * sources looked for at the same places in the same order.
 *
 * Unlike a server, which keeps images open, each visit opens a title anew: recipe and sources
 * are those that lie there now.
 *
 * A title called as the server's disk is one here: the disk's name is the server's parameter.
 *
 * Thread safety: none; the images of visits may be read by many threads.
 */
#ifndef MKVDUP_CHECK_LIBRARY_H
#define MKVDUP_CHECK_LIBRARY_H

#include <stddef.h>

#include "cache.h"
#include "error.h"
#include "library.h"
#include "options.h"
#include "source_search.h"
#include "titles.h"

struct check_library {
  struct segment_cache *cache;
  struct source_search *search;
  struct source_finder finder;
  struct titles *titles;
  struct library *library;
  struct snapshot *snapshot; /* what there is: `titles`, of which there are `n` */
  char **problems;           /* of its configuration; owned */
  size_t n_problems;
};

#define CLEANUP_CHECK_LIBRARY __attribute__ ((cleanup (check_library_close)))

/* Read what options->args name.  What cannot be read is among the problems.  -1 with `err` set
 * when out of memory.  Must not be moved until it is closed.
 */
int check_library_open (struct check_library *l, const struct options *options,
                        struct error *err);
void check_library_close (struct check_library *l);

/* That one of options->args names no title at all is a problem, too: a server waits for what may
 * come, but it may be a folder that is not mounted.  -1 with `err` set when out of memory.
 */
int check_library_want_titles (struct check_library *l, const struct options *options,
                               struct error *err);

/* A title being looked at. */
struct visit {
  struct title *title;
  struct image *image;
};

#define CLEANUP_VISIT __attribute__ ((cleanup (visit_end)))

/* -1 with `err` set: there is no such recipe any more, or it cannot be opened. */
int visit_begin (struct visit *v, struct check_library *l, const struct title *title,
                 struct error *err);
void visit_end (struct visit *v);

#endif /* MKVDUP_CHECK_LIBRARY_H */
