/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding sources by content: see source_search.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "file_id.h"
#include "source_files.h"
#include "source_hash.h"
#include "source_index.h"
#include "source_search.h"

/* Who is not found is asked for again and again: walks take a tenth of the time at most,
 * and are a second apart.
 */
#define WALK_SHARE 10
#define WALK_APART_MS 1000

/* A search in vain: all files of that size were looked at, and perhaps hashed. */
struct vain {
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t size;
  struct file_id but; /* zeros: for any file */
  unsigned walks;     /* how many there had been; 0: none yet */
};

#define VAIN 64u

struct source_search {
  char **places; /* owned, fixed */
  size_t n_places;
  char *index_path; /* owned, fixed; or NULL */
  pthread_mutex_t index_lock;
  struct source_index index;         /* guarded by that, */
  source_search_problem_fn *problem; /* and this: NULL when it was told */
  void *opaque;
  struct pulse walking; /* internally locked */
  pthread_mutex_t lock;
  /* Guarded by the lock: */
  struct vain vain[VAIN];
  unsigned n_vain; /* so far */
  struct source_files files;
  unsigned walks;
  int64_t walk_at; /* when the next walk may begin; milliseconds, monotonic */
};

/* ---- Life */

struct source_search *
source_search_new (const char *const *places, size_t n_places, const char *index)
{
  struct source_search *s = calloc (1, sizeof *s);
  bool ok;

  if (!s)
    return NULL;
  pulse_init (&s->walking);
  pthread_mutex_init (&s->lock, NULL);
  pthread_mutex_init (&s->index_lock, NULL);
  s->index_path = index ? strdup (index) : NULL;
  s->places = calloc (n_places + 1, sizeof *s->places);
  ok = s->places && (!index || s->index_path);
  for (; ok && s->n_places < n_places; s->n_places += ok) {
    s->places[s->n_places] = strdup (places[s->n_places]);
    ok = s->places[s->n_places] != NULL;
  }
  if (!ok) {
    source_search_free (s);
    return NULL;
  }
  if (index)
    source_index_read (&s->index, index);
  return s;
}

void
source_search_tell (struct source_search *s, source_search_problem_fn *problem,
                    void *opaque)
{
  s->problem = problem;
  s->opaque = opaque;
}

void
source_search_free (struct source_search *s)
{
  if (!s)
    return;
  source_files_free (&s->files);
  source_index_free (&s->index);
  for (size_t i = 0; i < s->n_places; i++)
    free (s->places[i]);
  free (s->places);
  free (s->index_path);
  pulse_destroy (&s->walking);
  pthread_mutex_destroy (&s->lock);
  pthread_mutex_destroy (&s->index_lock);
  free (s);
}

unsigned
source_search_walks (struct source_search *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->walks;
}

/* ---- Walking */

/* No walk for a while, after work that began at `begin`. */
static void
rest (struct source_search *s, int64_t begin)
{
  int64_t end = clock_ms (), pause = (end - begin) * WALK_SHARE;
  int64_t at = end + (pause < WALK_APART_MS ? WALK_APART_MS : pause);

  s->walk_at = at > s->walk_at ? at : s->walk_at;
}

/* Know all files, unless they were looked at a moment ago. */
static int
walk (struct source_search *s, struct error *err)
{
  int64_t begin = clock_ms ();
  int r;

  if (s->walks > 0 && begin < s->walk_at)
    return 0;
  r = source_files_find (&s->files, s->places, s->n_places, err);
  s->walks++;
  rest (s, begin);
  return r;
}

/* ---- Trying */

/* What is asked for. */
struct wanted {
  const struct recipe_source *id;
  bool direct;
  const struct file_id *but; /* not this file; NULL: any */
};

/* Open it at `path` below `place`, if it is there. */
static int
try_at (const struct wanted *wanted, const char *place, const char *path,
        struct source *out)
{
  struct recipe_source there = *wanted->id;
  struct error ignored = ERROR_INIT;
  CLEANUP_FREE char *copy = strdup (path);

  there.path = copy;
  return copy ? source_open (&there, &place, 1, wanted->direct, out, &ignored) : -1;
}

/* Is it the one that is of no use? */
static bool
is_but (const struct wanted *wanted, const struct source *src)
{
  return wanted->but && file_id_is_open (wanted->but, src->fd);
}

/* Where it was found before; malloced. */
static char *
remembered (struct source_search *s, const struct recipe_source *id)
{
  LOCK_FOR_SCOPE (&s->index_lock);
  const char *path = source_index_find (&s->index, id);

  return path ? strdup (path) : NULL;
}

static bool
has_hash (const struct wanted *wanted, const struct source *src)
{
  struct error ignored = ERROR_INIT;

  return source_check_hash_once (src, wanted->id, &ignored) == 0;
}

/* Only below one of our places: the index is outsiders' bytes. */
static int
try_remembered (struct source_search *s, const struct wanted *wanted, struct source *out)
{
  CLEANUP_FREE char *path = remembered (s, wanted->id);

  for (size_t i = 0; path && i < s->n_places; i++) {
    const char *rest = source_files_below (s->places[i], path);

    if (!rest || try_at (wanted, s->places[i], rest, out) == -1)
      continue;
    /* Without a sample it could be any file of its size by now. */
    if (!is_but (wanted, out) && (!wanted->id->has_xxh64 || has_hash (wanted, out)))
      return 0;
    source_close (out);
  }
  return -1;
}

