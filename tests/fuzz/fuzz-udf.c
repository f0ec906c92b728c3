/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as the file system of an image: what is listed lies in the image, within
 * bounds, and the library that reads it survives; and a demuxer is found for it if one of its files
 * begins like a stream.  (demux.c is built for this with smaller limits.)
 *
 * The input is the blocks that are not all zeros: LBA and length (16 bits each, big-endian),
 * then the bytes, zeros at the block's end left out.  Checksums of descriptors are made
 * right, or mutations would come no further than to them.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "demux.h"
#include "image_files.h"

#define BLOCK 2048
#define FIRST_DESCRIPTOR 32 /* before it is the volume recognition sequence */
#define TAG_SIZE 16

/* The limits that demux.c is built with (common.mk). */
#define LARGE 2048 /* bytes of an image whose files are looked at, … */
#define MOST_FILES 64
#define FRONT 2048 /* … and of each, from its first extent */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
const char *__asan_default_options (void);

/* The library asks for up to 1 GiB before it knows whether there is so much to read, which
 * costs AddressSanitizer a tenth of a second each time: it does not get it here.
 */
const char *
__asan_default_options (void)
{
  return "allocator_may_return_null=1:max_allocation_size_mb=64:quarantine_size_mb=16";
}

static void
require (int ok)
{
  if (!ok)
    abort ();
}

static void
mend_checksum (uint8_t *tag)
{
  uint8_t sum = 0;

  for (size_t i = 0; i < TAG_SIZE; i++)
    sum = (uint8_t) (sum + (i == 4 ? 0 : tag[i]));
  tag[4] = sum;
}

/* The image that the input stands for; *blocks is its size. */
static int
make_image (const uint8_t *data, size_t size, uint64_t *blocks)
{
  int fd = memfd_create ("image", MFD_CLOEXEC);

  require (fd >= 0);
  *blocks = 0;
  while (size >= 4) {
    uint8_t block[BLOCK] = { 0 };
    uint64_t lba = get_be16 (data);
    size_t len = get_be16 (data + 2);

    data += 4;
    size -= 4;
    len = len < size ? len : size;
    len = len < BLOCK ? len : BLOCK;
    if (len)
      memcpy (block, data, len);
    data += len;
    size -= len;
    if (lba >= FIRST_DESCRIPTOR)
      mend_checksum (block);
    require (pwrite (fd, block, BLOCK, (off_t) lba * BLOCK) == BLOCK);
    if (*blocks <= lba)
      *blocks = lba + 1;
  }
  return fd;
}

/* Returns how many extents. */
static size_t
check_file (const struct image_file *f, uint64_t image_size)
{
  uint64_t total = 0;

  require (f->path != NULL);
  for (size_t i = 0; i < f->n_extents; i++) {
    const struct image_extent *e = &f->extents[i];

    require (e->len > 0 && e->offset < image_size && e->len <= image_size - e->offset);
    require (i == 0 || e[-1].offset + e[-1].len != e->offset);
    total += e->len;
  }
  require (total <= f->size);
  return f->n_extents;
}

/* What its first bytes are looked at for. */
static bool
begins_like_a_stream (int fd, const struct image_file *f)
{
  size_t len = f->extents[0].len < FRONT ? f->extents[0].len : FRONT;
  uint64_t offset = f->extents[0].offset;
  uint8_t *front = malloc (len);
  bool is_stream;

  require (front && pread (fd, front, len, (off_t) offset) == (ssize_t) len);
  is_stream =
    demuxer_ps.probe (front, len, offset) || demuxer_ts.probe (front, len, offset);
  free (front);
  return is_stream;
}

static void
check_demuxer (int fd, uint64_t size, const struct image_files *list)
{
  const struct demuxer *found;

  if (list->n_files == 0 || list->n_files > MOST_FILES || size <= LARGE)
    return;
  found = demuxer_for (fd, size);
  require (!found || found == &demuxer_ps || found == &demuxer_ts);
  for (size_t i = 0; !found && i < list->n_files; i++)
    require (list->files[i].n_extents == 0 ||
             !begins_like_a_stream (fd, &list->files[i]));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct error err = ERROR_INIT;
  struct image_files list;
  uint64_t blocks;
  int fd = make_image (data, size, &blocks);
  size_t n_extents = 0;

  require (image_files_read (&list, fd, blocks * BLOCK, &err) == 0);
  require (list.n_files <= IMAGE_FILES_MAX);
  for (size_t i = 0; i < list.n_files; i++)
    n_extents += check_file (&list.files[i], blocks * BLOCK);
  require (n_extents <= IMAGE_EXTENTS_MAX);
  check_demuxer (fd, blocks * BLOCK, &list);
  image_files_free (&list);
  close (fd);
  return 0;
}
