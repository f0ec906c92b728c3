/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * indexer/image_files.c: where the files of an image lie, whatever its file system says;
 * and that the demuxer for an image is found by them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "demux.h"
#include "image_files.h"
#include "make-file.h"
#include "make-udf.h"

#define N_BLOCKS 4000

/* The image's list as text: "PATH SIZE BLOCK+BYTES BLOCK+BYTES; …", blocks as those of the
 * partition.
 */
static void
check_list (int fd, uint64_t n_blocks, const char *want)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  struct error err = ERROR_INIT;
  struct image_files list;
  char part[400];

  assert_int_equal (image_files_read (&list, fd, n_blocks * UDF_BLOCK, &err), 0);
  for (size_t i = 0; i < list.n_files; i++) {
    const struct image_file *f = &list.files[i];

    snprintf (part, sizeof part, "%s%s %llu", i ? "; " : "", f->path,
              (unsigned long long) f->size);
    buffer_append (&text, part, strlen (part));
    for (size_t k = 0; k < f->n_extents; k++) {
      assert_int_equal (f->extents[k].offset % UDF_BLOCK, 0);
      snprintf (part, sizeof part, " %lld+%llu",
                (long long) (f->extents[k].offset / UDF_BLOCK) - UDF_PARTITION,
                (unsigned long long) f->extents[k].len);
      buffer_append (&text, part, strlen (part));
    }
  }
  buffer_u8 (&text, 0);
  image_files_free (&list);
  assert_string_equal ((const char *) text.data, want);
}

/* A root directory with one file, which has these allocation descriptors. */
static int
image_with_file (uint64_t size, const struct buffer *ads)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT;
  int fd = udf_image (N_BLOCKS);

  udf_entry (&root, "f", false, 2, 0);
  udf_directory (fd, UDF_ROOT, &root);
  udf_file_entry (fd, 2, UDF_FILE, UDF_SHORT, size, ads);
  return fd;
}

static void
check_file (uint64_t size, const struct buffer *ads, const char *want)
{
  CLEANUP_CLOSE int fd = image_with_file (size, ads);

  check_list (fd, N_BLOCKS, want);
}

static void
test_tree (void **state)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT, video = BUFFER_INIT,
                               inner = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);

  (void) state;
  udf_entry (&root, "z.bin", false, 2, 0);
  udf_entry (&root, "VIDEO_TS", true, 3, 0);
  udf_entry (&root, "a.bin", false, 4, 0);
  udf_directory (fd, UDF_ROOT, &root);
  udf_entry (&video, "VTS_01_1.VOB", false, 5, 0);
  udf_entry (&video, "inner", true, 6, 0);
  udf_entry (&video, "empty", false, 8, 0);
  udf_directory (fd, 3, &video);
  udf_entry (&inner, "gone", false, 9, 0); /* there is no file entry */
  udf_entry (&inner, "here", false, 7, 0);
  udf_directory (fd, 6, &inner);
  udf_plain_file (fd, 2, 1, 100);
  udf_plain_file (fd, 4, 2048, 101);
  udf_plain_file (fd, 5, 2000 * 2048 + 5, 1000);
  udf_plain_file (fd, 7, 6144, 200);
  udf_plain_file (fd, 8, 0, 0);
  check_list (fd, N_BLOCKS,
              "z.bin 1 100+1; VIDEO_TS/VTS_01_1.VOB 4096005 1000+4096005; "
              "VIDEO_TS/inner/here 6144 200+6144; VIDEO_TS/empty 0; a.bin 2048 101+2048");
}

/* A Blu-ray's: directories and file entries in a metadata partition, which is a file. */
static void
test_metadata_partition (void **state)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT, ads = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);
  const uint32_t metadata = 500;

  (void) state;
  udf_logical_volume (fd, 1, 40);
  udf_short_ad (&ads, 0, 20 * UDF_BLOCK, metadata);
  udf_file_entry (fd, 40, UDF_METADATA, UDF_SHORT, 20 * UDF_BLOCK, &ads);
  udf_file_set (fd, UDF_PARTITION + metadata, 1);
  udf_entry (&root, "00000.m2ts", false, 2, 1);
  udf_directory (fd, metadata + UDF_ROOT, &root);
  /* Its data is in the partition itself: the descriptors say so, where they can. */
  udf_plain_file (fd, metadata + 2, 6144 * 3, 1000);
  check_list (fd, N_BLOCKS, "00000.m2ts 18432 1000+18432");
}