/* Was it looked for in vain, and there was no other walk since? */
static bool
was_in_vain (const struct source_search *s, const struct wanted *wanted)
{
  const struct file_id any = { 0 }, *but = wanted->but ? wanted->but : &any;
  const struct recipe_source *id = wanted->id;

  for (size_t i = 0; i < VAIN; i++)
    if (s->vain[i].walks == s->walks && s->vain[i].size == id->size &&
        file_id_same_file (&s->vain[i].but, but) &&
        memcmp (s->vain[i].hash, id->hash, sizeof id->hash) == 0)
      return true;
  return false;
}

static void
note_vain (struct source_search *s, const struct wanted *wanted)
{
  struct vain *v = &s->vain[s->n_vain++ % VAIN];

  memcpy (v->hash, wanted->id->hash, sizeof v->hash);
  v->size = wanted->id->size;
  v->but = wanted->but ? *wanted->but : (struct file_id){ 0 };
  v->walks = s->walks;
}

static bool
is_same_file (const struct source *a, const struct source *b)
{
  struct stat x, y;

  return fstat (a->fd, &x) == 0 && fstat (b->fd, &y) == 0 && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

/* Those that fit are told apart by hash once there are two, of which one may be of no use; the
 * first to have the right one, or to be alone, is taken.
 */
struct choice {
  const struct wanted *wanted;
  struct source source; /* one that fits */
  bool has_one;
  bool is_wrong;   /* its hash is another */
  bool needs_hash; /* that it is alone does not do */
};

/* The one that is of no use fits, as what was chosen before it does. */
static void
choose_other (struct choice *c)
{
  if (c->has_one)
    c->is_wrong = !has_hash (c->wanted, &c->source);
  c->needs_hash = true;
}

/* `next` fits too, and is taken over.  True: no more need be looked at. */
static bool
choose (struct choice *c, struct source *next)
{
  if (is_but (c->wanted, next)) {
    source_close (next);
    choose_other (c);
    return false;
  }
  if (!c->has_one) {
    c->has_one = true;
    c->source = *next;
    c->is_wrong = c->needs_hash && !has_hash (c->wanted, next);
    return c->needs_hash && !c->is_wrong;
  }
  if (is_same_file (&c->source, next)) {
    source_close (next);
    return false;
  }
  if (!c->is_wrong && has_hash (c->wanted, &c->source)) {
    source_close (next);
    return true;
  }
  source_close (&c->source);
  c->source = *next;
  c->is_wrong = !has_hash (c->wanted, next);
  return !c->is_wrong;
}

/* -1: none fits. */
static int
try_all (const struct source_search *s, struct choice *c)
{
  const struct source_files *all = &s->files;
  uint64_t size = c->wanted->id->size;

  for (size_t i = source_files_first (all, size);
       i < all->n && all->files[i].size == size; i++) {
    const struct source_file *f = &all->files[i];
    struct source next = SOURCE_INIT;

    if (try_at (c->wanted, s->places[f->place], f->path, &next) == 0 && choose (c, &next))
      return 0;
  }
  if (c->has_one && c->is_wrong)
    source_close (&c->source);
  return c->has_one && !c->is_wrong ? 0 : -1;
}

static void
tell_once (struct source_search *s, const struct error *err)
{
  if (s->problem)
    s->problem (s->opaque, err->text);
  s->problem = NULL;
}

static void
remember (struct source_search *s, const struct recipe_source *id, const char *path)
{
  struct error err = ERROR_INIT;
  LOCK_FOR_SCOPE (&s->index_lock);

  source_index_put (&s->index, id, path);
  if (!s->index_path)
    return;
  source_index_read (&s->index, s->index_path);
  if (source_index_write (&s->index, s->index_path, &err) == -1) {
    error_context (&err, "where sources are is not remembered");
    tell_once (s, &err);
  }
}

/* Walk and look at all files of its size. */
static int
search (struct source_search *s, const struct wanted *wanted, struct source *out,
        struct error *err)
{
  /* Without a sample only the hash tells anything. */
  struct choice choice = { .wanted = wanted, .needs_hash = wanted->id->has_xxh64 };
  int64_t begin;
  LOCK_FOR_SCOPE (&s->lock);

  if (walk (s, err) == -1)
    return -1;
  if (!was_in_vain (s, wanted)) {
    begin = clock_ms ();
    if (try_all (s, &choice) == 0) {
      *out = choice.source;
      return 0;
    }
    note_vain (s, wanted);
    rest (s, begin);
  }
  return error_set (err, 0, "no file below has its size and content");
}

/* Among the folders one may not answer. */
static int
search_in_time (struct source_search *s, const struct wanted *wanted, struct source *out,
                struct error *err)
{
  unsigned life;
  int r;

  if (!pulse_begin (&s->walking, &life))
    return pulse_error ("the search for sources", err);
  r = search (s, wanted, out, err);
  pulse_end (&s->walking, life);
  return r;
}

int
source_search_open (void *opaque, const struct recipe_source *id, bool direct,
                    const struct file_id *but, struct source *out, struct error *err)
{
  const struct wanted wanted = { id, direct, but };
  struct source_search *s = opaque;

  if (s->n_places == 0)
    return -1;
  if (try_remembered (s, &wanted, out) == 0)
    return 0;
  if (search_in_time (s, &wanted, out, err) == -1)
    return -1;
  remember (s, id, out->path);
  return 0;
}
