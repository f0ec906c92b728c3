/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From container to elementary streams, a chunk at a time.
 *
 * A source is cut into chunks of CHUNK_SIZE raw bytes.  A demuxer is a pure function of
 * one chunk (and what follows it, for the packet that straddles its end): it finds its
 * own synchronisation, and gives the payload of every packet that *starts* in the chunk,
 * by stream.  So chunks can be demuxed in parallel, in any order, and again when their
 * bytes are wanted a second time: what has to be remembered of a disc is only how many
 * payload bytes each stream has in each chunk.
 *
 * An elementary stream (ES) view is the payload of one stream over all chunks of one
 * source, as if contiguous. The demuxer may be wrong about anything: every match is
 * verified against real bytes, so a mistake costs a match, never correctness.  But it
 * must give the same answer every time.
 *
 * Decided against: one stateful pass, which cannot be run in parallel or resumed
 * in the middle, and would need an extent per packet in memory (50 GB: gigabytes).
 */
#ifndef MKVDUP_DEMUX_H
#define MKVDUP_DEMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_SIZE (UINT64_C (1) << 20)

/* How far behind its chunk a packet that starts in it may reach: a pack header,
 * and PES packets of at most 6 + 65535 bytes each up to the next pack. */
#define CHUNK_OVERREAD (UINT64_C (160) << 10)

/* No demuxer wants more of what is before a chunk. */
#define DEMUX_MAX_BEFORE (UINT64_C (128) << 10)

/* Streams of one source: a hostile file cannot make more. */
#define DEMUX_MAX_STREAMS 512

/* A run of payload bytes that lie together in the source.  Adjacent runs are joined. */
struct demux_piece {
  uint64_t from; /* offset in the source */
  uint32_t at;   /* offset in the stream's data of this chunk */
  uint32_t len;  /* > 0 */
};

/* What one chunk holds of one stream. */
struct demux_stream {
  uint32_t key;               /* the container's own number for it: see each demuxer */
  uint8_t *data;              /* its payload bytes, contiguous; owned */
  size_t len, cap;            /* bytes */
  struct demux_piece *pieces; /* in order of both `at` and the demuxer's walk; owned */
  size_t n_pieces, cap_pieces;
};

/* Why packets cannot be read: bits of a set. */
enum scrambling {
  SCRAMBLED_CSS = 1,
  SCRAMBLED_AACS = 2,
  SCRAMBLED_CA = 4, /* conditional access, of broadcasts */
  SCRAMBLINGS = 8,  /* different sets */
};

/* "CSS", "AACS, conditional access", …, of a set that is not empty; static. */
const char *scrambling_name (unsigned set);

#define DEMUX_HINTS 256 /* a power of two */

/* Everything a chunk holds.  Buffers are kept when it is used again. */
struct demuxed {
  struct demux_stream *streams; /* in order of first appearance in the chunk; owned */
  size_t n_streams;             /* those beyond it keep their buffers for later */
  size_t cap_streams;
  bool failed;                /* ran out of memory */
  uint32_t packets;           /* of streams that are kept */
  uint32_t scrambled;         /* of these: left out, … */
  uint8_t scrambling;         /* … because of this: enum scrambling, a set */
  uint16_t hint[DEMUX_HINTS]; /* by a hash of the key: where its stream probably is */
};

void demuxed_init (struct demuxed *d);
void demuxed_clear (struct demuxed *d); /* empty, buffers kept */
void demuxed_free (struct demuxed *d);

/* For demuxers: append payload `data` (len bytes, at `from` in the source) to stream
 * `key`.
 */
void demuxed_add (struct demuxed *d, uint32_t key, const uint8_t *data, size_t len,
                  uint64_t from);

/* Payload said to lie at source offset `end` or behind it lies from `to` on: there what
 * follows the chunk continues.
 */
void demuxed_relocate (struct demuxed *d, uint64_t end, uint64_t to);

/* The stream with this key, or NULL. */
struct demux_stream *demuxed_find (const struct demuxed *d, uint32_t key);

struct demuxer {
  const char *name; /* for people */

  /* Does this look like my container?  `data` is from the file's offset `offset`. */
  bool (*probe) (const uint8_t *data, size_t len, uint64_t offset);

  /* Packets may lie across two extents of a file: in an image, its files have to be known. */
  bool by_file;

  /* Bytes in front of a chunk and behind it that `chunk` wants to see, at most
   * DEMUX_MAX_BEFORE and CHUNK_OVERREAD. */
  size_t before, after;

  /*
   * Demux one chunk: the packets that start in data[0, owned), owned <= len. `base` is
   * the source offset of data[0].  data[-before, 0) is what is in front of it: looked at
   * for state, never given.  What is behind `owned` is what follows.  There is less of
   * both at the source's ends only.  Appends to `out`.  Thread safe.
   */
  void (*chunk) (const uint8_t *data, size_t before, size_t len, size_t owned,
                 uint64_t base, struct demuxed *out);

  /* What kind of stream this key is, for reports: "MPEG video E0", "AC-3 80", ….  Static
   * or in `buf`.
   */
  const char *(*describe) (uint32_t key, char *buf, size_t size);
};

/*
 * MPEG program streams (ISO/IEC 13818-1 §2.5, ISO/IEC 11172-1), as on DVD-Video: packs
 * and PES packets by their lengths, wherever packs are found (sectors of an image, or
 * any byte). Keys: stream_id << 8 | sub-stream id, the latter for private_stream_1
 * (0xBD) only.
 */
extern const struct demuxer demuxer_ps;

/* MPEG transport streams: see demux_ts.h. */
extern const struct demuxer demuxer_ts;

/* The demuxer for a file, by looking at its start, at the files in it if it is an image
 * with a file system, and at a few other places; NULL if none knows it.  Not while
 * another thread writes to stderr (image_files.h).
 */
const struct demuxer *demuxer_for (int fd, uint64_t size);

#endif /* MKVDUP_DEMUX_H */
