/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader of EROFS for tests, which shares nothing with lib/erofs.c: inodes by number,
 * names by halving as the kernel searches them.  What is not as the format wants it fails
 * the test.
 */
#ifndef MKVDUP_TESTS_READ_EROFS_H
#define MKVDUP_TESTS_READ_EROFS_H

#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "whole_io.h"

#define BLOCK 4096u

static inline void
read_disk (int fd, void *buf, size_t n, uint64_t at)
{
  struct error err = ERROR_INIT;

  if (read_all (fd, buf, n, at, "disk", &err) == -1)
    fail_msg ("%s", err.text);
}

struct inode {
  uint64_t nid, size, block;
  int64_t mtime;
  uint32_t mode, links, uid, gid, ino, mtime_nsec;
};

static inline struct inode
read_inode (int fd, uint64_t nid)
{
  uint8_t b[64];

  read_disk (fd, b, sizeof b, nid * 32);
  assert_int_equal (get_le16 (b), 1);     /* extended, plain */
  assert_int_equal (get_le16 (b + 2), 0); /* no attributes */
  assert_int_equal (get_le16 (b + 6), 0);
  for (size_t i = 48; i < sizeof b; i++)
    assert_int_equal (b[i], 0);
  return (struct inode){
    .nid = nid,
    .mode = get_le16 (b + 4),
    .size = get_le64 (b + 8),
    .block = get_le32 (b + 16),
    .ino = get_le32 (b + 20),
    .uid = get_le32 (b + 24),
    .gid = get_le32 (b + 28),
    .mtime = (int64_t) get_le64 (b + 32),
    .mtime_nsec = get_le32 (b + 40),
    .links = get_le32 (b + 44),
  };
}

/* A block of a directory. */
struct dirents {
  uint8_t bytes[BLOCK];
  size_t used; /* bytes of it that belong to the directory */
  uint32_t n;
};

struct dirent {
  const char *name; /* in the block */
  size_t len;
  uint64_t nid;
  uint32_t type;
};

static inline void
read_dirents (int fd, const struct inode *dir, uint64_t number, struct dirents *d)
{
  uint64_t left = dir->size - number * BLOCK;

  read_disk (fd, d->bytes, BLOCK, (dir->block + number) * BLOCK);
  d->used = left < BLOCK ? (size_t) left : BLOCK;
  d->n = get_le16 (d->bytes + 8) / 12;
  assert_int_equal (get_le16 (d->bytes + 8) % 12, 0);
  assert_in_range (d->n, 1, BLOCK / 12 - 1);
}

static inline struct dirent
dirent_at (const struct dirents *d, uint32_t i)
{
  const uint8_t *b = d->bytes + (size_t) i * 12;
  size_t at = get_le16 (b + 8);
  size_t end = i + 1 < d->n ? get_le16 (b + 12 + 8) : BLOCK;
  struct dirent e = { (const char *) d->bytes + at, 0, get_le64 (b), b[10] };

  assert_int_equal (b[11], 0);
  assert_true (at < end && end <= BLOCK);
  e.len = strnlen (e.name, end - at);
  assert_true (i + 1 == d->n || e.len == end - at);
  assert_in_range (e.len, 1, 255);
  return e;
}

/* As strcmp, of bytes. */
static inline int
compare (const char *name, size_t len, const struct dirent *e)
{
  int r = memcmp (name, e->name, len < e->len ? len : e->len);

  return r ? r : (len > e->len) - (len < e->len);
}

/* Halving: the last block whose first name is not behind `name`, and then in there.
 * The NID; 0 if there is no such name.
 */
static inline uint64_t
look_up (int fd, const struct inode *dir, const char *name, size_t len)
{
  uint64_t low = 0, high = (dir->size + BLOCK - 1) / BLOCK;
  struct dirents d;
  uint32_t first = 0, end;

  while (high - low > 1) {
    uint64_t middle = (low + high) / 2;
    struct dirent e;

    read_dirents (fd, dir, middle, &d);
    e = dirent_at (&d, 0);
    if (compare (name, len, &e) < 0)
      high = middle;
    else
      low = middle;
  }
  read_dirents (fd, dir, low, &d);
  for (end = d.n; first < end;) {
    uint32_t middle = (first + end) / 2;
    struct dirent e = dirent_at (&d, middle);
    int r = compare (name, len, &e);

    if (r == 0)
      return e.nid;
    if (r < 0)
      end = middle;
    else
      first = middle + 1;
  }
  return 0;
}

/* CRC-32C, inverted at the end as it usually is. */
static inline uint32_t
crc32c (const uint8_t *p, size_t n)
{
  uint32_t crc = UINT32_MAX;

  for (size_t i = 0; i < n * 8; i++) {
    uint32_t bit = (crc ^ p[i / 8] >> i % 8) & 1;

    crc = crc >> 1 ^ (bit ? 0x82F63B78u : 0);
  }
  return ~crc;
}

#endif /* MKVDUP_TESTS_READ_EROFS_H */
