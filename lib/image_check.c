/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every fault of an image: see image_check.h.
 *
 * Chunks are read whole; only where that fails their groups are read one by one.
 *
 * A recipe of the Go program has one hash for all, and so one fault for what differs.
 *
 * A fault is merged with its neighbours as it is found, so that a disc that is away takes the
 * memory of one.  Threads find them nearly in order.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "content_check.h"
#include "image_check.h"
#include "merkle.h"
#include "recipe_old.h"

struct check {
  struct image *img;
  struct content_check whole; /* of a recipe that has no digests */
  bool is_broken;             /* then: not all of it could be read */
  walk_progress_fn *progress;
  void *opaque;
  pthread_mutex_t lock;
  struct faults *faults; /* guarded by the lock */
};

const char *
fault_kind_name (enum fault_kind kind)
{
  static const char *const names[] = {
    [FAULT_DIFFERS] = "differs",
    [FAULT_UNREADABLE] = "unreadable",
    [FAULT_MISSING] = "missing source",
    [FAULT_RECIPE] = "recipe damaged",
  };

  return names[kind];
}

/* ---- The list */

static void
free_fault (struct fault *f)
{
  free (f->cause);
  free (f->blames);
}

void
faults_free (struct faults *faults)
{
  for (size_t i = 0; i < faults->n; i++)
    free_fault (&faults->list[i]);
  free (faults->list);
  *faults = (struct faults){ 0 };
}

static bool
same_sources (const struct fault *a, const struct fault *b)
{
  for (size_t i = 0; a->n_blames == b->n_blames && i < a->n_blames; i++)
    if (a->blames[i].source != b->blames[i].source)
      return false;
  return a->n_blames == b->n_blames;
}

/* Make `b`, which follows, part of `a`; false if it is of another cause. */
static bool
merge (struct fault *a, const struct fault *b)
{
  if (a->end != b->from || a->kind != b->kind || !same_sources (a, b))
    return false;
  a->end = b->end;
  for (size_t i = 0; i < a->n_blames; i++) {
    struct image_blame *x = &a->blames[i];
    const struct image_blame *y = &b->blames[i];

    x->from = x->from < y->from ? x->from : y->from;
    x->end = x->end > y->end ? x->end : y->end;
  }
  return true;
}

static void
remove_at (struct faults *all, size_t i)
{
  free_fault (&all->list[i]);
  all->n--;
  memmove (&all->list[i], &all->list[i + 1], (all->n - i) * sizeof *all->list);
}

/* Takes `f` over. */
static int
add (struct faults *all, struct fault *f, struct error *err)
{
  size_t i = all->n, cap = all->cap ? all->cap * 2 : 8;
  struct fault *list = all->list;

  if (all->n == all->cap) {
    list = realloc (list, cap * sizeof *list);
    if (!list) {
      free_fault (f);
      return error_set (err, ENOMEM, "a fault");
    }
    all->list = list;
    all->cap = cap;
  }
  while (i > 0 && list[i - 1].from > f->from)
    i--;
  memmove (&list[i + 1], &list[i], (all->n - i) * sizeof *list);
  list[i] = *f;
  all->n++;
  if (i + 1 < all->n && merge (&list[i], &list[i + 1]))
    remove_at (all, i + 1);
  if (i > 0 && merge (&list[i - 1], &list[i]))
    remove_at (all, i);
  return 0;
}

int
faults_add_recipe (struct faults *faults, uint64_t size, const struct error *why,
                   struct error *err)
{
  struct fault f = { .kind = FAULT_RECIPE, .end = size, .cause = strdup (why->text) };

  return f.cause ? add (faults, &f, err) : error_set (err, ENOMEM, "a fault");
}

/* ---- What is the matter */

static enum fault_kind
kind_of (int errnum)
{
  switch (errnum) {
  case 0: /* another file */
  case EBADMSG:
  case ESTALE:
    return FAULT_DIFFERS;
  case ENOENT:
  case ENOTDIR:
    return FAULT_MISSING;
  default:
    return FAULT_UNREADABLE;
  }
}

/* A source that cannot be opened is to blame, and no other that the group is made of; `why`
 * becomes its error.
 */
static void
blame_absent (struct image *img, struct fault *f, struct error *why)
{
  size_t n = 0;

  for (size_t i = 0; i < f->n_blames; i++) {
    struct error reason = ERROR_INIT;

    if (image_source (img, f->blames[i].source, &reason))
      continue;
    if (n == 0)
      *why = reason;
    f->blames[n++] = f->blames[i];
  }
  if (n > 0)
    f->n_blames = n;
}

