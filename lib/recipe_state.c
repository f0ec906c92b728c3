/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recipe whose file is written to while it is open.  Commands put another in its place by
 * renaming, and what is open stays as it was; but somebody may copy over it.  Segments of
 * another recipe have right checksums, too, so what is read would be of both.
 *
 * Its header and its section table have to be what it was opened with: there are the checksums
 * of all else.  And what has been proven was made of segments that are in memory for a while, and
 * then are read again: one that is another by then counts as a change as well, whatever the
 * times of the file say, and whoever has proven something proves it anew (image_note_recipe).  A
 * file that was only linked, renamed or given another mode looks like one that was written to, and
 * is looked at in the same way.
 *
 * Comparing all of it was decided against: it may be megabytes, or claim to be more.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <xxhash.h>

#include "bytes.h"
#include "file_id.h"
#include "recipe.h"
#include "recipe_format.h"
#include "whole_io.h"

#define MIX UINT64_C (0x9e3779b97f4a7c15)

/* What its owner can set.  Not mixed with the change time, which he could make up for by it; but
 * there are file systems without one.
 */
static uint64_t
written_of (const struct file_id *id)
{
  return (uint64_t) id->mtime_ns * MIX + id->size;
}

/* ---- The file */

void
recipe_state_init (const struct recipe *r, const struct stat *st)
{
  const struct file_id id = file_id_of (st);

  atomic_init (&r->state->ctime, id.ctime_ns);
  atomic_init (&r->state->written, written_of (&id));
  atomic_init (&r->state->changes, 0);
}

void
recipe_state_free (struct recipe_state *state)
{
  if (state)
    free (atomic_load (&state->segments));
  free (state);
}

/* Its header and its section table are what they were. */
static int
check_frame (const struct recipe *r, struct error *err)
{
  uint8_t header[HEADER_SIZE], table[RECIPE_MAX_SECTIONS * SECTION_SIZE];
  size_t len = (size_t) r->n_sections * SECTION_SIZE;

  if (read_all (r->fd, header, sizeof header, 0, r->path, err) == 0 &&
      read_all (r->fd, table, len, r->table_at, r->path, err) == 0 &&
      XXH3_64bits (header, sizeof header) == r->state->header &&
      XXH3_64bits (table, len) == r->state->table)
    return 0;
  return error_set (err, ESTALE, "%s: was written to since it was opened", r->path);
}

int
recipe_check_state (const struct recipe *r, struct error *err)
{
  struct recipe_state *s = r->state;
  struct file_id id;

  if (file_id_now (r->fd, &id) == -1)
    return error_set (err, errno, "%s", r->path);
  if (id.ctime_ns == atomic_load (&s->ctime) &&
      written_of (&id) == atomic_load (&s->written))
    return 0;
  if (check_frame (r, err) == -1)
    return -1;
  /* Counted, as a thread that was held up may put older times in the place of these; and first:
   * who finds the file as it is known has to find that it has changed, too.
   */
  atomic_fetch_add (&s->changes, 1);
  atomic_store (&s->written, written_of (&id));
  atomic_store (&s->ctime, id.ctime_ns);
  return 0;
}

/* ---- Its segments */

int
recipe_remember_segments (const struct recipe *r, struct error *err)
{
  _Atomic uint64_t *none = NULL, *all;

  if (atomic_load (&r->state->segments))
    return 0;
  all = calloc ((size_t) r->n_segments + 1, sizeof *all);
  if (!all)
    return error_set (err, ENOMEM, "%s", r->path);
  if (!atomic_compare_exchange_strong (&r->state->segments, &none, all))
    free (all);
  return 0;
}

void
recipe_note_segment (const struct recipe *r, uint32_t number, const uint8_t *coded,
                     size_t len)
{
  _Atomic uint64_t *segments = atomic_load (&r->state->segments);
  uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
  uint64_t hash, before;
  bool is_hashed;

  if (!segments)
    return;
  /* SHA-256, as who writes to it might make another one of the same XXH3. */
  is_hashed = EVP_Digest (coded, len, digest, NULL, EVP_sha256 (), NULL) == 1;
  hash = get_le64 (digest) | 1; /* 0: it was not read yet */
  before = atomic_exchange (&segments[number], hash);
  if (!is_hashed || (before != 0 && before != hash))
    atomic_fetch_add (&r->state->changes, 1);
}
