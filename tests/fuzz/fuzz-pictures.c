/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a piece of a stream, and as a block of each codec: key pictures are hashes of so
 * many bits, no more of them than there is room for, and the same the second time.  Also with
 * much of the first byte behind the others: pictures are longer than what fuzzers make.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "key_picture.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Long enough for two. */
#define PADDED (3 * KEY_PICTURE_BYTES)

struct given {
  size_t n;
  uint64_t sum;
};

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
add (void *opaque, uint64_t hash)
{
  struct given *g = opaque;

  require (hash <= KEY_PICTURE_MAX);
  g->n++;
  g->sum = g->sum * 31 + hash;
}

static void
try (const uint8_t *data, size_t size)
{
  struct key_units units = { 0 };
  struct given first = { 0 }, second = { 0 };

  key_pictures_of_stream (&units, data, size, add, &first);
  key_pictures_of_stream (&units, data, size, add, &second);
  require (first.n == second.n && first.sum == second.sum);
  require (first.n <= size / KEY_PICTURE_BYTES);
  for (enum key_codec codec = KEY_NO_CODEC; codec <= KEY_VC1; codec++)
    for (unsigned width = 0; width <= 4; width++) {
      struct given g = { 0 };

      key_pictures_of_frame (&units, codec, width, data, size, add, &g);
      require (g.n <= size / KEY_PICTURE_BYTES);
      require (g.n == 0 || codec != KEY_NO_CODEC);
    }
  require (!units.failed);
  key_units_free (&units);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t *padded = malloc (size + PADDED);

  require (padded != NULL);
  try (data, size);
  /* The bytes, and what a picture's noise would be. */
  if (size > 0) {
    memcpy (padded, data + 1, size - 1);
    memset (padded + size - 1, data[0] | 0x10, PADDED);
    try (padded, size - 1 + PADDED);
  }
  free (padded);
  return 0;
}
