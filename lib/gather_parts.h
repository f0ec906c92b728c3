/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of a gather share: gather.c (the pool, noting pieces) and gather_read.c.
 * Private to lib/.
 */
#ifndef MKVDUP_GATHER_PARTS_H
#define MKVDUP_GATHER_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "gather.h"

/* Source bytes read at a time: large enough to keep a disk busy and to make system calls
 * few, small enough to be in the CPU's second-level cache when it is scattered.
 */
#define MAX_RAW ((size_t) 512 << 10)

/* A piece of MAX_RAW bytes, and what alignment adds at both ends. */
#define RAW_SIZE (MAX_RAW + (size_t) 2 * SOURCE_DIRECT_BLOCK)

/* Pieces noted at a time: half a mebibyte of Blu-ray has some 500, TrueHD more. */
#define MAX_PIECES 2048

#define MAX_STRETCHES 64

/* Bytes nobody wants that are read rather than seeked over.  From the page cache they cost
 * as much as a second system call (docs/performance.md); what an SSD needs to find another
 * place it needs for as much, and a disk for a mebibyte.
 */
#define MAX_GAP 49152

/* What is only asked for needs no memory: much at once, for the device to be asked in order. */
#define MAX_PREFETCH ((size_t) 8 << 20)
#define MAX_PREFETCH_GAP 65536

/* A strided piece has to fit, chunk by chunk. */
_Static_assert(MAX_RAW >= UINT16_MAX + MAX_GAP, "a period must fit in MAX_RAW");

/* `first` bytes at `from`, then chunks with gaps between. */
struct piece {
  uint8_t *dst;
  uint64_t from;
  uint32_t len; /* bytes of payload */
  uint32_t first;
  uint32_t chunk, gap;
  uint32_t stretch; /* index */
};

/* Its bounds are multiples of the source's alignment. */
struct stretch {
  const struct source *source;
  uint64_t start, end;
  uint32_t n_pieces, last_piece;
  const uint8_t *data; /* where `start` is in memory, once it is decided */
};

struct gather {
  struct gather *next; /* in the pool */
  gather_wait_fn *wait_fn;
  void *wait_opaque;
  bool prefetch;
  size_t n_raw, max_raw; /* bytes of all stretches */
  uint64_t max_gap;
  uint32_t n_pieces, n_stretches, n_reads;
  uint32_t n_waits; /* reads whose sources have been told that they are waited for */
  struct piece pieces[MAX_PIECES];
  struct stretch stretches[MAX_STRETCHES];
  uint32_t order[MAX_STRETCHES];        /* stretches by source and start */
  uint32_t read_stretch[MAX_STRETCHES]; /* the first stretch of each read */
  struct batch_read reads[MAX_STRETCHES];
  unsigned lives[MAX_STRETCHES]; /* of the pulses of their sources */
  int64_t ctimes[MAX_STRETCHES]; /* of each read's source, as it was believed before it */
  _Alignas(SOURCE_DIRECT_BLOCK) uint8_t raw[RAW_SIZE];
};

#endif /* MKVDUP_GATHER_PARTS_H */
