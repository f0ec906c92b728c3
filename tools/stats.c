/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library in figures: see stats.h.  First all titles are looked at, by threads that take one
 * after the other; then their sources are brought together; then each of these is looked for.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "map_strip.h"
#include "options.h"
#include "stats.h"
#include "thread.h"

#define MAX_WORKERS 64u

/* Rows of a map: as many as a source alone is shown in, and the small map's. */
#define ROWS (STATS_PARTS * 3)

/* Something to be done with each of `n`, by several threads. */
struct job {
  struct stats *stats;
  size_t n;
  int (*run) (struct job *job, size_t number, struct error *err);
  unsigned inner; /* threads for one of them */
  stats_progress_fn *progress;
  void *opaque;
  uint64_t total; /* bytes */

  pthread_mutex_t lock; /* guards what follows */
  size_t begun;
  uint64_t done; /* bytes */
  struct error *err;
  bool failed;
};

/* ---- Threads */

static bool
next (struct job *job, size_t *number)
{
  LOCK_FOR_SCOPE (&job->lock);

  if (job->failed || job->begun == job->n)
    return false;
  *number = job->begun++;
  return true;
}

static void
fail (struct job *job, const struct error *err)
{
  LOCK_FOR_SCOPE (&job->lock);

  if (!job->failed)
    *job->err = *err;
  job->failed = true;
}

static void *
work (void *opaque)
{
  struct job *job = opaque;
  struct error err = ERROR_INIT;
  size_t number;

  while (next (job, &number))
    if (job->run (job, number, &err) == -1)
      fail (job, &err);
  return NULL;
}

static void
add_done (struct job *job, uint64_t bytes)
{
  LOCK_FOR_SCOPE (&job->lock);

  job->done += bytes;
  if (!job->failed && job->progress &&
      !job->progress (job->opaque, job->done, job->total)) {
    error_set (job->err, ECANCELED, "stopped");
    job->failed = true;
  }
}

static int
run_job (struct job *job, unsigned threads, struct error *err)
{
  pthread_t ids[MAX_WORKERS];
  unsigned n = threads < MAX_WORKERS ? threads : MAX_WORKERS, started = 0;

  job->err = err;
  job->inner = job->n > 0 && job->n < n ? (unsigned) (n / job->n) : 1;
  if (n > job->n)
    n = (unsigned) job->n;
  while (started + 1 < n && thread_start (&ids[started], "mkvdup-stats", work, job) == 0)
    started++;
  work (job);
  for (unsigned i = 0; i < started; i++)
    pthread_join (ids[i], NULL);
  return job->failed ? -1 : 0;
}

/* ---- A title */

static int
add_tracks (struct stats_title *t, const struct recipe *recipe, struct error *err)
{
  struct recipe_note *notes = NULL;
  size_t n = 0;
  int r = 0;

  if (recipe_notes (recipe, &notes, &n, err) == -1)
    return -1;
  t->tracks = calloc (n + 1, sizeof *t->tracks);
  if (!t->tracks)
    r = error_set (err, ENOMEM, "%s", recipe->path);
  for (size_t i = 0; i < n && r == 0; i++)
    if (track_note_parse (&notes[i], &t->tracks[t->n_tracks])) {
      t->payload += t->tracks[t->n_tracks].bytes;
      t->found += t->tracks[t->n_tracks].found;
      t->n_tracks++;
    }
  recipe_notes_free (notes, n);
  return r;
}

/* A folder however it is written: the same source of two titles is one.  Of what is not there
 * as much is resolved as is.
 */
static char *
resolve (const char *folder)
{
  CLEANUP_FREE char *head = strdup (folder);
  char *slash, *resolved = NULL, *whole;

  while (head && !(resolved = realpath (head, NULL)) && (slash = strrchr (head, '/')) &&
         slash > head)
    *slash = '\0';
  if (!resolved)
    return strdup (folder);
  if (asprintf (&whole, "%s%s", resolved, folder + strlen (head)) == -1)
    whole = NULL;
  free (resolved);
  return whole;
}

static int
add_uses (struct stats_title *t, size_t number, const struct recipe *recipe,
          struct error *err)
{
  if (t->title->source_dir) {
    t->folder = resolve (t->title->source_dir);
    if (!t->folder)
      return error_set (err, ENOMEM, "%s", recipe->path);
  }
  t->uses = calloc (recipe->n_sources + 1u, sizeof *t->uses);
  if (!t->uses)
    return error_set (err, ENOMEM, "%s", recipe->path);
  for (; t->n_uses < recipe->n_sources; t->n_uses++) {
    struct stats_use *use = &t->uses[t->n_uses];

    use->id = recipe->sources[t->n_uses];
    use->folder = t->folder;
    use->title = number;
    use->number = (uint32_t) t->n_uses;
    use->id.path = strdup (use->id.path);
    if (!use->id.path)
      return error_set (err, ENOMEM, "%s", recipe->path);
  }
  return 0;
}

