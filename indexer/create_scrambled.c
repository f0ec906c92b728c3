/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disc that was copied without being decrypted (CSS on DVD-Video, AACS on Blu-ray): its
 * payload is no MKV's, and a recipe from it would be the MKV itself in another form.
 *
 * Scrambled packets alone are no reason to fail: the MKV may be of another title of the
 * disc.  With the keys of a later day a scrambled source cannot help either: a recipe
 * copies bytes, it does not decrypt.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "creation.h"

/* Found less than this of the payload: what is missing is in the scrambled packets.
 * Tracks of another origin may be missing from a sound rip, but not so much.
 */
#define ENOUGH_PERCENT 90.0

int
creation_note_scrambled (struct creation *c, struct error *err)
{
  struct create_report *r = c->report;
  const char *name = NULL;
  uint8_t scrambling = 0;

  for (size_t i = 0; i < c->index.n_sources; i++) {
    const struct index_source *s = &c->index.sources[i];

    if (s->scrambled == 0)
      continue;
    name = name ? c->disc.base : s->file->path;
    r->packets += s->packets;
    r->scrambled += s->scrambled;
    scrambling |= s->scrambling;
  }
  if (!name)
    return 0;
  r->scrambling = scrambling_name (scrambling);
  r->scrambled_source = strdup (name);
  return r->scrambled_source ? 0 : error_set (err, ENOMEM, "%s", name);
}

int
creation_check_scrambled (const struct creation *c, struct error *err)
{
  const struct create_report *r = c->report;
  uint64_t bytes = 0, found = 0;

  for (size_t i = 0; i < r->n_tracks; i++) {
    bytes += r->tracks[i].bytes;
    found += r->tracks[i].found;
  }
  if (!r->scrambled_source || 100.0 * (double) found >= ENOUGH_PERCENT * (double) bytes)
    return 0;
  return error_set (err, 0,
                    "%s: %.1f %% of its packets are scrambled (%s), and only %.1f %% of "
                    "the MKV was found: decrypt the disc image first",
                    r->scrambled_source,
                    100.0 * (double) r->scrambled / (double) r->packets, r->scrambling,
                    100.0 * (double) found / (double) bytes);
}
