/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making many recipes: see batch_run.h.
 *
 * A thread takes the next job; if its disc is not indexed, it does that, while others who
 * want the same disc wait.  So rips of one disc share its index, and films of a disc each are
 * made side by side.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch_run.h"
#include "cleanup.h"
#include "folders.h"
#include "interrupt.h"
#include "recipe.h"
#include "sidecar.h"
#include "user_folders.h"

/* ---- What is there already */

/* Does the note say the time that the MKV has? */
static bool
is_mtime (const char *note, const struct stat *st)
{
  char text[64];

  snprintf (text, sizeof text, "%lld.%09ld", (long long) st->st_mtim.tv_sec,
            st->st_mtim.tv_nsec);
  return strcmp (note, text) == 0;
}

/* Is it a recipe of this MKV, by size and time? */
static bool
is_recipe_of (const char *path, const struct stat *mkv)
{
  struct error ignored = ERROR_INIT;
  struct recipe *recipe = recipe_open (path, &ignored);
  struct recipe_note *notes = NULL;
  bool is = false;
  size_t n = 0;

  if (!recipe)
    return false;
  if (recipe->image_size == (uint64_t) mkv->st_size &&
      recipe_notes (recipe, &notes, &n, &ignored) == 0)
    for (size_t i = 0; i < n; i++)
      is = is || (strcmp (notes[i].key, "mtime") == 0 && is_mtime (notes[i].value, mkv));
  recipe_notes_free (notes, n);
  recipe_close (recipe);
  return is;
}

/* Of an MKV that is gone: a whole recipe that says it is of one of that name. */
static bool
is_recipe_of_gone (const char *path, const struct batch_entry *e)
{
  const char *path_or_name = e->name ? e->name : e->mkv;
  const char *slash = strrchr (path_or_name, '/');
  const char *name = slash ? slash + 1 : path_or_name;
  struct error ignored = ERROR_INIT;
  struct recipe *recipe = recipe_open (path, &ignored);
  struct recipe_note *notes = NULL;
  bool is = false;
  size_t n = 0;

  if (!recipe)
    return false;
  if (recipe_check (recipe, &ignored) == 0 &&
      recipe_notes (recipe, &notes, &n, &ignored) == 0)
    for (size_t i = 0; i < n; i++)
      is =
        is || (strcmp (notes[i].key, "name") == 0 && strcmp (notes[i].value, name) == 0);
  recipe_notes_free (notes, n);
  recipe_close (recipe);
  return is;
}

/* The one that create writes beside the recipe; without it a create was cut off. */
static bool
has_sidecar (const char *recipe)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };
  CLEANUP_FREE char *path = sidecar_path (recipe);
  struct error ignored = ERROR_INIT;

  return path && sidecar_read (&sidecar, path, &ignored) == 0 &&
         output_check_sidecar (path, recipe, &ignored) == 0;
}

/* What is to be deleted is verified anew. */
static bool
is_done (const struct options *o, const struct batch_entry *e)
{
  struct stat st;

  if (o->force || !has_sidecar (e->recipe))
    return false;
  if (stat (e->mkv, &st) == 0)
    return !o->delete_original && is_recipe_of (e->recipe, &st);
  return (errno == ENOENT || errno == ENOTDIR) && is_recipe_of_gone (e->recipe, e);
}

/* ---- Planning */

static int
open_library (struct batch *b, struct error *err)
{
  if (b->library_path)
    return 0;
  b->library_path = discs_path (b->options, err);
  return b->library_path ? discs_open (&b->library, b->library_path, err) : -1;
}

static int
find_input (struct batch *b, struct batch_job *job)
{
  const struct batch_entry *e = job->entry;
  const struct options *o = b->options;

  if (e->source)
    return input_give (&job->input, e->mkv, (const char *const *) &e->source, 1,
                       &job->err);
  if (o->n_sources > 0)
    return input_give (&job->input, e->mkv, o->sources, o->n_sources, &job->err);
  return input_ask (&job->input, e->mkv, &b->library, b->library_path, true, &job->err);
}

