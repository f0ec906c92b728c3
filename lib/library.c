/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Libraries and their snapshots: see library.h.
 *
 * Titles that are as they were are found in the last snapshot by their names, which makes
 * looking again cheap: what is left is to read the YAML files and to stat the recipes.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "errands.h"
#include "library.h"
#include "pulse.h"

/* So long who looks again waits for what the last look had open. */
#define RELEASE_MS 1000

struct snapshot_state {
  struct library *library; /* borrowed */
  unsigned refs;           /* guarded by the library's lock */
  char **problems;         /* owned, fixed */
  size_t n_problems;
  atomic_bool lacks;    /* titles whose recipes could not be read, which may pass */
  atomic_bool unread;   /* there is what could not be looked at, which may pass */
  pthread_mutex_t lock; /* of what makes the disk */
  pthread_cond_t made;
  /* Guarded by that lock: */
  struct disk *disk; /* owned; NULL until it is made */
  int64_t making;    /* since when a thread makes it; 0: none does */
};

struct library {
  struct library_options options; /* fixed */
  pthread_mutex_t lock;
  struct snapshot *now;       /* guarded by the lock; never NULL */
  struct release *unreleased; /* of who reloads; owned */
};

/* ---- Snapshots */

static void
snapshot_free (struct snapshot *s)
{
  disk_free (s->state->disk);
  for (uint32_t i = 0; s->titles && i < s->n; i++)
    title_unref (s->titles[i]);
  free (s->titles);
  for (size_t i = 0; i < s->state->n_problems; i++)
    free (s->state->problems[i]);
  free (s->state->problems);
  pthread_mutex_destroy (&s->state->lock);
  pthread_cond_destroy (&s->state->made);
  free (s->state);
  free (s);
}

/* One with room for `n` titles, and one reference; NULL when out of memory. */
static struct snapshot *
snapshot_new (struct library *library, size_t n)
{
  struct snapshot *s = calloc (1, sizeof *s);
  struct snapshot_state *state = calloc (1, sizeof *state);
  struct title **titles = calloc (n + 1, sizeof (struct title *));

  if (!s || !state || !titles) {
    free (s);
    free (state);
    free (titles);
    return NULL;
  }
  *state = (struct snapshot_state){ .library = library, .refs = 1 };
  pthread_mutex_init (&state->lock, NULL);
  pthread_cond_init (&state->made, NULL);
  *s =
    (struct snapshot){ .titles = titles, .state = state, .look = library->options.look };
  return s;
}

void
snapshot_unref (struct snapshot *s)
{
  if (!s)
    return;
  {
    LOCK_FOR_SCOPE (&s->state->library->lock);
    if (--s->state->refs > 0)
      return;
  }
  snapshot_free (s);
}

