/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/range_coder.c: what is coded comes back, and costs what it should. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "range_coder.h"
#include "rng.h"

#define MODELS 5

struct either {
  struct range_sign sign;
  struct range_number magnitude;
};

/* Everything that can be coded with, and something to code. */
struct models {
  struct range_bit bit[MODELS];
  struct range_number number[MODELS];
  struct either either[MODELS];
};

enum kind {
  BIT,
  PLAIN,
  NUMBER,
  SIGNED,
  KINDS
};

struct item {
  enum kind kind;
  unsigned model;
  uint32_t p; /* PLAIN: of 0x10000 */
  int64_t value;
};

static struct item
random_item (uint64_t *rng)
{
  struct item it = { .kind = (enum kind) rng_below (rng, KINDS),
                     .model = (unsigned) rng_below (rng, MODELS),
                     .p = (uint32_t) rng_between (rng, 1, 0xffff) };
  uint64_t bits = rng_below (rng, 50);

  switch (it.kind) {
  case BIT:
    it.value = rng_below (rng, 1 + 3 * it.model) == 0;
    break;
  case PLAIN:
    it.value = rng_below (rng, 0x10000) < it.p;
    break;
  default:
    /* Of every magnitude, the largest too. */
    it.value = (int64_t) rng_below (rng, UINT64_C (1) << bits);
    if (bits == 49)
      it.value = (int64_t) RANGE_MAX_NUMBER;
    if (it.kind == SIGNED && rng_below (rng, 2))
      it.value = -it.value;
  }
  return it;
}

static int64_t
code_item (struct range_coder *c, struct models *m, const struct item *it, int64_t value)
{
  switch (it->kind) {
  case BIT:
    return range_code_bit (c, &m->bit[it->model], value);
  case PLAIN:
    return range_code (c, it->p, value);
  case NUMBER:
    return (int64_t) range_code_number (c, &m->number[it->model], (uint64_t) value);
  default:
    return range_code_signed (c, &m->either[it->model].sign,
                              &m->either[it->model].magnitude, value);
  }
}

static void
test_round_trips (void **state)
{
  uint64_t rng = 1;

  (void) state;
  for (int i = 0; i < 300; i++) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
    static struct models coding, decoding;
    static struct item items[2000];
    size_t n = rng_below (&rng, i % 2 ? 10 : 2000);
    struct range_coder c = range_encoder (&b);

    memset (&coding, 0, sizeof coding);
    memset (&decoding, 0, sizeof decoding);
    for (size_t k = 0; k < n; k++) {
      items[k] = random_item (&rng);
      assert_true (code_item (&c, &coding, &items[k], items[k].value) == items[k].value);
    }
    range_encoder_finish (&c);
    c = range_decoder (b.data, b.len);
    for (size_t k = 0; k < n; k++)
      assert_true (code_item (&c, &decoding, &items[k], -1) == items[k].value);
    assert_true (range_decoder_finished (&c));
    assert_memory_equal (&coding, &decoding, sizeof coding);
  }
}

/* Low and high may come as near as two: what is coded then costs, but comes back. */
static void
test_narrow_intervals (void **state)
{
  struct range_coder narrow[] = { { .low = 0x00ffffff, .high = 0x01000000 },
                                  { .low = 0x7fffffff, .high = 0x80000000 },
                                  { .low = 0x12ffffff, .high = 0x13000001 } };

  (void) state;
  for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
    for (unsigned bits = 0; bits < 256; bits++) {
      CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
      struct range_coder c = narrow[i];

      c.out = &b;
      for (unsigned k = 0; k < 8; k++)
        range_code (&c, k % 2 ? 0xffff : 1, bits >> k & 1);
      range_encoder_finish (&c);
      c = range_decoder (b.data, b.len);
      c.low = narrow[i].low;
      c.high = narrow[i].high;
      for (unsigned k = 0; k < 8; k++)
        assert_int_equal (range_code (&c, k % 2 ? 0xffff : 1, false), bits >> k & 1);
    }
}

static void
check_bytes (struct range_coder *c, const char *bytes, size_t n)
{
  range_encoder_finish (c);
  assert_int_equal (c->out->len, n);
  assert_memory_equal (c->out->data, bytes, n);
  c->out->len = 0;
  *c = range_encoder (c->out);
}

#define CHECK_BYTES(c, bytes) check_bytes (c, bytes, sizeof (bytes) - 1)