static void
test_extents (void **state)
{
  CLEANUP_BUFFER struct buffer ads = BUFFER_INIT;

  (void) state;
  /* Joined where they follow each other; in the file's order, not the image's. */
  udf_short_ad (&ads, 0, 3 * UDF_BLOCK, 700);
  udf_short_ad (&ads, 0, UDF_BLOCK, 703);
  udf_short_ad (&ads, 0, 600 * UDF_BLOCK, 100);
  udf_short_ad (&ads, 0, UDF_BLOCK, 99);
  udf_short_ad (&ads, 0, 7, 2000);
  check_file (605 * UDF_BLOCK + 7, &ads, "f 1239047 700+8192 100+1228800 99+2048 2000+7");
  /* Not all of it is asked for, or more. */
  check_file (2 * UDF_BLOCK + 1, &ads, "f 4097 700+4097");
  check_file (700 * UDF_BLOCK, &ads, "f 1433600 700+8192 100+1228800 99+2048 2000+2048");
  /* Nothing behind a hole: allocated but not recorded, or neither. */
  for (unsigned type = 1; type <= 2; type++) {
    ads.len = 0;
    udf_short_ad (&ads, 0, 5 * UDF_BLOCK, 300);
    udf_short_ad (&ads, type, UDF_BLOCK, 400);
    udf_short_ad (&ads, 0, 5 * UDF_BLOCK, 500);
    check_file (11 * UDF_BLOCK, &ads, "f 22528 300+10240");
  }
}

/* Every length of a first extent, so that it ends at each place of a stride. */
static void
test_strides (void **state)
{
  (void) state;
  for (uint32_t n = 500; n <= 1030; n++) {
    CLEANUP_BUFFER struct buffer ads = BUFFER_INIT;
    char want[100];

    udf_short_ad (&ads, 0, n * UDF_BLOCK, 100);
    udf_short_ad (&ads, 0, 600 * UDF_BLOCK, 2000);
    snprintf (want, sizeof want, "f %u 100+%u 2000+%u", (n + 600) * UDF_BLOCK,
              n * UDF_BLOCK, 600U * UDF_BLOCK);
    check_file ((uint64_t) (n + 600) * UDF_BLOCK, &ads, want);
  }
}

/* Small extents in any order: the file returns to the line of its first one, 2 to 1100
 * blocks on.
 */
static void
test_returns (void **state)
{
  (void) state;
  for (uint32_t n = 2; n <= 1100; n++) {
    CLEANUP_BUFFER struct buffer ads = BUFFER_INIT;
    const uint32_t first = n < 120 ? n / 2 : 60;
    char want[200];

    udf_short_ad (&ads, 0, first * UDF_BLOCK, 100);
    udf_short_ad (&ads, 0, (n - first) * UDF_BLOCK, 2000);
    udf_short_ad (&ads, 0, 50 * UDF_BLOCK, 100 + n);
    udf_short_ad (&ads, 0, 600 * UDF_BLOCK, 1300);
    snprintf (want, sizeof want, "f %u 100+%u 2000+%u %u+%u 1300+%u",
              (n + 650) * UDF_BLOCK, first * UDF_BLOCK, (n - first) * UDF_BLOCK, 100 + n,
              50U * UDF_BLOCK, 600U * UDF_BLOCK);
    check_file ((uint64_t) (n + 650) * UDF_BLOCK, &ads, want);
  }
}

/* An image that was cut short, and one that says so. */
static void
test_beyond (void **state)
{
  CLEANUP_BUFFER struct buffer ads = BUFFER_INIT;
  const uint32_t last = N_BLOCKS - UDF_PARTITION - 1;

  (void) state;
  udf_short_ad (&ads, 0, 2 * UDF_BLOCK, 700);
  udf_short_ad (&ads, 0, 10 * UDF_BLOCK, last);
  udf_short_ad (&ads, 0, 2 * UDF_BLOCK, 800);
  check_file (14 * UDF_BLOCK, &ads, "f 28672 700+4096 3742+2048");
  ads.len = 0;
  udf_short_ad (&ads, 0, UDF_BLOCK, last + 1);
  check_file (UDF_BLOCK, &ads, "f 2048");
  ads.len = 0;
  udf_short_ad (&ads, 0, UDF_BLOCK, UINT32_MAX);
  check_file (UDF_BLOCK, &ads, "f 2048 -1+2048");
  /* Sizes: as much as there can be, and negative for the library. */
  ads.len = 0;
  udf_short_ad (&ads, 0, 0x3FFFF800, 10);
  check_file (INT64_MAX, &ads, "f 9223372036854775807 10+7645184");
  check_file (UINT64_C (1) << 63, &ads, "");
}

