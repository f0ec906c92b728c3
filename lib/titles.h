/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The titles of a library: named images that are opened when they are wanted.
 *
 * A title is one recipe file under one name, as it was when the library was looked at.  A
 * recipe that has been replaced since is another title; this one then either still has
 * the old file open (title_keep) or fails, but never gives bytes of both.
 *
 * Images are expensive to keep (descriptors) and cheap to open: some that nobody uses are
 * kept, least recently used first to go.
 *
 * Thread safety: all functions but titles_free may be called by any number of threads.
 */
#ifndef MKVDUP_TITLES_H
#define MKVDUP_TITLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "file_id.h"
#include "image.h"
#include "merkle.h"
#include "tree.h"

/* Images that are kept open without use.  Each has a descriptor for its recipe and one for
 * each of its sources; a usual limit is 1024.
 */
#define TITLES_IDLE 64u

struct titles; /* internally locked */

struct titles_config {
  struct segment_cache *cache; /* borrowed */
  const char *const *places;   /* where sources may be, besides; copied */
  size_t n_places;
  const struct source_finder *finder; /* borrowed; or NULL */
  bool direct;                        /* read sources past the page cache */
  enum image_verify verify;
  bool salvage;            /* image_salvage */
  image_notice_fn *notice; /* or NULL */
  void *notice_opaque;
};

struct title {
  char *name;       /* owned, as are the next three */
  char *recipe;     /* path */
  char *source_dir; /* first place where its sources are looked for; NULL: none */
  char *yaml;       /* in a library_config: the file that names it; NULL: none does */
  uint64_t size;    /* bytes of the image; of one that is only named, 0: not known */
  struct file_id id;
  uint8_t root[MERKLE_DIGEST]; /* recipe_identity; once title_keep has succeeded */
  struct tree_stat stat; /* permissions and owner; mtime once title_keep has succeeded */
  struct title_state *state; /* titles.c's */
};

/* NULL when out of memory.  Every title has to be gone before it is freed, which waits for
 * images that are being closed.
 */
struct titles *titles_new (const struct titles_config *config);
void titles_free (struct titles *all);

/* Look at the recipe `from` names and make a title of it, with one reference; strings are
 * copied, mtime, size and id are found.  NULL with `err` set: no recipe, or one of an image
 * of another size than `from` says.
 */
struct title *title_new (struct titles *all, const struct title *from, struct error *err);
struct title *title_ref (struct title *t);
void title_unref (struct title *t);

/* Is the title what title_new would make of `t` now? */
bool title_is (const struct title *title, const struct title *t);

/* Its image, shared by all who use it, to be released by title_close.  NULL with `err`
 * set.
 */
struct image *title_open (struct title *t, struct error *err);
/* The same, if it is open already; else NULL.  Does not wait, nor does title_close. */
struct image *title_try_open (struct title *t);
void title_close (struct title *t);

/*
 * Find the mtime and the root, and keep the recipe's file open, so that the title can be read even when
 * it is replaced or removed; unless too many are kept (half of what the process
 * may open): then it fails to be read once it is replaced.
 */
int title_keep (struct title *t, struct error *err);

#endif /* MKVDUP_TITLES_H */
