/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of a whole source: see source_hash.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "cleanup.h"
#include "merkle.h"
#include "source_hash.h"
#include "whole_io.h"

#define HASH_BLOCK ((size_t) 1 << 20)

static void
cleanup_state (XXH3_state_t **state)
{
  XXH3_freeState (*state);
}

/* Blocks are read whole, as O_DIRECT wants them, but for the last. */
static int
add_content (const struct source *src, uint8_t *block, XXH3_state_t *state,
             source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  uint64_t at = 0;

  while (at < src->size) {
    ssize_t n = read_patiently (src->fd, block, HASH_BLOCK, at);

    if (n == -1)
      return error_set (err, errno, "%s: read at offset %llu", src->path,
                        (unsigned long long) at);
    if (n == 0)
      return error_set (err, 0, "%s: ends at offset %llu, although it had %llu bytes",
                        src->path, (unsigned long long) at,
                        (unsigned long long) src->size);
    XXH3_128bits_update (state, block, (size_t) n);
    at += (uint64_t) n;
    if (progress && !progress (opaque, (uint64_t) n))
      return error_set (err, ECANCELED, "%s", src->path);
  }
  return 0;
}

int
source_hash (const struct source *src, uint8_t hash[RECIPE_HASH_SIZE],
             source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  CLEANUP_FREE uint8_t *block = aligned_alloc (SOURCE_DIRECT_BLOCK, HASH_BLOCK);
  __attribute__ ((cleanup (cleanup_state))) XXH3_state_t *state = XXH3_createState ();
  XXH128_canonical_t canonical;

  if (!block || !state || XXH3_128bits_reset (state) != XXH_OK)
    return error_set (err, ENOMEM, "%s", src->path);
  if (add_content (src, block, state, progress, opaque, err) == -1)
    return -1;
  XXH128_canonicalFromHash (&canonical, XXH3_128bits_digest (state));
  memcpy (hash, canonical.digest, RECIPE_HASH_SIZE);
  return 0;
}

int
source_check_hash (const struct source *src, const struct recipe_source *id,
                   source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  uint8_t hash[RECIPE_HASH_SIZE];
  char have[2 * RECIPE_HASH_SIZE + 1], want[2 * RECIPE_HASH_SIZE + 1];

  if (source_hash (src, hash, progress, opaque, err) == -1)
    return -1;
  if (memcmp (hash, id->hash, sizeof hash) == 0)
    return 0;
  merkle_hex (hash, sizeof hash, have);
  merkle_hex (id->hash, sizeof id->hash, want);
  error_set (err, 0, "%s: has other bytes than it had: its XXH3-128 is %s and not %s",
             src->path, have, want);
  err->errnum = EBADMSG;
  return -1;
}