/* More than has room in the file entry: a chain of descriptors, and one without end. */
static void
test_chained (void **state)
{
  CLEANUP_BUFFER struct buffer ads = BUFFER_INIT, more = BUFFER_INIT;
  uint8_t d[UDF_BLOCK] = { 0 };
  int fd;

  (void) state;
  udf_short_ad (&ads, 0, UDF_BLOCK, 700);
  udf_short_ad (&ads, 3, UDF_BLOCK, 50);
  udf_short_ad (&more, 0, UDF_BLOCK, 800);
  udf_short_ad (&more, 0, UDF_BLOCK, 900);
  udf_put_le32 (d + 20, (uint32_t) more.len);
  memcpy (d + 24, more.data, more.len);
  fd = image_with_file (3 * UDF_BLOCK, &ads);
  udf_put (fd, UDF_PARTITION + 50, UDF_ALLOCATION_EXTENT, d);
  check_list (fd, N_BLOCKS, "f 6144 700+2048 800+2048 900+2048");
  /* The second of the two leads back to the block they are in. */
  d[35] |= 0xC0;
  udf_put_le32 (d + 36, 50);
  udf_put (fd, UDF_PARTITION + 50, UDF_ALLOCATION_EXTENT, d);
  check_list (fd, N_BLOCKS, "f 6144 700+2048 800+2048 800+2048");
  close (fd);
}

/* A directory that holds itself, and one of many such. */
static void
test_loops (void **state)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);
  struct error err = ERROR_INIT;
  struct image_files list;
  char name[2] = "a";

  (void) state;
  udf_entry (&root, "self", true, UDF_ROOT, 0);
  udf_entry (&root, "f", false, 2, 0);
  udf_directory (fd, UDF_ROOT, &root);
  udf_plain_file (fd, 2, 10, 100);
  assert_int_equal (image_files_read (&list, fd, N_BLOCKS * UDF_BLOCK, &err), 0);
  assert_int_equal (list.n_files, 9);
  assert_string_equal (list.files[1].path, "self/self/self/self/self/self/self/f");
  image_files_free (&list);

  root.len = 0;
  for (int i = 0; i < 20; i++, name[0]++)
    udf_entry (&root, name, true, UDF_ROOT, 0);
  udf_entry (&root, "file", false, 2, 0);
  udf_directory (fd, UDF_ROOT, &root);
  assert_int_equal (image_files_read (&list, fd, N_BLOCKS * UDF_BLOCK, &err), 0);
  assert_true (list.n_files > 0 && list.n_files <= IMAGE_FILES_MAX);
  image_files_free (&list);
}

/* Volume descriptors that point at themselves. */
static void
test_volume_loop (void **state)
{
  uint8_t d[UDF_BLOCK] = { 0 };
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);

  (void) state;
  udf_put_le32 (d + 20, UDF_BLOCK);
  udf_put_le32 (d + 24, UDF_VOLUME);
  udf_put (fd, UDF_VOLUME, UDF_POINTER, d);
  check_list (fd, N_BLOCKS, "");
}

/* A file set that is said to be at the end of all numbers, to have no length, or to lie
 * in no partition: the library would look for it for ever.
 */
static void
test_file_set_beyond (void **state)
{
  const struct {
    uint32_t len, block, map;
  } bad[] = { { UDF_BLOCK, UINT32_MAX, 0 },
              { UDF_BLOCK, UINT32_MAX, 7 },
              { 10 * UDF_BLOCK, UINT32_MAX - 9, 0 },
              { 0, UINT32_MAX - (UINT32_MAX / UDF_BLOCK), 0 },
              { UDF_BLOCK + 1, N_BLOCKS - 1, 0 } };
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);

  (void) state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint8_t d[UDF_BLOCK];

    assert_int_equal (pread (fd, d, UDF_BLOCK, (UDF_VOLUME + 1) * UDF_BLOCK), UDF_BLOCK);
    udf_put_le32 (d + 248, bad[i].len);
    udf_put_le32 (d + 252, bad[i].block);
    udf_put_le16 (d + 256, bad[i].map);
    udf_put (fd, UDF_VOLUME + 1, UDF_LOGICAL, d);
    check_list (fd, N_BLOCKS, "");
  }
}

