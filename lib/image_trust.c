/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources of which a recipe has no sample, but only size and hash (those of the Go program:
 * recipe_old.h).  Hashing a disc when it is opened would take minutes, so one of the right size
 * is believed at first, as the Go program does.  But what has been served is not to change
 * under its readers: from then on the same file, not written to, is the source; what was
 * written to, or has come to its place, is hashed before it is read, once.
 *
 * A change of its name or permissions alone (ctime) is none.
 *
 * While one thread hashes, no other waits for it: they are told.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "image_parts.h"
#include "source_hash.h"

static bool
has_same_bytes (const struct file_id *a, const struct file_id *b)
{
  return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
         a->mtime_ns == b->mtime_ns;
}

/* What is known of it already: 1: it is right; -1: it is not, or nobody can say now; 0: it has
 * to be hashed, by this thread.
 */
static int
look_up (struct image_source *s, const struct file_id *id, const char *path,
         struct error *err)
{
  LOCK_FOR_SCOPE (&s->lock);
  struct trust *t = &s->trust;

  if (!t->is_known) {
    t->is_known = true;
    t->known = *id;
  }
  if (has_same_bytes (&t->known, id))
    return 1;
  if (file_id_same (&t->wrong, id)) {
    error_set (err, 0, "%s: was written to, and has other bytes than it had", path);
    err->errnum = EBADMSG;
    return -1;
  }
  if (t->is_hashing)
    return error_set (err, EAGAIN,
                      "%s: was written to, and is being compared with its hash", path);
  t->is_hashing = true;
  return 0;
}

static void
note (struct image_source *s, const struct file_id *id, int r, int errnum)
{
  LOCK_FOR_SCOPE (&s->lock);

  s->trust.is_hashing = false;
  if (r == 0)
    s->trust.known = *id;
  else if (errnum == EBADMSG)
    s->trust.wrong = *id;
}

static int
id_of (const struct source *src, struct file_id *id, struct error *err)
{
  struct stat st;

  if (fstat (src->fd, &st) == -1)
    return error_set (err, errno, "%s", src->path);
  *id = file_id_of (&st);
  return 0;
}

/* It must not be written to meanwhile. */
static int
hash_unchanged (const struct source *src, const struct recipe_source *recorded,
                const struct file_id *before, struct error *err)
{
  struct file_id after = { 0 };

  if (source_check_hash (src, recorded, NULL, NULL, err) == -1 ||
      id_of (src, &after, err) == -1)
    return -1;
  return has_same_bytes (before, &after)
           ? 0
           : error_set (err, ESTALE, "%s: is being written to", src->path);
}

int
image_trust (struct image *img, uint32_t number, const struct source *found,
             struct error *err)
{
  const struct recipe_source *recorded = &img->recipe->sources[number];
  struct image_source *s = &img->sources[number];
  struct file_id id = { 0 };
  int r;

  if (!recorded->has_xxh64)
    return 0;
  if (id_of (found, &id, err) == -1)
    return -1;
  r = look_up (s, &id, found->path, err);
  if (r != 0)
    return r == 1 ? 0 : -1;
  r = hash_unchanged (found, recorded, &id, err);
  note (s, &id, r, err->errnum);
  return r;
}
