/* SPDX-License-Identifier: BSD-3-Clause */
/* Exports and their names: see exports.h. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "exports.h"
#include "library.h"
#include "notify.h"
#include "parameters.h"
#include "pulse.h"
#include "report.h"
#include "source_search.h"
#include "watch.h"

/* nbdkit 1.32 refuses to list more. */
#define MAX_LISTED 10000u
/* And one longer name makes it refuse the whole list. */
#define MAX_LISTED_NAME 4096u

/* Behind a title's name: that of its hash device. */
#define VERITY_SUFFIX ".verity"

static struct segment_cache *cache;
static struct source_search *sources;
static struct source_finder finder = { .open = source_search_open };
static struct titles *titles;

/* One of these two is there. */
static struct title *only;
static struct library *library;

static struct watch *watch;
static char *last_failure; /* of looking again; the watch's thread's */

/* ---- Starting */

static void
tell_problem (void *opaque, const char *text)
{
  (void) opaque;
  report_now ("%s", text);
  notify_trouble (text);
}

static void
take_hook (void *opaque, struct hook_settings *hook)
{
  (void) opaque;
  notify_configure (hook);
}

/* As often as clients read: not each time. */
static void
notice (void *opaque, const char *text)
{
  (void) opaque;
  report_text (text);
  notify_trouble (text);
}

/* An index that gets too large (ulimit -f) is a write that fails, and no more. */
static void
survive_file_limit (void)
{
  signal (SIGXFSZ, SIG_IGN);
}

