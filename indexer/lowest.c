/* SPDX-License-Identifier: BSD-3-Clause */
/* The lowest of many numbers: see lowest.h. */
#include "config.h"

#include <stdlib.h>

#include "lowest.h"

void
lowest_init (struct lowest *l, size_t most, uint64_t limit)
{
  *l = (struct lowest){ .most = most, .limit = limit };
}

void
lowest_free (struct lowest *l)
{
  free (l->numbers);
  *l = (struct lowest){ 0 };
}

static int
by_value (const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

void
lowest_settle (struct lowest *l)
{
  size_t n = 0;

  if (l->n == 0)
    return;
  qsort (l->numbers, l->n, sizeof *l->numbers, by_value);
  for (size_t i = 1; i < l->n; i++)
    if (l->numbers[i] != l->numbers[n])
      l->numbers[++n] = l->numbers[i];
  l->n = n + 1;
  if (l->n < l->most)
    return;
  l->n = l->most;
  l->limit = l->numbers[l->n - 1];
}

/* There is room for twice as many as are kept, so that each sorting drops half of it; until
 * there are so many, it grows.
 */
void
lowest_add_growing (struct lowest *l, uint64_t number)
{
  size_t cap = l->cap ? 2 * l->cap : 64;
  uint64_t *p;

  if (l->cap >= 2 * l->most) {
    lowest_settle (l);
    if (number <= l->limit)
      l->numbers[l->n++] = number;
    return;
  }
  p = reallocarray (l->numbers, cap, sizeof *p);
  if (!p) {
    l->failed = true;
    return;
  }
  l->numbers = p;
  l->cap = cap;
  l->numbers[l->n++] = number;
}
