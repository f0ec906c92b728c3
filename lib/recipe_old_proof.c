/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading all of a Go program's recipe once: see recipe_old.h.
 *
 * A file with a flaw is not read again for each who wants a segment: the flaw is remembered, until
 * the file has changed.  What could not be read is tried again.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "cleanup.h"
#include "recipe_old_parts.h"
#include "whole_io.h"

/* A map of 100 GB of video is some 50 MB; it is read into memory whole. */
#define MAX_RANGES (UINT64_C (1) << 30)

void
old_proof_free (struct old_proof *proof)
{
  if (!proof)
    return;
  free (proof->entry_sums);
  free (proof->entry_first);
  free (proof->delta_sums);
  old_ranges_free (&proof->ranges);
  free (proof);
}

static void
cleanup_proof (struct old_proof **proof)
{
  old_proof_free (*proof);
}

static void
cleanup_state (XXH64_state_t **state)
{
  XXH64_freeState (*state);
}

int
old_read_block (const struct recipe *r, uint8_t *data, size_t len, uint64_t at,
                uint64_t sum, struct error *err)
{
  if (read_all (r->fd, data, len, at, r->path, err) == -1)
    return -1;
  if (XXH3_64bits (data, len) == sum)
    return 0;
  return error_set (
    err, 0, "%s: was written to: bytes %" PRIu64 " to %" PRIu64 " are not what they were",
    r->path, at, at + len - 1);
}

/* ---- Rows */

/* The first thing that is wrong with a row which is to begin at `image`; NULL: nothing. */
static const char *
find_flaw (const struct recipe *r, const struct old_ranges *ranges,
           const struct old_entry *e, uint64_t image)
{
  const struct recipe_old *old = r->old;
  uint64_t size;
  const struct old_stream *stream;

  if (e->image != image)
    return "does not begin where the last one ended";
  if (e->len == 0 || e->len > r->image_size - image)
    return "has an impossible length";
  if (e->flags & ~OLD_KNOWN_FLAGS)
    return "has unknown flags";
  if (e->record > old->n_records)
    return "is of a source that is not there";
  if (e->record == 0)
    size = old->delta.len;
  else if (old->source_of[e->record - 1] == OLD_UNUSED)
    return "is of a source that is not used";
  else if (!old->has_streams)
    size = r->source_sizes[old->source_of[e->record - 1]];
  else {
    stream =
      old_ranges_find (ranges, e->record - 1u, e->flags & OLD_FLAG_VIDEO, e->stream);
    if (!stream)
      return "is of a stream that is not there";
    size = stream->len;
  }
  return e->from <= size && e->len <= size - e->from ? NULL : "reaches beyond its source";
}

/* The rows of a block, the first of which is row `number`; *image is moved behind them. */
static int
check_rows (const struct recipe *r, const struct old_ranges *ranges, const uint8_t *data,
            size_t len, uint64_t number, uint64_t *image, struct error *err)
{
  for (size_t at = 0; at < len; at += OLD_ENTRY_SIZE, number++) {
    struct old_entry e = old_entry_get (data + at);
    const char *flaw = find_flaw (r, ranges, &e, *image);

    if (flaw)
      return error_set (err, 0, "%s: row %" PRIu64 ", at offset %" PRIu64 ", %s", r->path,
                        number, r->old->entries.at + number * OLD_ENTRY_SIZE, flaw);
    *image += e.len;
  }
  return 0;
}

/* ---- Sections */

/* What is done with a block of a section, besides hashing it. */
struct reading {
  const struct recipe *r;
  struct old_proof *proof;
  uint64_t image; /* up to here there are rows */
};

typedef int block_fn (struct reading *reading, size_t number, const uint8_t *data,
                      size_t len, struct error *err);

static int
check_sum (const struct recipe *r, const struct old_section *s, uint64_t sum,
           const char *what, struct error *err)
{
  if (sum == s->checksum)
    return 0;
  return error_set (err, 0, "%s: %s at offset %" PRIu64 " are damaged (checksum)",
                    r->path, what, s->at);
}

/* A section, a block at a time. */
static int
read_section (struct reading *reading, const struct old_section *s, size_t size,
              block_fn *fn, const char *what, struct error *err)
{
  const struct recipe *r = reading->r;
  __attribute__ ((cleanup (cleanup_state))) XXH64_state_t *state = XXH64_createState ();
  CLEANUP_FREE uint8_t *block = malloc (size);
  size_t len;

  if (!block || !state || XXH64_reset (state, 0) != XXH_OK)
    return error_set (err, ENOMEM, "%s", r->path);
  for (uint64_t at = 0; at < s->len; at += len) {
    len = s->len - at < size ? (size_t) (s->len - at) : size;
    if (read_all (r->fd, block, len, s->at + at, r->path, err) == -1)
      return -1;
    XXH64_update (state, block, len);
    if (fn (reading, (size_t) (at / size), block, len, err) == -1)
      return -1;
  }
  return check_sum (r, s, XXH64_digest (state), what, err);
}

static int
entries_block (struct reading *reading, size_t number, const uint8_t *data, size_t len,
               struct error *err)
{
  struct old_proof *proof = reading->proof;

