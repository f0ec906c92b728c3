/* SPDX-License-Identifier: BSD-3-Clause */
/* Titles: see titles.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "place_pulse.h"
#include "titles_parts.h"
#include "whole_io.h"

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
  pthread_cond_init (&all->closed, NULL);
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
  titles_close_images (all);
  for (size_t i = 0; all->places && i < all->config.n_places; i++)
    free (all->places[i]);
  free (all->places);
  pthread_cond_destroy (&all->opened);
  pthread_cond_destroy (&all->closed);
  pthread_mutex_destroy (&all->lock);
  free (all);
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

/* A recipe that has come to another's name is not to be served by it. */
static int
check_size (const struct title *t, const struct title *from, struct error *err)
{
  if (from->size == 0 || from->size == t->size)
    return 0;
  return error_set (err, 0,
                    "%s: is of an image of %" PRIu64
                    " bytes, and \"%s\" is one of %" PRIu64
                    ": mkvdup create was cut off, or one of the two files replaced",
                    t->recipe, t->size, from->name, from->size);
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
  if (recipe_peek (t->recipe, &t->size, &st, err) == -1 ||
      check_size (t, from, err) == -1) {
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
      (t->size != 0 && title->size != t->size) || stat (t->recipe, &st) == -1)
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
      title_leave_idle (all, t);
    if (t->state->fd >= 0)
      all->n_kept--;
  }
  image_close (t->state->image);
  title_free (t);
}

/* ---- Its recipe */

/* The recipe's file, as it was when the title was made. */
int
title_open_recipe (const struct title *t, struct error *err)
{
  int fd = open (t->recipe, OPEN_UNKNOWN);
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
    err->errnum = ESTALE;
  }
  close (fd);
  return -1;
}

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
find_mtime (const struct title *t, const struct recipe *recipe, struct tree_stat *stat,
            struct error *err)
{
  CLEANUP_FREE char *mtime = NULL;

  stat->mtime_nsec =
    (uint32_t) ((t->id.mtime_ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND);
  stat->mtime = (t->id.mtime_ns - stat->mtime_nsec) / NS_PER_SECOND;
  if (recipe_note_value (recipe, "mtime", &mtime, err) == -1)
    return -1;
  if (mtime)
    parse_mtime (mtime, stat);
  return 0;
}

/* What is to be known of a recipe, which is taken over. */
static int
look_at_recipe (const struct title *t, int fd, struct tree_stat *stat, uint8_t *root,
                struct error *err)
{
  struct recipe *recipe = recipe_open_fd (fd, t->recipe, err);
  int r;

  if (!recipe)
    return -1;
  r = find_mtime (t, recipe, stat, err);
  if (r == 0)
    r = recipe_identity (recipe, root, err);
  recipe_close (recipe);
  return r;
}

static int
keep (struct title *t, struct error *err)
{
  struct titles *all = t->state->titles;
  uint8_t root[MERKLE_DIGEST];
  struct tree_stat stat;
  int fd, kept;

  fd = title_open_recipe (t, err);
  kept = fd == -1 ? -1 : fcntl (fd, F_DUPFD_CLOEXEC, 0);
  if (fd == -1 || look_at_recipe (t, fd, &stat, root, err) == -1) {
    if (kept >= 0)
      close (kept);
    return -1;
  }
  LOCK_FOR_SCOPE (&all->lock);
  if (!t->state->is_dated) {
    t->stat.mtime = stat.mtime;
    t->stat.mtime_nsec = stat.mtime_nsec;
    memcpy (t->root, root, sizeof root);
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

static bool
is_kept (const struct title *t)
{
  LOCK_FOR_SCOPE (&t->state->titles->lock);

  return t->state->is_dated;
}

int
title_keep (struct title *t, struct error *err)
{
  struct pulse *pulse;
  unsigned life;
  int r;

  if (is_kept (t))
    return 0;
  pulse = folder_pulse (t->recipe);
  if (!pulse)
    return error_set (err, ENOMEM, "%s", t->recipe);
  if (!pulse_begin (pulse, &life))
    return pulse_error (t->recipe, err);
  r = keep (t, err);
  pulse_end (pulse, life);
  return r;
}
