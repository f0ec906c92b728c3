/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding where on the disc the bytes of an MKV lie.
 *
 * The MKV is walked in order.  Each track remembers where its last match ended, and
 * nearly always the next frame is there.  Where it is not, the matcher looks nearby
 * (bytes were dropped or inserted), and then asks the anchors.  A match is extended
 * forwards and backwards, into earlier frames of its track too: those wait in a queue
 * for that, so the frames before the first anchor of a track are found as well.
 *
 * What is looked for is a payload's material (material.h): for nearly all tracks, the
 * payload itself.
 *
 * Every byte that is called found was compared.  What is not found is literal.
 *
 * Thread safety: one matcher belongs to one thread.
 */
#ifndef MKVDUP_MATCHER_H
#define MKVDUP_MATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "builder.h"
#include "error.h"
#include "index.h"
#include "material.h"
#include "matroska.h"
#include "shape.h"
#include "view.h"

struct matcher;

/* What a track had, and what of it was found.  Prefixes of NAL units (nal.h) are neither:
 * they are modelled.
 */
struct matcher_track {
  uint64_t frames, bytes, found;
};

/* A stretch of the MKV: header bytes and a payload behind them.  `shape`, if not NULL,
 * is for the first `head` bytes of the header.
 */
struct matcher_frame {
  uint64_t at;      /* offset of the header in the MKV */
  uint32_t header;  /* bytes */
  uint32_t head;    /* of these, the bytes that `shape` renders */
  uint32_t payload; /* bytes; at most MATCHER_MAX_PAYLOAD */
  const struct shape *shape;
  int64_t time;      /* of the frame, absolute … */
  int64_t base;      /* … and what the header's time is relative to */
  uint16_t track;    /* the matcher's own number: < MATCHER_MAX_TRACKS; 0: in no block */
  uint16_t more;     /* frames behind this one that its header is for, too: a lace */
  bool continues;    /* it is one of those */
  uint8_t nal_width; /* of the prefixes of its NAL units; 0: it has none */
  const struct material_kinds *kinds; /* static; NULL: the bytes as they are */
};

#define MATCHER_MAX_PAYLOAD (16u << 20)
#define MATCHER_MAX_TRACKS (MATROSKA_MAX_TRACKS + 1)

/* All are borrowed; `fd` is the MKV.  NULL with `err` set. */
struct matcher *matcher_new (const struct disc_index *index, struct view_reader *views,
                             struct builder *builder, int fd, uint64_t size,
                             struct error *err);
void matcher_free (struct matcher *m);

/* The next bytes of the MKV are these frame's.  Frames come in order; what is between
 * them is literal.  `data` is the payload.
 */
int matcher_frame (struct matcher *m, const struct matcher_frame *frame,
                   const uint8_t *data, struct error *err);

/* The MKV is at its end: everything goes to the builder. */
int matcher_finish (struct matcher *m, struct error *err);

const struct matcher_track *matcher_get_track (const struct matcher *m, uint16_t track);

#endif /* MKVDUP_MATCHER_H */
