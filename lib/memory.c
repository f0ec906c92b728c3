/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeping freed memory: see memory.h. */
#include "config.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

/* What decoding a segment takes. */
#define WARM ((size_t) 2 << 20)

void
memory_keep_freed (void)
{
#ifdef M_TRIM_THRESHOLD
  enum {
    KEPT = 32 << 20
  }; /* the most that M_MMAP_THRESHOLD can be */

  mallopt (M_MMAP_THRESHOLD, KEPT);
  mallopt (M_TRIM_THRESHOLD, KEPT);
  mallopt (M_ARENA_MAX, 1);
#endif
}

void
memory_warm (void *p, size_t size)
{
#ifdef MADV_POPULATE_WRITE
  size_t page = (size_t) sysconf (_SC_PAGESIZE);
  size_t skip = -(size_t) (uintptr_t) p & (page - 1); /* to where a page begins */

  if (skip + page <= size)
    madvise ((char *) p + skip, (size - skip) & -page, MADV_POPULATE_WRITE);
#else
  (void) p;
  (void) size;
#endif
}

void
memory_warm_heap (void)
{
  void *p = malloc (WARM);

  if (p)
    memory_warm (p, WARM);
  free (p);
}
