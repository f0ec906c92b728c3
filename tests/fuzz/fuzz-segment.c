/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a coded segment, with the checksum put right: an enemy can compute it too.
 * Refused, or all that segment.h promises; and taken apart for its costs alike.
 *
 * Input: the segment's length (u32, little-endian, modulo 2^20, plus 1) and its coded
 * bytes without the checksum.  fuzz-corpus.c writes inputs to start from.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "naive.h"
#include "segment_format.h"
#include "segment_plan.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Of at least a random plan's sources, so that its seeds decode. */
static const uint64_t sizes[] = { 300000, 300000, 300000 };

static void
check_costs (const uint8_t *coded, size_t n, const struct segment_context *ctx)
{
  struct segment_costs c;
  struct error err = ERROR_INIT;

  if (segment_account (coded, n, ctx, &c, &err) == -1)
    abort ();
  if (coded[0] == SEGMENT_METHOD_COLUMNS &&
      c.layout + c.lengths + c.headers + c.literals != n - SEGMENT_CHECKSUM_SIZE - 1)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct segment_context ctx = { .n_sources = 3, .source_sizes = sizes };
  CLEANUP_FREE uint8_t *coded = NULL;
  struct error err = ERROR_INIT;
  struct segment *seg;
  const char *complaint;
  size_t n;

  if (size < 4)
    return 0;
  ctx.len = (get_le32 (data) & 0xfffff) + 1;
  n = size - 4 + SEGMENT_CHECKSUM_SIZE;
  coded = malloc (n);
  if (!coded)
    return 0;
  memcpy (coded, data + 4, size - 4);
  put_le64 (coded + size - 4, segment_checksum (coded, size - 4, 0));
  seg = segment_decode (coded, n, &ctx, &err);
  if (!seg)
    return 0;
  complaint = naive_complaint (seg, &ctx);
  if (complaint) {
    fprintf (stderr, "%s\n", complaint);
    abort ();
  }
  segment_free (seg);
  check_costs (coded, n, &ctx);
  return 0;
}
