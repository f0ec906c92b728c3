/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Matroska file cut into regions, from its first byte to its last, each of which is one thing:
 * an element outside of clusters, the header of a cluster or of a block, a frame.  Blocks are
 * those that the parser finds (matroska.h); what lies between them is read as elements, as far
 * as it makes sense.
 *
 * Thread safety: none.
 */
#ifndef MKVDUP_MKV_REGIONS_H
#define MKVDUP_MKV_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "matroska.h"
#include "window.h"

enum region_kind {
  REGION_EBML,      /* EBML header */
  REGION_SEGMENT,   /* the header of the Segment element */
  REGION_SEEK_HEAD, /* … and elements in it, whole */
  REGION_INFO,
  REGION_TRACKS,        /* but for … */
  REGION_CODEC_PRIVATE, /* … the bodies of these */
  REGION_CHAPTERS,
  REGION_ATTACHMENTS,
  REGION_TAGS,
  REGION_CUES,
  REGION_VOID,
  REGION_CLUSTER, /* a cluster's header, and what in it is no block */
  REGION_BLOCK,   /* a block's header and lace, and what its group has besides */
  REGION_FRAME,
  REGION_OTHER,    /* an element of another kind */
  REGION_NONSENSE, /* what is no element */
  REGION_KINDS,
};

/* "Cues", …  Static. */
const char *region_kind_name (enum region_kind kind);

struct mkv_region {
  uint64_t at, end; /* at < end */
  enum region_kind kind;
  uint32_t id;    /* of the element, if it is one that is between blocks; else 0 */
  uint64_t track; /* its number: of blocks, frames and codec privates; else 0 */
  uint64_t time;  /* nanoseconds: of the last block begun, or cluster */
  const struct matroska_block *block; /* of blocks and frames; until the next call */
  unsigned frame;                     /* its number in the block */
};

struct mkv_regions; /* owned by one thread */

/* Where an image is read from: each window of a parser is one of these. */
struct mkv_input {
  int fd;               /* borrowed; -1: `read` is asked */
  window_read_fn *read; /* NULL if there is a file */
  void *opaque;         /* borrowed */
  uint64_t size;
};

/* NULL with `err` set. */
struct mkv_regions *mkv_regions_open (const struct mkv_input *input, struct error *err);
void mkv_regions_close (struct mkv_regions *r);

/* The next region, which begins where the last ended.  False at the end of the file, or where it
 * cannot be read: mkv_regions_errnum.
 */
bool mkv_regions_next (struct mkv_regions *r, struct mkv_region *region);
int mkv_regions_errnum (const struct mkv_regions *r);

/* Its tracks, and whether it is a Matroska file at all. */
const struct matroska *mkv_regions_matroska (const struct mkv_regions *r);

/* A window on the same input for who wants to look into a region. */
struct window *mkv_regions_window (struct mkv_regions *r);

#endif /* MKVDUP_MKV_REGIONS_H */
