/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lowest of many numbers, each once: what is kept of the hashes of a set too large to
 * keep (a bottom-k sketch).  Which numbers these are depends on the set alone, so that two
 * sets are compared by what is kept of each: of all that is not above `limit`, nothing is
 * missing.
 *
 * Thread safety: none; a set belongs to one thread.
 */
#ifndef MKVDUP_LOWEST_H
#define MKVDUP_LOWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lowest {
  uint64_t *numbers; /* owned; sorted and distinct behind lowest_settle */
  size_t n, cap;
  size_t most;    /* to keep; > 0 */
  uint64_t limit; /* what is above is not kept */
  bool failed;    /* ran out of memory */
};

/* `limit`: the largest number there is. */
void lowest_init (struct lowest *l, size_t most, uint64_t limit);
void lowest_free (struct lowest *l);

void lowest_add_growing (struct lowest *l, uint64_t number);

static inline void
lowest_add (struct lowest *l, uint64_t number)
{
  if (number > l->limit)
    return;
  if (l->n < l->cap)
    l->numbers[l->n++] = number;
  else
    lowest_add_growing (l, number);
}

/* Sort, and drop what is too much. */
void lowest_settle (struct lowest *l);

#endif /* MKVDUP_LOWEST_H */
