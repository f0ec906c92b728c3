/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of made-up bytes for the tests of parsers: a buffer becomes a file without a
 * name, program streams are put together pack by pack.
 */
#ifndef MKVDUP_TESTS_MAKE_FILE_H
#define MKVDUP_TESTS_MAKE_FILE_H

#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"

/* A file descriptor of `b`'s bytes. */
static inline int
file_of (const struct buffer *b)
{
  int fd = memfd_create ("test", MFD_CLOEXEC);

  assert_true (fd >= 0);
  assert_int_equal (pwrite (fd, b->data, b->len, 0), (ssize_t) b->len);
  return fd;
}

static inline void
put_bytes (struct buffer *b, size_t n, uint8_t value)
{
  while (n--)
    buffer_u8 (b, value);
}

/* Bytes that differ and hold no start code: 0x10 to 0x8F. */
static inline void
put_payload (struct buffer *b, size_t n)
{
  static uint32_t x = 1;

  while (n--) {
    x = x * 1664525 + 1013904223;
    buffer_u8 (b, (uint8_t) (0x10 + (x >> 25)));
  }
}

static inline void
put_start_code (struct buffer *b, uint8_t id)
{
  buffer_append (b, "\0\0\1", 3);
  buffer_u8 (b, id);
}

static inline void
put_length (struct buffer *b, size_t n)
{
  buffer_u8 (b, (uint8_t) (n >> 8));
  buffer_u8 (b, (uint8_t) n);
}

static inline void
put_pack_header (struct buffer *b, unsigned stuffing)
{
  put_start_code (b, 0xBA);
  buffer_append (b, "\x44\x00\x04\x00\x04\x01\x00\x00\x03", 9);
  buffer_u8 (b, (uint8_t) (0xF8 | stuffing));
  put_bytes (b, stuffing, 0xFF);
}

/* The front of an MPEG-2 packet with n bytes of payload, and `extra` bytes of optional header. */
static inline void
put_packet_header (struct buffer *b, uint8_t id, size_t n, unsigned extra)
{
  put_start_code (b, id);
  put_length (b, 3 + extra + n);
  buffer_append (b, "\x81\x80", 2);
  buffer_u8 (b, (uint8_t) extra);
  put_bytes (b, extra, 0xFF);
}

/* A whole DVD pack of 2048 bytes with video in it. */
static inline void
put_video_pack (struct buffer *b)
{
  put_pack_header (b, 0);
  put_packet_header (b, 0xE0, 2048 - 14 - 9 - 5, 5);
  put_payload (b, 2048 - 14 - 9 - 5);
}

#endif /* MKVDUP_TESTS_MAKE_FILE_H */
