/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a state of mkvdup check: what is believed is in order and within bounds, and
 * is the one way to write it.  Also with the checksum that the bytes would have to have.
 */
#include "config.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "check_state.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_record (const struct check_state *state, size_t i)
{
  const struct check_record *r = &state->records[i];

  require (r->name[0] != '\0');
  require (r->when >= 0 && r->round <= state->round);
  require (!r->is_wanted);
  require (check_state_find (state, r->kind, r->name) == r);
}

static void
try (const uint8_t *data, size_t size)
{
  CLEANUP_CHECK_STATE struct check_state state = { 0 };
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  struct error err = ERROR_INIT;

  if (check_state_parse (&state, (const char *) data, size, &err) == -1) {
    require (err.text[0] != '\0' && state.n == 0);
    return;
  }
  for (size_t i = 0; i < state.n; i++)
    check_record (&state, i);
  check_state_format (&state, &text);
  require (!text.failed && text.len == size && memcmp (text.data, data, size) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_BUFFER struct buffer sealed = BUFFER_INIT;
  char end[32];

  try (data, size);
  snprintf (end, sizeof end, "end %016" PRIx64 "\n", (uint64_t) XXH3_64bits (data, size));
  buffer_append (&sealed, data, size);
  buffer_append (&sealed, end, strlen (end));
  require (!sealed.failed);
  try (sealed.data, sealed.len);
  return 0;
}
