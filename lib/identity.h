/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a proof was of: a short hash of all whose change could make it wrong.  Equal
 * identities: the files are those that were read, and were not written to since.
 *
 * A file goes in with its path, inode, size and times; not with its device, whose number is
 * another after a restart on many file systems.
 *
 * Thread safe.
 */
#ifndef MKVDUP_IDENTITY_H
#define MKVDUP_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "file_id.h"
#include "image.h"

#define IDENTITY_SIZE 16 /* bytes of an XXH3-128 */

/*
 * Of an image: its recipe's file, what tells its image from others (recipe_identity), and its sources, all of which are opened.
 * All zeros if nothing can be told by it later: a source is a block device, whose writes do
 * not show, or a file was changed a moment ago, and might be once more at the same time.
 * -1 with `err` set: a source cannot be opened, or the recipe not be read.
 */
int identity_of_image (struct image *img, const struct file_id *recipe,
                       uint8_t identity[IDENTITY_SIZE], struct error *err);

/* The same of one open source that is to have the hash of `id`. */
int identity_of_source (const struct source *src, const struct recipe_source *id,
                        uint8_t identity[IDENTITY_SIZE], struct error *err);

/*
 * The same of a file, or of all files below a folder, of whatever kind they are; and how many
 * bytes they have.  All zeros, too, if a folder below it cannot be read.
 */
int identity_of_files (const char *path, uint8_t identity[IDENTITY_SIZE], uint64_t *bytes,
                       struct error *err);

/* Zeros are the same as nothing. */
bool identity_same (const uint8_t a[IDENTITY_SIZE], const uint8_t b[IDENTITY_SIZE]);

#endif /* MKVDUP_IDENTITY_H */
