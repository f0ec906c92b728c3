/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The image of a title: opened by the first who wants it, while others wait, and kept for a
 * while when nobody does any more.  See titles.h.
 *
 * Closing a file may hang as reading it may: FUSE and NFS tell their servers.  So what has to
 * go is closed by an errand, which nobody waits for: who reads another title is not to pay for
 * it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "errands.h"
#include "place_pulse.h"
#include "titles_parts.h"

/* ---- Those without users; with the lock held */

void
title_leave_idle (struct titles *all, struct title *t)
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

/* One that has to go for there to be few enough; NULL if there are.  One that would have to be
 * waited for may stay for now, as no thread is to be left with it; and so may one if there is no
 * memory.
 */
static struct title_closing *
evict (struct titles *all)
{
  struct title *t = all->n_idle > TITLES_IDLE ? all->oldest : NULL;
  struct title_closing *c;

  while (t && image_is_busy (t->state->image))
    t = t->state->newer;
  c = t ? malloc (sizeof *c) : NULL;
  if (!c)
    return NULL;
  title_leave_idle (all, t);
  *c = (struct title_closing){ .titles = all };
  c->image = take_ptr (&t->state->image);
  c->next = take_ptr (&all->unclosed);
  all->n_closing++;
  return c;
}

/* ---- Closing them */

static void
close_images (struct title_closing *c)
{
  for (; c; c = c->next)
    image_close (take_ptr (&c->image));
}

static void
free_closings (struct title_closing *c)
{
  while (c) {
    struct title_closing *next = c->next;

    free (c);
    c = next;
  }
}

static void
run_closing (struct errand *e)
{
  close_images ((struct title_closing *) (void *) e);
}

/* Those that were not closed, as too many errands are away, are kept for the next one. */
static void
release_closing (struct errand *e)
{
  struct title_closing *c = (void *) e, *last = c;
  struct titles *all = c->titles;
  LOCK_FOR_SCOPE (&all->lock);

  if (c->image) {
    while (last->next)
      last = last->next;
    last->next = all->unclosed;
    all->unclosed = c;
  }
  else
    free_closings (c);
  all->n_closing--;
  pthread_cond_broadcast (&all->closed);
}

static void
send_closing (struct title_closing *c)
{
  struct error ignored = ERROR_INIT;

  _Static_assert(offsetof (struct title_closing, errand) == 0, "see the casts");
  c->errand = (struct errand){ .run = run_closing, .release = release_closing };
  errand_send (&c->errand, 0, NULL, &ignored);
}

void
titles_close_images (struct titles *all)
{
  struct title_closing *rest;

  pthread_mutex_lock (&all->lock);
  while (all->n_closing > 0)
    pthread_cond_wait (&all->closed, &all->lock);
  rest = take_ptr (&all->unclosed);
  pthread_mutex_unlock (&all->lock);
  close_images (rest);
  free_closings (rest);
}

/* ---- Its image */

/* The file that is kept, unless it was written to.  (Removing it changes its ctime, and its
 * owner can set its mtime back: see check_kept.)
 */
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

/* Whatever its times are, is it still the recipe that was kept? */
static int
check_kept (const struct title *t, const struct recipe *recipe, struct error *err)
{
  uint8_t identity[MERKLE_DIGEST];

  if (recipe_identity (recipe, identity, err) == -1)
    return -1;
  return memcmp (identity, t->root, sizeof identity) == 0
           ? 0
           : error_set (err, 0, "%s: was written to since this client connected",
                        t->recipe);
}

static struct image *
open_image (const struct title *t, int kept, struct error *err)
{
  const struct titles_config *c = &t->state->titles->config;
  int fd = kept >= 0 ? open_kept (t, kept, err) : title_open_recipe (t, err);
  CLEANUP_FREE const char **places = calloc (c->n_places + 1, sizeof *places);
  struct recipe *recipe;
  struct image *image;
  size_t n = 0;

  recipe = fd == -1 ? NULL : recipe_open_fd (fd, t->recipe, err);
  if (recipe && !places)
    error_set (err, ENOMEM, "%s", t->recipe);
  if (recipe && (!places || (kept >= 0 && check_kept (t, recipe, err) == -1))) {
    recipe_close (recipe);
    recipe = NULL;
  }
  if (!recipe)
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
  image_set_notice (image, c->notice, c->notice_opaque);
  if (c->salvage)
    image_salvage (image);
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
    title_leave_idle (s->titles, t);
  return s->image;
}

struct image *
title_try_open (struct title *t)
{
  struct title_state *s = t->state;
  LOCK_FOR_SCOPE (&s->titles->lock);

  if (s->is_opening || !s->image)
    return NULL;
  if (s->users++ == 0)
    title_leave_idle (s->titles, t);
  return s->image;
}

static struct image *
open_or_await (struct title *t, struct error *err)
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

struct image *
title_open (struct title *t, struct error *err)
{
  struct image *image = title_try_open (t);
  struct pulse *pulse; /* of all recipes in its folder */
  unsigned life;

  if (image)
    return image;
  pulse = folder_pulse (t->recipe);
  if (!pulse) {
    error_set (err, ENOMEM, "%s", t->recipe);
    return NULL;
  }
  if (!pulse_begin (pulse, &life)) {
    pulse_error (t->recipe, err);
    return NULL;
  }
  image = open_or_await (t, err);
  pulse_end (pulse, life);
  return image;
}

void
title_close (struct title *t)
{
  struct titles *all = t->state->titles;
  struct title_closing *c;

  pthread_mutex_lock (&all->lock);
  if (--t->state->users == 0)
    enter_idle (all, t);
  while ((c = evict (all))) {
    pthread_mutex_unlock (&all->lock);
    send_closing (c);
    pthread_mutex_lock (&all->lock);
  }
  pthread_mutex_unlock (&all->lock);
}
