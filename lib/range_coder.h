/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A range coder over adaptive bits: yes-or-no decisions, each costing what its model
 * thought it was worth, packed to a fraction of a bit.
 *
 * One set of functions codes in both directions.  Encoding, they write the value they are
 * given and return it; decoding, they return what was written, whatever they are given.
 * So a model is written down once, and encoder and decoder cannot disagree about it.
 *
 * A model starts as all zeros.  It learns from each bit, quickly at first: the columns here
 * are short.  docs/format.md, "Range coding", is normative.
 *
 * Decided against: carries (a third of the code for a thousandth of the size), and
 * mixing several models (a tenth smaller, ten times slower).
 *
 * Thread safety: none; a coder and its models belong to one thread.
 */
#ifndef MKVDUP_RANGE_CODER_H
#define MKVDUP_RANGE_CODER_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

struct range_coder {
  uint32_t low, high; /* what is coded lies in [low, high] */
  uint32_t code;      /* decoding: the next four bytes */
  struct buffer *out; /* encoding: borrowed; NULL when decoding */
  struct reader in;   /* decoding */
  size_t missing;     /* bytes asked for behind the end of the input, which are zeros */
};

/* Encode to the end of `out`.  Out of memory shows as out->failed. */
struct range_coder range_encoder (struct buffer *out);

/* Write what is still due: a byte at most. */
void range_encoder_finish (struct range_coder *c);

/* Decode `len` bytes at `data`, which are borrowed. */
struct range_coder range_decoder (const uint8_t *data, size_t len);

/* Was exactly what there was needed to decode what was decoded? */
bool range_decoder_finished (const struct range_coder *c);

/* What is thought of a bit. */
struct range_bit {
  int16_t lean; /* towards 1; the probability of a 1 is (0x8000 + lean) / 0x10000 */
  uint8_t seen; /* bits so far, up to what matters */
};

/* A model moves by 1/2 of the way to what a bit was, then 1/4 and 1/8, twice and four times,
 * and from the eighth bit on by 1/16: streams change their ways every few hundred packets.
 */
#define RANGE_SEEN_ALL 7

/* Drop the first bytes that low and high have in common. */
void range_coder_shift (struct range_coder *c);

/* Code a bit that is 1 with probability p / 0x10000. */
static inline bool
range_code (struct range_coder *c, uint32_t p, bool bit)
{
  uint32_t middle = c->low + (uint32_t) ((uint64_t) (c->high - c->low) * p >> 16);

  if (!c->out)
    bit = c->code <= middle;
  if (bit)
    c->high = middle;
  else
    c->low = middle + 1;
  if ((c->low ^ c->high) >> 24 == 0)
    range_coder_shift (c);
  return bit;
}

static inline bool
range_code_bit (struct range_coder *c, struct range_bit *m, bool bit)
{
  unsigned rate = 32 - (unsigned) __builtin_clz (m->seen + 1U);
  int32_t p = 0x8000 + m->lean;

  bit = range_code (c, (uint32_t) p, bit);
  p += bit ? (0xffff - p) >> rate : -(p >> rate);
  m->lean = (int16_t) (p - 0x8000);
  m->seen = (uint8_t) (m->seen + (m->seen < RANGE_SEEN_ALL));
  return bit;
}

/* Numbers up to RANGE_MAX_NUMBER: how many binary digits in unary, then the digits, of
 * which the first three have models.
 */
#define RANGE_DIGITS 48
#define RANGE_MAX_NUMBER ((UINT64_C (1) << (RANGE_DIGITS + 1)) - 2)

struct range_number {
  struct range_bit more[RANGE_DIGITS];
  struct range_bit digit[RANGE_DIGITS + 1][8];
};

uint64_t range_code_number (struct range_coder *c, struct range_number *m, uint64_t v);

/* Numbers of either sign, of a magnitude up to that. */
struct range_sign {
  struct range_bit zero, negative;
};

int64_t range_code_signed (struct range_coder *c, struct range_sign *sign,
                           struct range_number *magnitude, int64_t v);

#endif /* MKVDUP_RANGE_CODER_H */
