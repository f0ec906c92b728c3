/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a transport stream: the demuxer stays within them, every piece is where it
 * says, and nothing is given twice; cut into two chunks they give what they give as one.
 * The first two bytes say where the cut is.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "demux_ts.h"

#define BASE (UINT64_C (1) << 40)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
check_stream (const struct demux_stream *s, const uint8_t *data, size_t len)
{
  uint64_t at = 0, done = BASE;

  for (size_t i = 0; i < s->n_pieces; i++) {
    const struct demux_piece *p = &s->pieces[i];

    require (p->len > 0 && p->at == at);
    require (p->from >= done && p->from - BASE <= len &&
             p->len <= len - (p->from - BASE));
    require (memcmp (s->data + at, data + (p->from - BASE), p->len) == 0);
    done = p->from + p->len;
    at += p->len;
  }
  require (at == s->len);
}

static void
check (const struct demuxed *d, const uint8_t *data, size_t size)
{
  size_t total = 0;

  require (!d->failed && d->n_streams <= DEMUX_MAX_STREAMS);
  for (size_t i = 0; i < d->n_streams; i++) {
    char buf[64];

    check_stream (&d->streams[i], data, size);
    total += d->streams[i].len;
    require (ts_describe (d->streams[i].key, buf, sizeof buf) != NULL);
  }
  require (total <= size && d->scrambled <= d->packets);
  require (!d->scrambled == !d->scrambling && d->scrambling < SCRAMBLINGS);
}

/* What `half` has of a stream is what stands at `at` of the whole; returns where that
 * ends.
 */
static size_t
check_half (const struct demuxed *half, const struct demux_stream *whole, size_t at)
{
  const struct demux_stream *s = demuxed_find (half, whole->key);

  if (!s)
    return at;
  require (s->len <= whole->len - at && memcmp (s->data, whole->data + at, s->len) == 0);
  return at + s->len;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct demuxed whole, first, second;
  size_t cut;

  if (size < 2)
    return 0;
  cut = get_be16 (data);
  data += 2;
  size -= 2;
  if (cut > size)
    cut = size;
  ts_probe (data, size, BASE);
  demuxed_init (&whole);
  demuxed_init (&first);
  demuxed_init (&second);
  ts_chunk (data, 0, size, size, BASE, &whole);
  ts_chunk (data, 0, size, cut, BASE, &first);
  ts_chunk (data + cut, cut, size - cut, size - cut, BASE + cut, &second);
  check (&whole, data, size);
  check (&first, data, size);
  check (&second, data, size);
  for (size_t i = 0; i < whole.n_streams; i++) {
    const struct demux_stream *s = &whole.streams[i];

    require (check_half (&second, s, check_half (&first, s, 0)) == s->len);
  }
  demuxed_free (&whole);
  demuxed_free (&first);
  demuxed_free (&second);
  return 0;
}
