/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images with a UDF file system, put together descriptor by descriptor (ECMA-167 parts 3
 * and 4, OSTA UDF 2.60): whatever a test needs, right or wrong.  Checksums of tags are
 * made; their CRCs are not.
 */
#ifndef MKVDUP_TESTS_MAKE_UDF_H
#define MKVDUP_TESTS_MAKE_UDF_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buffer.h"
#include "bytes.h"

#define UDF_BLOCK 2048
#define UDF_VOLUME 32     /* block of the volume descriptors … */
#define UDF_PARTITION 257 /* … and of the partition, in which all other blocks count */
#define UDF_ROOT 1        /* block of the root's file entry, behind the file set's */
#define UDF_FIRST_FREE 2  /* what a test may use */
#define UDF_ICB_MAX 1800  /* what has room in a file entry */

enum udf_tag {
  UDF_PRIMARY = 1,
  UDF_ANCHOR = 2,
  UDF_POINTER = 3,
  UDF_PARTITION_DESCRIPTOR = 5,
  UDF_LOGICAL = 6,
  UDF_TERMINATING = 8,
  UDF_FILE_SET = 256,
  UDF_FILE_IDENTIFIER = 257,
  UDF_ALLOCATION_EXTENT = 258,
  UDF_FILE_ENTRY = 261,
  UDF_EXTENDED_FILE_ENTRY = 266,
};

enum udf_type {
  UDF_DIRECTORY = 4,
  UDF_FILE = 5,
  UDF_METADATA = 250
};

/* How a file entry's allocation descriptors are. */
enum udf_form {
  UDF_SHORT = 0,
  UDF_INLINE = 3
};

static inline void
udf_put_le16 (uint8_t *p, unsigned v)
{
  p[0] = (uint8_t) v;
  p[1] = (uint8_t) (v >> 8);
}

static inline void
udf_put_le32 (uint8_t *p, uint32_t v)
{
  udf_put_le16 (p, v);
  udf_put_le16 (p + 2, v >> 16);
}

static inline void
udf_tag (uint8_t *p, enum udf_tag id)
{
  uint8_t sum = 0;

  udf_put_le16 (p, id);
  udf_put_le16 (p + 2, 2);
  p[4] = 0;
  for (int i = 0; i < 16; i++)
    sum = (uint8_t) (sum + p[i]);
  p[4] = sum;
}

static inline void
udf_write (int fd, uint32_t block, const void *data, size_t len)
{
  assert_int_equal (pwrite (fd, data, len, (off_t) block * UDF_BLOCK), (ssize_t) len);
}

/* A descriptor, its tag made. */
static inline void
udf_put (int fd, uint32_t block, enum udf_tag id, uint8_t *descriptor)
{
  udf_tag (descriptor, id);
  udf_write (fd, block, descriptor, UDF_BLOCK);
}

/* A short_ad, of extent type 0 to 3. */
static inline void
udf_short_ad (struct buffer *b, unsigned type, uint32_t len, uint32_t block)
{
  buffer_le32 (b, len | type << 30);
  buffer_le32 (b, block);
}

/* A file entry in a block of the partition; `ads` are its allocation descriptors, or what it holds. */
static inline void
udf_file_entry (int fd, uint32_t block, enum udf_type type, enum udf_form form,
                uint64_t size, const struct buffer *ads)
{
  uint8_t d[UDF_BLOCK] = { 0 };

  assert_true (ads->len <= UDF_ICB_MAX);
  d[20] = 4;
  d[27] = (uint8_t) type;
  d[34] = (uint8_t) form;
  udf_put_le32 (d + 56, (uint32_t) size);
  udf_put_le32 (d + 60, (uint32_t) (size >> 32));
  /* The extended kind has 40 bytes more in front. */
  udf_put_le32 (d + (type == UDF_METADATA ? 212 : 172), (uint32_t) ads->len);
  if (ads->len)
    memcpy (d + (type == UDF_METADATA ? 216 : 176), ads->data, ads->len);
  udf_put (fd, UDF_PARTITION + block,
           type == UDF_METADATA ? UDF_EXTENDED_FILE_ENTRY : UDF_FILE_ENTRY, d);
}

