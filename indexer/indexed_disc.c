/* SPDX-License-Identifier: BSD-3-Clause */
/* Discs ready to be matched against: see indexed_disc.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

int
indexed_disc_build (struct indexed_disc *d, const struct indexed_disc_options *o,
                    struct error *err)
{
  if (index_build (&d->index, &d->disc, o->threads, o->progress, o->opaque, err) == -1)
    return -1;
  return indexed_disc_count (d, err);
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
    struct stat st;

    if (fstat (s->fd, &st) == -1)
      return error_set (err, errno, "%s", s->file->path);
    id = file_id_of (&st);
    if (!file_id_same_content (&s->id, &id))
      return error_set (err, 0, "%s: changed since it was read", s->file->path);
  }
  return 0;
}