static bool
row_is_used (const struct recipe_map *map, unsigned row)
{
  for (unsigned column = 0; column < map->n_columns; column++)
    if (map->cells[(size_t) column * map->n_rows + row] > 0)
      return true;
  return false;
}

/* A source's rows as parts: fewer than these if it shares the map with larger ones. */
static void
mark_parts (struct stats_use *use, const struct recipe_map *map)
{
  unsigned first = map->first_row[use->number];
  unsigned n = map->first_row[use->number + 1] - first;

  for (unsigned row = 0; row < n; row++) {
    unsigned from = row * STATS_PARTS / n, end = (row + 1) * STATS_PARTS / n;

    if (row_is_used (map, first + row))
      for (unsigned i = from; i < end || i == from; i++)
        use->parts[i / 8] |= (uint8_t) (1u << i % 8);
  }
}

static int
add_map (struct stats_title *t, const struct recipe *recipe, const struct job *job,
         struct error *err)
{
  bool has_strip = job->stats->depth == STATS_MAPS;
  CLEANUP_RECIPE_MAP struct recipe_map map = { 0 };

  if (recipe_map_make (&map, recipe, has_strip ? STRIP_COLUMNS : 0, ROWS, job->inner,
                       err) == -1)
    return -1;
  memcpy (t->bytes, map.bytes, sizeof t->bytes);
  memcpy (t->runs, map.runs, sizeof t->runs);
  t->n_longest = map.n_longest;
  t->n_runs = map.n_runs;
  for (size_t i = 0; i < t->n_uses; i++) {
    t->uses[i].bytes = map.source_bytes[i];
    if (has_strip)
      mark_parts (&t->uses[i], &map);
  }
  if (has_strip)
    t->strip = map_strip (&map);
  return !has_strip || t->strip ? 0 : error_set (err, ENOMEM, "%s", recipe->path);
}

/* What is wrong with a title is no error of ours. */
static int
look_at_title (struct job *job, size_t number, struct error *err)
{
  struct stats_title *t = &job->stats->titles[number];
  CLEANUP_VISIT struct visit v = { 0 };
  const struct recipe *recipe = NULL;
  struct error why = ERROR_INIT;

  if (visit_begin (&v, &job->stats->library, t->title, &why) == 0) {
    recipe = image_recipe (v.image);
    t->recipe_size = recipe->file_size;
  }
  if (!recipe || add_tracks (t, recipe, &why) == -1 ||
      add_uses (t, number, recipe, &why) == -1 ||
      (job->stats->depth != STATS_SIZES && add_map (t, recipe, job, &why) == -1)) {
    t->error = strdup (why.text);
    if (!t->error || why.errnum == ENOMEM)
      return error_set (err, ENOMEM, "%s", t->title->recipe);
  }
  add_done (job, t->title->size);
  return 0;
}

static int
look_at_titles (struct stats *s, const struct options *options,
                stats_progress_fn *progress, void *opaque, struct error *err)
{
  struct job job = { .stats = s,
                     .run = look_at_title,
                     .progress = progress,
                     .opaque = opaque,
                     .lock = PTHREAD_MUTEX_INITIALIZER };

  s->titles = calloc ((size_t) s->library.snapshot->n + 1, sizeof *s->titles);
  if (!s->titles)
    return error_set (err, ENOMEM, "the library");
  for (; s->n_titles < s->library.snapshot->n; s->n_titles++) {
    s->titles[s->n_titles].title = s->library.snapshot->titles[s->n_titles];
    job.total += s->titles[s->n_titles].title->size;
  }
  job.n = s->n_titles;
  return run_job (&job, options_threads (options), err);
}

/* ---- Sources */

static int
compare_folders (const char *a, const char *b)
{
  return strcmp (a ? a : "", b ? b : "");
}

/* One source: the same content, called the same, at the same place. */
static int
by_source (const struct stats_use *a, const struct stats_use *b)
{
  int r = compare_folders (a->folder, b->folder);

  if (r == 0)
    r = strcmp (a->id.path, b->id.path);
  if (r == 0)
    r = memcmp (a->id.hash, b->id.hash, sizeof a->id.hash);
  if (r == 0)
    r = a->id.size < b->id.size ? -1 : a->id.size > b->id.size;
  return r;
}

