/* SPDX-License-Identifier: BSD-3-Clause */
/* What makers of file systems share: see fs.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "fs.h"

int
fs_place_files (struct fs *fs, const struct tree *tree, uint64_t max_blocks,
                struct error *err)
{
  uint64_t max = max_blocks * fs->block, at = fs->data_at;

  fs->file_at = calloc (tree->n, sizeof *fs->file_at);
  if (!fs->file_at)
    return error_set (err, ENOMEM, "a disk of %u files", tree->n);
  for (uint32_t i = 0; i < tree->n; i++) {
    uint64_t rest = tree->nodes[i].size % fs->block;

    fs->file_at[i] = at;
    if (at > max || tree->nodes[i].size > max - at)
      return error_set (err, EFBIG, "a disk of more than %llu bytes",
                        (unsigned long long) max);
    at += tree->nodes[i].size + (rest ? fs->block - rest : 0);
  }
  if (at > max)
    return error_set (err, EFBIG, "a disk of more than %llu bytes",
                      (unsigned long long) max);
  fs->data_end = at;
  return 0;
}

void
fs_free (struct fs *fs)
{
  if (!fs)
    return;
  free (fs->file_at);
  fs->release (fs);
}
