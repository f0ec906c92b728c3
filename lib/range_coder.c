/* SPDX-License-Identifier: BSD-3-Clause */
/* The range coder: see range_coder.h. */
#include "config.h"

#include "range_coder.h"

struct range_coder
range_encoder (struct buffer *out)
{
  return (struct range_coder){ .high = UINT32_MAX, .out = out };
}

void
range_encoder_finish (struct range_coder *c)
{
  /* The first bytes of low and high differ, and zeros follow. */
  if (c->low > 0)
    buffer_u8 (c->out, (uint8_t) ((c->low >> 24) + 1));
}

/* The next byte of input; behind its end there are zeros. */
static uint8_t
next_byte (struct range_coder *c)
{
  if (c->in.p < c->in.end)
    return *c->in.p++;
  c->missing++;
  return 0;
}

struct range_coder
range_decoder (const uint8_t *data, size_t len)
{
  struct range_coder c = { .high = UINT32_MAX, .in = reader_init (data, len) };

  for (unsigned i = 0; i < sizeof c.code; i++)
    c.code = c.code << 8 | next_byte (&c);
  return c;
}

bool
range_decoder_finished (const struct range_coder *c)
{
  return c->in.p == c->in.end && c->missing <= sizeof c->code;
}

void
range_coder_shift (struct range_coder *c)
{
  while ((c->low ^ c->high) >> 24 == 0) {
    if (c->out)
      buffer_u8 (c->out, (uint8_t) (c->low >> 24));
    else
      c->code = c->code << 8 | next_byte (c);
    c->low <<= 8;
    c->high = c->high << 8 | 0xff;
  }
}

uint64_t
range_code_number (struct range_coder *c, struct range_number *m, uint64_t v)
{
  uint64_t n = v + 1, got = 1;
  unsigned digits = 63 - (unsigned) __builtin_clzll (n | 1), known = 1, i = 0;

  while (i < RANGE_DIGITS && range_code_bit (c, &m->more[i], i < digits))
    i++;
  digits = i;
  while (i-- > 0) {
    bool bit = n >> i & 1;

    if (known < 8) {
      bit = range_code_bit (c, &m->digit[digits][known], bit);
      known = known << 1 | bit;
    }
    else
      bit = range_code (c, 0x8000, bit);
    got = got << 1 | bit;
  }
  return got - 1;
}

int64_t
range_code_signed (struct range_coder *c, struct range_sign *sign,
                   struct range_number *magnitude, int64_t v)
{
  uint64_t n = v < 0 ? -(uint64_t) v : (uint64_t) v;
  bool negative;

  if (range_code_bit (c, &sign->zero, v == 0))
    return 0;
  negative = range_code_bit (c, &sign->negative, v < 0);
  n = range_code_number (c, magnitude, n - 1) + 1;
  return negative ? -(int64_t) n : (int64_t) n;
}
