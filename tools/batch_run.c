/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making many recipes, as planned: see batch_run.h.
 *
 * A thread takes the next job; if its disc is not indexed, it does that, while others who
 * want the same disc wait.  So rips of one disc share its index, and films of a disc each are
 * made side by side.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "batch_run.h"
#include "cleanup.h"
#include "interrupt.h"
#include "sidecar.h"

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
claim (void *opaque, const char *path, int fd, struct error *err)
{
  const struct worker *w = opaque;

  return batch_claims_take (&w->batch->claims, path, fd, err);
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
                                         .claim = claim,
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
