/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that are the same in every run: splitmix64. */
#ifndef MKVDUP_TEST_RNG_H
#define MKVDUP_TEST_RNG_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
rng_next (uint64_t *state)
{
  uint64_t z = *state += UINT64_C (0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* 0 … n - 1, n > 0 */
static inline uint64_t
rng_below (uint64_t *state, uint64_t n)
{
  return rng_next (state) % n;
}

/* low … high, both included */
static inline uint64_t
rng_between (uint64_t *state, uint64_t low, uint64_t high)
{
  return low + rng_below (state, high - low + 1);
}

static inline void
rng_fill (uint64_t *state, uint8_t *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    bytes[i] = (uint8_t) (rng_next (state) >> 56);
}

#endif /* MKVDUP_TEST_RNG_H */
