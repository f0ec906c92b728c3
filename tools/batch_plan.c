/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Planning a batch: what is done already, from which discs the rest is made, and in which
 * order.  See batch_run.h.
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
#include "path.h"
#include "recipe.h"
#include "served.h"
#include "sidecar.h"
#include "user_folders.h"

/* ---- What is there already */

/* Is it a recipe of this MKV, by size and time? */
static bool
is_recipe_of (const struct recipe *recipe, const struct stat *mkv)
{
  char mtime[64];

  snprintf (mtime, sizeof mtime, "%lld.%09ld", (long long) mkv->st_mtim.tv_sec,
            mkv->st_mtim.tv_nsec);
  return recipe->image_size == (uint64_t) mkv->st_size &&
         recipe_has_note (recipe, "mtime", mtime);
}

/* Of an MKV that is gone: it says it is of one of that name. */
static bool
is_recipe_of_gone (const struct recipe *recipe, const struct batch_entry *e)
{
  return recipe_has_note (recipe, "name", path_base (e->name ? e->name : e->mkv));
}

/* The one that create writes beside the recipe; without it a create was cut off. */
static bool
has_sidecar (const char *recipe)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };
  CLEANUP_FREE char *path = sidecar_path (recipe);
  struct error ignored = ERROR_INIT;

  return path && sidecar_read (&sidecar, path, &ignored) == 0 &&
         sidecar_check_place (path, recipe, &ignored) == 0;
}

/* What is to be deleted is verified anew.  What is said to be there is whole, as far as the recipe
 * alone tells: its disc is not read.
 */
static bool
is_done (const struct options *o, const struct batch_job *job)
{
  const struct batch_entry *e = job->entry;
  bool is_gone = job->mkv_errno == ENOENT || job->mkv_errno == ENOTDIR;
  struct error ignored = ERROR_INIT;
  struct recipe *recipe;
  bool is = false;

  if (o->force || !has_sidecar (e->recipe))
    return false;
  recipe = recipe_open (e->recipe, &ignored);
  if (recipe && job->mkv_errno == 0)
    is = !o->delete_original && is_recipe_of (recipe, &job->mkv);
  else if (recipe && is_gone)
    is = is_recipe_of_gone (recipe, e);
  is = is && recipe_check_sums (recipe, &ignored) == 0;
  recipe_close (recipe);
  return is;
}

/* ---- With which disc */

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

/* Can an MKV whose recipe lies there be deleted?  Asked once for those of a folder that follow one
 * another, as all below it is read.
 */
static int
look_at_folder (struct batch *b, struct batch_job *job)
{
  CLEANUP_FREE char *folder = path_folder (job->entry->recipe);

  if (!folder)
    return error_set (&job->err, ENOMEM, "%s", job->entry->recipe);
  if (!b->looked_at || strcmp (b->looked_at, folder) != 0) {
    free (b->looked_at);
    b->looked_at = take_ptr (&folder);
    b->folder_err = (struct error) ERROR_INIT;
    served_can_tell (job->entry->recipe, &b->folder_err);
  }
  if (!b->folder_err.text[0])
    return 0;
  job->err = b->folder_err;
  return error_context (&job->err, "%s: is kept", job->entry->mkv);
}

static int
prepare (struct batch *b, struct batch_job *job)
{
  CLEANUP_FREE char *sidecar = sidecar_path (job->entry->recipe);

  if (!sidecar)
    return error_set (&job->err, ENOMEM, "%s", job->entry->recipe);
  if (job->mkv_errno != 0)
    return error_set (&job->err, job->mkv_errno, "%s", job->entry->mkv);
  if (b->options->delete_original &&
      (original_look (&job->original, job->entry->mkv, &job->err) == -1 ||
       look_at_folder (b, job) == -1))
    return -1;
  if (find_input (b, job) == -1 ||
      input_check_names (&job->input, job->entry->recipe, sidecar, b->options->force,
                         &job->err) == -1)
    return -1;
  return folders_make (job->entry->recipe, &job->err);
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
  for (size_t i = 0; i < b->n; i++)
    if (b->jobs[i].mkv_errno == 0 && disc_leave_out (disc, &b->jobs[i].mkv, err) == -1)
      return -1;
  return 0;
}

/* No file of a disc is replaced, though the disc be that of another MKV. */
static int
claim_disc (struct batch *b, const struct disc *disc, struct error *err)
{
  for (size_t i = 0; i < disc->n_files; i++)
    if (batch_claims_keep (&b->claims, disc->files[i].path, err) == -1)
      return -1;
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
        leave_out_mkvs (b, &disc->indexed.disc, &disc->err) == -1 ||
        claim_disc (b, &disc->indexed.disc, &disc->err) == -1)
      disc->state = DISC_FAILED;
  }
  disc->users++;
  job->disc = disc;
}

static void
plan_job (struct batch *b, struct batch_job *job)
{
  if (is_done (b->options, job))
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

/* ---- All of it */

static void
look_at_mkv (struct batch_job *job)
{
  job->mkv_errno = stat (job->entry->mkv, &job->mkv) == 0 ? 0 : errno;
}

int
batch_plan (struct batch *b, const struct batch_list *list, const struct options *options,
            struct error *err)
{
  bool asks = false;

  *b = (struct batch){ .options = options,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .indexed = PTHREAD_COND_INITIALIZER,
                       .claims = BATCH_CLAIMS_INIT };
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
    look_at_mkv (&b->jobs[i]);
    if (batch_claims_keep (&b->claims, list->entries[i].mkv, err) == -1)
      return -1;
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
  batch_claims_free (&b->claims);
  free (b->jobs);
  free (b->discs);
  free (b->under_way);
  free (b->library_path);
  free (b->looked_at);
  free (b->keep);
  pthread_cond_destroy (&b->indexed);
  pthread_mutex_destroy (&b->lock);
}
