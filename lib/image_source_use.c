/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a file in use as a source of an image, for the first time or in the place of another,
 * while others read.
 *
 * What was proven of the old one is forgotten before a byte of the new one can count: in between,
 * no change time is right, and reads of either are in vain.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file_id.h"
#include "image_parts.h"

/* The first time.  False: it is open. */
static bool
use_first (struct image_source *s, const struct source *found, const struct stat *st,
           bool is_sampled)
{
  LOCK_FOR_SCOPE (&s->lock);

  if (atomic_load_explicit (&s->is_open, memory_order_relaxed))
    return false;
  s->file = file_id_of (st);
  s->source.fd = found->fd;
  atomic_init (&s->source.path, found->path);
  s->source.size = found->size;
  s->source.align = found->align;
  s->source.advice = found->advice;
  atomic_init (&s->source.is_shared, atomic_load (&found->is_shared));
  s->source.pulse = &s->reading;
  atomic_init (&s->source.ctime, atomic_load (&found->ctime));
  atomic_init (&s->source.sealed, SOURCE_NO_CTIME);
  atomic_init (&s->source.is_memory, atomic_load (&found->is_memory));
  atomic_store (&s->is_unsampled, !is_sampled);
  atomic_store_explicit (&s->is_open, true, memory_order_release);
  return true;
}

/* Is it the file that is open, as it is believed to be? */
static bool
is_same_file (struct image_source *s, const struct source *found, const struct stat *st)
{
  LOCK_FOR_SCOPE (&s->lock);

  return st->st_dev == s->file.dev && st->st_ino == s->file.ino &&
         atomic_load (&found->ctime) == atomic_load (&s->source.ctime);
}

int
image_use_source (struct image *img, uint32_t number, struct source *found,
                  bool is_sampled, struct error *err)
{
  struct image_source *s = &img->sources[number];
  int64_t believed;
  struct stat st;
  int r = fstat (found->fd, &st);

  /* First of all: nothing that was not proven may be handed out of another file. */
  if (r == 0)
    image_doubt_other (img, number, found, &st);
  if (r == 0 && use_first (s, found, &st, is_sampled))
    return 0;
  if (r == 0 && !is_same_file (s, found, &st))
    image_doubt (img, number);
  if (!is_sampled)
    atomic_store (&s->is_unsampled, true);
  /* Until what was proven of the old one is forgotten, reads of either are in vain. */
  believed = atomic_exchange (&s->source.ctime, SOURCE_NO_CTIME);
  if (r == 0)
    r = dup3 (found->fd, s->source.fd, O_CLOEXEC);
  if (r == -1) {
    error_set (err, errno, "%s: taking it in use", found->path);
    atomic_store (&s->source.ctime, believed);
  }
  else {
    LOCK_FOR_SCOPE (&s->lock);
    s->file = file_id_of (&st);
    image_source_take_path (s, found);
    image_forget_proof (img);
    atomic_store (&s->source.is_shared, atomic_load (&found->is_shared));
    atomic_store (&s->source.is_memory, atomic_load (&found->is_memory));
    /* After what was counted: a seal of the old one comes too late. */
    atomic_store (&s->source.sealed, SOURCE_NO_CTIME);
    atomic_store (&s->is_sealing, false);
    atomic_store (&s->source.ctime, atomic_load (&found->ctime));
    atomic_store (&s->is_unsampled, !is_sampled);
    pulse_renew (&s->reading);
  }
  source_close (found);
  return r == -1 ? -1 : 0;
}
