/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a library of discs: what is believed is in order and within bounds, is the one
 * way to write it, and can be asked and changed.  Also with the checksums that the bytes would
 * have to have.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "disc_answer.h"
#include "disc_library.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* docs/format-discs.md */
enum {
  BODY_CHECKSUM = 32,
  HEADER_CHECKSUM = 40,
  HEADER_SIZE = 48,
};

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_entries (const struct disc_library *l)
{
  for (size_t i = 0; i < l->n_entries; i++) {
    uint64_t e = l->entries[i];
    size_t n;
    const uint64_t *found = disc_library_lookup (l, disc_entry_hash (e), &n);

    require (disc_entry_disc (e) < l->n);
    require (disc_entry_hash (e) <= l->discs[disc_entry_disc (e)].limit);
    require (i == 0 || l->entries[i - 1] < e);
    require (n > 0 && found <= l->entries + i && l->entries + i < found + n);
  }
}

/* Ask for what the discs have, each hash once. */
static void
check_answers (const struct disc_library *l)
{
  CLEANUP_DISC_ANSWERS struct disc_answers answers = { 0 };
  struct error err = ERROR_INIT;
  uint64_t *hashes = calloc (l->n_entries + 1, sizeof *hashes);
  size_t n = 0;

  require (hashes != NULL);
  for (size_t i = 0; i < l->n_entries; i++)
    if (n == 0 || hashes[n - 1] != disc_entry_hash (l->entries[i]))
      hashes[n++] = disc_entry_hash (l->entries[i]);
  require (disc_answers_find (&answers, l, NULL, hashes, n, &err) == 0);
  for (size_t i = 0; i < answers.n; i++)
    require (answers.list[i].disc < l->n &&
             answers.list[i].found <= answers.list[i].asked);
  require (answers.explained >= 0 && answers.explained <= 1);
  free (hashes);
}

static bool
keep_odd (void *opaque, const struct library_disc *disc)
{
  size_t *n = opaque;

  (void) disc;
  return ++*n % 2;
}

/* One disc is added, and every other one goes. */
static void
check_change (struct disc_library *l)
{
  uint64_t hashes[] = { 1, 2 };
  struct disc_addition a = {
    .disc = { .path = (char[]){ "/added" }, .limit = 2, .n_hashes = 2 }, .hashes = hashes
  };
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  struct disc_library back;
  struct error err = ERROR_INIT;
  size_t n = 0;

  require (disc_library_change (l, &a, 1, keep_odd, &n, &err) == 0);
  require (disc_library_find (l, "/added")->n_hashes == 2);
  disc_library_format (l, &out);
  require (!out.failed);
  require (disc_library_parse (&back, out.data, out.len, &err) == 0);
  require (back.n == l->n && back.n_entries == l->n_entries);
  disc_library_free (&back);
}

static void
try (const uint8_t *data, size_t size)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  struct error err = ERROR_INIT;

  if (disc_library_parse (&l, data, size, &err) == -1) {
    require (err.text[0] != '\0' && l.n == 0 && l.n_entries == 0);
    return;
  }
  for (size_t i = 0; i < l.n; i++)
    require (disc_library_find (&l, l.discs[i].path) == &l.discs[i]);
  check_entries (&l);
  disc_library_format (&l, &out);
  require (!out.failed && out.len == size && memcmp (out.data, data, size) == 0);
  check_answers (&l);
  check_change (&l);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t *sealed = malloc (size + 1);

  require (sealed != NULL);
  try (data, size);
  if (size >= HEADER_SIZE) {
    memcpy (sealed, data, size);
    put_le64 (sealed + BODY_CHECKSUM,
              XXH3_64bits (sealed + HEADER_SIZE, size - HEADER_SIZE));
    put_le64 (sealed + HEADER_CHECKSUM, XXH3_64bits (sealed, HEADER_CHECKSUM));
    try (sealed, size);
  }
  free (sealed);
  return 0;
}
