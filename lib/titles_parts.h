/* SPDX-License-Identifier: BSD-3-Clause */
/* What titles.c and title_image.c share.  Private to lib/. */
#ifndef MKVDUP_TITLES_PARTS_H
#define MKVDUP_TITLES_PARTS_H

#include <pthread.h>

#include "errands.h"
#include "titles.h"

/* An image that is to be closed, and others whose turn it is, too. */
struct title_closing {
  struct errand errand;
  struct titles *titles;
  struct image *image; /* owned; NULL: it is closed */
  struct title_closing *next;
};

/* Of a title; guarded by the lock of `titles`. */
struct title_state {
  struct titles *titles; /* borrowed; fixed */
  unsigned refs;
  unsigned users;              /* of the image */
  struct image *image;         /* owned; NULL while nobody has opened it */
  bool is_opening;             /* by a thread, without the lock */
  bool is_dated;               /* its mtime is known */
  struct pulse *opening;       /* of all recipes in its folder; fixed */
  int fd;                      /* the recipe's, kept; -1 */
  struct title *newer, *older; /* among those without users */
};

struct titles {
  struct titles_config config; /* fixed */
  char **places;               /* owned, fixed */
  size_t max_kept;             /* fixed */
  pthread_mutex_t lock;
  pthread_cond_t opened; /* some title is no longer opening */
  pthread_cond_t closed; /* n_closing is one less */
  /* Guarded by the lock: */
  struct title *newest, *oldest; /* open images without users */
  size_t n_idle, n_kept;
  size_t n_closing;               /* errands that close images */
  struct title_closing *unclosed; /* those that nobody could be sent to close; owned */
};

/* The recipe's file, as it was when the title was made. */
int title_open_recipe (const struct title *t, struct error *err);

/* It has an open image without users: that is no longer to be kept for being so.  With the
 * lock held.
 */
void title_leave_idle (struct titles *all, struct title *t);

/* Wait until all images that had to go are closed. */
void titles_close_images (struct titles *all);

#endif /* MKVDUP_TITLES_PARTS_H */
