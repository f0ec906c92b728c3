/* SPDX-License-Identifier: BSD-3-Clause */
/* What titles.c and title_image.c share.  Private to lib/. */
#ifndef MKVDUP_TITLES_PARTS_H
#define MKVDUP_TITLES_PARTS_H

#include <pthread.h>

#include "titles.h"

/* Of a title; guarded by the lock of `titles`. */
struct title_state {
  struct titles *titles; /* borrowed; fixed */
  unsigned refs;
  unsigned users;              /* of the image */
  struct image *image;         /* owned; NULL while nobody has opened it */
  bool is_opening;             /* by a thread, without the lock */
  bool is_dated;               /* its mtime is known */
  int fd;                      /* the recipe's, kept; -1 */
  struct title *newer, *older; /* among those without users */
};

struct titles {
  struct titles_config config; /* fixed */
  char **places;               /* owned, fixed */
  size_t max_kept;             /* fixed */
  pthread_mutex_t lock;
  pthread_cond_t opened; /* some title is no longer opening */
  /* Guarded by the lock: */
  struct title *newest, *oldest; /* open images without users */
  size_t n_idle, n_kept;
};

/* The recipe's file, as it was when the title was made. */
int title_open_recipe (const struct title *t, struct error *err);

/* It has an open image without users: that is no longer to be kept for being so.  With the
 * lock held.
 */
void title_leave_idle (struct titles *all, struct title *t);

#endif /* MKVDUP_TITLES_PARTS_H */
