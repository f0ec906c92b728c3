/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key pictures: those that are coded by themselves, about one a second.  Each is told by a
 * hash of the first KEY_PICTURE_BYTES of what it shows, which are the same on a disc and in
 * an MKV of it, whatever is around them.
 *
 * Why these.  A disc is to be known by a few hundred hashes, and an MKV by reading a
 * hundredth of it; both meet only if what is hashed can be found without reading the rest.
 * Key pictures can: an MKV's cues say where they are, and its clusters begin with one.  And
 * remuxers leave a picture's own bytes alone: what they drop, add and rewrite are delimiters,
 * parameter sets, captions (the headers in front of it, which are not hashed), and start codes,
 * which become lengths.
 *
 * Why so many bytes.  A picture begins with its upper edge, which is black in most films:
 * 1.3 KB of it, where a picture of 2.35:1 stands in one of 4:3.  A picture (of those in
 * slices, a slice) that has less altogether is blank, and is none.
 *
 * Decided against: 64 bytes, which are the black edge, and equal on many discs; windows chosen
 * by a rolling hash, as for anchors (anchor.h): right for finding every byte, but where they
 * are is known only to who has read everything; frames of sound, a hundred times as many,
 * and nothing says where a chosen one is.  So an MKV none of whose pictures is on a disc is
 * not found by its sound; little would be saved by it.
 */
#ifndef MKVDUP_KEY_PICTURE_H
#define MKVDUP_KEY_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "matroska.h"

#define KEY_PICTURE_BYTES 2048

/* Hashes are below this: two parts of 64 bits are enough for a library (disc_library.h). */
#define KEY_PICTURE_BITS 48
#define KEY_PICTURE_MAX ((UINT64_C (1) << KEY_PICTURE_BITS) - 1)

enum key_codec {
  KEY_NO_CODEC, /* none whose key pictures are known */
  KEY_MPEG,     /* MPEG-1 and MPEG-2 video */
  KEY_AVC,
  KEY_HEVC,
  KEY_VC1,
};

typedef void key_picture_fn (void *opaque, uint64_t hash);

/* A unit of a stream: what is behind a start code, or a length. */
struct key_unit {
  uint32_t at, end;
};

/* Units of what was looked at last; kept for the next.  Zero it at first. */
struct key_units {
  struct key_unit *units; /* owned */
  size_t n, cap;
  bool failed; /* ran out of memory */
};

void key_units_free (struct key_units *u);

/*
 * Give all key pictures of data[0, len), a piece of an elementary stream as it is on a disc;
 * of which codec, if of any, is seen from its start codes.  Not those that the piece's end
 * cuts, or that began before it.  len <= UINT32_MAX.
 */
void key_pictures_of_stream (struct key_units *u, const uint8_t *data, size_t len,
                             key_picture_fn *fn, void *opaque);

/* The codec of a track's blocks. */
enum key_codec key_codec (const struct matroska_track *track);

/* The same of a block's payload of such a track, or of as much of its front as is known;
 * `nal_width` as nal_width () has it.
 */
void key_pictures_of_frame (struct key_units *u, enum key_codec codec, unsigned nal_width,
                            const uint8_t *data, size_t len, key_picture_fn *fn,
                            void *opaque);

#endif /* MKVDUP_KEY_PICTURE_H */
