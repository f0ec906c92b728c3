/* SPDX-License-Identifier: BSD-3-Clause */
/* Discs ready to be matched against: see indexed_disc.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "folders.h"
#include "index_file.h"
#include "indexed_disc.h"

int
indexed_disc_count (struct indexed_disc *d, struct error *err)
{
  struct scrambled *all = &d->scrambled;
  const char *name = NULL;
  uint8_t scrambling = 0;

  for (size_t i = 0; i < d->index.n_sources; i++) {
    const struct index_source *s = &d->index.sources[i];

    if (s->scrambled == 0)
      continue;
    name = name ? d->disc.base : s->file->path;
    all->packets += s->packets;
    all->of_them += s->scrambled;
    scrambling |= s->scrambling;
  }
  if (!name)
    return 0;
  all->by = scrambling_name (scrambling);
  all->source = strdup (name);
  return all->source ? 0 : error_set (err, ENOMEM, "%s", name);
}

int
indexed_disc_find (struct indexed_disc *d, const struct indexed_disc_options *o,
                   struct error *err)
{
  *d = (struct indexed_disc){ .disc = { .base = NULL } };
  return disc_find (o->sources, o->n_sources, o->mkv, &d->disc, err);
}

static int
build (struct indexed_disc *d, const struct indexed_disc_options *o, struct error *err)
{
  if (index_build (&d->index, &d->disc, o->threads, o->progress, o->opaque, err) == -1)
    return -1;
  return indexed_disc_count (d, err);
}

/* One that is damaged is made again. */
static int
build_and_keep (struct indexed_disc *d, const struct indexed_disc_options *o,
                struct error *err)
{
  CLEANUP_FREE char *path = index_file_path (o->keep, d);
  struct error ignored = ERROR_INIT;

  if (!path)
    return error_set (err, ENOMEM, "%s", o->keep);
  d->was_kept = index_file_read (d, path, &ignored) == 1;
  if (d->was_kept)
    return 0;
  if (build (d, o, err) == -1)
    return -1;
  if (folders_make (path, &d->keeping) == 0)
    index_file_write (d, path, &d->keeping);
  return 0;
}

int
indexed_disc_build (struct indexed_disc *d, const struct indexed_disc_options *o,
                    struct error *err)
{
  return o->keep ? build_and_keep (d, o, err) : build (d, o, err);
}

void
indexed_disc_free (struct indexed_disc *d)
{
  index_free (&d->index);
  disc_free (&d->disc);
  free (d->scrambled.source);
  *d = (struct indexed_disc){ .disc = { .base = NULL } };
}

uint64_t
indexed_disc_bytes (const struct indexed_disc *d)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < d->disc.n_files; i++)
    bytes += d->disc.files[i].size;
  return bytes;
}

int
indexed_disc_check (const struct indexed_disc *d, struct error *err)
{
  for (size_t i = 0; i < d->index.n_sources; i++) {
    const struct index_source *s = &d->index.sources[i];
    struct file_id id;

    if (file_id_now (s->fd, &id) == -1)
      return error_set (err, errno, "%s", s->file->path);
    if (!file_id_same_content (&s->id, &id))
      return error_set (err, 0, "%s: changed since it was read", s->file->path);
  }
  return 0;
}
