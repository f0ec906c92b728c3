/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All titles of a library in figures, and their sources, each once however many titles are
 * made of it.
 *
 * Titles are looked at by several threads, one thread a title (all of them, if there are fewer
 * titles than threads).  What comes out does not depend on the number of threads.
 */
#ifndef MKVDUP_STATS_H
#define MKVDUP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check_library.h"
#include "recipe_map.h"
#include "track_note.h"

/* How much is to be found out. */
enum stats_depth {
  STATS_SIZES, /* what opening a recipe tells */
  STATS_BYTES, /* all segments are decoded: what the bytes of each image are */
  STATS_MAPS,  /* … and where they lie */
};

/* A source is shown in so many parts. */
#define STATS_PARTS 120u

/* A source of a title. */
struct stats_use {
  struct recipe_source id;        /* its path is owned */
  const char *folder;             /* where the title looks for it; the title's */
  size_t title;                   /* its index */
  uint32_t number;                /* in the title's recipe */
  uint64_t bytes;                 /* of the image */
  uint8_t parts[STATS_PARTS / 8]; /* bits: the title has bytes of it */
  size_t source;                  /* index in stats.sources */
};

struct stats_title {
  const struct title *title; /* the library's */
  char *folder;              /* of its sources, without links; owned; NULL: none */
  char *error;               /* why nothing is known of it; owned; NULL: all is */
  uint64_t recipe_size;
  struct stats_use *uses; /* in the order of the recipe; owned */
  size_t n_uses;
  struct track_note *tracks; /* owned */
  size_t n_tracks;
  uint64_t payload, found;   /* bytes of all tracks, and how many were on sources */
  uint64_t bytes[MAP_KINDS]; /* STATS_BYTES, as what follows */
  uint64_t n_runs;
  struct map_run runs[MAP_RUNS];
  unsigned n_longest;
  char *strip; /* STATS_MAPS: see map_strip.h; owned */
};

/* One source, at one place. */
struct stats_source {
  const struct recipe_source *id; /* of its first use */
  const char *folder;             /* as there */
  char *found;                    /* where; owned; NULL: it is not there … */
  char *why_not;                  /* … and why; owned */
  struct stats_use **uses;        /* by title; borrowed, in stats.uses */
  size_t n_uses;
  uint64_t image_bytes; /* of all titles, from it */
};

struct stats {
  struct check_library library;
  enum stats_depth depth;
  struct stats_title *titles; /* in the library's order; owned */
  size_t n_titles;
  struct stats_source *sources; /* by folder and path; owned */
  size_t n_sources;
  struct stats_use **uses; /* of all titles, by source; owned */
  size_t n_uses;
  /* The sums of all titles without error: */
  uint64_t image_bytes, recipe_bytes, payload, found, bytes[MAP_KINDS];
  uint64_t source_bytes; /* of all sources, each once */
  size_t n_good, n_shared,
    n_missing; /* titles; sources of several titles, and that are away */
};

#define CLEANUP_STATS __attribute__ ((cleanup (stats_free)))

/* By one thread at a time: so many bytes of images are done, of all; false to stop. */
typedef bool stats_progress_fn (void *opaque, uint64_t done, uint64_t of);

/* What options->args name.  What is wrong with a title is told with it, what is wrong with the
 * library in library.problems.  -1 with `err` set when out of memory or stopped (ECANCELED).
 * To be freed either way; must not be moved.
 */
int stats_make (struct stats *stats, const struct options *options,
                enum stats_depth depth, stats_progress_fn *progress, void *opaque,
                struct error *err);
void stats_free (struct stats *stats);

/* Is all there and good? */
bool stats_is_good (const struct stats *stats);

#endif /* MKVDUP_STATS_H */
