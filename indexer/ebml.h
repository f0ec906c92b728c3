/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EBML, the syntax of Matroska (RFC 8794): variable-size integers, element headers,
 * and the IDs that are looked for (RFC 9559 §5).
 *
 * Pure functions on bytes in memory; all sizes are bytes.
 */
#ifndef MKVDUP_EBML_H
#define MKVDUP_EBML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /* Anywhere */
  ID_VOID = 0xEC,
  ID_CRC32 = 0xBF,

  /* Top level */
  ID_EBML = 0x1A45DFA3,
  ID_SEGMENT = 0x18538067,

  /* In a Segment */
  ID_SEEK_HEAD = 0x114D9B74,
  ID_INFO = 0x1549A966,
  ID_TRACKS = 0x1654AE6B,
  ID_CLUSTER = 0x1F43B675,
  ID_CUES = 0x1C53BB6B,
  ID_CHAPTERS = 0x1043A770,
  ID_ATTACHMENTS = 0x1941A469,
  ID_TAGS = 0x1254C367,

  /* In a SeekHead */
  ID_SEEK = 0x4DBB,
  ID_SEEK_ID = 0x53AB,
  ID_SEEK_POSITION = 0x53AC,

  /* In Cues */
  ID_CUE_POINT = 0xBB,
  ID_CUE_TRACK_POSITIONS = 0xB7,
  ID_CUE_TRACK = 0xF7,
  ID_CUE_CLUSTER_POSITION = 0xF1,

  /* In Tracks */
  ID_TRACK_ENTRY = 0xAE,
  ID_TRACK_NUMBER = 0xD7,
  ID_TRACK_TYPE = 0x83,
  ID_CODEC_PRIVATE = 0x63A2,
  ID_CODEC_ID = 0x86,
  ID_AUDIO = 0xE1,
  ID_CHANNELS = 0x9F,
  ID_CONTENT_ENCODINGS = 0x6D80,
  ID_CONTENT_ENCODING = 0x6240,
  ID_CONTENT_ENCODING_SCOPE = 0x5032,
  ID_CONTENT_ENCODING_TYPE = 0x5033,
  ID_CONTENT_COMPRESSION = 0x5034,
  ID_CONTENT_COMP_ALGO = 0x4254,
  ID_CONTENT_COMP_SETTINGS = 0x4255,

  /* In a Cluster */
  ID_TIMESTAMP = 0xE7,
  ID_SILENT_TRACKS = 0x5854,
  ID_POSITION = 0xA7,
  ID_PREV_SIZE = 0xAB,
  ID_SIMPLE_BLOCK = 0xA3,
  ID_BLOCK_GROUP = 0xA0,
  ID_ENCRYPTED_BLOCK = 0xAF,

  /* In a BlockGroup */
  ID_BLOCK = 0xA1,
};

/* The longest element header: a 4-byte ID and an 8-byte size. */
#define EBML_MAX_HEADER 12

struct ebml_element {
  uint32_t id;   /* with its length marker, as it is written */
  unsigned head; /* bytes of ID and size */
  uint64_t size; /* of the body; 0 if unknown */
  bool unknown;  /* "unknown size" (RFC 8794 §6.2) */
};

/*
 * A variable-size integer of at most `max` (<= 8) bytes at p (RFC 8794 §4): its value
 * without the marker, and returned its width; 0 if it is longer than `max` or `len`.
 */
unsigned ebml_vint (const uint8_t *p, size_t len, unsigned max, uint64_t *value);

/* The element header at p; false if it is malformed or not all there. */
bool ebml_header (const uint8_t *p, size_t len, struct ebml_element *e);

/* An unsigned integer's body (RFC 8794 §7.2); of more than 8 bytes the last 8 count. */
uint64_t ebml_uint (const uint8_t *p, size_t len);

#endif /* MKVDUP_EBML_H */
