/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment: a fixed span of the image (a power of two bytes), coded, checksummed
 * and decoded by itself.  Offset / span is its number.
 *
 * Decoded, it is a sorted list of plain operations that between them cover every
 * byte of the segment exactly once, plus the literal bytes some of them copy.
 * Whoever reads an image (server, verifier, extractor) runs this list and
 * nothing else; how small the segment was in the recipe, and the models that
 * made it small, end at segment_decode().
 *
 * A decoded segment is immutable and may be used by many threads at once.
 * See docs/format.md for the coded form.
 */
#ifndef MKVDUP_SEGMENT_H
#define MKVDUP_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Spans from 64 KiB (tests) to 16 MiB.  What is below does not pay for its table
 * entry; what is above makes a first touch slow and one cache entry large.
 */
#define SEGMENT_MIN_LOG2 16
#define SEGMENT_MAX_LOG2 24

/* Offsets into a source have 48 bits and source numbers 12: an operation is then
 * 16 bytes, and a cache of 64 MiB holds the segments of several gigabytes.
 */
#define SOURCE_MAX_SIZE (UINT64_C (1) << 48)
#define SOURCE_MAX_COUNT 4096

enum op_kind {
  OP_LITERAL, /* `from`: offset into the segment's literal bytes */
  OP_FILL,    /* `arg`: the byte, repeated */
  OP_COPY,    /* `from`: offset into source `source` */
  OP_STRIDED, /* chunks of a source lying a fixed period apart: see below */
  OP_RECODED, /* `arg`: number of a recoding, `from`: offset in its result */
};

/*
 * One operation.  It covers the segment's bytes from `at` to the next
 * operation's `at`, or to the segment's end; never none.
 *
 * OP_STRIDED: `from` is where a chunk starts, `arg` = stride number << 16 |
 * phase.  Byte i of the operation is the source's byte
 *     from + (phase + i) / chunk * period + (phase + i) % chunk
 * with phase < chunk <= period, both from the segment's stride table.
 */
struct op {
  uint64_t from : 48;
  uint64_t source : 12;
  uint64_t kind : 4;
  uint32_t at;
  uint32_t arg;
};

struct stride {
  uint16_t chunk;  /* 1 … 65535 */
  uint32_t period; /* >= chunk */
};

/* Transforms permute bytes within units of a fixed size.  A copy through a
 * transform is its plain copies, followed by the transform over the bytes that
 * they gave; the ranges are sorted, do not overlap, and are whole units.
 *
 * Split values: four of them (or two: PAIR) are coded as their upper 16 bits, big-endian,
 * one behind the other, and then what is left of each.  Below, A, B and c are the bytes
 * of a value, a digit counts values.
 *
 * Channels in another order: six or eight values, big-endian, of 16 or 24 bits (channels.h).
 */
enum transform_kind {
  TRANSFORM_NONE,
  TRANSFORM_SWAP16,     /* AB -> BA */
  TRANSFORM_SWAP24,     /* ABC -> CBA */
  TRANSFORM_SWAP32,     /* ABCD -> DCBA */
  TRANSFORM_SPLIT24_LE, /* A0B0A1B1A2B2A3B3c0c1c2c3 -> c0B0A0 c1B1A1 c2B2A2 c3B3A3 */
  TRANSFORM_SPLIT24_BE, /* … -> A0B0c0 A1B1c1 A2B2c2 A3B3c3 */
  TRANSFORM_PAIR24_LE,  /* A0B0A1B1c0c1 -> c0B0A0 c1B1A1 */
  TRANSFORM_PAIR24_BE,
  TRANSFORM_ORDER6_16_LE, /* A0B0A1B1A2B2A3B3A4B4A5B5 -> B0A0 B1A1 B2A2 B5A5 B3A3 B4A4 */
  TRANSFORM_ORDER6_16_BE,
  TRANSFORM_ORDER6_24_LE,
  TRANSFORM_ORDER6_24_BE,
  TRANSFORM_ORDER8_16_LE, /* values 0 1 2 7 4 5 3 6 */
  TRANSFORM_ORDER8_16_BE,
  TRANSFORM_ORDER8_24_LE,
  TRANSFORM_ORDER8_24_BE,

