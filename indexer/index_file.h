/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a disc, kept in a file, so that the next rip of it needs no reading of the
 * disc: its views and anchors, and the hashes of its files.
 *
 * It counts only while the files are those that were read, by name, inode, size and times,
 * and for the version of this program that made it: another might demux otherwise.  That
 * what it says is true is not believed: every match is verified byte by byte, and a recipe is
 * read back.  The hashes are: who can write the file can have a recipe doubt its sources.
 *
 * The layout, all numbers little endian, is no format for others:
 *
 *   "MKVDUPIX", the length of the program's version (u32) and that, the numbers of sources
 *   (u32), views (u32) and anchors (u64)
 *   for each source: length (u32) and bytes of its name below the disc's folder; inode, size,
 *     times of modification and change (ns); hash (16 bytes), sample; packets, scrambled
 *     ones, by what (u64)
 *   for each view: source, part, key, number of chunks (u32), length (u64); for each chunk its
 *     number (u32) and start (u64)
 *   for each anchor: hash; view in the upper 16 bits and offset in the rest (u64)
 *   XXH3-64 of all before it
 */
#ifndef MKVDUP_INDEX_FILE_H
#define MKVDUP_INDEX_FILE_H

#include "error.h"
#include "indexed_disc.h"

/* Where in `folder` the index of a disc that was found (indexed_disc_find) belongs.  Malloced;
 * NULL when out of memory.
 */
char *index_file_path (const char *folder, const struct indexed_disc *d);

/* Keep it at `path`.  Nothing is written, and 1 returned, if a change of its files might not
 * show: one is a block device, or was changed less than two seconds ago.
 */
int index_file_write (const struct indexed_disc *d, const char *path, struct error *err);

/* Fill in the index of a disc that was found: 1.  0: there is none, or it does not count, and
 * the disc has to be indexed.  -1 with `err` set: the file is damaged, or cannot be read; or
 * a file of the disc cannot be opened.
 */
int index_file_read (struct indexed_disc *d, const char *path, struct error *err);

#endif /* MKVDUP_INDEX_FILE_H */
