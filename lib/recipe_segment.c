/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the segments of a recipe: see recipe.h.
 *
 * The index is read an entry at a time, when a segment is wanted; its entries need no
 * checksum of their own, because a segment's checksum is seeded with its number.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "bytes.h"
#include "cleanup.h"
#include "ration.h"
#include "recipe.h"
#include "recipe_format.h"
#include "recipe_old.h"
#include "whole_io.h"

/* Bytes of image that are decoded at once, by all threads: two of the largest segments, each of
 * which takes 200 MB meanwhile at worst; four of those that create makes, some milliseconds each.
 */
#define DECODED_AT_ONCE ((size_t) 2 << SEGMENT_MAX_LOG2)

static struct ration decoding = RATION_INIT (DECODED_AT_ONCE);

static uint32_t
segment_bytes (const struct recipe *r, uint32_t number)
{
  uint64_t start = (uint64_t) number << r->span_log2;
  uint64_t left = r->image_size - start, span = UINT64_C (1) << r->span_log2;

  return (uint32_t) (left < span ? left : span);
}

/* Where a coded segment lies in the file. */
static int
locate (const struct recipe *r, uint32_t number, uint64_t *at, uint64_t *len,
        struct error *err)
{
  uint8_t raw[16];
  uint64_t start, end;

  if (r->old)
    return error_set (err, EOPNOTSUPP,
                      "%s: is a file of the Go program: its segments are not coded",
                      r->path);
  if (read_all (r->fd, raw, sizeof raw, r->index_at + 8 * (uint64_t) number, r->path,
                err) == -1)
    return -1;
  start = get_le64 (raw);
  end = get_le64 (raw + 8);
  if (start > end || end > r->segments_len ||
      end - start > (uint64_t) segment_bytes (r, number) + RECIPE_SEGMENT_SLACK)
    return error_set (err, 0, "%s: the index entry of segment %u is damaged", r->path,
                      number);
  *at = r->segments_at + start;
  *len = end - start;
  return 0;
}

int
recipe_segment_len (const struct recipe *r, uint32_t number, uint64_t *len,
                    struct error *err)
{
  uint64_t at;

  return locate (r, number, &at, len, err);
}

int
recipe_segment_coded (const struct recipe *r, uint32_t number, uint8_t **data,
                      size_t *len, struct segment_context *ctx, struct error *err)
{
  CLEANUP_FREE uint8_t *p = NULL;
  uint64_t at = 0, n = 0;

  if (locate (r, number, &at, &n, err) == -1)
    return -1;
  p = malloc (n ? n : 1);
  if (!p)
    return error_set (err, ENOMEM, "%s", r->path);
  if (read_all (r->fd, p, n, at, r->path, err) == -1 || recipe_check_state (r, err) == -1)
    return -1;
  *ctx = (struct segment_context){ .number = number,
                                   .len = segment_bytes (r, number),
                                   .n_sources = r->n_sources,
                                   .source_sizes = r->source_sizes };
  *data = take_ptr (&p);
  *len = n;
  return 0;
}

struct segment *
recipe_segment (const struct recipe *r, uint32_t number, struct error *err)
{
  CLEANUP_FREE uint8_t *coded = NULL;
  struct segment_context ctx = { 0 };
  struct segment *seg;
  size_t len = 0;

  if (r->old)
    return recipe_old_segment (r, number, err);
  if (recipe_segment_coded (r, number, &coded, &len, &ctx, err) == -1)
    return NULL;
  recipe_note_segment (r, number, coded, len);
  /* From memory: what hangs has been read by now. */
  ration_take (&decoding, ctx.len);
  seg = segment_decode (coded, len, &ctx, err);
  ration_give_back (&decoding, ctx.len);
  if (!seg)
    error_context (err, "%s", r->path);
  return seg;
}