/* As tests/format_layout.py reads them, too. */
static void
test_known_bytes (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct range_coder c = range_encoder (&b);
  struct range_number number = { 0 };
  struct either either = { 0 };
  struct range_bit bit = { 0 };

  (void) state;
  CHECK_BYTES (&c, "");
  range_code (&c, 0x8000, true);
  CHECK_BYTES (&c, "");
  range_code (&c, 0x8000, false);
  CHECK_BYTES (&c, "\x81");
  range_code (&c, 0x0100, false);
  CHECK_BYTES (&c, "\x02");
  range_code (&c, 1, true); /* two bytes in which nothing is left to say */
  CHECK_BYTES (&c, "\x00\x00");
  for (unsigned i = 0; i < 32; i++)
    range_code_bit (&c, &bit, i % 4 == 3);
  CHECK_BYTES (&c, "\xb8\x37\x05\x2c");
  for (uint64_t i = 0; i < 20; i++)
    range_code_number (&c, &number, i * i);
  CHECK_BYTES (&c, "\x98\xa9\x6f\xca\x73\xeb\xbc\x91\xe2\x60\x0f\xda\x23"
                   "\xb9\x21\x93\x9f\x02\x7b\x5a\x47\xec\xca\x46\x97\xb7");
  range_code_number (&c, &number, RANGE_MAX_NUMBER);
  range_code_number (&c, &number, RANGE_MAX_NUMBER - 1);
  CHECK_BYTES (&c, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                   "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7d");
  for (int64_t i = -6; i <= 6; i++)
    range_code_signed (&c, &either.sign, &either.magnitude, i);
  CHECK_BYTES (&c, "\x8b\x0c\xea\xd1\x9c\xd1\xf9\x68\x5a");
}

/* How a model learns: what is thought of a 1 after so many of them, then after a 0. */
static void
test_known_models (void **state)
{
  static const int32_t ones[] = {
    0xbfff, 0xcfff, 0xdbff, 0xe07f, 0xe46f, 0xe7e1, 0xeae4
  };
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct range_coder c = range_encoder (&b);
  struct range_bit m = { 0 };

  (void) state;
  for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
    range_code_bit (&c, &m, true);
    assert_int_equal (0x8000 + m.lean, ones[i]);
  }
  range_code_bit (&c, &m, false);
  assert_int_equal (0x8000 + m.lean, 0xeae4 - 0xeae4 / 16);
  assert_int_equal (m.seen, RANGE_SEEN_ALL);
  /* However sure, never certain. */
  for (int i = 0; i < 10000; i++)
    range_code_bit (&c, &m, true);
  assert_in_range (0x8000 + m.lean, 0xfff0, 0xffff);
  for (int i = 0; i < 10000; i++)
    range_code_bit (&c, &m, false);
  assert_in_range (0x8000 + m.lean, 1, 0xf);
}

/* Bytes missing or left over: that what is decoded needs as many. */
static void
test_finished (void **state)
{
  uint64_t rng = 2;

  (void) state;
  for (int i = 0; i < 200; i++) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
    struct range_coder c = range_encoder (&b);
    size_t n = 50 + rng_below (&rng, 100), shifted;

    for (size_t k = 0; k < n; k++)
      range_code (&c, 0x8000, rng_below (&rng, 2));
    shifted = b.len;
    range_encoder_finish (&c);
    assert_in_range (b.len - shifted, 0, 1);
    buffer_append (&b, "\0\0\0\0\0\0\0\0", 8);
    for (size_t len = 0; len <= b.len; len++) {
      c = range_decoder (b.data, len);
      for (size_t k = 0; k < n; k++)
        range_code (&c, 0x8000, false);
      /* As many bytes as were written are dropped, whatever the bits are: they cost one each. */
      assert_int_equal (range_decoder_finished (&c),
                        len >= shifted && len <= shifted + 4);
    }
  }
}

/* Bytes that n bits cost of which one in `rare` is a 1. */
static size_t
cost (size_t n, uint64_t rare)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct range_coder c = range_encoder (&b);
  struct range_bit m = { 0 };
  uint64_t rng = 3;

  for (size_t i = 0; i < n; i++)
    range_code_bit (&c, &m, rare && rng_below (&rng, rare) == 0);
  range_encoder_finish (&c);
  return b.len;
}

static void
test_costs (void **state)
{
  (void) state;
  /* What nobody doubts. */
  assert_in_range (cost (1000, 0), 0, 3);
  assert_in_range (cost (80000, 0), 0, 10);
  /* What they are worth, 1, 0.5436 and 0.1161 bits, and a bit in 30 for not knowing that. */
  assert_in_range (cost (80000, 2), 10000, 10000 + 80000 / 30 / 8);
  assert_in_range (cost (80000, 8), 5436, 5436 + 80000 / 30 / 8);
  assert_in_range (cost (80000, 64), 1161, 1161 + 80000 / 30 / 8);
}

/* A number that is always the same costs nothing in the end; any number, its digits twice. */
static void
test_costs_of_numbers (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;
  struct range_coder c = range_encoder (&b);
  struct range_number m = { 0 };

  (void) state;
  for (int i = 0; i < 1000; i++)
    range_code_number (&c, &m, 6);
  assert_in_range (b.len, 0, 8);
  for (unsigned digits = 0; digits < 49; digits++) {
    struct range_number fresh = { 0 };
    size_t before = b.len;

    range_code_number (&c, &fresh, (UINT64_C (1) << digits) - 1);
    assert_in_range (b.len - before, 0, (2 * digits + 1) / 8 + 1);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_round_trips),      cmocka_unit_test (test_narrow_intervals),
    cmocka_unit_test (test_known_bytes),      cmocka_unit_test (test_known_models),
    cmocka_unit_test (test_finished),         cmocka_unit_test (test_costs),
    cmocka_unit_test (test_costs_of_numbers),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
