/* SPDX-License-Identifier: BSD-3-Clause */
/* An export as a connection sees it: see export.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "export.h"
#include "exports.h"
#include "parameters.h"
#include "recipe_old.h"

/* Changes that pause are noticed sooner, others as watch.c says. */
#define NOTICED_MS 3000

static struct export *all; /* that are open; guarded by the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
enter (struct export *e)
{
  LOCK_FOR_SCOPE (&lock);

  e->next = all;
  if (all)
    all->before = e;
  all = e;
}

static void
leave (struct export *e)
{
  LOCK_FOR_SCOPE (&lock);

  *(e->before ? &e->before->next : &all) = e->next;
  if (e->next)
    e->next->before = e->before;
}

static void
release (struct export *e)
{
  if (e->image)
    title_close (e->title);
  snapshot_unref (e->snapshot);
  free (e);
}

static void
set_size (struct export *e)
{
  if (e->disk)
    padding_init (&e->padding, disk_size (e->disk), 1, false);
  else if (e->is_hashes) {
    verity_init (&e->verity, image_size (e->image));
    padding_init (&e->padding, e->verity.size, 1, false);
  }
  else
    padding_init (&e->padding, image_size (e->image), parameters.pad,
                  parameters.pad_with_void);
}

/* The image's Merkle root, as people write it.  Read now, as nbdkit asks for descriptions where
 * nobody can wait for a recipe.
 */
static int
find_root (struct export *e, struct error *err)
{
  uint8_t root[MERKLE_DIGEST];

  if (image_root (e->image, root, err) == -1)
    return -1;
  merkle_hex (root, sizeof root, e->root);
  return 0;
}

/* Is it what a client wants who has seen it before? */
static int
check_id (const struct export *e, const char *id, struct error *err)
{
  bool is_it;

  if (e->disk)
    is_it = strcmp (id, disk_id (e->disk)) == 0;
  else
    is_it = strlen (id) >= EXPORT_SHORTEST_ID && strncmp (id, e->root, strlen (id)) == 0;
  return is_it
           ? 0
           : error_set (err, ENOENT,
                        "a client asked for what is not served any more by that name");
}

static struct export *
open_once (const char *name, struct error *err)
{
  struct export *e = calloc (1, sizeof *e);
  struct error ignored = ERROR_INIT;
  const char *id;

  if (!e) {
    error_set (err, ENOMEM, "mkvdup");
    return NULL;
  }
  atomic_init (&e->refs, 1);
  if (exports_find_pinned (e, name, &id, err) == -1)
    goto failed;
  if (e->title && !(e->image = title_open (e->title, err))) {
    /* The name is there. */
    if (err->errnum == ENOENT)
      err->errnum = EIO;
    goto failed;
  }
  /* Without one an image can be served all the same, but not to who asks for it by its root. */
  if (e->image && find_root (e, id ? err : &ignored) == -1 && id)
    goto failed;
  if (id && check_id (e, id, err) == -1)
    goto failed;
  if (e->is_hashes && recipe_old_facts (image_recipe (e->image))) {
    recipe_old_no_digests (image_recipe (e->image), err);
    goto failed;
  }
  set_size (e);
  enter (e);
  return e;

failed:
  release (e);
  return NULL;
}

/* A recipe that was replaced is another title as soon as that has been noticed. */
struct export *
export_open (const char *name, struct error *err)
{
  struct export *e = open_once (name, err);
  int64_t end = clock_ms () + NOTICED_MS;

  while (!e && err->errnum == ESTALE && clock_ms () < end) {
    nanosleep (&(struct timespec){ 0, 50000000 }, NULL);
    e = open_once (name, err);
  }
  return e;
}

struct export *
export_ref (struct export *e)
{
  atomic_fetch_add (&e->refs, 1);
  return e;
}

void
export_unref (struct export *e)
{
  if (atomic_fetch_sub (&e->refs, 1) > 1)
    return;
  leave (e);
  release (e);
}

void
export_close_all (void)
{
  while (all)
    export_unref (all);
}

const char *
export_describe (const struct export *e)
{
  if (e->disk)
    return describe_pinned_disk (e->disk);
  if (e->is_hashes)
    return describe_hashes ();
  return e->root[0] ? describe_pinned_title (e->title, e->root)
                    : describe_title (e->title);
}