static int
prepare (struct batch *b, struct batch_job *job)
{
  CLEANUP_FREE char *sidecar = sidecar_path (job->entry->recipe);
  struct stat st;

  if (!sidecar)
    return error_set (&job->err, ENOMEM, "%s", job->entry->recipe);
  if (stat (job->entry->mkv, &st) == -1)
    return error_set (&job->err, errno, "%s", job->entry->mkv);
  if (b->options->delete_original &&
      original_look (&job->original, job->entry->mkv, &job->err) == -1)
    return -1;
  if (find_input (b, job) == -1 ||
      input_check_names (&job->input, job->entry->recipe, sidecar, b->options->force,
                         &job->err) == -1)
    return -1;
  folders_make (job->entry->recipe);
  return 0;
}

static bool
is_disc_of (const struct batch_disc *disc, const struct input *in)
{
  if (disc->n_sources != in->n)
    return false;
  for (size_t i = 0; i < in->n; i++)
    if (strcmp (disc->sources[i], in->sources[i]) != 0)
      return false;
  return true;
}

/* No MKV of the batch is a source of any: it may be about to be deleted. */
static int
leave_out_mkvs (const struct batch *b, struct disc *disc, struct error *err)
{
  for (size_t i = 0; i < b->n; i++) {
    struct stat st;

    if (stat (b->jobs[i].entry->mkv, &st) == 0 && disc_leave_out (disc, &st, err) == -1)
      return -1;
  }
  return 0;
}

/* Its files are found now, as that is not for several threads (disc.h). */
static void
find_disc (struct batch *b, struct batch_job *job)
{
  const struct indexed_disc_options options = { .sources = job->input.sources,
                                                .n_sources = job->input.n };
  struct batch_disc *disc = b->discs;

  while (disc < b->discs + b->n_discs && !is_disc_of (disc, &job->input))
    disc++;
  if (disc == b->discs + b->n_discs) {
    b->n_discs++;
    disc->sources = job->input.sources;
    disc->n_sources = job->input.n;
    if (indexed_disc_find (&disc->indexed, &options, &disc->err) == -1 ||
        leave_out_mkvs (b, &disc->indexed.disc, &disc->err) == -1)
      disc->state = DISC_FAILED;
  }
  disc->users++;
  job->disc = disc;
}

static void
plan_job (struct batch *b, struct batch_job *job)
{
  if (is_done (b->options, job->entry))
    job->result = BATCH_THERE;
  else if (prepare (b, job) == -1)
    job->result = BATCH_FAILED;
  else
    find_disc (b, job);
}

/* ---- In which order */

static int
by_size (const void *a, const void *b)
{
  const struct batch_job *x = a, *y = b;

  return x->entry->size < y->entry->size ? -1 : x->entry->size > y->entry->size;
}

static int
by_size_falling (const void *a, const void *b)
{
  return by_size (b, a);
}

static int
by_priority (const void *a, const void *b)
{
  const struct batch_job *x = a, *y = b;

  if (x->entry->priority != y->entry->priority)
    return x->entry->priority > y->entry->priority ? -1 : 1;
  return x->entry < y->entry ? -1 : 1; /* as given */
}

static void
sort (struct batch *b)
{
  const char *order = b->options->order;

  qsort (b->jobs, b->n, sizeof *b->jobs,
         !order                            ? by_priority
         : strcmp (order, "smallest") == 0 ? by_size
         : strcmp (order, "largest") == 0  ? by_size_falling
                                           : by_priority);
}

/* The rips of a disc follow its first one, so that its index need not be kept for long. */
static void
gather_discs (struct batch *b)
{
  for (size_t i = 0; i < b->n; i++)
    for (size_t j = i + 1, at = i + 1; j < b->n; j++)
      if (b->jobs[j].disc && b->jobs[j].disc == b->jobs[i].disc) {
        struct batch_job job = b->jobs[j];

        memmove (&b->jobs[at + 1], &b->jobs[at], (j - at) * sizeof job);
        b->jobs[at++] = job;
      }
}