  proof->entry_sums[number] = XXH3_64bits (data, len);
  proof->entry_first[number] = reading->image;
  return check_rows (reading->r, &proof->ranges, data, len,
                     (uint64_t) number * OLD_ENTRIES_A_BLOCK, &reading->image, err);
}

static int
delta_block (struct reading *reading, size_t number, const uint8_t *data, size_t len,
             struct error *err)
{
  (void) err;
  reading->proof->delta_sums[number] = XXH3_64bits (data, len);
  return 0;
}

static int
read_ranges (struct reading *reading, struct error *err)
{
  const struct recipe *r = reading->r;
  const struct old_section *s = &r->old->ranges;
  CLEANUP_FREE uint8_t *data = NULL;

  if (!r->old->has_streams)
    return 0;
  if (s->len > MAX_RANGES)
    return error_set (err, 0, "%s: a range map of %" PRIu64 " bytes at offset %" PRIu64,
                      r->path, s->len, s->at);
  data = malloc (s->len + 1);
  if (!data)
    return error_set (err, ENOMEM, "%s", r->path);
  if (read_all (r->fd, data, s->len, s->at, r->path, err) == -1 ||
      check_sum (r, s, XXH64 (data, s->len, 0), "the ranges", err) == -1)
    return -1;
  return old_ranges_read (&reading->proof->ranges, r, data, s->len, s->at, err);
}

static int
read_entries (struct reading *reading, struct error *err)
{
  const struct recipe *r = reading->r;

  if (read_section (reading, &r->old->entries, OLD_ENTRIES_BLOCK, entries_block,
                    "the rows", err) == -1)
    return -1;
  if (reading->image != r->image_size)
    return error_set (err, 0,
                      "%s: the rows, at offset %" PRIu64 ", end at byte %" PRIu64
                      " of the MKV, which has %" PRIu64,
                      r->path, r->old->entries.at, reading->image, r->image_size);
  return 0;
}

/* ---- All of it */

static struct old_proof *
new_proof (const struct recipe_old *old)
{
  struct old_proof *proof = calloc (1, sizeof *proof);

  if (!proof)
    return NULL;
  proof->n_entry_blocks =
    (size_t) ((old->entries.len + OLD_ENTRIES_BLOCK - 1) / OLD_ENTRIES_BLOCK);
  proof->n_delta_blocks =
    (size_t) ((old->delta.len + OLD_DELTA_BLOCK - 1) / OLD_DELTA_BLOCK);
  proof->entry_sums = calloc (proof->n_entry_blocks + 1, sizeof *proof->entry_sums);
  proof->entry_first = calloc (proof->n_entry_blocks + 1, sizeof *proof->entry_first);
  proof->delta_sums = calloc (proof->n_delta_blocks + 1, sizeof *proof->delta_sums);
  if (!proof->entry_sums || !proof->entry_first || !proof->delta_sums) {
    old_proof_free (proof);
    return NULL;
  }
  return proof;
}

static struct old_proof *
prove (const struct recipe *r, struct error *err)
{
  __attribute__ ((cleanup (cleanup_proof))) struct old_proof *proof = new_proof (r->old);
  struct reading reading = { .r = r, .proof = proof };

  if (!proof) {
    error_set (err, ENOMEM, "%s", r->path);
    return NULL;
  }
  if (read_ranges (&reading, err) == -1 || read_entries (&reading, err) == -1 ||
      read_section (&reading, &r->old->delta, OLD_DELTA_BLOCK, delta_block,
                    "the bytes of the delta", err) == -1)
    return NULL;
  return take_ptr (&proof);
}

/* With the lock held.  It may be that somebody copies a better one over it, and a moment ago
 * another write need not show.
 */
static void
note_flaw (struct recipe_old *old, const struct file_id *id, const struct error *err)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  free (take_ptr (&old->flaw));
  if (err->errnum != 0 || id->ctime_ns >= timespec_ns (&now) - FILE_SETTLED_NS)
    return;
  old->flaw = malloc (sizeof *old->flaw);
  if (old->flaw)
    *old->flaw = *err;
  old->flawed = *id;
}

/* With the lock held. */
static struct old_proof *
prove_once (const struct recipe *r, struct error *err)
{
  struct recipe_old *old = r->old;
  struct old_proof *proof;
  struct file_id id; /* before it is read: a change after that shows */

  if (file_id_now (r->fd, &id) == -1) {
    error_set (err, errno, "%s", r->path);
    return NULL;
  }
  if (old->flaw && file_id_same (&id, &old->flawed)) {
    *err = *old->flaw;
    return NULL;
  }
  proof = prove (r, err);
  atomic_store_explicit (&old->proof, proof, memory_order_release);
  if (!proof)
    note_flaw (old, &id, err);
  return proof;
}

const struct old_proof *
old_proof_get (const struct recipe *r, struct error *err)
{
  struct recipe_old *old = r->old;
  struct old_proof *proof = atomic_load_explicit (&old->proof, memory_order_acquire);

  if (proof)
    return proof;
  LOCK_FOR_SCOPE (&old->lock);
  proof = atomic_load_explicit (&old->proof, memory_order_relaxed);
  return proof ? proof : prove_once (r, err);
}

/* All anew: it may have been written to. */
int
recipe_old_check (const struct recipe *r, struct error *err)
{
  struct old_proof *proof = prove (r, err);

  old_proof_free (proof);
  return proof ? 0 : -1;
}
