/* SPDX-License-Identifier: BSD-3-Clause */
/* A recipe's notes, and checking all of a recipe at once: see recipe.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "buffer.h"
#include "bytes.h"
#include "cleanup.h"
#include "column.h"
#include "merkle.h"
#include "recipe.h"
#include "recipe_format.h"
#include "recipe_old.h"
#include "whole_io.h"

void
recipe_notes_free (struct recipe_note *notes, size_t n)
{
  for (size_t i = 0; notes && i < n; i++) {
    free (notes[i].key);
    free (notes[i].value);
  }
  free (notes);
}

/* Split "key=value" strings, each with its NUL, the last one followed by one more,
 * appending to *notes.  What has no "=" is left out.
 */
static int
split_notes (const char *text, size_t len, struct recipe_note **notes, size_t *n)
{
  for (const char *end = text + len; text < end; text += strlen (text) + 1) {
    const char *equals = strchr (text, '=');
    struct recipe_note *more;

    if (!equals)
      continue;
    more = reallocarray (*notes, *n + 1, sizeof *more);
    if (!more)
      return -1;
    *notes = more;
    more += (*n)++;
    *more = (struct recipe_note){ strndup (text, (size_t) (equals - text)),
                                  strdup (equals + 1) };
    if (!more->key || !more->value)
      return -1;
  }
  return 0;
}

/* The one thing that a file of the Go program says to people. */
static int
old_notes (const struct recipe *r, struct recipe_note **notes, size_t *n,
           struct error *err)
{
  const char *creator = recipe_old_facts (r)->creator;

  if (!creator[0])
    return 0;
  *notes = calloc (1, sizeof **notes);
  if (!*notes)
    return error_set (err, ENOMEM, "%s", r->path);
  *n = 1;
  **notes = (struct recipe_note){ strdup ("creator"), strdup (creator) };
  if ((*notes)->key && (*notes)->value)
    return 0;
  recipe_notes_free (*notes, *n);
  *notes = NULL;
  *n = 0;
  return error_set (err, ENOMEM, "%s", r->path);
}

int
recipe_notes (const struct recipe *r, struct recipe_note **notes, size_t *n,
              struct error *err)
{
  CLEANUP_FREE uint8_t *data = NULL;
  CLEANUP_FREE char *text = NULL;
  struct reader in;
  size_t len, text_len;

  *notes = NULL;
  *n = 0;
  if (r->old)
    return old_notes (r, notes, n, err);
  for (uint32_t i = 0; i < r->n_sections; i++)
    if (r->sections[i].type == SECTION_NOTES && r->sections[i].len > RECIPE_MAX_NOTES)
      return error_set (err, 0, "%s: the notes are malformed", r->path);
  if (recipe_read_section (r, SECTION_NOTES, &data, &len, err) == -1)
    return -1;
  if (!data)
    return 0;
  in = reader_init (data, len);
  text_len = reader_bounded (&in, RECIPE_MAX_NOTES);
  text = calloc (text_len + 1, 1);
  if (!text)
    return error_set (err, ENOMEM, "%s", r->path);
  plane_decode (&in, (uint8_t *) text, text_len);
  if (in.failed || reader_left (&in) != 0)
    return error_set (err, 0, "%s: the notes are malformed", r->path);
  if (split_notes (text, text_len, notes, n) == -1) {
    recipe_notes_free (*notes, *n);
    *notes = NULL;
    *n = 0;
    return error_set (err, ENOMEM, "%s", r->path);
  }
  return 0;
}

int
recipe_note_value (const struct recipe *r, const char *key, char **value,
                   struct error *err)
{
  struct recipe_note *notes;
  size_t n, i = 0;
  int ret = 0;

  *value = NULL;
  if (recipe_notes (r, &notes, &n, err) == -1)
    return -1;
  while (i < n && strcmp (notes[i].key, key) != 0)
    i++;
  if (i < n) {
    *value = strdup (notes[i].value);
    if (!*value)
      ret = error_set (err, ENOMEM, "%s", r->path);
  }
  recipe_notes_free (notes, n);
  return ret;
}

bool
recipe_has_note (const struct recipe *r, const char *key, const char *value)
{
  CLEANUP_FREE char *there = NULL;
  struct error ignored = ERROR_INIT;

  return recipe_note_value (r, key, &there, &ignored) == 0 && there &&
         strcmp (there, value) == 0;
}

static void
cleanup_state (XXH3_state_t **state)
{
  XXH3_freeState (*state);
}

/* A section may be larger than memory: it is read a piece at a time. */
static int
check_section (const struct recipe *r, const struct recipe_section *s, struct error *err)
{
  __attribute__ ((cleanup (cleanup_state))) XXH3_state_t *state = XXH3_createState ();
  uint8_t piece[16384];
  size_t n;

  if (s->flags & RECIPE_SECTION_SELF_CHECKED)
    return 0;
  if (!state || XXH3_64bits_reset_withSeed (state, s->type) != XXH_OK)
    return error_set (err, ENOMEM, "%s", r->path);
  for (uint64_t at = 0; at < s->len; at += n) {
    n = s->len - at < sizeof piece ? (size_t) (s->len - at) : sizeof piece;
    if (read_all (r->fd, piece, n, s->offset + at, r->path, err) == -1)
      return -1;
    XXH3_64bits_update (state, piece, n);
  }
  if (XXH3_64bits_digest (state) != s->checksum)
    return error_set (err, 0, "%s: section %.4s at offset %llu is damaged (checksum)",
                      r->path, (const char *) &(uint32_t){ htole32 (s->type) },
                      (unsigned long long) s->offset);
  return 0;
}

