/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the process does with memory that was freed.
 */
#ifndef MKVDUP_MEMORY_H
#define MKVDUP_MEMORY_H

#include <stddef.h>

/* Keep it, up to 32 MiB, for all threads.  Decoding a segment takes a megabyte or two
 * for half a millisecond; to have the kernel take that back and give it again, zeroed, takes
 * three times as long as the decoding.
 *
 * For a process to ask for, once, at its start: it holds for all of it.  Does nothing where
 * malloc is not the GNU C library's.
 */
void memory_keep_freed (void);

/* Have the pages of [p, p + size) now, together, and not one by one when they are first
 * touched: a hundred faults are a millisecond, or ten on a virtual machine.
 */
void memory_warm (void *p, size_t size);

/* The same with the memory that decoding a segment will take, if freed memory is kept. */
void memory_warm_heap (void);

#endif /* MKVDUP_MEMORY_H */
