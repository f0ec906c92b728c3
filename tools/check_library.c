/* SPDX-License-Identifier: BSD-3-Clause */
/* A library as the server sees it: see check_library.h. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_library.h"
#include "cleanup.h"
#include "library_config.h"
#include "message.h"

/* One that is too many for the memory is dropped, as in the library itself. */
static void
add_problem (void *opaque, const char *text)
{
  struct check_library *l = opaque;
  char **problems = realloc (l->problems, (l->n_problems + 1) * sizeof *problems);

  if (!problems)
    return;
  l->problems = problems;
  problems[l->n_problems] = strdup (text);
  if (problems[l->n_problems])
    l->n_problems++;
}

static void
tell_problem (void *opaque, const char *text)
{
  (void) opaque;
  message ("%s", text);
}

static int
open_titles (struct check_library *l, const struct options *options, struct error *err)
{
  l->cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  l->search =
    source_search_new (options->sources, options->n_sources, options->source_index);
  if (l->search)
    source_search_tell (l->search, tell_problem, NULL);
  l->finder = (struct source_finder){ source_search_open, l->search };
  if (l->cache && l->search)
    l->titles = titles_new (&(struct titles_config){ .cache = l->cache,
                                                     .places = options->sources,
                                                     .n_places = options->n_sources,
                                                     .finder = &l->finder,
                                                     .verify = IMAGE_VERIFY_OFF });
  return l->titles ? 0 : error_set (err, ENOMEM, "the library");
}

static int
read_library (struct check_library *l, const char *const *paths, size_t n,
              struct error *err)
{
  library_free (l->library);
  l->library = library_new (&(struct library_options){
    .paths = paths,
    .n_paths = n,
    .look = { .file_mode = 0444, .folder_mode = 0555 },
    .titles = l->titles,
    .problem = add_problem,
    .opaque = l,
  });
  return l->library ? library_reload (l->library, err)
                    : error_set (err, ENOMEM, "the library");
}

/* Those that cannot be read by themselves are problems; the others are moved to the front. */
static size_t
leave_out_wrong (struct check_library *l, const char **paths, size_t n)
{
  const struct library_look look = { 0 };
  size_t good = 0;

  for (size_t i = 0; i < n; i++) {
    CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
    struct error why = ERROR_INIT;

    if (library_config_read (&config, &paths[i], 1, &look, NULL, NULL, &why) == 0)
      paths[good++] = paths[i];
    else
      add_problem (l, why.text);
  }
  return good;
}

/* One that is away, or wrong, is no reason to pass over the others. */
static int
open_library (struct check_library *l, const struct options *options, struct error *err)
{
  size_t n = options->n_args;
  CLEANUP_FREE const char **paths = calloc (n + 1, sizeof *paths);
  struct error why = ERROR_INIT;
  int r;

  if (!paths)
    return error_set (err, ENOMEM, "the library");
  memcpy (paths, options->args, n * sizeof *paths);
  r = read_library (l, paths, n, &why);
  if (r == -1 && why.errnum != ENOMEM)
    r = read_library (l, paths, leave_out_wrong (l, paths, n), &why);
  if (r == -1 && (!l->library || why.errnum == ENOMEM)) {
    *err = why;
    return -1;
  }
  if (r == -1)
    add_problem (l, why.text);
  l->snapshot = library_snapshot (l->library);
  return 0;
}

int
check_library_open (struct check_library *l, const struct options *options,
                    struct error *err)
{
  *l = (struct check_library){ 0 };
  if (open_titles (l, options, err) == 0 && open_library (l, options, err) == 0)
    return 0;
  check_library_close (l);
  return -1;
}

/* What cannot be read was told when all were. */
static int
want_titles (struct check_library *l, const char *path, struct error *err)
{
  const struct library_look look = { 0 };
  CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
  CLEANUP_FREE char *problem = NULL;
  struct error why = ERROR_INIT;

  if (library_config_read (&config, &path, 1, &look, NULL, NULL, &why) == -1) {
    if (why.errnum == ENOMEM)
      *err = why;
    return why.errnum == ENOMEM ? -1 : 0;
  }
  if (config.n > 0)
    return 0;
  if (asprintf (&problem, "%s: has no titles", path) == -1)
    return error_set (err, ENOMEM, "%s", path);
  add_problem (l, problem);
  return 0;
}

/* One by one: each title of all counts only once. */
int
check_library_want_titles (struct check_library *l, const struct options *options,
                           struct error *err)
{
  for (size_t i = 0; i < options->n_args; i++)
    if (want_titles (l, options->args[i], err) == -1)
      return -1;
  return 0;
}

void
check_library_close (struct check_library *l)
{
  if (l->snapshot)
    snapshot_unref (l->snapshot);
  library_free (l->library);
  titles_free (l->titles);
  source_search_free (l->search);
  if (l->cache)
    segment_cache_free (l->cache);
  for (size_t i = 0; i < l->n_problems; i++)
    free (l->problems[i]);
  free (l->problems);
  *l = (struct check_library){ 0 };
}

/* A title of our own: it has no other user, and its image goes with it. */
int
visit_begin (struct visit *v, struct check_library *l, const struct title *title,
             struct error *err)
{
  v->image = NULL;
  v->title = title_new (l->titles, title, err);
  if (!v->title)
    return -1;
  v->image = title_open (v->title, err);
  if (v->image)
    return 0;
  visit_end (v);
  return -1;
}

void
visit_end (struct visit *v)
{
  if (v->image)
    title_close (v->title);
  title_unref (v->title);
  *v = (struct visit){ 0 };
}
