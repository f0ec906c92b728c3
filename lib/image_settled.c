/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a change of an image's sources can go unseen.  What was proven is believed for as long
 * as their change times stay, and these do not tell of every byte that is written:
 *
 * - One write sets the time when it begins, and may go on for as long as it takes.  So the time
 *   has to be SOURCE_SETTLED_NS ago.
 * - A page that is mapped shared sets it when it is first stored to, and not again before it has
 *   been written back, which may be after a minute.  So the source is sealed after that time: fsync
 *   writes all pages back and protects them, and whoever stores to one moves the time.
 * - On tmpfs and its like nothing is ever written back: no source there is settled.
 *
 * A seal is of a file as it was believed to be, and counts as a change: what was read before it,
 * by whatever thread, proves nothing that outlasts the read.
 */
#include "config.h"

#include <time.h>

#include "cleanup.h"
#include "file_id.h"
#include "image_parts.h"

static int64_t
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  return timespec_ns (&now);
}

/* Can nobody still be writing what he began to write? */
static bool
is_old (const struct source *source, int64_t now)
{
  return !atomic_load (&source->is_memory) &&
         atomic_load (&source->ctime) <= now - SOURCE_SETTLED_NS;
}

static bool
is_sealed (const struct source *source)
{
  return atomic_load (&source->sealed) == atomic_load (&source->ctime);
}

bool
image_is_settled (const struct image *img)
{
  int64_t now = now_ns ();

  for (uint32_t i = 0; i < img->recipe->n_sources; i++) {
    const struct image_source *s = &img->sources[i];

    if (atomic_load (&s->is_open) &&
        !(is_old (&s->source, now) && is_sealed (&s->source)))
      return false;
  }
  return true;
}

/* Unless another file, or another state of this one, has been accepted meanwhile.  The change is
 * counted first, for those who do not take the lock.
 */
static void
note_seal (struct image *img, struct source *source, int64_t ctime, unsigned changes)
{
  LOCK_FOR_SCOPE (&img->proof.lock);

  if (atomic_load (&img->proof.changes) != changes)
    return;
  atomic_fetch_add (&img->proof.changes, 1);
  atomic_store (&source->sealed, ctime);
}

/* It may hang, as reading may. */
static void
seal (struct image *img, struct source *source, int64_t now)
{
  unsigned changes = atomic_load (&img->proof.changes);
  int64_t ctime = atomic_load (&source->ctime);
  unsigned life;

  if (!is_old (source, now) || !pulse_begin (source->pulse, &life))
    return;
  if (source_seal (source) == 0 && source_ctime (source) == ctime)
    note_seal (img, source, ctime, changes);
  pulse_end (source->pulse, life);
}

void
image_seal_sources (struct image *img)
{
  int64_t now = now_ns ();

  for (uint32_t i = 0; i < img->recipe->n_sources; i++) {
    struct image_source *s = &img->sources[i];

    if (!atomic_load (&s->is_open) || is_sealed (&s->source) ||
        !is_old (&s->source, now) || atomic_exchange (&s->is_sealing, true))
      continue;
    seal (img, &s->source, now);
    atomic_store (&s->is_sealing, false);
  }
}