int
batch_plan (struct batch *b, const struct batch_list *list, const struct options *options,
            struct error *err)
{
  bool asks = false;

  *b = (struct batch){ .options = options,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .indexed = PTHREAD_COND_INITIALIZER };
  b->jobs = calloc (list->n + 1, sizeof *b->jobs);
  b->discs = calloc (list->n + 1, sizeof *b->discs);
  b->under_way = calloc (list->n + 1, sizeof *b->under_way);
  if (!b->jobs || !b->discs || !b->under_way)
    return error_set (err, ENOMEM, "a batch of %zu", list->n);
  if (options->keep_index) {
    b->keep = index_folder (err);
    if (!b->keep)
      return -1;
  }
  b->n = list->n;
  for (size_t i = 0; i < b->n; i++) {
    b->jobs[i].entry = &list->entries[i];
    asks = asks || (!list->entries[i].source && options->n_sources == 0);
  }
  if (asks && open_library (b, err) == -1)
    return -1;
  sort (b);
  for (size_t i = 0; i < b->n && !interrupted (); i++)
    plan_job (b, &b->jobs[i]);
  gather_discs (b);
  return 0;
}

/* ---- Doing it */

static uint64_t
bytes_of (const struct batch_job *job)
{
  return 2 * job->entry->size;
}

static uint64_t
all_bytes (const struct batch *b)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < b->n; i++)
    if (b->jobs[i].disc)
      bytes += bytes_of (&b->jobs[i]);
  for (size_t i = 0; i < b->n_discs; i++)
    bytes += indexed_disc_bytes (&b->discs[i].indexed);
  return bytes;
}

/* What one thread tells of. */
struct worker {
  struct batch *batch;
  size_t job;
  uint64_t before; /* bytes of its earlier phases */
};

/* False to stop. */
static bool
tell (const struct worker *w, uint64_t done)
{
  struct batch *b = w->batch;
  uint64_t all;

  {
    LOCK_FOR_SCOPE (&b->lock);
    b->under_way[w->job] = w->before + done;
    all = b->finished;
    for (size_t i = 0; i < b->n; i++)
      all += b->under_way[i];
  }
  progress_update (&b->progress, all);
  return !interrupted ();
}

/* So much of it is done for good, whatever was told of it. */
static void
finish (struct worker *w, uint64_t bytes)
{
  LOCK_FOR_SCOPE (&w->batch->lock);

  w->batch->finished += bytes;
  w->batch->under_way[w->job] = 0;
}

static bool
tell_index (void *opaque, uint64_t done, uint64_t total)
{
  (void) total;
  return tell (opaque, done);
}

static bool
tell_create (void *opaque, enum create_phase phase, uint64_t done, uint64_t total)
{
  struct worker *w = opaque;

  (void) total;
  w->before = phase == CREATE_VERIFY ? w->batch->jobs[w->job].entry->size : 0;
  return tell (w, done);
}

/* Threads for each of the jobs that are done at a time. */
static unsigned
threads_each (const struct batch *b)
{
  unsigned jobs = b->options->jobs ? b->options->jobs : 1;
  unsigned threads = options_threads (b->options);

  return threads > jobs ? threads / jobs : 1;
}

static void
index_disc (struct worker *w, struct batch_disc *disc)
{
  struct batch *b = w->batch;
  const struct indexed_disc_options options = {
    .keep = b->keep, .threads = threads_each (b), .progress = tell_index, .opaque = w
  };
  int r = indexed_disc_build (&disc->indexed, &options, &disc->err);

  finish (w, indexed_disc_bytes (&disc->indexed));
  LOCK_FOR_SCOPE (&b->lock);
  disc->state = r == 0 ? DISC_INDEXED : DISC_FAILED;
  pthread_cond_broadcast (&b->indexed);
}