  /* Recodings: these change the number of bytes (recoding.h). */
  RECODING_SPLIT20_LE, /* A0…B3 and four half bytes -> c0B0A0 …, c0 the first of them */
  RECODING_SPLIT20_BE,
  RECODING_PAIR20_LE, /* A0B0A1B1 and two half bytes -> c0B0A0 c1B1A1 */
  RECODING_PAIR20_BE,
  RECODING_KEEP1_16_LE, /* A0B0A1B1 -> B0A0: of two values the first is kept, … */
  RECODING_KEEP1_16_BE,
  RECODING_KEEP1_24_LE,
  RECODING_KEEP1_24_BE,
  RECODING_KEEP3_16_LE, /* … of four the first three, … */
  RECODING_KEEP3_16_BE,
  RECODING_KEEP3_24_LE,
  RECODING_KEEP3_24_BE,
  RECODING_KEEP5_16_LE, /* … of six the first five, … */
  RECODING_KEEP5_16_BE,
  RECODING_KEEP5_24_LE,
  RECODING_KEEP5_24_BE,
  RECODING_KEEP7_16_LE, /* … and of eight 0 1 2 4 5 3 6 */
  RECODING_KEEP7_16_BE,
  RECODING_KEEP7_24_LE,
  RECODING_KEEP7_24_BE,
  RECODING_DEFLATE, /* zlib format, level 9 */
  TRANSFORM_KINDS,
};

#define FIRST_RECODING RECODING_SPLIT20_LE

struct transform {
  uint32_t at, len;
  uint8_t kind; /* enum transform_kind, below FIRST_RECODING, never TRANSFORM_NONE */
};

/*
 * A recoding makes bytes from others of another number.  Those others, its *material*,
 * come from operations like all bytes: they stand behind the image's own, at positions
 * from the segment's length on, where nobody looks but on behalf of the recoding.
 */
struct recoding {
  uint32_t at, len; /* positions of the material */
  uint32_t check;   /* recoding_check() of a deflated result; else 0 */
  uint8_t kind;     /* enum transform_kind, from FIRST_RECODING on */
};

struct segment {
  uint32_t len;        /* bytes of the image; < span only in the last segment */
  uint32_t n_material; /* bytes behind them that recodings use */
  uint32_t n_ops, n_strides, n_transforms, n_recodings;
  const struct op *ops; /* ops[0].at == 0; one begins at `len` if there is material */
  const struct stride *strides;
  const struct transform *transforms;
  const struct recoding *recodings;
  const uint8_t *literals;
  size_t n_literals;
  size_t footprint; /* bytes of memory this segment holds, itself included */
};

/* What a decoder has to know to bound what a segment says. */
struct segment_context {
  uint32_t number; /* of the segment: seeds its checksum */
  uint32_t len;    /* bytes of the image it stands for */
  uint32_t n_sources;
  const uint64_t *source_sizes; /* bytes, n_sources of them */
};

/* Are the coded bytes of a segment those that were written? */
int segment_check (const uint8_t *coded, size_t n_coded,
                   const struct segment_context *ctx, struct error *err);

/*
 * Decode and check the coded bytes of one segment.  Everything it says is bounded:
 * no operation of the result reaches outside its source, the literals or
 * the segment, and the memory used is at most a small multiple of the segment's
 * length.
 *
 * Returns a segment to be released with segment_free, or NULL with `err` set.
 * Thread safe.
 */
struct segment *segment_decode (const uint8_t *coded, size_t n_coded,
                                const struct segment_context *ctx, struct error *err);
void segment_free (struct segment *seg);

/* The operation that covers position `at`: its index.  O(log n). */
uint32_t segment_find (const struct segment *seg, uint32_t at);

/* The first transform that ends after `at`: its index, or n_transforms.  O(log n). */
uint32_t segment_find_transform (const struct segment *seg, uint32_t at);

/* The first byte after operation `i`. */
static inline uint32_t
segment_op_end (const struct segment *seg, uint32_t i)
{
  return i + 1 < seg->n_ops ? seg->ops[i + 1].at : seg->len + seg->n_material;
}

/* Bytes in one unit of a transform: 1 for TRANSFORM_NONE and recodings. */
unsigned transform_unit (enum transform_kind kind);

/* Apply in place to `len` bytes, a whole number of units. */
void transform_apply (enum transform_kind kind, uint8_t *data, size_t len);

/* The other way: from what transform_apply gives to what it was given. */
void transform_undo (enum transform_kind kind, uint8_t *data, size_t len);

#endif /* MKVDUP_SEGMENT_H */
