/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of a disc by place: see disc_files.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "disc_files.h"

static int
by_place (const void *a, const void *b)
{
  const struct disc_extent *x = a, *y = b;

  if (x->at != y->at)
    return x->at < y->at ? -1 : 1;
  return x->len < y->len ? -1 : x->len > y->len;
}

static void
add_file (struct disc_files *d, const struct image_file *file)
{
  uint64_t file_at = 0;

  for (size_t i = 0; i < file->n_extents; i++) {
    const struct image_extent *e = &file->extents[i];

    d->extents[d->n++] = (struct disc_extent){ e->offset, e->len, file_at, file->path };
    file_at += e->len;
  }
}

int
disc_files_read (struct disc_files *d, int fd, uint64_t size, struct error *err)
{
  size_t n = 0;

  *d = (struct disc_files){ .n = 0 };
  if (image_files_read (&d->files, fd, size, err) == -1)
    return -1;
  for (size_t i = 0; i < d->files.n_files; i++)
    n += d->files.files[i].n_extents;
  d->extents = calloc (n + 1, sizeof *d->extents);
  if (!d->extents) {
    disc_files_free (d);
    return error_set (err, ENOMEM, "the files of a disc");
  }
  for (size_t i = 0; i < d->files.n_files; i++)
    add_file (d, &d->files.files[i]);
  qsort (d->extents, d->n, sizeof *d->extents, by_place);
  return 0;
}

void
disc_files_free (struct disc_files *d)
{
  image_files_free (&d->files);
  free (d->extents);
  *d = (struct disc_files){ .n = 0 };
}

const struct disc_extent *
disc_files_find (const struct disc_files *d, uint64_t at)
{
  size_t low = 0, high = d->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (d->extents[middle].at <= at)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0 || at - d->extents[low - 1].at >= d->extents[low - 1].len)
    return NULL;
  return &d->extents[low - 1];
}
