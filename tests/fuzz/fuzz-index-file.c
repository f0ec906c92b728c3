/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as what an index says behind its sources (views and anchors), with a checksum that
 * is right: what is taken of it is within bounds, and can be demuxed, whatever it claims.
 *
 * The first byte says whether the input takes the place of the whole file instead.
 */
#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "bytes.h"
#include "cleanup.h"
#include "index_file.h"
#include "view.h"

#undef NDEBUG
#define assert_true assert
#define assert_int_equal(a, b) assert ((a) == (b))
#include "make-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char disc[] = "/tmp/mkvdup-fuzz.XXXXXX";
static const char *const sources[] = { disc };
static const struct indexed_disc_options options = { .sources = sources,
                                                     .n_sources = 1,
                                                     .threads = 1 };
static int file = -1;
static char path[64];
static struct buffer head = BUFFER_INIT; /* of a right index */

static void
remove_disc (void)
{
  unlink (disc);
}

static void
put_u64 (struct buffer *b, uint64_t n)
{
  uint8_t bytes[8];

  put_le64 (bytes, n);
  buffer_append (b, bytes, sizeof bytes);
}

static void
put_u32 (struct buffer *b, uint32_t n)
{
  uint8_t bytes[4];

  put_le32 (bytes, n);
  buffer_append (b, bytes, sizeof bytes);
}

/* As index_file.h has it, up to the numbers of views and anchors, which are the input's. */
static void
make_head (const struct indexed_disc *d)
{
  const struct index_source *s = &d->index.sources[0];

  buffer_append (&head, "MKVDUPIX", 8);
  put_u32 (&head, (uint32_t) strlen (PACKAGE_STRING));
  buffer_append (&head, PACKAGE_STRING, strlen (PACKAGE_STRING));
  put_u32 (&head, 1);
  put_u32 (&head, 0); /* patched */
  put_u64 (&head, 0);
  put_u32 (&head, (uint32_t) strlen (s->file->relative));
  buffer_append (&head, s->file->relative, strlen (s->file->relative));
  put_u64 (&head, s->id.ino);
  put_u64 (&head, s->id.size);
  put_u64 (&head, (uint64_t) s->id.mtime_ns);
  put_u64 (&head, (uint64_t) s->id.ctime_ns);
  for (int i = 0; i < 6; i++)
    put_u64 (&head, 0);
}

#define COUNTS_AT (8 + 4 + sizeof PACKAGE_STRING - 1 + 4)

static void
start (void)
{
  CLEANUP_BUFFER struct buffer packs = BUFFER_INIT;
  struct indexed_disc d;
  struct error err = ERROR_INIT;
  int fd = mkstemp (disc);

  for (int i = 0; i < 40; i++)
    put_video_pack (&packs);
  assert (fd >= 0 && write (fd, packs.data, packs.len) == (ssize_t) packs.len);
  close (fd);
  atexit (remove_disc);
  file = memfd_create ("index", MFD_CLOEXEC);
  snprintf (path, sizeof path, "/proc/self/fd/%d", file);
  assert (indexed_disc_find (&d, &options, &err) == 0);
  assert (indexed_disc_build (&d, &options, &err) == 0);
  make_head (&d);
  indexed_disc_free (&d);
}

/* All that is read of a view by a matcher. */
static void
look (struct indexed_disc *d)
{
  struct view_reader *views = view_reader_new (&d->index);
  uint8_t buf[4096];

  assert (views);
  for (uint32_t i = 0; i < d->index.n_views; i++) {
    uint64_t len = d->index.views[i].len;

    for (uint64_t at = 0, n = 0; at < len && n < 16; at += len / 16 + 1, n++)
      view_read (views, i, at, buf, sizeof buf);
  }
  for (size_t i = 0; i < d->index.anchors.n && i < 64; i++)
    view_read (views, d->index.anchors.anchors[i].view, d->index.anchors.anchors[i].at,
               buf, ANCHOR_WINDOW);
  view_reader_free (views);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_BUFFER struct buffer all = BUFFER_INIT;
  struct indexed_disc d;
  struct error err = ERROR_INIT;

  if (file == -1)
    start ();
  if (size < 13)
    return 0;
  if (data[0] == 0)
    buffer_append (&all, data + 1, size - 1);
  else {
    buffer_append (&all, head.data, head.len);
    memcpy (all.data + COUNTS_AT, data + 1, 12);
    buffer_append (&all, data + 13, size - 13);
  }
  put_u64 (&all, XXH3_64bits (all.data, all.len));
  assert (ftruncate (file, 0) == 0);
  assert (pwrite (file, all.data, all.len, 0) == (ssize_t) all.len);
  assert (indexed_disc_find (&d, &options, &err) == 0);
  if (index_file_read (&d, path, &err) == 1)
    look (&d);
  indexed_disc_free (&d);
  return 0;
}