/* More files than are listed; one with very many extents. */
static void
test_many (void **state)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT, ads = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);
  struct error err = ERROR_INIT;
  struct image_files list;

  (void) state;
  for (unsigned i = 0; i < IMAGE_FILES_MAX + 10; i++) {
    char name[16];

    snprintf (name, sizeof name, "%u", i);
    udf_entry (&root, name, false, 2, 0);
  }
  udf_write (fd, UDF_PARTITION + 1000, root.data, root.len);
  udf_short_ad (&ads, 0, (uint32_t) root.len, 1000);
  udf_file_entry (fd, UDF_ROOT, UDF_DIRECTORY, UDF_SHORT, root.len, &ads);
  ads.len = 0;
  for (uint32_t i = 0; i < 200; i++)
    udf_short_ad (&ads, 0, UDF_BLOCK, 10 + 2 * i);
  udf_file_entry (fd, 2, UDF_FILE, UDF_SHORT, 200 * UDF_BLOCK, &ads);
  assert_int_equal (image_files_read (&list, fd, N_BLOCKS * UDF_BLOCK, &err), 0);
  assert_int_equal (list.n_files, IMAGE_FILES_MAX);
  assert_int_equal (list.files[0].n_extents, 200);
  assert_int_equal (list.files[IMAGE_EXTENTS_MAX / 200].n_extents,
                    IMAGE_EXTENTS_MAX % 200);
  assert_int_equal (list.files[IMAGE_FILES_MAX - 1].n_extents, 0);
  image_files_free (&list);
}

/* The bytes that went to stderr while the image was listed. */
static off_t
said_on_stderr (int fd, uint64_t n_blocks)
{
  CLEANUP_CLOSE int said = memfd_create ("stderr", MFD_CLOEXEC);
  CLEANUP_CLOSE int was = dup (STDERR_FILENO);

  fflush (stderr);
  assert_true (said >= 0 && was >= 0 && dup2 (said, STDERR_FILENO) == STDERR_FILENO);
  check_list (fd, n_blocks, "");
  fflush (stderr);
  assert_int_equal (dup2 (was, STDERR_FILENO), STDERR_FILENO);
  return lseek (said, 0, SEEK_END);
}

/* No file system, or the image ends before it; nothing is said about it, and stderr is
 * what it was.
 */
static void
test_none (void **state)
{
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (N_BLOCKS);
  FILE *was = stderr;

  (void) state;
  for (uint64_t n = 0; n < UDF_PARTITION + 4; n++)
    check_list (fd, n, "");
  check_list (-1, N_BLOCKS, "");
  udf_directory (fd, UDF_ROOT, &root);
  check_list (fd, N_BLOCKS, "");
  assert_int_equal (said_on_stderr (fd, 20), 0);
  assert_ptr_equal (stderr, was);
}

/* A title in one percent of an image, at none of the places tried blindly. */
static void
test_demuxer_for (void **state)
{
  const uint32_t n_blocks = 64 << 9; /* 64 MiB */
  CLEANUP_BUFFER struct buffer root = BUFFER_INIT, video = BUFFER_INIT;
  CLEANUP_CLOSE int fd = udf_image (n_blocks);
  const uint64_t size = (uint64_t) n_blocks * UDF_BLOCK;
  const uint32_t at = 1508 + UDF_PARTITION;

  (void) state;
  for (int i = 0; i < 40; i++)
    put_video_pack (&video);
  for (uint64_t i = 1; i <= 64; i++)
    assert_false (size / 65 * i + (64 << 10) > at * UINT64_C (2048) &&
                  size / 65 * i < at * UINT64_C (2048) + video.len);
  udf_write (fd, at, video.data, video.len);
  assert_null (demuxer_for (fd, size));
  udf_entry (&root, "other", false, 2, 0);
  udf_entry (&root, "film", false, 3, 0);
  udf_directory (fd, UDF_ROOT, &root);
  udf_plain_file (fd, 2, size / 2, 8000);
  udf_plain_file (fd, 3, video.len, 1508);
  assert_ptr_equal (demuxer_for (fd, size), &demuxer_ps);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_tree),        cmocka_unit_test (test_metadata_partition),
    cmocka_unit_test (test_extents),     cmocka_unit_test (test_strides),
    cmocka_unit_test (test_returns),     cmocka_unit_test (test_beyond),
    cmocka_unit_test (test_chained),     cmocka_unit_test (test_loops),
    cmocka_unit_test (test_volume_loop), cmocka_unit_test (test_file_set_beyond),
    cmocka_unit_test (test_many),        cmocka_unit_test (test_none),
    cmocka_unit_test (test_demuxer_for),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