static int
by_source_and_title (const void *a, const void *b)
{
  const struct stats_use *x = *(struct stats_use *const *) a;
  const struct stats_use *y = *(struct stats_use *const *) b;
  int r = by_source (x, y);

  return r != 0 ? r : x->title < y->title ? -1 : x->title > y->title;
}

static int
collect_uses (struct stats *s, struct error *err)
{
  size_t n = 0;

  for (size_t i = 0; i < s->n_titles; i++)
    n += s->titles[i].n_uses;
  s->uses = calloc (n + 1, sizeof (struct stats_use *));
  s->sources = calloc (n + 1, sizeof *s->sources);
  if (!s->uses || !s->sources)
    return error_set (err, ENOMEM, "the library");
  for (size_t i = 0; i < s->n_titles; i++)
    for (size_t k = 0; k < s->titles[i].n_uses; k++)
      s->uses[s->n_uses++] = &s->titles[i].uses[k];
  qsort (s->uses, s->n_uses, sizeof (struct stats_use *), by_source_and_title);
  return 0;
}

static void
add_sources (struct stats *s)
{
  struct stats_source *source = NULL;

  for (size_t i = 0; i < s->n_uses; i++) {
    struct stats_use *use = s->uses[i];

    if (!source || by_source (s->uses[i - 1], use) != 0) {
      source = &s->sources[s->n_sources++];
      source->id = &use->id;
      source->folder = use->folder;
      source->uses = &s->uses[i];
    }
    use->source = s->n_sources - 1;
    source->n_uses++;
    source->image_bytes += use->bytes;
  }
}

static int
look_for_source (struct job *job, size_t number, struct error *err)
{
  struct stats_source *source = &job->stats->sources[number];
  const struct stats_use *use = source->uses[0];
  const struct title *title = job->stats->titles[use->title].title;
  CLEANUP_VISIT struct visit v = { 0 };
  struct error why = ERROR_INIT;
  const struct source *found = NULL;

  if (visit_begin (&v, &job->stats->library, title, &why) == 0)
    found = image_source (v.image, use->number, &why);
  if (found)
    source->found = strdup (found->path);
  else
    source->why_not = strdup (why.text);
  return source->found || source->why_not ? 0
                                          : error_set (err, ENOMEM, "%s", title->recipe);
}

static int
look_for_sources (struct stats *s, const struct options *options, struct error *err)
{
  struct job job = { .stats = s,
                     .n = s->n_sources,
                     .run = look_for_source,
                     .lock = PTHREAD_MUTEX_INITIALIZER };

  return run_job (&job, options_threads (options), err);
}

/* ---- All */

static void
add_up (struct stats *s)
{
  for (size_t i = 0; i < s->n_titles; i++) {
    const struct stats_title *t = &s->titles[i];

    if (t->error)
      continue;
    s->n_good++;
    s->image_bytes += t->title->size;
    s->recipe_bytes += t->recipe_size;
    s->payload += t->payload;
    s->found += t->found;
    for (unsigned k = 0; k < MAP_KINDS; k++)
      s->bytes[k] += t->bytes[k];
  }
  for (size_t i = 0; i < s->n_sources; i++) {
    s->source_bytes += s->sources[i].id->size;
    s->n_shared += s->sources[i].n_uses > 1;
    s->n_missing += !s->sources[i].found;
  }
}

int
stats_make (struct stats *stats, const struct options *options, enum stats_depth depth,
            stats_progress_fn *progress, void *opaque, struct error *err)
{
  *stats = (struct stats){ .depth = depth };
  if (check_library_open (&stats->library, options, err) == -1 ||
      look_at_titles (stats, options, progress, opaque, err) == -1 ||
      collect_uses (stats, err) == -1)
    return -1;
  add_sources (stats);
  if (look_for_sources (stats, options, err) == -1)
    return -1;
  add_up (stats);
  return 0;
}

bool
stats_is_good (const struct stats *stats)
{
  return stats->library.n_problems == 0 && stats->n_good == stats->n_titles &&
         stats->n_missing == 0;
}

static void
free_title (struct stats_title *t)
{
  for (size_t i = 0; i < t->n_uses; i++)
    free (t->uses[i].id.path);
  free (t->uses);
  free (t->folder);
  free (t->tracks);
  free (t->strip);
  free (t->error);
}

void
stats_free (struct stats *stats)
{
  for (size_t i = 0; i < stats->n_titles; i++)
    free_title (&stats->titles[i]);
  for (size_t i = 0; i < stats->n_sources; i++) {
    free (stats->sources[i].found);
    free (stats->sources[i].why_not);
  }
  free (stats->titles);
  free (stats->sources);
  free (stats->uses);
  check_library_close (&stats->library);
  *stats = (struct stats){ .n_titles = 0 };
}
