/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header models: see shape.h.
 *
 * A header is rendered from its end: a length field counts what is behind it, and
 * the width of an inner variable-size length is part of what an outer one
 * counts.
 */
#include "config.h"

#include <string.h>

#include "shape.h"

/* Token bytes: kind in the upper bits, width or count in the lower. */
enum {
  TOKEN_BYTES_MAX = 0x3f, /* 0x01 … 0x3f: so many bytes follow */
  TOKEN_VINT = 0x40,      /* 0x40 … 0x48, then the addend as a varint */
  TOKEN_BE = 0x50,        /* 0x51 … 0x58, then the addend as a varint */
  TOKEN_TIME = 0x60,      /* 0x61 … 0x68 */
  TOKEN_KIND = 0xf0,
  TOKEN_WIDTH = 0x0f,
};

static bool
append (struct shape *s, const uint8_t *bytes, size_t n)
{
  if (n > sizeof s->tokens - s->len)
    return false;
  memcpy (s->tokens + s->len, bytes, n);
  s->len += (uint8_t) n;
  return true;
}

bool
shape_add_bytes (struct shape *s, const uint8_t *bytes, size_t n)
{
  uint8_t token[1 + TOKEN_BYTES_MAX];

  if (n == 0)
    return true;
  if (n > TOKEN_BYTES_MAX)
    return false;
  token[0] = (uint8_t) n;
  memcpy (token + 1, bytes, n);
  return append (s, token, n + 1);
}

static bool
add_length (struct shape *s, unsigned kind, unsigned width, uint64_t addend)
{
  uint8_t token[11];
  size_t n = 0;

  token[n++] = (uint8_t) (kind | width);
  for (; addend >= 0x80; addend >>= 7)
    token[n++] = (uint8_t) (addend | 0x80);
  token[n++] = (uint8_t) addend;
  return append (s, token, n);
}

bool
shape_add_vint_length (struct shape *s, unsigned width, uint64_t addend)
{
  return add_length (s, TOKEN_VINT, width, addend);
}

bool
shape_add_be_length (struct shape *s, unsigned width, uint64_t addend)
{
  return add_length (s, TOKEN_BE, width, addend);
}

bool
shape_add_time (struct shape *s, unsigned width)
{
  uint8_t token = (uint8_t) (TOKEN_TIME | width);

  return append (s, &token, 1);
}

bool
shape_equal (const struct shape *a, const struct shape *b)
{
  return a->len == b->len && memcmp (a->tokens, b->tokens, a->len) == 0;
}

/* Bounded so that sums of lengths cannot overflow. */
#define ADDEND_BITS 49

static bool
parse_addend (const uint8_t **p, const uint8_t *end, uint64_t *addend)
{
  *addend = 0;
  for (unsigned shift = 0; shift < ADDEND_BITS && *p < end; shift += 7) {
    uint8_t byte = *(*p)++;

    *addend |= (uint64_t) (byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return byte != 0 || shift == 0; /* as short as can be, like all varints */
  }
  return false;
}

/* Parse the token at *p, which moves on; false if malformed. */
static bool
parse_token (const uint8_t **p, const uint8_t *end, struct shape_token *t)
{
  uint8_t byte = *(*p)++;

  *t = (struct shape_token){ .kind = byte & TOKEN_KIND, .width = byte & TOKEN_WIDTH };
  if (byte <= TOKEN_BYTES_MAX) {
    if (byte == 0 || byte > end - *p)
      return false;
    *t = (struct shape_token){ .kind = 0, .width = byte, .bytes = *p };
    *p += byte;
    return true;
  }
  if (t->width > 8 || (t->width == 0 && t->kind != TOKEN_VINT))
    return false;
  if (t->kind == TOKEN_TIME)
    return true;
  if (t->kind != TOKEN_VINT && t->kind != TOKEN_BE)
    return false;
  return parse_addend (p, end, &t->addend);
}

int
shape_parse (const struct shape *s, struct shape_token *tokens)
{
  const uint8_t *p = s->tokens, *end = s->tokens + s->len;
  unsigned most = 0;
  int n = 0;

  if (s->len > SHAPE_MAX_TOKENS)
    return -1;
  for (; p < end; n++) {
    if (!parse_token (&p, end, &tokens[n]))
      return -1;
    most += tokens[n].width ? tokens[n].width : 8;
  }
  return most <= SHAPE_MAX_HEADER ? n : -1;
}

bool
shape_has_time (const struct shape *s)
{
  struct shape_token tokens[SHAPE_MAX_TOKENS];
  int n = shape_parse (s, tokens);

  for (int i = 0; i < n; i++)
    if (tokens[i].kind == TOKEN_TIME)
      return true;
  return false;
}

bool
shape_is_valid (const struct shape *s)
{
  struct shape_token tokens[SHAPE_MAX_TOKENS];

  return shape_parse (s, tokens) >= 0;
}

/* The largest value of an EBML variable-size integer, RFC 8794 §4.4: all ones is
 * reserved for "unknown".
 */
static uint64_t
vint_max (unsigned width)
{
  return (UINT64_C (1) << (7 * width)) - 2;
}

static void
put_be (uint8_t *p, unsigned width, uint64_t v)
{
  for (unsigned i = width; i-- > 0; v >>= 8)
    p[i] = (uint8_t) v;
}

/* Write the field of one token so that it ends at `end`; its width, or -1. */
static int
render_token (const struct shape_token *t, uint64_t behind, int64_t time, uint8_t *end)
{
  uint64_t v = behind + t->addend;
  unsigned width = t->width;

  switch (t->kind) {
  case TOKEN_VINT:
    if (width == 0)
      for (width = 1; width < 8 && v > vint_max (width); width++)
        ;
    if (v > vint_max (width))
      return -1;
    put_be (end - width, width, v | UINT64_C (1) << (7 * width));
    break;
  case TOKEN_BE:
    if (width < 8 && v >> (8 * width) != 0)
      return -1;
    put_be (end - width, width, v);
    break;
  case TOKEN_TIME:
    put_be (end - width, width, (uint64_t) time);
    break;
  default:
    memcpy (end - width, t->bytes, width);
  }
  return (int) width;
}

int
shape_render_tokens (const struct shape_token *tokens, int n, uint64_t covered,
                     int64_t time, uint8_t *out)
{
  uint8_t header[SHAPE_MAX_HEADER];
  size_t len = 0;

  for (int i = n - 1; i >= 0; i--) {
    int width =
      render_token (&tokens[i], covered + len, time, header + sizeof header - len);

    if (width < 0)
      return -1;
    len += (size_t) width;
  }
  memcpy (out, header + sizeof header - len, len);
  return (int) len;
}

int
shape_render (const struct shape *s, uint64_t covered, int64_t time, uint8_t *out)
{
  struct shape_token tokens[SHAPE_MAX_TOKENS];
  int n = shape_parse (s, tokens);

  return shape_render_tokens (tokens, n, covered, time, out);
}
