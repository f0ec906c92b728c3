/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding sources by content: see source_search.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "cleanup.h"
#include "clock.h"
#include "globs.h"
#include "source_index.h"
#include "source_search.h"

/* Who is not found is asked for again and again: walks take a tenth of the time at most,
 * and are a second apart.
 */
#define WALK_SHARE 10
#define WALK_APART_MS 1000

/* What walking remembers is bounded: files below all places. */
#define MAX_FILES 1000000u

#define HASH_BLOCK ((size_t) 1 << 20)

/* A file below a place. */
struct file {
  uint64_t size;
  size_t number; /* in the order in which they were found */
  size_t place;
  char *path; /* below the place; owned */
};

struct source_search {
  char **places; /* owned, fixed */
  size_t n_places;
  char *index_path; /* owned, fixed; or NULL */
  pthread_mutex_t lock;
  /* Guarded by the lock: */
  struct source_index index;
  struct file *files; /* sorted by size and number; owned */
  size_t n, cap;
  size_t walking; /* the place that is being walked */
  unsigned walks;
  int64_t walk_at; /* when the next walk may begin; milliseconds, monotonic */
};

/* ---- Life */

static void
forget_files (struct source_search *s)
{
  for (size_t i = 0; i < s->n; i++)
    free (s->files[i].path);
  free (s->files);
  s->files = NULL;
  s->n = s->cap = 0;
}

