/* SPDX-License-Identifier: BSD-3-Clause */
/* The files within an image that hold streams. */
#ifndef MKVDUP_DISC_PARTS_H
#define MKVDUP_DISC_PARTS_H

#include "disc.h"

/*
 * Fill in the parts of a file whose demuxer is known, open as `fd`: the files that its
 * file system has and that the demuxer knows by their first bytes.  None if it has no file
 * system, or if the demuxer finds its way without (packs of a program stream are found
 * wherever they lie, and never lie in two extents).  -1 when out of memory.
 */
int disc_find_parts (struct disc_file *file, int fd, struct error *err);

void disc_free_parts (struct disc_file *file);

#endif /* MKVDUP_DISC_PARTS_H */