/* Group [offset, offset + len) is not to be had for this reason. */
static int
note_fault (struct check *c, uint64_t offset, size_t len, struct error *why,
            struct error *err)
{
  struct fault f = { .from = offset, .end = offset + len };
  bool is_absent = why->errnum != EBADMSG;

  /* What no sources can be found for is the recipe's own fault. */
  if (image_blame (c->img, offset, len, &f.blames, &f.n_blames, why) == -1 ||
      f.n_blames == 0)
    f.kind = FAULT_RECIPE;
  else {
    if (is_absent)
      blame_absent (c->img, &f, why);
    f.kind = kind_of (why->errnum);
  }
  f.cause = strdup (why->text);
  if (!f.cause) {
    free_fault (&f);
    return error_set (err, ENOMEM, "a fault");
  }
  LOCK_FOR_SCOPE (&c->lock);
  return add (c->faults, &f, err);
}

/* ---- Reading */

/* A group that has been read; -1 with `why` set. */
static int
check_digest (const struct image *img, const uint8_t *data, size_t len, uint64_t offset,
              struct error *why)
{
  uint8_t want[MERKLE_DIGEST], have[MERKLE_DIGEST];

  if (recipe_digests (image_recipe (img), offset / MERKLE_GROUP, 1, want, why) == -1 ||
      merkle_group_digest (data, len, image_size (img), have, why) == -1)
    return -1;
  if (memcmp (want, have, sizeof want) == 0)
    return 0;
  error_set (why, 0, "a source has other bytes than it had");
  why->errnum = EBADMSG;
  return -1;
}

/* If not, one thread reads in order. */
static bool
has_digests (const struct check *c)
{
  return !c->whole.whole;
}

static int
check_chunk (void *opaque, uint8_t *memory, size_t len, uint64_t offset,
             struct error *err)
{
  struct check *c = opaque;
  struct error why = ERROR_INIT;
  bool is_read = image_read (c->img, memory, len, offset, &why) == 0;
  size_t n;

  if (!has_digests (c) && is_read)
    return content_check_part (&c->whole, memory, len, offset, err);
  if (!has_digests (c))
    c->is_broken = true;
  for (size_t at = 0; at < len; at += n) {
    n = len - at < MERKLE_GROUP ? len - at : MERKLE_GROUP;
    if (!is_read && image_read (c->img, memory + at, n, offset + at, &why) == -1) {
      if (note_fault (c, offset + at, n, &why, err) == -1)
        return -1;
    }
    else if (has_digests (c) &&
             check_digest (c->img, memory + at, n, offset + at, &why) == -1 &&
             note_fault (c, offset + at, n, &why, err) == -1)
      return -1;
  }
  return 0;
}

static bool
tell_progress (void *opaque, uint64_t done)
{
  const struct check *c = opaque;

  return !c->progress || c->progress (c->opaque, done);
}

/* One hash of all does not tell where it is wrong: no part is known to be right. */
static int
check_whole (struct check *c, struct error *err)
{
  struct error why = ERROR_INIT;
  struct fault f = { .kind = FAULT_DIFFERS, .end = image_size (c->img) };

  if (content_check_end (&c->whole, &why) == 0)
    return 0;
  if (image_blame (c->img, 0, f.end, &f.blames, &f.n_blames, err) == -1)
    return -1;
  f.cause = strdup (why.text);
  if (!f.cause) {
    free_fault (&f);
    return error_set (err, ENOMEM, "a fault");
  }
  return add (c->faults, &f, err);
}

int
image_check (struct image *img, unsigned threads, walk_progress_fn *progress,
             void *opaque, struct faults *faults, struct error *err)
{
  struct check c = { .img = img,
                     .progress = progress,
                     .opaque = opaque,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .faults = faults };
  int r;

  if (recipe_old_facts (image_recipe (img))) {
    if (content_check_begin (&c.whole, image_recipe (img), err) == -1)
      return -1;
    threads = 1;
  }
  r = walk_chunks (image_size (img), threads, check_chunk, tell_progress, &c, err);
  if (r == 0 && !has_digests (&c) && !c.is_broken)
    r = check_whole (&c, err);
  content_check_free (&c.whole);
  return r;
}
