/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends of a byte string: `struct buffer` grows as it is appended to,
 * `struct reader` takes from a given span and never steps past its end.
 *
 * Out of memory while appending is remembered in the buffer (`failed`) and asked
 * for once, at the end, so that code that writes a format reads like the format.
 * A reader likewise remembers that it was asked for more than there was; every
 * value taken after that is zero.
 *
 * Thread safety: none; a buffer or reader belongs to one thread.
 */
#ifndef MKVDUP_BUFFER_H
#define MKVDUP_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
  uint8_t *data; /* owned, from malloc */
  size_t len, cap;
  bool failed; /* an append ran out of memory; the content is not usable */
};

#define BUFFER_INIT   \
  {                   \
    NULL, 0, 0, false \
  }
#define CLEANUP_BUFFER __attribute__ ((cleanup (buffer_free)))

void buffer_free (struct buffer *b);

/* Room for n more bytes at the end: a pointer to it, or NULL (and `failed`).
 * The bytes count only once `len` is raised by the caller.
 */
uint8_t *buffer_reserve (struct buffer *b, size_t n);
void buffer_append_growing (struct buffer *b, const void *data, size_t n);

/* Inline, so that appending a structure to one with room is as many moves. */
static inline void
buffer_append (struct buffer *b, const void *data, size_t n)
{
  if (n == 0 || b->failed || b->cap - b->len < n)
    buffer_append_growing (b, data, n);
  else {
    memcpy (b->data + b->len, data, n);
    b->len += n;
  }
}

void buffer_u8 (struct buffer *b, uint8_t v);
void buffer_le16 (struct buffer *b, uint16_t v);
void buffer_le32 (struct buffer *b, uint32_t v);
void buffer_le64 (struct buffer *b, uint64_t v);

/* LEB128: seven bits a byte, least significant first, at most ten bytes. */
void buffer_varint (struct buffer *b, uint64_t v);

struct reader {
  const uint8_t *p, *end; /* borrowed */
  bool failed;            /* something ran past the end or was malformed */
};

static inline struct reader
reader_init (const void *data, size_t len)
{
  return (struct reader){ data, (const uint8_t *) data + len, false };
}

static inline size_t
reader_left (const struct reader *r)
{
  return (size_t) (r->end - r->p);
}

/* A pointer to the next n bytes, which are consumed; NULL (and `failed`) if
 * there are fewer.
 */
const uint8_t *reader_take (struct reader *r, size_t n);
uint8_t reader_u8 (struct reader *r);
uint16_t reader_le16 (struct reader *r);
uint32_t reader_le32 (struct reader *r);
uint64_t reader_le64 (struct reader *r);

/* Non-minimal and over-long varints are malformed. */
uint64_t reader_varint (struct reader *r);

/* A varint that has to be <= max; a larger one sets `failed` and gives 0. */
uint64_t reader_bounded (struct reader *r, uint64_t max);

#endif /* MKVDUP_BUFFER_H */
