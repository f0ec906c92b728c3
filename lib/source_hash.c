/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of a whole source: see source_hash.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "bytes.h"
#include "cleanup.h"
#include "file_id.h"
#include "merkle.h"
#include "source_hash.h"
#include "whole_io.h"

#define HASH_BLOCK ((size_t) 1 << 20)

/* One of the two kinds of hash that are on record. */
struct hashing {
  XXH3_state_t *xxh3; /* NULL: it is the other */
  XXH64_state_t *xxh64;
};

static void
free_hashing (struct hashing *h)
{
  XXH3_freeState (h->xxh3);
  XXH64_freeState (h->xxh64);
}

static int
begin (struct hashing *h, bool is_xxh64)
{
  if (is_xxh64) {
    h->xxh64 = XXH64_createState ();
    return h->xxh64 && XXH64_reset (h->xxh64, 0) == XXH_OK ? 0 : -1;
  }
  h->xxh3 = XXH3_createState ();
  return h->xxh3 && XXH3_128bits_reset (h->xxh3) == XXH_OK ? 0 : -1;
}

static void
update (struct hashing *h, const uint8_t *data, size_t len)
{
  if (h->xxh3)
    XXH3_128bits_update (h->xxh3, data, len);
  else
    XXH64_update (h->xxh64, data, len);
}

static void
finish (struct hashing *h, uint8_t hash[RECIPE_HASH_SIZE])
{
  XXH128_canonical_t canonical;

  memset (hash, 0, RECIPE_HASH_SIZE);
  if (h->xxh3) {
    XXH128_canonicalFromHash (&canonical, XXH3_128bits_digest (h->xxh3));
    memcpy (hash, canonical.digest, RECIPE_HASH_SIZE);
  }
  else
    put_be64 (hash, XXH64_digest (h->xxh64));
}

/* Blocks are read whole, as O_DIRECT wants them, but for the last. */
static int
add_content (const struct source *src, uint8_t *block, struct hashing *h,
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
    update (h, block, (size_t) n);
    at += (uint64_t) n;
    if (progress && !progress (opaque, (uint64_t) n))
      return error_set (err, ECANCELED, "%s", src->path);
  }
  return 0;
}

static int
hash_source (const struct source *src, bool is_xxh64, uint8_t hash[RECIPE_HASH_SIZE],
             source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  CLEANUP_FREE uint8_t *block = aligned_alloc (SOURCE_DIRECT_BLOCK, HASH_BLOCK);
  __attribute__ ((cleanup (free_hashing))) struct hashing h = { 0 };

  if (!block || begin (&h, is_xxh64) == -1)
    return error_set (err, ENOMEM, "%s", src->path);
  if (add_content (src, block, &h, progress, opaque, err) == -1)
    return -1;
  finish (&h, hash);
  return 0;
}

int
source_hash (const struct source *src, uint8_t hash[RECIPE_HASH_SIZE],
             source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  return hash_source (src, false, hash, progress, opaque, err);
}

static int
compare (const struct source *src, const struct recipe_source *id,
         const uint8_t hash[RECIPE_HASH_SIZE], struct error *err)
{
  size_t len = id->has_xxh64 ? sizeof (uint64_t) : RECIPE_HASH_SIZE;
  char have[2 * RECIPE_HASH_SIZE + 1], want[2 * RECIPE_HASH_SIZE + 1];

  if (memcmp (hash, id->hash, RECIPE_HASH_SIZE) == 0)
    return 0;
  merkle_hex (hash, len, have);
  merkle_hex (id->hash, len, want);
  error_set (err, 0, "%s: has other bytes than it had: its %s is %s and not %s",
             src->path, id->has_xxh64 ? "XXH64" : "XXH3-128", have, want);
  err->errnum = EBADMSG;
  return -1;
}

int
source_check_hash (const struct source *src, const struct recipe_source *id,
                   source_hash_progress_fn *progress, void *opaque, struct error *err)
{
  uint8_t hash[RECIPE_HASH_SIZE];

  return hash_source (src, id->has_xxh64, hash, progress, opaque, err) == -1
           ? -1
           : compare (src, id, hash, err);
}

/* ---- Once for each file */

/* Of more files than these the one that was hashed first is forgotten. */
#define KNOWN 256u

struct known {
  struct file_id id;
  bool is_xxh64;
  uint8_t hash[RECIPE_HASH_SIZE];
};

static struct known known[KNOWN]; /* guarded by the lock, as is the next */
static unsigned n_known;          /* so far */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool
recall (const struct file_id *id, bool is_xxh64, uint8_t hash[RECIPE_HASH_SIZE])
{
  LOCK_FOR_SCOPE (&lock);

  for (unsigned i = 0; i < KNOWN && i < n_known; i++)
    if (known[i].is_xxh64 == is_xxh64 && file_id_same (&known[i].id, id)) {
      memcpy (hash, known[i].hash, RECIPE_HASH_SIZE);
      return true;
    }
  return false;
}

static void
remember (const struct file_id *id, bool is_xxh64, const uint8_t hash[RECIPE_HASH_SIZE])
{
  LOCK_FOR_SCOPE (&lock);
  struct known *k = &known[n_known++ % KNOWN];

  k->id = *id;
  k->is_xxh64 = is_xxh64;
  memcpy (k->hash, hash, RECIPE_HASH_SIZE);
}

/* Do its times tell whether it was written to?  Not of a block device, nor of what was written
 * to just now.
 */
static bool
shows_writes (int fd, const struct file_id *id)
{
  struct timespec now;
  struct stat st;

  clock_gettime (CLOCK_REALTIME, &now);
  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) &&
         timespec_ns (&now) - id->ctime_ns > FILE_SETTLED_NS;
}

int
source_check_hash_once (const struct source *src, const struct recipe_source *id,
                        struct error *err)
{
  struct file_id before = { 0 }, after = { 0 };
  uint8_t hash[RECIPE_HASH_SIZE];
  bool lasts;

  if (file_id_now (src->fd, &before) == -1)
    return error_set (err, errno, "%s", src->path);
  if (recall (&before, id->has_xxh64, hash))
    return compare (src, id, hash, err);
  lasts = shows_writes (src->fd, &before);
  if (hash_source (src, id->has_xxh64, hash, NULL, NULL, err) == -1)
    return -1;
  if (lasts && file_id_now (src->fd, &after) == 0 && file_id_same (&before, &after))
    remember (&before, id->has_xxh64, hash);
  return compare (src, id, hash, err);
}
