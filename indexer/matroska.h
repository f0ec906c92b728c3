/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Matroska as far as finding frames needs it: which bytes of the file are the payload of
 * which track's blocks (RFC 8794 EBML, RFC 9559 Matroska).
 *
 * The parser never fails because of what a file says: what it cannot make sense of is
 * skipped up to the next Cluster, and what lies in no block is simply not reported.
 * Blocks come in file order, do not overlap, and lie within the file.
 */
#ifndef MKVDUP_MATROSKA_H
#define MKVDUP_MATROSKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "window.h"

#define MATROSKA_MAX_TRACKS 256 /* a hostile file cannot make more */

/* What was done to a track's frames, besides the values of ContentCompAlgo 0 to 3. */
enum {
  MATROSKA_UNCOMPRESSED = -1,
  MATROSKA_ZLIB = 0,
  MATROSKA_STRIPPED = 3,         /* header stripping */
  MATROSKA_OTHER_ENCODING = 255, /* encrypted, or encoded more than once */
};

struct matroska_track {
  uint64_t number;
  uint8_t type;         /* 1 video, 2 audio, 17 subtitles, … */
  char codec[32];       /* CodecID, cut */
  uint64_t channels;    /* of sound */
  int compression;      /* MATROSKA_UNCOMPRESSED, _ZLIB, … */
  uint8_t stripped[32]; /* ContentCompSettings of algorithm 3, cut to what fits */
  size_t n_stripped;
  uint8_t private[24]; /* CodecPrivate, cut */
  size_t n_private;
};

/*
 * One Block or SimpleBlock.  at <= inner < body < payload <= end <= outer_end.  In a
 * file that was cut within a block, the block and its frames end where the file does.  A
 * lace whose sizes make no sense is given as one frame.
 */
struct matroska_block {
  uint64_t
    at; /* offset of the outermost element that holds just it: SimpleBlock, or BlockGroup */
  uint64_t
    inner; /* offset of the (Simple)Block element itself: == at for a SimpleBlock */
  uint64_t payload;   /* offset of the first frame's first byte, behind any lace sizes */
  uint64_t end;       /* first byte after the (Simple)Block element: the payload's end */
  uint64_t outer_end; /* first byte after the outermost element */
  uint64_t track;     /* track number */
  int16_t time;       /* relative to the Cluster's, in its ticks */
  uint64_t cluster_time; /* the Cluster's own; 0 if it has none */
  uint8_t flags;         /* the flags byte as stored */
  uint64_t
    body; /* offset of the track number within the (Simple)Block: its data's start */
  uint8_t track_width;      /* bytes of the track number as coded */
  unsigned n_frames;        /* 1 unless laced */
  uint32_t frame_size[256]; /* bytes of each frame; they sum up to end - payload */
};

struct matroska; /* owned by one thread */

/* `window` is borrowed.  What is in front of the first Cluster is read, so that its
 * tracks are known.  Returns NULL only when out of memory.
 */
struct matroska *matroska_open (struct window *window);
void matroska_close (struct matroska *m);

/* Did the file begin as a Matroska file does (EBML header, Segment)? */
bool matroska_is_matroska (const struct matroska *m);

/* The next block: true, or false at the end (or where nothing more was understood,
 * or the window failed: window->errnum).
 */
bool matroska_next (struct matroska *m, struct matroska_block *block);

/* Go on at the first Cluster or block of a known track that begins in [at, stop); false if
 * there is none.  Where sense is lost later, it is not looked for from `stop` on.
 */
bool matroska_seek (struct matroska *m, uint64_t at, uint64_t stop);

/* Where the cues (an index, which most files have) say that something of a track is. */
struct matroska_cue {
  uint64_t track;
  uint64_t cluster; /* offset of its Cluster */
};

#define MATROSKA_MAX_CUES (UINT32_C (1) << 20)

/* The cues, in their order, believed as little as anything: *n of them, owned by the caller;
 * NULL when out of memory.  Then matroska_seek.
 */
struct matroska_cue *matroska_cues (struct matroska *m, size_t *n);

/* The tracks known so far, one of each number (Tracks comes before the first Cluster in
 * nearly every file; a block of a track that was never described is reported all the
 * same).
 */
const struct matroska_track *matroska_tracks (const struct matroska *m, size_t *n);

/* The one with this number, as it was described last; NULL if none was. */
const struct matroska_track *matroska_track (const struct matroska *m, uint64_t number);

#endif /* MKVDUP_MATROSKA_H */