int
recipe_digests (const struct recipe *r, uint64_t first, size_t n, uint8_t *digests,
                struct error *err)
{
  uint64_t total = r->merkle_len / MERKLE_DIGEST;

  if (r->old)
    return recipe_old_no_digests (r, err);
  if (first > total || n > total - first)
    return error_set (err, EINVAL, "%s: there are no such digests", r->path);
  return read_all (r->fd, digests, n * MERKLE_DIGEST,
                   r->merkle_at + first * MERKLE_DIGEST, r->path, err);
}

int
recipe_root (const struct recipe *r, uint8_t *root, struct error *err)
{
  return recipe_digests (r, r->merkle_len / MERKLE_DIGEST - 1, 1, root, err);
}

int
recipe_identity (const struct recipe *r, uint8_t *identity, struct error *err)
{
  if (!r->old)
    return recipe_root (r, identity, err);
  memset (identity, 0, MERKLE_DIGEST);
  put_le64 (identity, recipe_old_facts (r)->hash);
  return 0;
}

/* Digests [first, first + n) are a level, and its parents stand behind it. */
static int
check_level (const struct recipe *r, uint64_t first, uint64_t n, struct error *err)
{
  uint8_t below[MERKLE_BLOCK], have[MERKLE_DIGEST], want[MERKLE_DIGEST];

  for (uint64_t i = 0; i < n; i += MERKLE_FANOUT) {
    size_t count = n - i < MERKLE_FANOUT ? (size_t) (n - i) : MERKLE_FANOUT;

    if (recipe_digests (r, first + i, count, below, err) == -1 ||
        recipe_digests (r, first + n + i / MERKLE_FANOUT, 1, have, err) == -1 ||
        merkle_parent (below, count, want, err) == -1)
      return -1;
    if (memcmp (have, want, sizeof want) != 0)
      return error_set (err, 0, "%s: a Merkle digest is not that of the level below",
                        r->path);
  }
  return 0;
}

/* A block at a time: a recipe may claim an image of any size. */
int
recipe_check_merkle (const struct recipe *r, struct error *err)
{
  static const uint8_t zeros[MERKLE_DIGEST];
  uint64_t n = merkle_groups (r->image_size), first = 0;
  uint8_t root[MERKLE_DIGEST];

  if (r->old)
    return recipe_old_no_digests (r, err);
  for (uint32_t i = 0; i < r->n_sections; i++)
    if (r->sections[i].type == SECTION_MERKLE &&
        check_section (r, &r->sections[i], err) == -1)
      return -1;
  for (; n > 1; first += n, n = merkle_parents (n))
    if (check_level (r, first, n, err) == -1)
      return -1;
  if (recipe_digests (r, first, 1, root, err) == -1)
    return -1;
  if (r->image_size == 0 && memcmp (root, zeros, sizeof root) != 0)
    return error_set (err, 0, "%s: Merkle root of an empty image is not zero", r->path);
  return 0;
}

static int
check_notes (const struct recipe *r, struct error *err)
{
  struct recipe_note *notes;
  size_t n;

  if (recipe_notes (r, &notes, &n, err) == -1)
    return -1;
  recipe_notes_free (notes, n);
  return 0;
}

/* Each decodes, and between them they are all of their section. */
static int
check_segments (const struct recipe *r, struct error *err)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < r->n_segments; i++) {
    struct segment *seg = recipe_segment (r, i, err);
    uint64_t len;

    if (!seg)
      return -1;
    segment_free (seg);
    if (recipe_segment_len (r, i, &len, err) == -1)
      return -1;
    sum += len;
  }
  if (sum != r->segments_len)
    return error_set (err, 0, "%s: the index does not cover all segments", r->path);
  return 0;
}

static int
check_sections (const struct recipe *r, struct error *err)
{
  for (uint32_t i = 0; i < r->n_sections; i++)
    if (check_section (r, &r->sections[i], err) == -1)
      return -1;
  return 0;
}

static int
check_coded (const struct recipe *r, uint32_t number, struct error *err)
{
  CLEANUP_FREE uint8_t *coded = NULL;
  struct segment_context ctx = { 0 };
  size_t len = 0;

  if (recipe_segment_coded (r, number, &coded, &len, &ctx, err) == -1)
    return -1;
  return segment_check (coded, len, &ctx, err) == -1 ? error_context (err, "%s", r->path)
                                                     : 0;
}

int
recipe_check_sums (const struct recipe *r, struct error *err)
{
  if (r->old)
    return recipe_old_check (r, err);
  for (uint32_t i = 0; i < r->n_segments; i++)
    if (check_coded (r, i, err) == -1)
      return -1;
  return check_sections (r, err);
}

int
recipe_check (const struct recipe *r, struct error *err)
{
  if (r->old)
    return recipe_old_check (r, err);
  if (check_sections (r, err) == -1 || recipe_check_merkle (r, err) == -1 ||
      check_notes (r, err) == -1)
    return -1;
  return check_segments (r, err);
}
