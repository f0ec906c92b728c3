/* SPDX-License-Identifier: BSD-3-Clause */
/* Titles: see titles.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
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

/* ---- All titles */

struct titles *
titles_new (const struct titles_config *config)
{
  struct titles *all = calloc (1, sizeof *all);
  struct rlimit files;

  if (!all)
    return NULL;
  all->config = *config;
  all->max_kept = getrlimit (RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur / 2 : 0;
  pthread_mutex_init (&all->lock, NULL);
  pthread_cond_init (&all->opened, NULL);
  /* Room for a title's own folder in front of the others. */
  all->places = calloc (config->n_places + 1, sizeof *all->places);
  for (size_t i = 0; all->places && i < config->n_places; i++) {
    all->places[i] = strdup (config->places[i]);
    if (!all->places[i]) {
      titles_free (all);
      return NULL;
    }
  }
  if (!all->places) {
    titles_free (all);
    return NULL;
  }
  return all;
}

void
titles_free (struct titles *all)
{
  if (!all)
    return;
  for (size_t i = 0; all->places && i < all->config.n_places; i++)
    free (all->places[i]);
  free (all->places);
  pthread_cond_destroy (&all->opened);
  pthread_mutex_destroy (&all->lock);
  free (all);
}

/* ---- Those without users; with the lock held */

static void
leave_idle (struct titles *all, struct title *t)
{
  struct title_state *s = t->state;

  *(s->newer ? &s->newer->state->older : &all->newest) = s->older;
  *(s->older ? &s->older->state->newer : &all->oldest) = s->newer;
  s->newer = s->older = NULL;
  all->n_idle--;
}

static void
enter_idle (struct titles *all, struct title *t)
{
  t->state->older = all->newest;
  *(all->newest ? &all->newest->state->newer : &all->oldest) = t;
  all->newest = t;
  all->n_idle++;
}

/* The image that has to go for there to be few enough; NULL if there are. */
static struct image *
evict (struct titles *all)
{
  struct title *t = all->oldest;

  if (all->n_idle <= TITLES_IDLE)
    return NULL;
  leave_idle (all, t);
  return take_ptr (&t->state->image);
}

/* ---- A title */

static bool
same_text (const char *a, const char *b)
{
  return a && b ? strcmp (a, b) == 0 : a == b;
}

static void
title_free (struct title *t)
{
  free (t->name);
  free (t->recipe);
  free (t->source_dir);
  if (t->state && t->state->fd >= 0)
    close (t->state->fd);
  free (t->state);
  free (t);
}

struct title *
title_new (struct titles *all, const struct title *from, struct error *err)
{
  struct title *t = calloc (1, sizeof *t);
  struct stat st;

  if (t) {
    *t =
      (struct title){ .name = strdup (from->name),
                      .recipe = strdup (from->recipe),
                      .source_dir = from->source_dir ? strdup (from->source_dir) : NULL,
                      .stat = from->stat,
                      .state = calloc (1, sizeof *t->state) };
  }
  if (!t || !t->name || !t->recipe || !t->state || (from->source_dir && !t->source_dir)) {
    if (t)
      title_free (t);
    error_set (err, ENOMEM, "%s", from->recipe);
    return NULL;
  }
  *t->state = (struct title_state){ .titles = all, .refs = 1, .fd = -1 };
  if (recipe_peek (t->recipe, &t->size, &st, err) == -1) {
    title_free (t);
    return NULL;
  }
  t->id = file_id_of (&st);
  return t;
}

bool
title_is (const struct title *title, const struct title *t)
{
  struct stat st;
  struct file_id id;

  if (strcmp (title->name, t->name) != 0 || strcmp (title->recipe, t->recipe) != 0 ||
      !same_text (title->source_dir, t->source_dir) || title->stat.mode != t->stat.mode ||
      title->stat.uid != t->stat.uid || title->stat.gid != t->stat.gid ||
      stat (t->recipe, &st) == -1)
    return false;
  id = file_id_of (&st);
  return file_id_same (&title->id, &id);
}

struct title *
title_ref (struct title *t)
{
  LOCK_FOR_SCOPE (&t->state->titles->lock);

  t->state->refs++;
  return t;
}

void
title_unref (struct title *t)
{
  struct titles *all;

  if (!t)
    return;
  all = t->state->titles;
  {
    LOCK_FOR_SCOPE (&all->lock);

    if (--t->state->refs > 0)
      return;
    if (t->state->image)
      leave_idle (all, t);
    if (t->state->fd >= 0)
      all->n_kept--;
  }
  image_close (t->state->image);
  title_free (t);
}

/* ---- Its image */

/* The recipe's file, as it was when the title was made. */
static int
open_recipe (const struct title *t, struct error *err)
{
  int fd = open (t->recipe, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct file_id id;
  struct stat st;

  if (fd == -1)
    return error_set (err, errno, "%s", t->recipe);
  if (fstat (fd, &st) == -1)
    error_set (err, errno, "%s", t->recipe);
  else {
    id = file_id_of (&st);
    if (file_id_same (&id, &t->id))
      return fd;
    error_set (err, 0, "%s: was replaced since this client connected", t->recipe);
  }
  close (fd);
  return -1;
}

/* The file that is kept, unless it was written to.  (Removing it changes its ctime.) */
static int
open_kept (const struct title *t, int kept, struct error *err)
{
  struct stat st;

  if (fstat (kept, &st) == -1)
    return error_set (err, errno, "%s", t->recipe);
  if ((uint64_t) st.st_size != t->id.size || timespec_ns (&st.st_mtim) != t->id.mtime_ns)
    return error_set (err, 0, "%s: was written to since this client connected",
                      t->recipe);
  kept = fcntl (kept, F_DUPFD_CLOEXEC, 0);
  return kept == -1 ? error_set (err, errno, "%s", t->recipe) : kept;
}

static struct image *
open_image (const struct title *t, int kept, struct error *err)
{
  const struct titles_config *c = &t->state->titles->config;
  int fd = kept >= 0 ? open_kept (t, kept, err) : open_recipe (t, err);
  CLEANUP_FREE const char **places = calloc (c->n_places + 1, sizeof *places);
  struct recipe *recipe;
  struct image *image;
  size_t n = 0;

  recipe = fd == -1 ? NULL : recipe_open_fd (fd, t->recipe, err);
  if (recipe && !places) {
    recipe_close (recipe);
    error_set (err, ENOMEM, "%s", t->recipe);
  }
  if (!recipe || !places)
    return NULL;
  if (t->source_dir)
    places[n++] = t->source_dir;
  for (size_t i = 0; i < c->n_places; i++)
    places[n++] = t->state->titles->places[i];
  image = image_of_recipe (recipe, places, n, c->cache, err);
  if (!image)
    return NULL;
  if (c->direct)
    image_read_directly (image);
  image_set_finder (image, c->finder);
  if (image_set_verify (image, c->verify, err) == -1) {
    image_close (image);
    return NULL;
  }
  return image;
}

/* One more user of an image that is open or being opened.  NULL: this thread is to open
 * it, of the file that is kept, if one is.
 */
static struct image *
use_open_image (struct title *t, int *kept)
{
  struct title_state *s = t->state;
  LOCK_FOR_SCOPE (&s->titles->lock);

  while (s->is_opening)
    pthread_cond_wait (&s->titles->opened, &s->titles->lock);
  if (!s->image) {
    s->is_opening = true;
    *kept = s->fd;
    return NULL;
  }
  if (s->users++ == 0)
    leave_idle (s->titles, t);
  return s->image;
}

struct image *
title_open (struct title *t, struct error *err)
{
  int kept = -1;
  struct image *image = use_open_image (t, &kept);
  struct title_state *s = t->state;

  if (image)
    return image;
  image = open_image (t, kept, err);
  pthread_mutex_lock (&s->titles->lock);
  s->is_opening = false;
  s->image = image;
  s->users = image ? 1 : 0;
  pthread_cond_broadcast (&s->titles->opened);
  pthread_mutex_unlock (&s->titles->lock);
  return image;
}

void
title_close (struct title *t)
{
  struct titles *all = t->state->titles;
  struct image *unused = NULL;

  pthread_mutex_lock (&all->lock);
  if (--t->state->users == 0) {
    enter_idle (all, t);
    unused = evict (all);
  }
  pthread_mutex_unlock (&all->lock);
  image_close (unused);
}

/* ---- Keeping */

/* "SECONDS.NANOSECONDS", as create writes it; one that is not is none. */
static void
parse_mtime (const char *text, struct tree_stat *stat)
{
  char *end;
  long long seconds;
  unsigned long nsec;

  errno = 0;
  seconds = strtoll (text, &end, 10);
  if (errno != 0 || end == text || *end != '.')
    return;
  text = end + 1;
  nsec = strtoul (text, &end, 10);
  if (end != text + 9 || *end != '\0' || nsec > 999999999)
    return;
  stat->mtime = seconds;
  stat->mtime_nsec = (uint32_t) nsec;
}

/* The MKV's; where that was not recorded, the recipe's. */
static int
find_mtime (const struct title *t, int fd, struct tree_stat *stat, struct error *err)
{
  struct recipe *recipe = recipe_open_fd (fd, t->recipe, err);
  struct recipe_note *notes;
  size_t n;

  if (!recipe)
    return -1;
  stat->mtime_nsec =
    (uint32_t) ((t->id.mtime_ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND);
  stat->mtime = (t->id.mtime_ns - stat->mtime_nsec) / NS_PER_SECOND;
  if (recipe_notes (recipe, &notes, &n, err) == -1) {
    recipe_close (recipe);
    return -1;
  }
  for (size_t i = 0; i < n; i++)
    if (strcmp (notes[i].key, "mtime") == 0)
      parse_mtime (notes[i].value, stat);
  recipe_notes_free (notes, n);
  recipe_close (recipe);
  return 0;
}

int
title_keep (struct title *t, struct error *err)
{
  struct titles *all = t->state->titles;
  struct tree_stat stat;
  int fd, kept;

  {
    LOCK_FOR_SCOPE (&all->lock);
    if (t->state->is_dated)
      return 0;
  }
  fd = open_recipe (t, err);
  kept = fd == -1 ? -1 : fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (fd == -1 || find_mtime (t, fd, &stat, err) == -1) {
    if (kept >= 0)
      close (kept);
    return -1;
  }
  LOCK_FOR_SCOPE (&all->lock);
  if (!t->state->is_dated) {
    t->stat.mtime = stat.mtime;
    t->stat.mtime_nsec = stat.mtime_nsec;
    t->state->is_dated = true;
    if (kept >= 0 && all->n_kept < all->max_kept) {
      t->state->fd = take_fd (&kept);
      all->n_kept++;
    }
  }
  if (kept >= 0)
    close (kept);
  return 0;
}
