/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `mkvdup explain` says on standard output, as it comes to know it: text, or one JSON
 * document.  The order of calls: begin, segments and their pieces, sources, end.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_EXPLAIN_REPORT_H
#define MKVDUP_EXPLAIN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_range.h"
#include "disc_files.h"
#include "json.h"
#include "recipe.h"
#include "segment_trace.h"

/* So many bytes of each piece are shown. */
#define EXPLAIN_BYTES 16u

/* A source as far as it is known; by number. */
struct explained_source {
  const char *found;       /* where; NULL: it is not there; borrowed from the image */
  char *why_not;           /* owned; NULL if it was found, or not looked for */
  int fd;                  /* the image's; -1 */
  bool was_asked;          /* it was looked for */
  struct disc_files files; /* of an image */
};

struct explained_piece {
  uint64_t offset; /* of the image; the piece's own counts from the segment's begin */
  const struct trace_piece *piece;
  const uint8_t *literals;      /* of the segment */
  uint8_t image[EXPLAIN_BYTES]; /* its first bytes … */
  size_t n_image;               /* … if they could be read */
  const char *wrong; /* why they could not; NULL if nobody tried or they could */
};

struct explain_report {
  bool as_json;
  struct json json;
  const struct recipe *recipe; /* borrowed, as is the next */
  const struct explained_source *sources;
  bool in_pieces;
};

void explain_begin (struct explain_report *r, const struct byte_range *range);
/* `coded`: its bytes in the recipe; 0: it is not coded. */
void explain_segment (struct explain_report *r, uint32_t number, uint32_t len,
                      uint64_t coded);
void explain_piece (struct explain_report *r, const struct explained_piece *p);
/* `proof`: what the digests on record say of the range, in a word or two. */
void explain_end (struct explain_report *r, const char *proof, const char *wrong);

#endif /* MKVDUP_EXPLAIN_REPORT_H */
