/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access units that look like H.264 pictures of a Blu-ray from outside: delimiter, now and
 * then parameter sets, SEI, slices with headers that parsers understand, and noise.  Each
 * in both forms: with start codes as on the disc, with lengths as in an MKV.
 */
#ifndef MKVDUP_STREAM_AVC_H
#define MKVDUP_STREAM_AVC_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

#define AVC_GOP_PICTURES 24
#define AVC_MAX_SLICES 32

/* Decoder configuration record (ISO/IEC 14496-15 §5.3.3.1): lengths of four bytes. */
extern const uint8_t *const avc_configuration;
extern const size_t avc_configuration_len;

struct avc {
  uint32_t gop_bytes; /* on average */
  unsigned slices;    /* of a picture: 1 … AVC_MAX_SLICES */
  uint64_t rng;

  /* The last picture made. */
  struct buffer unit;  /* on the disc; owned */
  struct buffer frame; /* in the MKV, which has no delimiters; owned */
  bool key;
  unsigned shown; /* which of the GOP's it is in order of display */

  uint32_t share; /* bytes for a picture's weight, in this GOP */
  unsigned frame_num;
};

/* Make the k-th picture of a GOP, in order of decoding.  A black one is small, and the same
 * bytes in every GOP.
 */
void avc_next (struct avc *a, unsigned k, bool black);
void avc_free (struct avc *a);

#endif /* MKVDUP_STREAM_AVC_H */