/* The disc of a job, indexed by this thread or by another.  -1: it cannot be. */
static int
get_disc (struct worker *w, struct batch_job *job)
{
  struct batch *b = w->batch;
  struct batch_disc *disc = job->disc;
  bool is_mine;

  {
    LOCK_FOR_SCOPE (&b->lock);
    is_mine = disc->state == DISC_FOUND;
    if (is_mine)
      disc->state = DISC_BEING_INDEXED;
    while (!is_mine && disc->state == DISC_BEING_INDEXED)
      pthread_cond_wait (&b->indexed, &b->lock);
  }
  if (is_mine)
    index_disc (w, disc);
  if (disc->state == DISC_INDEXED)
    return 0;
  job->err = disc->err;
  return -1;
}

static void
let_go (struct batch *b, struct batch_disc *disc)
{
  LOCK_FOR_SCOPE (&b->lock);

  if (--disc->users == 0)
    indexed_disc_free (&disc->indexed);
}

static int
make (struct worker *w, struct batch_job *job)
{
  struct batch *b = w->batch;
  CLEANUP_FREE char *sidecar = sidecar_path (job->entry->recipe);
  const struct create_options create = { .mkv = job->entry->mkv,
                                         .indexed = &job->disc->indexed,
                                         .out = job->entry->recipe,
                                         .sidecar = sidecar,
                                         .name = job->entry->name,
                                         .threads = threads_each (b),
                                         .replaces_any = b->options->force,
                                         .progress = tell_create,
                                         .opaque = w };

  if (!sidecar)
    return error_set (&job->err, ENOMEM, "%s", job->entry->recipe);
  return create_recipe (&create, &job->report, &job->err);
}

static void
do_job (struct worker *w)
{
  struct batch *b = w->batch;
  struct batch_job *job = &b->jobs[w->job];
  int r = get_disc (w, job);

  if (r == 0)
    r = make (w, job);
  finish (w, bytes_of (job));
  /* What was interrupted has not failed. */
  if (r == 0)
    job->result = BATCH_MADE;
  else if (!interrupted ())
    job->result = BATCH_FAILED;
  let_go (b, job->disc);
}

/* The next one that there is something to do for. */
static bool
take_job (struct worker *w)
{
  struct batch *b = w->batch;
  LOCK_FOR_SCOPE (&b->lock);

  while (b->next < b->n && !b->jobs[b->next].disc)
    b->next++;
  if (b->next == b->n || interrupted ())
    return false;
  w->job = b->next++;
  w->before = 0;
  return true;
}

static void *
work (void *batch)
{
  struct batch *b = batch;
  struct worker w = { .batch = b };

  while (take_job (&w)) {
    do_job (&w);
    LOCK_FOR_SCOPE (&b->lock);
    if (b->jobs[w.job].result != BATCH_WAITS) {
      progress_clear (&b->progress);
      b->done (b->opaque, b, &b->jobs[w.job]);
    }
  }
  return NULL;
}

void
batch_run (struct batch *b)
{
  unsigned jobs = b->options->jobs ? b->options->jobs : 1, started = 0;
  CLEANUP_FREE pthread_t *threads = calloc (jobs, sizeof *threads);

  progress_start (&b->progress, "batch", all_bytes (b), b->options->quiet);
  /* Fewer threads than asked for only take longer. */
  while (threads && started + 1 < jobs &&
         pthread_create (&threads[started], NULL, work, b) == 0)
    started++;
  work (b);
  while (started > 0)
    pthread_join (threads[--started], NULL);
  progress_end (&b->progress);
}

void
batch_free (struct batch *b)
{
  for (size_t i = 0; i < b->n; i++) {
    input_free (&b->jobs[i].input);
    create_report_free (&b->jobs[i].report);
  }
  for (size_t i = 0; i < b->n_discs; i++)
    indexed_disc_free (&b->discs[i].indexed);
  discs_close (&b->library);
  free (b->jobs);
  free (b->discs);
  free (b->under_way);
  free (b->library_path);
  free (b->keep);
  pthread_cond_destroy (&b->indexed);
  pthread_mutex_destroy (&b->lock);
}
