/* SPDX-License-Identifier: BSD-3-Clause */
/* Which files of an image are demuxed: see disc_parts.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "disc_parts.h"

/* So much of a file is shown to the demuxer: some hundred packets. */
#define PROBE ((size_t) 64 << 10)

/* Does the demuxer know the file by its first bytes? */
static bool
is_stream (const struct demuxer *demuxer, int fd, const struct image_file *f,
           uint8_t *buffer)
{
  const struct image_extent *e = f->extents;
  ssize_t n;

  if (f->n_extents == 0)
    return false;
  n = pread (fd, buffer, e->len < PROBE ? (size_t) e->len : PROBE, (off_t) e->offset);
  return n > 0 && demuxer->probe (buffer, (size_t) n, e->offset);
}

/* Keep the first `n` files of a list. */
static void
drop_rest (struct image_files *list, size_t n)
{
  while (list->n_files > n) {
    struct image_file *f = &list->files[--list->n_files];

    free (f->path);
    free (f->extents);
  }
}

int
disc_find_parts (struct disc_file *file, int fd, struct error *err)
{
  struct image_files list;
  uint8_t *buffer;
  size_t n = 0;

  if (!file->demuxer || !file->demuxer->by_file)
    return 0;
  if (image_files_read (&list, fd, file->size, err) == -1)
    return -1;
  buffer = malloc (PROBE);
  if (!buffer) {
    image_files_free (&list);
    return error_set (err, ENOMEM, "%s", file->path);
  }
  for (size_t i = 0; i < list.n_files; i++)
    if (is_stream (file->demuxer, fd, &list.files[i], buffer)) {
      struct image_file swap = list.files[n];

      list.files[n++] = list.files[i];
      list.files[i] = swap;
    }
  drop_rest (&list, n);
  free (buffer);
  if (n == 0)
    image_files_free (&list);
  file->parts = n ? list.files : NULL;
  file->n_parts = n;
  return 0;
}

void
disc_free_parts (struct disc_file *file)
{
  struct image_files list = { file->parts, file->n_parts };

  image_files_free (&list);
  file->parts = NULL;
  file->n_parts = 0;
}
