/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources of which a recipe has no sample, but only size and hash (those of the Go program:
 * recipe_old.h).  Hashing a disc when it is opened would take minutes, so one of the right size
 * is believed, as the Go program does, if it lies at the first of the image's places and was not
 * written to after the recipe was.  From then on just that file, with just those times, is the
 * source; any other, and any that something happened to, is hashed before it is read, once.
 *
 * That is known for the process and not for an image: images come and go, and what was refused
 * once is not to be believed by the next.  It is never forgotten; there are no more of them than
 * a library has sources.
 *
 * While one thread hashes, no other waits for it: they are told.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "image_parts.h"
#include "source_hash.h"

/* A disc with a bad sector is read for minutes until that is found: not anew for each read. */
#define RETRY_MS INT64_C (60000)

/* What is known of a source, by what it is to be, and of a path that it was found at. */
struct trust {
  uint8_t hash[RECIPE_HASH_SIZE];
  uint64_t size;
  char *path;           /* owned */
  bool is_known;        /* there is: */
  struct file_id known; /* the file, as it was when it was taken for the right one */
  struct file_id wrong; /* the last one whose hash was another */
  bool is_hashing;      /* one thread is */
  struct file_id lost;  /* the last one that could not be hashed */
  int errnum;           /* why, and until when that is not tried again: ms, clock.h */
  int64_t again_at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *all; /* a tree of struct trust (tsearch(3)); guarded by the lock */

static int
compare (const void *a, const void *b)
{
  const struct trust *x = a, *y = b;
  int r = memcmp (x->hash, y->hash, sizeof x->hash);

  if (r != 0 || x->size != y->size)
    return r != 0 ? r : (x->size < y->size ? -1 : 1);
  return strcmp (x->path, y->path);
}

/* With the lock held.  It stays where it is.  NULL when out of memory. */
static struct trust *
find (const struct recipe_source *recorded, const char *path)
{
  struct trust *t = calloc (1, sizeof *t), **there = NULL;

  if (t)
    t->path = strdup (path);
  if (t && t->path) {
    memcpy (t->hash, recorded->hash, sizeof t->hash);
    t->size = recorded->size;
    there = tsearch (t, &all, compare);
  }
  if (there && *there == t)
    return t;
  if (t)
    free (t->path);
  free (t);
  return there ? *there : NULL;
}

/* Is it where the library, or the user, says that it is? */
static bool
is_at_first_place (const struct image *img, const char *path)
{
  size_t len = img->n_places > 0 ? strlen (img->places[0]) : 0;

  return len > 0 && strncmp (path, img->places[0], len) == 0 &&
         (path[len] == '/' || path[len] == '\0');
}

/* May it be believed without being hashed, as nothing is known of it? */
static bool
is_believable (const struct image *img, const struct file_id *id, const char *path)
{
  struct stat recipe;

  return is_at_first_place (img, path) && fstat (img->recipe->fd, &recipe) == 0 &&
         id->mtime_ns <= timespec_ns (&recipe.st_mtim);
}

/* What is known of it already: 1: it is right; -1: it is not, or nobody can say now; 0: it has
 * to be hashed, by this thread.
 */
static int
look_up (const struct image *img, const struct recipe_source *recorded,
         const struct file_id *id, const char *path, struct trust **trust,
         struct error *err)
{
  LOCK_FOR_SCOPE (&lock);
  struct trust *t = *trust = find (recorded, path);

  if (!t)
    return error_set (err, ENOMEM, "%s", path);
  if (!t->is_known && is_believable (img, id, path)) {
    t->is_known = true;
    t->known = *id;
  }
  if (t->is_known && file_id_same (&t->known, id))
    return 1;
  if (file_id_same (&t->wrong, id)) {
    error_set (err, 0, "%s: was written to, and has other bytes than it had", path);
    err->errnum = EBADMSG;
    return -1;
  }
  if (t->is_hashing)
    return error_set (err, EAGAIN,
                      "%s: was written to, and is being compared with its hash", path);
  if (file_id_same (&t->lost, id) && t->again_at > clock_ms ())
    return error_set (err, t->errnum, "%s: was written to, and cannot be read whole",
                      path);
  t->is_hashing = true;
  return 0;
}

static void
note (struct trust *t, const struct file_id *id, int r, int errnum)
{
  LOCK_FOR_SCOPE (&lock);

  t->is_hashing = false;
  if (r == 0) {
    t->is_known = true;
    t->known = *id;
  }
  else if (errnum == EBADMSG) {
    t->is_known = true; /* that it is not to be believed as nothing is known of it */
    t->wrong = *id;
  }
  else {
    t->lost = *id;
    t->errnum = errnum;
    t->again_at = clock_ms () + RETRY_MS;
  }
}

static int
id_of (const struct source *src, struct file_id *id, struct error *err)
{
  return file_id_now (src->fd, id) == 0 ? 0 : error_set (err, errno, "%s", src->path);
}

/* A write that began before the change time was asked for may still go on, and nothing of such a
 * source is compared later.
 */
static void
wait_until_settled (const struct file_id *id)
{
  struct timespec now;
  int64_t left;

  clock_gettime (CLOCK_REALTIME, &now);
  left = id->ctime_ns + FILE_SETTLED_NS - timespec_ns (&now);
  /* A change time to come is another machine's, or of a clock that was set back. */
  if (left <= 0)
    return;
  if (left > FILE_SETTLED_NS)
    left = FILE_SETTLED_NS;
  nanosleep (&(struct timespec){ left / NS_PER_SECOND, left % NS_PER_SECOND }, NULL);
}

/* It must not be written to meanwhile. */
static int
hash_unchanged (const struct source *src, const struct recipe_source *recorded,
                const struct file_id *before, struct error *err)
{
  struct file_id after = { 0 };

  wait_until_settled (before);
  if (source_check_hash_once (src, recorded, err) == -1 || id_of (src, &after, err) == -1)
    return -1;
  return file_id_same (before, &after)
           ? 0
           : error_set (err, ESTALE, "%s: is being written to", src->path);
}

int
image_trust (struct image *img, uint32_t number, const struct source *found,
             struct error *err)
{
  const struct recipe_source *recorded = &img->recipe->sources[number];
  struct file_id id = { 0 };
  struct trust *trust;
  int r;

  if (!recorded->has_xxh64)
    return 0;
  if (id_of (found, &id, err) == -1)
    return -1;
  r = look_up (img, recorded, &id, found->path, &trust, err);
  if (r != 0)
    return r == 1 ? 0 : -1;
  r = hash_unchanged (found, recorded, &id, err);
  note (trust, &id, r, err->errnum);
  return r;
}