/* Each title in use has descriptors. */
static void
allow_many_files (void)
{
  struct rlimit files;

  if (getrlimit (RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
  }
}

static int
init_titles (struct error *err)
{
  const char *const *places = (const char *const *) parameters.sources.items;
  size_t n = parameters.sources.n;

  allow_many_files ();
  pulse_set_patience ((int64_t) parameters.timeout * 1000);
  survive_file_limit ();
  cache = segment_cache_new (parameters.cache_size);
  sources = source_search_new (places, n, parameters.source_index);
  if (sources)
    source_search_tell (sources, tell_problem, NULL);
  finder.opaque = sources;
  if (cache && sources)
    titles = titles_new (&(struct titles_config){
      .cache = cache,
      .places = places,
      .n_places = n,
      .finder = &finder,
      .direct = parameters.direct,
      .verify = parameters.verify,
      .salvage = parameters.salvage,
      .notice = notice,
    });
  return titles ? 0 : error_set (err, ENOMEM, "mkvdup");
}

/* One recipe: its sources have to be there. */
static int
init_only (struct error *err)
{
  const struct title t = { .name = parameters.name,
                           .recipe = parameters.file,
                           .size = parameters.image_size };
  struct image *image;
  int r;

  only = title_new (titles, &t, err);
  image = only ? title_open (only, err) : NULL;
  if (!image)
    return -1;
  if (parameters.sources.n == 0 && image_recipe (image)->n_sources > 0)
    r = error_set (err, 0,
                   "%s: no source= given, and no %s.yaml to say where its sources are",
                   parameters.file, parameters.file);
  else
    r = image_open_sources (image, err);
  title_close (only);
  return r;
}

static int
init_library (struct error *err)
{
  watch = watch_new (parameters.poll);
  if (watch)
    library = library_new (&(struct library_options){
      .paths = (const char *const *) parameters.library.items,
      .n_paths = parameters.library.n,
      .look = parameters.look,
      .disk = parameters.disk,
      .disk_kind = parameters.disk_kind,
      .titles = titles,
      .folder = watch_folder,
      .problem = tell_problem,
      .hook = take_hook,
      .opaque = watch,
    });
  if (!library)
    return error_set (err, ENOMEM, "library");
  return library_reload (library, err);
}

int
exports_init (struct error *err)
{
  if (init_titles (err) == -1 || notify_init (err) == -1)
    return -1;
  return parameters.file ? init_only (err) : init_library (err);
}

/* What is wrong is told when it begins. */
static bool
look_again (void *opaque)
{
  struct error err = ERROR_INIT;

  (void) opaque;
  if (library_reload (library, &err) == 0) {
    if (last_failure)
      notify_change ("the library can be read again");
    free (last_failure);
    last_failure = NULL;
    return true;
  }
  if (!last_failure || strcmp (last_failure, err.text) != 0) {
    report_now ("%s; the library stays as it was", err.text);
    notify_change (err.text);
  }
  free (last_failure);
  last_failure = strdup (err.text);
  return false;
}

/* Nothing tells that what could not be read can be. */
static bool
lacks_titles (void *opaque)
{
  (void) opaque;
  return library_lacks_titles (library);
}

int
exports_start (struct error *err)
{
  if (library && watch_start (watch, look_again, lacks_titles, NULL, err) == -1)
    return -1;
  notify_start ();
  return 0;
}

void
exports_stop (void)
{
  watch_free (watch);
  free (last_failure);
  export_close_all ();
  title_unref (only);
  library_free (library);
  titles_free (titles);
  source_search_free (sources);
  segment_cache_free (cache);
  /* Threads that read ahead may have something to tell until their images are closed. */
  notify_free ();
}

/* ---- Names */

const char *
describe_title (const struct title *t)
{
  /* The exact size is nowhere else to be seen once the image is padded. */
  return nbdkit_printf_intern ("%llu bytes", (unsigned long long) t->size);
}

const char *
describe_disk (uint32_t n_files)
{
  return nbdkit_printf_intern ("%s file system with %u files",
                               parameters.disk_kind == DISK_UDF ? "UDF" : "EROFS",
                               n_files);
}

const char *
describe_pinned_disk (const struct disk *disk)
{
  return nbdkit_printf_intern ("%s: %s@%s", describe_disk (disk_files (disk)),
                               parameters.disk, disk_id (disk));
}

const char *
describe_pinned_title (const struct title *t, const char *root)
{
  /* A description may be no longer than a name. */
  if (strlen (t->name) > MAX_LISTED_NAME - 64)
    return describe_title (t);
  return nbdkit_printf_intern ("%s: %s@%.*s", describe_title (t), t->name,
                               EXPORT_SHORTEST_ID, root);
}

const char *
describe_hashes (void)
{
  return "dm-verity's hash device";
}

/* A title, and its hash device if there are any. */
static int
list_title (const struct title *t, struct nbdkit_exports *list)
{
  int r = nbdkit_add_export (list, t->name, describe_title (t));
  const char *hashes;

  if (r == -1 || !parameters.verity ||
      strlen (t->name) + strlen (VERITY_SUFFIX) > MAX_LISTED_NAME)
    return r;
  hashes = nbdkit_printf_intern ("%s%s", t->name, VERITY_SUFFIX);
  return hashes ? nbdkit_add_export (list, hashes, describe_hashes ()) : -1;
}

static int
list_library (const struct snapshot *s, struct nbdkit_exports *list)
{
  uint32_t most = (MAX_LISTED - (parameters.disk != NULL)) / (parameters.verity ? 2 : 1);
  struct error cut;
  int r = 0;

  if (parameters.disk)
    r = nbdkit_add_export (list, parameters.disk, describe_disk (s->n));
  for (uint32_t i = 0; r == 0 && i < s->n && i < most; i++)
    r = list_title (s->titles[i], list);
  if (r == 0 && s->n > most) {
    error_set (
      &cut, 0,
      "a list of exports has %u of %u titles: nbdkit lists no more; the others can "
      "be had by their names",
      most, s->n);
    report_text (cut.text);
  }
  return r;
}

int
exports_list (struct nbdkit_exports *list)
{
  struct snapshot *s;
  int r;

  if (only)
    return list_title (only, list);
  s = library_snapshot (library);
  r = list_library (s, list);
  snapshot_unref (s);
  return r;
}

const char *
exports_default (void)
{
  struct snapshot *s;
  const char *name;

  if (only)
    return nbdkit_strdup_intern (only->name);
  s = library_snapshot (library);
  name = s->n == 1 ? s->titles[0]->name : parameters.disk ? parameters.disk : "";
  name = nbdkit_strdup_intern (name);
  snapshot_unref (s);
  return name;
}

/* ---- Who asks for one */

static int
find_only (struct export *e, const char *name, struct error *err)
{
  if (strcmp (name, only->name) == 0)
    e->title = only;
  /* The name asked for is not repeated: it could be anything. */
  return e->title ? 0
                  : error_set (err, ENOENT,
                               "a client asked for an export that is not there: there is "
                               "\"%s\" only",
                               only->name);
}

static int
find_in_library (struct export *e, const char *name, struct error *err)
{
  e->snapshot = library_snapshot (library);
  if (parameters.disk && strcmp (name, parameters.disk) == 0) {
    e->disk = snapshot_disk (e->snapshot, err);
    return e->disk ? 0 : -1;
  }
  e->title = snapshot_find (e->snapshot, name);
  return e->title
           ? 0
           : error_set (err, ENOENT, "a client asked for an export that is not there");
}

static int
find (struct export *e, const char *name, struct error *err)
{
  return only ? find_only (e, name, err) : find_in_library (e, name, err);
}

/* "X.verity" is X's hash device, unless a title is called so. */
static int
find_hashes (struct export *e, const char *name, struct error *err)
{
  size_t len = strlen (name), end = strlen (VERITY_SUFFIX);
  CLEANUP_FREE char *title = NULL;

  if (!parameters.verity || len <= end || strcmp (name + len - end, VERITY_SUFFIX) != 0)
    return -1;
  title = strndup (name, len - end);
  snapshot_unref (take_ptr (&e->snapshot));
  if (!title || find (e, title, err) == -1 || !e->title) {
    e->disk = NULL; /* the snapshot's, which the caller gives back */
    return -1;
  }
  e->is_hashes = true;
  return 0;
}

int
exports_find (struct export *e, const char *name, struct error *err)
{
  if (find (e, name, err) == 0)
    return 0;
  return err->errnum == ENOENT ? find_hashes (e, name, err) : -1;
}

int
exports_find_pinned (struct export *e, const char *name, const char **id,
                     struct error *err)
{
  const char *at = strrchr (name, '@');
  CLEANUP_FREE char *before = NULL;

  *id = NULL;
  if (exports_find (e, name, err) == 0)
    return 0;
  if (err->errnum != ENOENT || !at || at == name)
    return -1;
  before = strndup (name, (size_t) (at - name));
  if (!before)
    return error_set (err, ENOMEM, "mkvdup");
  snapshot_unref (take_ptr (&e->snapshot));
  *id = at + 1;
  return exports_find (e, before, err);
}
