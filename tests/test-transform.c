/* SPDX-License-Identifier: BSD-3-Clause */
/* Transforms: known answers, and what every one of them has to be. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "segment.h"

static void
expect (enum transform_kind kind, const char *in, const char *out)
{
  uint8_t data[64];
  size_t len = strlen (in);

  memcpy (data, in, len);
  data[len] = '!';
  transform_apply (kind, data, len);
  assert_memory_equal (data, out, len);
  assert_int_equal (data[len], '!');
}

static void
test_known (void **state)
{
  (void) state;
  expect (TRANSFORM_NONE, "abcdef", "abcdef");
  expect (TRANSFORM_SWAP16, "abcdef", "badcfe");
  expect (TRANSFORM_SWAP24, "abcdef", "cbafed");
  expect (TRANSFORM_SWAP32, "abcdefgh", "dcbahgfe");
}

/* Units lie side by side: a run is its units one by one, wherever it starts. */
static void
test_units (void **state)
{
  uint8_t whole[240 + 1], single[240 + 1], in[240 + 1];

  (void) state;
  for (int kind = TRANSFORM_NONE; kind < TRANSFORM_KINDS; ++kind) {
    unsigned unit = transform_unit (kind);

    assert_true (unit >= 1 && unit <= 16);
    assert_int_equal (240 % unit, 0);
    for (size_t i = 0; i < sizeof in; ++i)
      in[i] = whole[i] = single[i] = (uint8_t) (i * 7 + 3);
    transform_apply (kind, whole + 1, 240);
    for (size_t i = 0; i < 240; i += unit)
      transform_apply (kind, single + 1 + i, unit);
    assert_memory_equal (whole, single, sizeof whole);
    if (kind != TRANSFORM_NONE)
      assert_memory_not_equal (whole, in, sizeof whole);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_known),
    cmocka_unit_test (test_units),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
