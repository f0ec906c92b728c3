/* SPDX-License-Identifier: BSD-3-Clause */
/* Are these the bytes of the MKV: see content_check.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cleanup.h"
#include "content_check.h"
#include "merkle.h"
#include "recipe_format.h"
#include "recipe_old.h"
#include "walk.h"

/* The stored levels, which follow from each other. */
static uint8_t *
load_levels (const struct recipe *recipe, struct error *err)
{
  CLEANUP_FREE uint8_t *data = NULL;
  size_t len = 0;

  if (recipe_read_section (recipe, SECTION_MERKLE, &data, &len, err) == -1)
    return NULL;
  if (!data || len != merkle_stored_len (recipe->image_size)) {
    error_set (err, 0, "%s: its Merkle levels are missing or of a wrong length",
               recipe->path);
    return NULL;
  }
  if (merkle_check_levels (data, recipe->image_size, err) == -1) {
    error_context (err, "%s", recipe->path);
    return NULL;
  }
  return take_ptr (&data);
}

int
content_check_begin (struct content_check *c, const struct recipe *recipe,
                     struct error *err)
{
  *c = (struct content_check){ .recipe = recipe };
  if (!recipe_old_facts (recipe)) {
    c->merkle = load_levels (recipe, err);
    return c->merkle ? 0 : -1;
  }
  c->whole = XXH64_createState ();
  if (c->whole && XXH64_reset (c->whole, 0) == XXH_OK)
    return 0;
  content_check_free (c);
  return error_set (err, ENOMEM, "%s", recipe->path);
}

void
content_check_free (struct content_check *c)
{
  free (c->merkle);
  XXH64_freeState (c->whole);
  *c = (struct content_check){ 0 };
}

unsigned
content_check_threads (const struct content_check *c, unsigned threads)
{
  return c->whole ? 1 : threads;
}

int
content_check_part (const struct content_check *c, const uint8_t *data, size_t len,
                    uint64_t offset, struct error *err)
{
  if (!c->whole)
    return check_groups (c->recipe, c->merkle, data, len, offset, err);
  XXH64_update (c->whole, data, len);
  return 0;
}

const char *
content_check_proof (const struct content_check *c)
{
  return c->whole ? "its hash (XXH64) right" : "every digest right";
}

int
content_check_end (const struct content_check *c, struct error *err)
{
  uint64_t have, want;

  if (!c->whole)
    return 0;
  have = XXH64_digest (c->whole);
  want = recipe_old_facts (c->recipe)->hash;
  if (have == want)
    return 0;
  error_set (err, 0,
             "%s: the XXH64 of the whole image is %016" PRIx64 " and not %016" PRIx64
             ": the recipe or a source is damaged",
             c->recipe->path, have, want);
  err->errnum = EBADMSG;
  return -1;
}
