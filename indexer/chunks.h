/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is read of a source at once: chunks of at most CHUNK_SIZE bytes, in the order of
 * the source, which between them cover each of its bytes once.
 *
 * A chunk belongs to one part of the source: a file within an image, whose bytes may lie
 * in several extents, or the source itself.  Bytes of no part are read to be hashed only.
 * Of parts that share bytes (the files of a 3D disc do) the one whose extent begins first
 * has them, and the others go on behind it: there is one view of any byte of a source.
 */
#ifndef MKVDUP_CHUNKS_H
#define MKVDUP_CHUNKS_H

#include <stdint.h>

#include "disc.h"
#include "error.h"

#define CHUNK_NO_PART UINT32_MAX

struct chunk {
  uint64_t at;      /* offset in the source */
  uint64_t in_part; /* offset in the part */
  uint64_t next;    /* offset in the source of what follows it in the part */
  uint32_t len;     /* 1 … CHUNK_SIZE */
  uint32_t part;    /* of the disc_file, or CHUNK_NO_PART */
};

struct chunk_list {
  struct chunk *chunks; /* sorted by `at`; owned */
  uint32_t n;
  uint32_t *order; /* the numbers of those of a part, by part and offset in it; owned */
  uint32_t n_order;
};

/* -1 when out of memory. */
int chunk_list_init (struct chunk_list *list, const struct disc_file *file);
void chunk_list_free (struct chunk_list *list);

/* Bytes of a chunk and around it. */
struct chunk_bytes {
  uint8_t *data; /* within the buffer: the chunk's first byte */
  size_t before; /* bytes in front of it: those of the part */
  size_t owned;  /* the chunk's */
  size_t len;    /* of data: `owned`, and what follows in the part */
};

/* Room for a chunk and what any demuxer wants around it. */
#define CHUNK_BUFFER (DEMUX_MAX_BEFORE + CHUNK_SIZE + CHUNK_OVERREAD)

/* Read chunk `number` of the file `fd` into a buffer of CHUNK_BUFFER bytes. */
int chunk_read (const struct chunk_list *list, const struct disc_file *file, int fd,
                uint32_t number, uint8_t *buffer, struct chunk_bytes *bytes,
                struct error *err);

/* Demux what was read, in place of what `out` held. */
void chunk_demux (const struct chunk_list *list, const struct disc_file *file,
                  uint32_t number, const struct chunk_bytes *bytes, struct demuxed *out);

#endif /* MKVDUP_CHUNKS_H */