struct source_search *
source_search_new (const char *const *places, size_t n_places, const char *index)
{
  struct source_search *s = calloc (1, sizeof *s);
  bool ok;

  if (!s)
    return NULL;
  pthread_mutex_init (&s->lock, NULL);
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
source_search_free (struct source_search *s)
{
  if (!s)
    return;
  forget_files (s);
  source_index_free (&s->index);
  for (size_t i = 0; i < s->n_places; i++)
    free (s->places[i]);
  free (s->places);
  free (s->index_path);
  pthread_mutex_destroy (&s->lock);
  free (s);
}

unsigned
source_search_walks (struct source_search *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->walks;
}

/* ---- Walking */

static const char *
below (const char *place, const char *path)
{
  size_t len = strlen (place);

  if (len == 0 || strncmp (place, path, len) != 0 ||
      (path[len] != '/' && place[len - 1] != '/'))
    return NULL;
  path += len;
  while (*path == '/')
    path++;
  return path;
}

static int
note_file (void *opaque, const char *path, struct error *err)
{
  struct source_search *s = opaque;
  const char *rest = below (s->places[s->walking], path);
  struct stat st;
  struct file *f;

  if (!rest || stat (path, &st) == -1 || !S_ISREG (st.st_mode))
    return 0;
  if (s->n == MAX_FILES)
    return error_set (err, 0, "%s: more than %u files to search", path, MAX_FILES);
  if (s->n == s->cap) {
    size_t cap = s->cap ? s->cap * 2 : 64;
    struct file *files = realloc (s->files, cap * sizeof *files);

    if (!files)
      return error_set (err, ENOMEM, "%s", path);
    s->files = files;
    s->cap = cap;
  }
  f = &s->files[s->n];
  *f = (struct file){ (uint64_t) st.st_size, s->n, s->walking, strdup (rest) };
  if (!f->path)
    return error_set (err, ENOMEM, "%s", path);
  s->n++;
  return 0;
}

static int
pass_folder (void *watcher, const char *path, struct error *err)
{
  (void) watcher;
  (void) path;
  (void) err;
  return 0;
}

/* A folder that cannot be read may well not hold what is wanted. */
static int
pass_unreadable (void *watcher, const struct error *why)
{
  (void) watcher;
  (void) why;
  return 0;
}

static int
by_size (const void *a, const void *b)
{
  const struct file *x = a, *y = b;

  if (x->size != y->size)
    return x->size < y->size ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* When the next walk may begin, after one that began at `begin`. */
static void
rest_after_walk (struct source_search *s, int64_t begin)
{
  int64_t end = clock_ms (), pause = (end - begin) * WALK_SHARE;

  s->walks++;
  s->walk_at = end + (pause < WALK_APART_MS ? WALK_APART_MS : pause);
}

/* Know all files, unless they were looked at a moment ago. */
static int
walk (struct source_search *s, struct error *err)
{
  const struct globs_calls calls = { note_file, s, pass_folder, pass_unreadable, NULL };
  int64_t begin = clock_ms ();
  int r = 0;

  if (s->walks > 0 && begin < s->walk_at)
    return 0;
  forget_files (s);
  for (s->walking = 0; r == 0 && s->walking < s->n_places; s->walking++)
    r = globs_below (s->places[s->walking], &calls, err);
  if (s->n > 0)
    qsort (s->files, s->n, sizeof *s->files, by_size);
  rest_after_walk (s, begin);
  return r;
}

/* ---- Trying */

/* Open it at `path` below `place`, if it is there. */
static int
try_at (const struct recipe_source *id, const char *place, const char *path, bool direct,
        struct source *out)
{
  struct recipe_source there = *id;
  struct error ignored = ERROR_INIT;
  CLEANUP_FREE char *copy = strdup (path);

  there.path = copy;
  return copy ? source_open (&there, &place, 1, direct, out, &ignored) : -1;
}

/* Where it was found before.  Only below one of our places: the index is outsiders' bytes. */
static int
try_remembered (const struct source_search *s, const struct recipe_source *id,
                bool direct, struct source *out)
{
  const char *path = source_index_find (&s->index, id);

  for (size_t i = 0; path && i < s->n_places; i++) {
    const char *rest = below (s->places[i], path);

    if (rest && try_at (id, s->places[i], rest, direct, out) == 0)
      return 0;
  }
  return -1;
}

/* The first file of this size; s->n if there is none. */
static size_t
first_of_size (const struct source_search *s, uint64_t size)
{
  size_t low = 0, high = s->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (s->files[middle].size < size)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Hash all of it.  Blocks are read whole, as O_DIRECT wants them, but for the last. */
static bool
add_content (const struct source *src, uint8_t *block, XXH3_state_t *state)
{
  uint64_t at = 0;

  while (at < src->size) {
    ssize_t n = pread (src->fd, block, HASH_BLOCK, (off_t) at);

    if (n == -1 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    XXH3_128bits_update (state, block, (size_t) n);
    at += (uint64_t) n;
  }
  return true;
}

static bool
has_hash (const struct recipe_source *id, const struct source *src)
{
  CLEANUP_FREE uint8_t *block = aligned_alloc (SOURCE_DIRECT_BLOCK, HASH_BLOCK);
  XXH3_state_t *state = XXH3_createState ();
  XXH128_canonical_t canonical = { { 0 } };
  bool ok = block && state && XXH3_128bits_reset (state) == XXH_OK &&
            add_content (src, block, state);

  if (ok)
    XXH128_canonicalFromHash (&canonical, XXH3_128bits_digest (state));
  XXH3_freeState (state);
  return ok && memcmp (canonical.digest, id->hash, sizeof id->hash) == 0;
}

static bool
is_same_file (const struct source *a, const struct source *b)
{
  struct stat x, y;

  return fstat (a->fd, &x) == 0 && fstat (b->fd, &y) == 0 && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

/* Those that fit are told apart by hash once there are two; the first to have the
 * right one, or to be alone, is taken.
 */
struct choice {
  const struct recipe_source *id;
  struct source source; /* one that fits */
  bool has_one;
  bool is_wrong; /* its hash is another */
};

/* `next` fits too, and is taken over.  True: no more need be looked at. */
static bool
choose (struct choice *c, struct source *next)
{
  if (!c->has_one) {
    c->has_one = true;
    c->source = *next;
    return false;
  }
  if (is_same_file (&c->source, next)) {
    source_close (next);
    return false;
  }
  if (!c->is_wrong && has_hash (c->id, &c->source)) {
    source_close (next);
    return true;
  }
  source_close (&c->source);
  c->source = *next;
  c->is_wrong = !has_hash (c->id, next);
  return !c->is_wrong;
}

/* -1: none fits. */
static int
try_all (const struct source_search *s, struct choice *c, bool direct)
{
  for (size_t i = first_of_size (s, c->id->size);
       i < s->n && s->files[i].size == c->id->size; i++) {
    const struct file *f = &s->files[i];
    struct source next = SOURCE_INIT;

    if (try_at (c->id, s->places[f->place], f->path, direct, &next) == 0 &&
        choose (c, &next))
      return 0;
  }
  if (c->has_one && c->is_wrong)
    source_close (&c->source);
  return c->has_one && !c->is_wrong ? 0 : -1;
}

static void
remember (struct source_search *s, const struct recipe_source *id, const char *path)
{
  struct error ignored = ERROR_INIT;

  source_index_put (&s->index, id, path);
  if (!s->index_path)
    return;
  source_index_read (&s->index, s->index_path);
  source_index_write (&s->index, s->index_path, &ignored);
}

int
source_search_open (void *opaque, const struct recipe_source *id, bool direct,
                    struct source *out, struct error *err)
{
  struct source_search *s = opaque;
  struct choice choice = { .id = id };
  LOCK_FOR_SCOPE (&s->lock);

  if (s->n_places == 0)
    return -1;
  if (try_remembered (s, id, direct, out) == 0)
    return 0;
  if (walk (s, err) == -1)
    return -1;
  if (try_all (s, &choice, direct) == -1)
    return error_set (err, 0, "no file below has its size and content");
  remember (s, id, choice.source.path);
  *out = choice.source;
  return 0;
}
