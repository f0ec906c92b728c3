/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the process does with memory that was freed.
 */
#ifndef MKVDUP_MEMORY_H
#define MKVDUP_MEMORY_H

/* Keep it, up to 32 MiB for each of malloc's arenas.  Decoding a segment takes a megabyte or two
 * for half a millisecond; to have the kernel take that back and give it again, zeroed, takes
 * three times as long as the decoding.
 *
 * For a process to ask for, once, at its start: it holds for all of it.  Does nothing where
 * malloc is not the GNU C library's.
 */
void memory_keep_freed (void);

#endif /* MKVDUP_MEMORY_H */