struct title *
snapshot_find (const struct snapshot *s, const char *name)
{
  uint32_t low = 0, high = s->n;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = tree_compare_names (name, s->titles[middle]->name);

    if (order == 0)
      return s->titles[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

static struct disk *
make_disk (const struct snapshot *s, struct error *err)
{
  const struct library_options *o = &s->state->library->options;
  const struct tree_stat folder = { .mode = s->look.folder_mode,
                                    .uid = s->look.uid,
                                    .gid = s->look.gid };

  return disk_new (o->disk_kind, s->titles, s->n, &folder, o->problem, o->opaque, err);
}

/* NULL: this thread is to make it.  From one that does not come back that is taken over: what
 * that one waits for is left out by then.
 */
static struct disk *
begin_making (struct snapshot_state *state)
{
  LOCK_FOR_SCOPE (&state->lock);

  while (!state->disk && state->making != 0 && !pulse_is_late (state->making))
    pthread_cond_wait (&state->made, &state->lock);
  if (!state->disk)
    state->making = clock_ms ();
  return state->disk;
}

/* Of two that were made one is kept.  NULL: it was not made. */
static struct disk *
end_making (struct snapshot_state *state, struct disk *disk)
{
  LOCK_FOR_SCOPE (&state->lock);

  state->making = 0;
  pthread_cond_broadcast (&state->made);
  if (state->disk) {
    disk_free (disk);
    return state->disk;
  }
  state->disk = disk;
  if (disk && disk_lacks_titles (disk))
    atomic_store (&state->lacks, true);
  return disk;
}

/* All recipes are looked at, some of which may be on a server that is gone. */
struct disk *
snapshot_disk (struct snapshot *s, struct error *err)
{
  struct disk *disk = begin_making (s->state);

  return disk ? disk : end_making (s->state, make_disk (s, err));
}

/* ---- Making one of a configuration */

/* What is being made, and what it can take over. */
struct making {
  struct snapshot *snapshot;
  const struct snapshot *before;
  struct library_config *config;
};

static int
by_name (const void *a, const void *b)
{
  const struct title *const *x = a, *const *y = b;
  int order = tree_compare_names ((*x)->name, (*y)->name);

  /* Of two of one name, the one that was found first. */
  return order ? order : *x < *y ? -1 : *x > *y;
}

/* May a title have this name, after those that were added? */
static bool
is_good_name (struct making *m, const struct title *t)
{
  const struct library *library = m->snapshot->state->library;
  const struct title *last =
    m->snapshot->n ? m->snapshot->titles[m->snapshot->n - 1] : NULL;
  struct error why = ERROR_INIT;

  if (tree_check_name (t->name, &why) == -1)
    library_config_problem (m->config, "%s: %s", t->recipe, why.text);
  else if (library->options.disk && strcmp (t->name, library->options.disk) == 0)
    library_config_problem (m->config,
                            "%s: \"%s\" is the name of the disk (disk=NAME gives it "
                            "another)",
                            t->recipe, t->name);
  else if (last && !tree_names_agree (last->name, t->name))
    library_config_problem (
      m->config,
      strcmp (last->name, t->name) == 0
        ? "%s: \"%s\" is already the name of \"%s\", %s"
        : "%s: \"%s\" would be in a folder that is a file: \"%s\", %s",
      t->recipe, t->name, last->name, last->recipe);
  else
    return true;
  return false;
}

static int
add (struct making *m, const struct title *t, struct error *err)
{
  struct title *old = snapshot_find (m->before, t->name), *title;
  struct error why = ERROR_INIT;

  if (!is_good_name (m, t))
    return 0;
  if (old && title_is (old, t))
    title = title_ref (old);
  else
    title = title_new (m->snapshot->state->library->options.titles, t, &why);
  if (title)
    m->snapshot->titles[m->snapshot->n++] = title;
  else if (error_is_shortage (why.errnum)) {
    *err = why;
    return -1;
  }
  else {
    library_config_problem (m->config, "%s", why.text);
    if (why.errnum != 0)
      atomic_store (&m->snapshot->state->lacks, true);
  }
  return 0;
}

static int
fill (struct making *m, struct error *err)
{
  struct library_config *c = m->config;
  CLEANUP_FREE const struct title **sorted = calloc (c->n + 1, sizeof *sorted);

  if (!sorted)
    return error_set (err, ENOMEM, "a library of %zu titles", c->n);
  for (size_t i = 0; i < c->n; i++)
    sorted[i] = &c->titles[i];
  qsort (sorted, c->n, sizeof *sorted, by_name);
  for (size_t i = 0; i < c->n; i++)
    if (add (m, sorted[i], err) == -1)
      return -1;
  m->snapshot->look = c->look;
  atomic_store (&m->snapshot->state->unread, c->may_pass);
  m->snapshot->state->problems = take_ptr (&c->problems);
  m->snapshot->state->n_problems = c->n_problems;
  c->n_problems = 0;
  return 0;
}

/* Titles are shared where they are the same.  A disk that lacks one is made again. */
static bool
is_same (const struct snapshot *a, const struct snapshot *b)
{
  return a->n == b->n && !atomic_load (&a->state->lacks) &&
         memcmp (&a->look, &b->look, sizeof a->look) == 0 &&
         (a->n == 0 ||
          memcmp (a->titles, b->titles, a->n * sizeof (struct title *)) == 0);
}

static bool
had_problem (const struct snapshot *s, const char *text)
{
  for (size_t i = 0; i < s->state->n_problems; i++)
    if (strcmp (s->state->problems[i], text) == 0)
      return true;
  return false;
}

static void
tell_problems (const struct library *library, const struct snapshot *before,
               const struct snapshot *now)
{
  for (size_t i = 0; i < now->state->n_problems; i++)
    if (!had_problem (before, now->state->problems[i]))
      library->options.problem (library->options.opaque, now->state->problems[i]);
}

/* What is released may have to be waited for: images that are read ahead from what hangs. */
struct release {
  struct errand errand;
  struct library *library;
  struct snapshot *snapshot; /* NULL: it is done */
  struct release *next;      /* those that nobody could be sent to release; owned */
};

static void
run_release (struct errand *e)
{
  for (struct release *r = (void *) e; r; r = r->next) {
    snapshot_unref (r->snapshot);
    r->snapshot = NULL;
  }
}

/* One that was not done, as too many errands are away, is kept for the next time. */
static void
free_release (struct errand *e)
{
  struct release *r = (void *) e, *next;

  if (r->snapshot) {
    r->library->unreleased = r;
    return;
  }
  for (; r; r = next) {
    next = r->next;
    free (r);
  }
}

static void
release (struct library *library, struct snapshot *s)
{
  struct release *r = s->n > 0 ? malloc (sizeof *r) : NULL;
  struct error ignored = ERROR_INIT;

  /* The first one is empty, and there may be no threads yet: nbdkit has not forked. */
  if (!r) {
    snapshot_unref (s);
    return;
  }
  *r = (struct release){
    { .run = run_release, .release = free_release }, library, s, library->unreleased
  };
  library->unreleased = NULL;
  if (errand_send (&r->errand, RELEASE_MS, NULL, &ignored) == 0)
    free_release (&r->errand);
}

/* `made` takes the place of `before`.  One that is the same keeps the other's disk, but not
 * its problems.
 */
static void
replace (struct library *library, struct snapshot *before, struct snapshot *made)
{
  tell_problems (library, before, made);
  if (is_same (before, made)) {
    char **problems = before->state->problems;
    size_t n = before->state->n_problems;

    before->state->problems = made->state->problems;
    before->state->n_problems = made->state->n_problems;
    made->state->problems = problems;
    made->state->n_problems = n;
    /* What was added and could not be read is looked for again. */
    atomic_store (&before->state->lacks, atomic_load (&made->state->lacks));
    atomic_store (&before->state->unread, atomic_load (&made->state->unread));
    snapshot_unref (made);
    return;
  }
  pthread_mutex_lock (&library->lock);
  library->now = made;
  pthread_mutex_unlock (&library->lock);
  release (library, before);
}

int
library_reload (struct library *library, struct error *err)
{
  const struct library_options *o = &library->options;
  CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
  struct making m = { .before = library->now, .config = &config };

  if (library_config_read (&config, o->paths, o->n_paths, &o->look, o->folder, o->opaque,
                           err) == -1)
    return -1;
  m.snapshot = snapshot_new (library, config.n);
  if (!m.snapshot)
    return error_set (err, ENOMEM, "a library of %zu titles", config.n);
  if (fill (&m, err) == -1) {
    snapshot_unref (m.snapshot);
    return -1;
  }
  if (o->hook)
    o->hook (o->opaque, &config.hook);
  replace (library, library->now, m.snapshot);
  return 0;
}

bool
library_lacks_titles (struct library *library)
{
  LOCK_FOR_SCOPE (&library->lock);

  return atomic_load (&library->now->state->lacks) ||
         atomic_load (&library->now->state->unread);
}

/* ---- Libraries */

struct library *
library_new (const struct library_options *options)
{
  struct library *library = calloc (1, sizeof *library);

  if (!library)
    return NULL;
  library->options = *options;
  pthread_mutex_init (&library->lock, NULL);
  library->now = snapshot_new (library, 0);
  if (!library->now) {
    pthread_mutex_destroy (&library->lock);
    free (library);
    return NULL;
  }
  return library;
}

void
library_free (struct library *library)
{
  if (!library)
    return;
  snapshot_unref (library->now);
  if (library->unreleased) {
    run_release (&library->unreleased->errand);
    free_release (&library->unreleased->errand);
  }
  pthread_mutex_destroy (&library->lock);
  free (library);
}

struct snapshot *
library_snapshot (struct library *library)
{
  LOCK_FOR_SCOPE (&library->lock);

  library->now->state->refs++;
  return library->now;
}
