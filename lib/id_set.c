/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of files: see id_set.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "id_set.h"

#define FIRST_SIZE 64u

/* Where `id` is, or would go. */
static struct id *
slot_of (const struct id_set *set, const struct id *id)
{
  size_t i = XXH3_64bits (id, sizeof *id) & (set->size - 1);

  while (set->slots[i].ino != UINT64_MAX && memcmp (&set->slots[i], id, sizeof *id) != 0)
    i = (i + 1) & (set->size - 1);
  return &set->slots[i];
}

static int
grow (struct id_set *set)
{
  struct id_set larger = { NULL, set->n, set->size ? set->size * 2 : FIRST_SIZE };

  larger.slots = malloc (larger.size * sizeof *larger.slots);
  if (!larger.slots)
    return -1;
  memset (larger.slots, 0xff, larger.size * sizeof *larger.slots);
  for (size_t i = 0; i < set->size; i++)
    if (set->slots[i].ino != UINT64_MAX)
      *slot_of (&larger, &set->slots[i]) = set->slots[i];
  free (set->slots);
  *set = larger;
  return 0;
}

int
id_set_add (struct id_set *set, uint64_t dev, uint64_t ino, uint64_t beside)
{
  const struct id id = { dev, ino, beside };
  struct id *slot;

  if (set->n >= set->size / 2 && grow (set) == -1)
    return -1;
  slot = slot_of (set, &id);
  if (slot->ino != UINT64_MAX)
    return 0;
  *slot = id;
  set->n++;
  return 1;
}

bool
id_set_has (const struct id_set *set, uint64_t dev, uint64_t ino, uint64_t beside)
{
  const struct id id = { dev, ino, beside };

  return set->n > 0 && slot_of (set, &id)->ino != UINT64_MAX;
}

void
id_set_free (struct id_set *set)
{
  free (set->slots);
  *set = (struct id_set) ID_SET_INIT;
}
