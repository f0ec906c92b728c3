/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What files on disks made by tests hold: bytes that can be told apart by file and by
 * offset, each by itself.  Of a large file only both ends are written, and what is between
 * them is a hole, so that one of terabytes costs nothing.
 */
#ifndef MKVDUP_TESTS_DISK_CONTENT_H
#define MKVDUP_TESTS_DISK_CONTENT_H

#include <stdint.h>

#include "rng.h"
#include "whole_io.h"

#define CONTENT_WHOLE (1u << 20) /* bytes; larger files have a hole */
#define CONTENT_END (1u << 16)   /* bytes before and behind it */

static inline uint8_t
content_byte (uint64_t seed, uint64_t offset)
{
  uint64_t state = seed + offset;

  return (uint8_t) rng_next (&state);
}

static inline int
content_write_range (int fd, uint64_t at, uint64_t seed, uint64_t from, uint64_t to,
                     const char *path, struct error *err)
{
  static uint8_t bytes[CONTENT_WHOLE];

  for (uint64_t i = from; i < to; i++)
    bytes[i - from] = content_byte (seed, i);
  return write_all (fd, bytes, to - from, at + from, path, err);
}

/* Write a file of `size` bytes that stands at `at`. */
static inline int
content_write (int fd, uint64_t at, uint64_t seed, uint64_t size, const char *path,
               struct error *err)
{
  if (size <= CONTENT_WHOLE)
    return content_write_range (fd, at, seed, 0, size, path, err);
  if (content_write_range (fd, at, seed, 0, CONTENT_END, path, err) == -1)
    return -1;
  return content_write_range (fd, at, seed, size - CONTENT_END, size, path, err);
}

#endif /* MKVDUP_TESTS_DISK_CONTENT_H */
