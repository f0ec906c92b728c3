/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeping freed memory: see memory.h. */
#include "config.h"

#include <malloc.h>

#include "memory.h"

void
memory_keep_freed (void)
{
#ifdef M_TRIM_THRESHOLD
  enum {
    KEPT = 32 << 20
  }; /* the most that M_MMAP_THRESHOLD can be */

  mallopt (M_MMAP_THRESHOLD, KEPT);
  mallopt (M_TRIM_THRESHOLD, KEPT);
#endif
}
