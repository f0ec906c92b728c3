/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a program stream: the demuxer stays within them, every piece is where it says,
 * and nothing is given twice.  The first two bytes say how much of the rest is owned.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "demux.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_stream (const struct demux_stream *s, const uint8_t *data, size_t len,
              uint64_t base)
{
  uint64_t at = 0, done = base;

  for (size_t i = 0; i < s->n_pieces; i++) {
    const struct demux_piece *p = &s->pieces[i];

    require (p->len > 0 && p->at == at);
    require (p->from >= done && p->from - base <= len &&
             p->len <= len - (p->from - base));
    require (memcmp (s->data + at, data + (p->from - base), p->len) == 0);
    done = p->from + p->len;
    at += p->len;
  }
  require (at == s->len);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const uint64_t base = UINT64_C (1) << 40;
  struct demuxed d;
  size_t owned, total = 0;

  if (size < 2)
    return 0;
  owned = get_be16 (data);
  data += 2;
  size -= 2;
  if (owned > size)
    owned = size;
  demuxer_ps.probe (data, size, base);
  demuxed_init (&d);
  demuxer_ps.chunk (data, 0, size, owned, base, &d);
  require (!d.failed && d.n_streams <= DEMUX_MAX_STREAMS);
  for (size_t i = 0; i < d.n_streams; i++) {
    char buf[32];

    check_stream (&d.streams[i], data, size, base);
    total += d.streams[i].len;
    require (demuxer_ps.describe (d.streams[i].key, buf, sizeof buf) != NULL);
  }
  require (total <= size);
  demuxed_free (&d);
  return 0;
}