/* ---- Reading */

/* How many of `count` bytes from `offset` are not padding. */
static size_t
content_part (const struct export *e, uint64_t count, uint64_t offset)
{
  if (offset >= e->padding.start)
    return 0;
  return count < e->padding.start - offset ? count : e->padding.start - offset;
}

static int
read_content (const struct export *e, void *buf, size_t count, uint64_t offset,
              struct error *err)
{
  if (e->disk)
    return disk_read (e->disk, buf, count, offset, err);
  if (e->is_hashes)
    return verity_read (&e->verity, e->image, buf, count, offset, err);
  return image_read (e->image, buf, count, offset, err);
}

/* The padding, if `r` says that what is before it was read. */
static int
finish_read (const struct export *e, void *buf, size_t n, size_t count, uint64_t offset,
             int r)
{
  if (r == 0 && n < count)
    padding_read (&e->padding, (uint8_t *) buf + n, count - n, offset + n);
  return r;
}

int
export_read (const struct export *e, void *buf, size_t count, uint64_t offset,
             struct error *err)
{
  size_t n = content_part (e, count, offset);
  int r = 0;

  if (n > 0)
    r = read_content (e, buf, n, offset, err);
  return finish_read (e, buf, n, count, offset, r);
}

/* Hash devices are made of much that is read. */
static bool
try_read_content (const struct export *e, void *buf, size_t count, uint64_t offset)
{
  if (e->disk)
    return disk_try_read (e->disk, buf, count, offset);
  return !e->is_hashes && image_try_read (e->image, buf, count, offset);
}

bool
export_try_read (const struct export *e, void *buf, size_t count, uint64_t offset)
{
  size_t n = content_part (e, count, offset);
  bool is_there = n == 0 || try_read_content (e, buf, n, offset);

  return finish_read (e, buf, n, count, offset, is_there ? 0 : -1) == 0;
}

/* Where extents that are handed on end. */
struct handing_on {
  image_extent_fn *fn;
  void *opaque;
  uint64_t next;
};

static int
hand_on (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct handing_on *h = opaque;

  h->next = offset + len;
  return h->fn (h->opaque, offset, len, zero);
}

static int
content_extents (const struct export *e, uint64_t offset, size_t count,
                 image_extent_fn *fn, void *opaque, struct error *err)
{
  if (e->disk)
    return disk_extents (e->disk, offset, count, fn, opaque, err);
  if (e->is_hashes)
    return fn (opaque, offset, count, false);
  return image_extents (e->image, offset, count, fn, opaque, err);
}

int
export_extents (const struct export *e, uint64_t offset, uint64_t count,
                image_extent_fn *fn, void *opaque, struct error *err)
{
  struct handing_on h = { fn, opaque, offset };
  size_t n = content_part (e, count, offset);
  int r = 0;

  if (n > 0)
    r = content_extents (e, offset, n, hand_on, &h, err);
  if (r != 0 || h.next < e->padding.start || n == count)
    return r;
  return fn (opaque, h.next, e->padding.end - h.next, e->padding.is_zero);
}

int
export_prefetch (const struct export *e, uint64_t offset, uint64_t count,
                 struct error *err)
{
  size_t n = content_part (e, count, offset);

  if (n == 0 || e->is_hashes)
    return 0;
  return e->disk ? disk_prefetch (e->disk, offset, n, err)
                 : image_prefetch (e->image, offset, n, err);
}

/* The image that is read at `offset`, in use; NULL if it is not even open. */
static struct image *
use_image_at (const struct export *e, uint64_t offset, struct title **title)
{
  *title = e->disk ? disk_title_at (e->disk, offset) : e->title;
  return *title ? title_try_open (*title) : NULL;
}

int
export_context (const struct export *e, uint64_t offset, struct error *err)
{
  struct title *title;
  struct image *image = use_image_at (e, offset, &title);
  const char *awaited = image ? image_awaited (image) : NULL;

  if (awaited)
    error_context (err, "%s", awaited);
  error_context (err, "%s: offset %llu", title ? title->recipe : "the disk",
                 (unsigned long long) offset);
  if (image)
    title_close (title);
  return -1;
}
