/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recipe whose file is written to while it is open.  Commands put another in its place by
 * renaming, and what is open stays as it was; but somebody may copy over it.  Segments and digests
 * of another recipe have right checksums, too, so what is read would be of both.
 *
 * Its Merkle levels have to be those that it was opened with, and whoever has proven something
 * proves it anew (image_note_recipe): then whatever else became of the file is an error, and no wrong byte.
 * A file that was only linked, renamed or given another mode looks like one that was written to, and
 * is looked at in the same way.
 * Comparing all of it was decided against: it may be megabytes.
 */
#include "config.h"

#include <errno.h>

#include "file_id.h"
#include "recipe.h"

#define MIX UINT64_C (0x9e3779b97f4a7c15)

/* The time of modification is its owner's to set back, the change time is not. */
static uint64_t
id_of (const struct file_id *id)
{
  return ((uint64_t) id->mtime_ns * MIX + (uint64_t) id->ctime_ns) * MIX + id->size;
}

void
recipe_state_init (const struct recipe *r, const struct stat *st)
{
  const struct file_id id = file_id_of (st);

  atomic_init (&r->state->id, id_of (&id));
  atomic_init (&r->state->changes, 0);
}

int
recipe_check_state (const struct recipe *r, struct error *err)
{
  struct file_id id;

  if (file_id_now (r->fd, &id) == -1)
    return error_set (err, errno, "%s", r->path);
  if (id_of (&id) == atomic_load (&r->state->id))
    return 0;
  if (recipe_check_merkle (r, err) == -1) {
    error_context (err, "%s: was written to since it was opened", r->path);
    err->errnum = ESTALE;
    return -1;
  }
  /* Counted, as a thread that was held up may put an older id in the place of this one; and first:
   * who finds the file as it is known has to find that it has changed, too.
   */
  atomic_fetch_add (&r->state->changes, 1);
  atomic_store (&r->state->id, id_of (&id));
  return 0;
}