/* An entry of a directory: `name` has its file entry in `block` of partition map `map`. */
static inline void
udf_entry (struct buffer *dir, const char *name, bool directory, uint32_t block,
           unsigned map)
{
  uint8_t d[38 + 1 + 256 + 3] = { 0 };
  size_t n = strlen (name);

  assert_true (n < 255);
  d[18] = directory ? 2 : 0;
  d[19] = (uint8_t) (n + 1);
  udf_put_le32 (d + 20, UDF_BLOCK);
  udf_put_le32 (d + 24, block);
  udf_put_le16 (d + 28, map);
  d[38] = 8;
  memcpy (d + 39, name, n);
  udf_tag (d, UDF_FILE_IDENTIFIER);
  buffer_append (dir, d, (39 + n + 3) / 4 * 4);
}

/* A small directory, within its file entry. */
static inline void
udf_directory (int fd, uint32_t block, const struct buffer *dir)
{
  udf_file_entry (fd, block, UDF_DIRECTORY, UDF_INLINE, dir->len, dir);
}

/* A file with one extent. */
static inline void
udf_plain_file (int fd, uint32_t block, uint64_t size, uint32_t at)
{
  struct buffer ads = BUFFER_INIT;

  udf_short_ad (&ads, 0, (uint32_t) size, at);
  udf_file_entry (fd, block, UDF_FILE, UDF_SHORT, size, &ads);
  buffer_free (&ads);
}

/* The logical volume: file set and all below it are in partition map `map`, which for 1
 * is a metadata partition whose file entry is in block `metadata`.
 */
static inline void
udf_logical_volume (int fd, unsigned map, uint32_t metadata)
{
  uint8_t d[UDF_BLOCK] = { 0 };

  udf_put_le32 (d + 212, UDF_BLOCK);
  memcpy (d + 217, "*OSTA UDF Compliant", 19);
  udf_put_le32 (d + 248, UDF_BLOCK);
  udf_put_le16 (d + 256, map);
  udf_put_le32 (d + 264, map ? 70 : 6);
  udf_put_le32 (d + 268, map ? 2 : 1);
  d[440] = 1;
  d[441] = 6;
  if (map) {
    d[446] = 2;
    d[447] = 64;
    memcpy (d + 446 + 5, "*UDF Metadata Partition", 23);
    udf_put_le32 (d + 446 + 40, metadata);
    udf_put_le32 (d + 446 + 44, metadata);
  }
  udf_put (fd, UDF_VOLUME + 1, UDF_LOGICAL, d);
}

/* The file set descriptor, in an absolute block; its root is UDF_ROOT of `map`. */
static inline void
udf_file_set (int fd, uint32_t block, unsigned map)
{
  uint8_t d[UDF_BLOCK] = { 0 };

  udf_put_le32 (d + 400, UDF_BLOCK);
  udf_put_le32 (d + 404, UDF_ROOT);
  udf_put_le16 (d + 408, map);
  udf_put (fd, block, UDF_FILE_SET, d);
}

/* An image of n blocks, all but the root directory. */
static inline int
udf_image (uint32_t n)
{
  static const char recognition[3][7] = { "\0BEA01\1", "\0NSR02\1", "\0TEA01\1" };
  uint8_t anchor[UDF_BLOCK] = { 0 }, primary[UDF_BLOCK] = { 0 };
  uint8_t partition[UDF_BLOCK] = { 0 }, end[UDF_BLOCK] = { 0 };
  int fd = memfd_create ("udf", MFD_CLOEXEC);

  assert_true (fd >= 0);
  assert_int_equal (ftruncate (fd, (off_t) n * UDF_BLOCK), 0);
  for (uint32_t i = 0; i < 3; i++)
    udf_write (fd, 16 + i, recognition[i], 7);
  udf_put_le32 (anchor + 16, 4 * UDF_BLOCK);
  udf_put_le32 (anchor + 20, UDF_VOLUME);
  udf_put (fd, 256, UDF_ANCHOR, anchor);
  udf_put (fd, UDF_VOLUME, UDF_PRIMARY, primary);
  udf_logical_volume (fd, 0, 0);
  udf_put_le32 (partition + 188, UDF_PARTITION);
  udf_put_le32 (partition + 192, n - UDF_PARTITION);
  udf_put (fd, UDF_VOLUME + 2, UDF_PARTITION_DESCRIPTOR, partition);
  udf_put (fd, UDF_VOLUME + 3, UDF_TERMINATING, end);
  udf_file_set (fd, UDF_PARTITION, 0);
  return fd;
}

#endif /* MKVDUP_TESTS_MAKE_UDF_H */
