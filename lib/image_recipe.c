/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recipe whose file is written to while its image is open.  Commands put another in its place
 * by renaming, and what is open stays as it was; but somebody may copy over it.  What then has
 * right checksums may still be of another MKV.
 *
 * Its Merkle levels have to be those that it was opened with, and all that was proven is proven
 * anew: then whatever else became of it is EIO, and no wrong byte.  Comparing all of the file was
 * decided against: it may be megabytes, and does so for each byte that is served.
 */
#include "config.h"

#include <errno.h>

#include "file_id.h"
#include "image_parts.h"

static uint64_t
state_of (const struct file_id *id)
{
  return (uint64_t) id->mtime_ns * UINT64_C (0x9e3779b97f4a7c15) + id->size;
}

void
image_recipe_init (struct image *img)
{
  atomic_init (&img->recipe_state, state_of (&img->recipe->id));
}

/* What was read of it since is of nobody knows which. */
static void
forget (struct image *img)
{
  atomic_store (&img->proof.has_wrong, true);
  image_forget_proof (img);
}

int
image_check_recipe (struct image *img, struct error *err)
{
  const struct recipe *r = img->recipe;
  struct file_id id;
  int checked;

  /* recipe_old_proof.c looks at all that it reads. */
  if (r->old)
    return 0;
  if (file_id_now (r->fd, &id) == -1)
    return error_set (err, errno, "%s", r->path);
  if (state_of (&id) == atomic_load (&img->recipe_state))
    return 0;
  checked = recipe_check_merkle (r, err);
  forget (img);
  if (checked == 0) {
    atomic_store (&img->recipe_state, state_of (&id));
    return 0;
  }
  error_context (err, "%s: was written to since it was opened", r->path);
  err->errnum = ESTALE;
  return -1;
}
