/* SPDX-License-Identifier: BSD-3-Clause */
/* Growing buffers and bounded readers: see buffer.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "bytes.h"

/* Small enough to waste nothing, large enough that few buffers grow twice. */
#define BUFFER_FIRST 256

void
buffer_free (struct buffer *b)
{
  free (b->data);
  *b = (struct buffer) BUFFER_INIT;
}

uint8_t *
buffer_reserve (struct buffer *b, size_t n)
{
  size_t cap = b->cap ? b->cap : BUFFER_FIRST;
  uint8_t *data;

  if (b->failed || n > SIZE_MAX / 4 - b->len) {
    b->failed = true;
    return NULL;
  }
  if (b->cap - b->len >= n && b->data)
    return b->data + b->len;
  while (cap - b->len < n)
    cap *= 2;
  data = realloc (b->data, cap);
  if (!data) {
    b->failed = true;
    return NULL;
  }
  b->data = data;
  b->cap = cap;
  return data + b->len;
}

void
buffer_append_growing (struct buffer *b, const void *data, size_t n)
{
  uint8_t *p = buffer_reserve (b, n);

  if (p && n > 0) {
    memcpy (p, data, n);
    b->len += n;
  }
}

void
buffer_u8 (struct buffer *b, uint8_t v)
{
  buffer_append (b, &v, 1);
}

void
buffer_le16 (struct buffer *b, uint16_t v)
{
  uint8_t raw[2];

  put_le16 (raw, v);
  buffer_append (b, raw, sizeof raw);
}

void
buffer_le32 (struct buffer *b, uint32_t v)
{
  uint8_t raw[4];

  put_le32 (raw, v);
  buffer_append (b, raw, sizeof raw);
}

void
buffer_le64 (struct buffer *b, uint64_t v)
{
  uint8_t raw[8];

  put_le64 (raw, v);
  buffer_append (b, raw, sizeof raw);
}

void
buffer_varint (struct buffer *b, uint64_t v)
{
  uint8_t raw[10];
  size_t n = 0;

  while (v >= 0x80) {
    raw[n++] = (uint8_t) (v | 0x80);
    v >>= 7;
  }
  raw[n++] = (uint8_t) v;
  buffer_append (b, raw, n);
}

const uint8_t *
reader_take (struct reader *r, size_t n)
{
  const uint8_t *p = r->p;

  if (r->failed || n > reader_left (r)) {
    r->failed = true;
    return NULL;
  }
  r->p += n;
  return p;
}

uint8_t
reader_u8 (struct reader *r)
{
  const uint8_t *p = reader_take (r, 1);

  return p ? *p : 0;
}

uint16_t
reader_le16 (struct reader *r)
{
  const uint8_t *p = reader_take (r, 2);

  return p ? get_le16 (p) : 0;
}

uint32_t
reader_le32 (struct reader *r)
{
  const uint8_t *p = reader_take (r, 4);

  return p ? get_le32 (p) : 0;
}

uint64_t
reader_le64 (struct reader *r)
{
  const uint8_t *p = reader_take (r, 8);

  return p ? get_le64 (p) : 0;
}

uint64_t
reader_varint (struct reader *r)
{
  uint64_t v = 0;
  unsigned shift = 0;
  uint8_t byte;

  do {
    byte = reader_u8 (r);
    if (shift == 63 && byte > 1)
      r->failed = true;
    if (r->failed)
      return 0;
    v |= (uint64_t) (byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  if (byte == 0 && shift > 7) {
    r->failed = true;
    return 0;
  }
  return v;
}

uint64_t
reader_bounded (struct reader *r, uint64_t max)
{
  uint64_t v = reader_varint (r);

  if (v > max) {
    r->failed = true;
    return 0;
  }
  return v;
}
