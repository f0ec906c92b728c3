/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EROFS file system, as an independent reader finds it (read-erofs.h): all that is in a
 * tree, with all its attributes, and where it stands is what was written there.  erofs-utils
 * and a kernel judge in test-erofs-tools.sh.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "disk-content.h"
#include "fs.h"
#include "read-erofs.h"
#include "rng.h"
#include "rounds.h"

#define MAX_BYTES (UINT64_C (0xFFFFFFFF) * BLOCK) /* 16 TiB, less a block */

static const struct tree_stat folder = { .mode = 0555, .uid = 7, .gid = 8, .mtime = -77 };

/* ---- Trees and disks */

static int
by_name (const void *a, const void *b)
{
  return tree_compare_names (((const struct tree_file *) a)->name,
                             ((const struct tree_file *) b)->name);
}

static struct tree *
make_tree (struct tree_file *files, uint32_t n)
{
  struct error err = ERROR_INIT;
  struct tree *tree;

  if (n > 0)
    qsort (files, n, sizeof *files, by_name);
  tree = tree_new (files, n, &folder, &err);
  assert_non_null (tree);
  return tree;
}

static struct fs *
make_fs (const struct tree *tree, const char *label)
{
  struct error err = ERROR_INIT;
  struct fs *fs = fs_new_erofs (tree, label, &err);

  if (!fs)
    fail_msg ("%s", err.text);
  return fs;
}

/* All of it, in a file without a name; what is in a file follows from its node. */
static int
make_disk (const struct tree *tree, const struct fs *fs)
{
  struct error err = ERROR_INIT;
  int fd = memfd_create ("disk", MFD_CLOEXEC);
  uint8_t *metadata = malloc (fs->data_at);

  assert_true (fd >= 0);
  assert_non_null (metadata);
  assert_int_equal (ftruncate (fd, (off_t) fs->size), 0);
  assert_int_equal (fs->data_end, fs->size);
  fs->read (fs, metadata, fs->data_at, 0);
  assert_int_equal (write_all (fd, metadata, fs->data_at, 0, "disk", &err), 0);
  for (uint32_t i = 0; i < tree->n; i++)
    assert_int_equal (
      content_write (fd, fs->file_at[i], i, tree->nodes[i].size, "disk", &err), 0);
  free (metadata);
  return fd;
}

/* ---- Checks */

/* What makes the rest findable: the root's NID. */
static uint64_t
check_super (int fd, const struct tree *tree, const struct fs *fs, const char *label)
{
  uint8_t block[BLOCK], *b = block + 1024;
  uint32_t checksum;
  char name[16] = "";

  read_disk (fd, block, sizeof block, 0);
  assert_int_equal (get_le32 (b), 0xE0F5E1E2u);
  assert_int_equal (get_le32 (b + 8), 3); /* checksum, mtime */
  assert_int_equal (b[12], 12);           /* bits of a block */
  assert_int_equal (b[13], 0);            /* no more of it */
  assert_int_equal (get_le64 (b + 16), tree->n);
  assert_int_equal ((int64_t) get_le64 (b + 24), tree->nodes[0].stat.mtime);
  assert_int_equal (get_le32 (b + 32), tree->nodes[0].stat.mtime_nsec);
  assert_int_equal ((uint64_t) get_le32 (b + 36) * BLOCK, fs->size);
  assert_int_equal (get_le32 (b + 40), 0); /* metadata begins at 0 */
  assert_int_equal (b[48 + 6] >> 4, 8);    /* the UUID's version */
  assert_int_equal (b[48 + 8] >> 6, 2);    /* and variant */
  strcpy (name, label);
  assert_memory_equal (b + 64, name, sizeof name);
  assert_int_equal (get_le32 (b + 80), 0); /* nothing a kernel has to know */

  checksum = get_le32 (b + 4);
  put_le32 (b + 4, 0);
  assert_int_equal (checksum, ~crc32c (b, BLOCK - 1024));
  for (size_t i = 0; i < BLOCK; i++)
    if (i < 1024 || i >= 1024 + 84)
      assert_int_equal (block[i], 0);
  return get_le16 (b + 14);
}

/* All entries, in order, with "." and ".."; the rest of each block is zeros. */
static void
check_directory (int fd, const struct tree_node *node, const struct inode *dir,
                 uint64_t parent)
{
  uint64_t blocks = (dir->size + BLOCK - 1) / BLOCK, entries = 0;
  char last[256] = "";

  for (uint64_t k = 0; k < blocks; k++) {
    struct dirents d;
    size_t used = 0;

    read_dirents (fd, dir, k, &d);
    for (uint32_t i = 0; i < d.n; i++) {
      struct dirent e = dirent_at (&d, i);
      uint32_t mode = read_inode (fd, e.nid).mode;

      assert_true (compare (last, strlen (last), &e) < 0);
      memcpy (last, e.name, e.len);
      last[e.len] = '\0';
      assert_int_equal (e.type, S_ISDIR (mode) ? 2 : 1);
      used += 12 + e.len;
    }
    assert_true (k + 1 == blocks ? used == d.used : d.used == BLOCK);
    for (size_t i = used; i < BLOCK; i++)
      assert_int_equal (d.bytes[i], 0);
    entries += d.n;
  }
  assert_int_equal (entries, node->n + 2);
  assert_int_equal (look_up (fd, dir, ".", 1), dir->nid);
  assert_int_equal (look_up (fd, dir, "..", 2), parent);
  assert_int_equal (look_up (fd, dir, "no such name", 12), 0);
}

static void
check_content (int fd, uint32_t number, const struct tree_node *node,
               const struct inode *in)
{
  uint8_t bytes[5000];
  uint64_t n = node->size < sizeof bytes ? node->size : sizeof bytes;

  if (n == 0)
    return;
  read_disk (fd, bytes, n, in->block * BLOCK);
  for (uint64_t i = 0; i < n; i++)
    assert_int_equal (bytes[i], content_byte (number, i));
  read_disk (fd, bytes, n, in->block * BLOCK + node->size - n);
  for (uint64_t i = 0; i < n; i++)
    assert_int_equal (bytes[i], content_byte (number, node->size - n + i));
}

static uint32_t
expected_links (const struct tree *tree, const struct tree_node *node)
{
  uint32_t links = tree_is_folder (node) ? 2 : 1;

  for (uint32_t i = 0; i < node->n; i++)
    links += tree_is_folder (&tree->nodes[node->first + i]);
  return links;
}

static void
check_node (int fd, const struct tree *tree, const struct fs *fs, uint32_t i,
            const struct inode *in)
{
  const struct tree_node *node = &tree->nodes[i];

  assert_int_equal (in->mode, node->stat.mode);
  assert_int_equal (in->uid, node->stat.uid);
  assert_int_equal (in->gid, node->stat.gid);
  assert_int_equal (in->mtime, node->stat.mtime);
  assert_int_equal (in->mtime_nsec, node->stat.mtime_nsec);
  assert_int_equal (in->links, expected_links (tree, node));
  assert_int_equal (in->ino, i + 1);
  if (tree_is_folder (node)) {
    assert_true (in->block * BLOCK + in->size <= fs->data_at);
    return;
  }
  assert_int_equal (in->size, node->size);
  if (node->size > 0) {
    assert_int_equal (in->block * BLOCK, fs->file_at[i]);
    assert_true (fs->file_at[i] >= fs->data_at);
    assert_true (fs->file_at[i] + node->size <= fs->data_end);
  }
  check_content (fd, i, node, in);
}

/* Make the disk of a tree, and find all of the tree in it. */
static void
check_disk (const struct tree *tree, const char *label)
{
  struct fs *fs = make_fs (tree, label);
  int fd = make_disk (tree, fs);
  uint64_t *nids = calloc (tree->n, sizeof *nids);

  assert_non_null (nids);
  nids[0] = check_super (fd, tree, fs, label);
  for (uint32_t i = 0; i < tree->n; i++) {
    const struct tree_node *node = &tree->nodes[i];
    struct inode in;

    if (i > 0) {
      in = read_inode (fd, nids[node->parent]);
      nids[i] = look_up (fd, &in, node->name, strlen (node->name));
      assert_int_not_equal (nids[i], 0);
    }
    in = read_inode (fd, nids[i]);
    check_node (fd, tree, fs, i, &in);
    if (tree_is_folder (node))
      check_directory (fd, node, &in, nids[node->parent]);
  }
  free (nids);
  close (fd);
  fs_free (fs);
}

static void
check_files (struct tree_file *files, uint32_t n)
{
  struct tree *tree = make_tree (files, n);

  check_disk (tree, "label");
  tree_free (tree);
}

/* ---- Tests */

static void
test_checksum (void **state)
{
  (void) state;
  /* The check value that catalogues of CRCs have. */
  assert_int_equal (crc32c ((const uint8_t *) "123456789", 9), 0xE3069283u);
}

static void
test_empty (void **state)
{
  struct tree *tree = make_tree (NULL, 0);

  (void) state;
  check_disk (tree, "");
  check_disk (tree, "fifteen letters");
  tree_free (tree);
}

static void
test_sizes_and_attributes (void **state)
{
  struct tree_file files[] = {
    { "0", 0, { 0444, 0, 0, 0, 0 } },
    { "1", 1, { 0400, 1, 2, 1, 1 } },
    { "Films/4095", 4095, { 04755, 0xFFFFFFFE, 0xFFFF, -1, 999999999 } },
    { "Films/4096", 4096, { 0, 0x10000, 0x12345678, INT64_C (1) << 33, 0 } },
    { "Films/4097", 4097, { 07777, 1, 1, 1700000000, 5 } },
    { "Films/Old/4G", UINT64_C (1) << 32, { 0444, 1, 1, 2, 3 } },
    { "Films/Old/more", (UINT64_C (5) << 30) + 1, { 0444, 1, 1, 2, 3 } },
    { "last", 1, { 0444, 1, 1, 2, 3 } },
  };

  (void) state;
  check_files (files, sizeof files / sizeof files[0]);
}

/* Some sort before ".", some between it and "..", some behind; UTF-8 sorts by bytes. */
static void
test_names (void **state)
{
  char longest[256], similar[256];
  struct tree_file files[] = {
    { .name = "!" },        { .name = "-" },
    { .name = ".!" },       { .name = ".-" },
    { .name = "..." },      { .name = "..!" },
    { .name = ".a" },       { .name = "a" },
    { .name = "ab" },       { .name = "a b" },
    { .name = "\xc3\xa4" }, { .name = "\xe6\xbc\xa2\xe5\xad\x97.mkv" },
    { .name = "z" },        { .name = "\xf0\x9f\x8e\xac/!" },
    { .name = longest },    { .name = similar },
  };

  (void) state;
  memset (longest, 'x', 255);
  longest[255] = '\0';
  memcpy (similar, longest, sizeof longest);
  similar[254] = 'y';
  check_files (files, sizeof files / sizeof files[0]);
}

/* 15 names of 255 bytes and one of 52 + `more` beside "." and "..": 4096 + `more` bytes. */
static void
check_full_block (int more, uint32_t further)
{
  static char names[18][256];
  struct tree_file files[18];

  for (uint32_t i = 0; i < 16 + further; i++) {
    memset (names[i], 'a' + (int) i, 255);
    names[i][i == 15 ? 52 + more : 255] = '\0';
    files[i] = (struct tree_file){ .name = names[i], .size = i };
  }
  check_files (files, 16 + further);
}

static void
test_full_blocks (void **state)
{
  (void) state;
  for (int more = -1; more <= 1; more++)
    for (uint32_t further = 0; further <= 2; further++)
      check_full_block (more, further);
}

/* As deep as names can be: 2047 folders. */
static void
test_deep (void **state)
{
  char name[TREE_MAX_NAME + 1];
  struct tree_file file = { .name = name, .size = 5 };

  (void) state;
  for (size_t i = 0; i < TREE_MAX_NAME; i++)
    name[i] = i % 2 ? '/' : 'd';
  name[TREE_MAX_NAME] = '\0';
  check_files (&file, 1);
}

/* `n` files, in folders of `width`, some of which hold something. */
static struct tree *
make_many (uint32_t n, uint32_t width)
{
  struct tree_file *files = calloc (n, sizeof *files);
  char (*names)[64] = calloc (n, sizeof *names);
  struct tree *tree;

  assert_non_null (files);
  assert_non_null (names);
  for (uint32_t i = 0; i < n; i++) {
    snprintf (names[i], sizeof names[i], "folder %u/%0*u.mkv", i / width,
              (int) (1 + i % 40), i);
    files[i] = (struct tree_file){ .name = names[i],
                                   .size = i % 50 ? 0 : i % 9001,
                                   .stat = { .mode = 0444, .mtime = i } };
  }
  tree = make_tree (files, n);
  free (names);
  free (files);
  return tree;
}

static void
test_many (void **state)
{
  const uint32_t widths[] = { 100000, 1000, 3, 1 };

  (void) state;
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    struct tree *tree = make_many (rounds (i == 0 ? 100000 : 10000), widths[i]);

    check_disk (tree, "many");
    tree_free (tree);
  }
}

/* Any range of the metadata is the same as in one read of all of it. */
static void
test_reads (void **state)
{
  struct tree *tree = make_many (2000, 150);
  struct fs *fs = make_fs (tree, "reads");
  size_t n = fs->data_at;
  uint8_t *whole = malloc (n), *part = malloc (n + 1);
  uint64_t rng = 1;

  (void) state;
  assert_non_null (whole);
  assert_non_null (part);
  fs->read (fs, whole, n, 0);
  for (int i = 0; i < 3000; i++) {
    size_t at = rng_below (&rng, n), most = i % 10 ? 9000 : n;
    size_t count = rng_below (&rng, (n - at < most ? n - at : most) + 1);

    memset (part, 0xA5, count + 1);
    fs->read (fs, part, count, at);
    assert_memory_equal (part, whole + at, count);
    assert_int_equal (part[count], 0xA5);
  }
  free (part);
  free (whole);
  fs_free (fs);
  tree_free (tree);
}

/* The metadata, and its size. */
static uint8_t *
metadata_of (struct tree_file *files, uint32_t n, const char *label, size_t *size)
{
  struct tree *tree = make_tree (files, n);
  struct fs *fs = make_fs (tree, label);
  uint8_t *bytes = malloc (fs->data_at);

  assert_non_null (bytes);
  *size = fs->data_at;
  fs->read (fs, bytes, *size, 0);
  fs_free (fs);
  tree_free (tree);
  return bytes;
}

/* The same tree, the same bytes; another one, another UUID. */
static void
test_determinism (void **state)
{
  struct tree_file a[] = { { .name = "A", .size = 1 }, { .name = "F/B", .size = 2 } };
  struct tree_file c[] = { { .name = "A", .size = 1 }, { .name = "F/C", .size = 2 } };
  size_t size, other_size;
  uint8_t *bytes = metadata_of (a, 2, "one", &size);
  uint8_t *same = metadata_of (a, 2, "one", &other_size);
  uint8_t *label = metadata_of (a, 2, "two", &other_size);
  uint8_t *name = metadata_of (c, 2, "one", &other_size);

  (void) state;
  assert_int_equal (size, other_size);
  assert_memory_equal (bytes, same, size);
  assert_memory_not_equal (bytes + 1024 + 48, label + 1024 + 48, 16);
  assert_memory_not_equal (bytes + 1024 + 48, name + 1024 + 48, 16);
  free (bytes);
  free (same);
  free (label);
  free (name);
}

/* Two files take all that is left of a disk, and then one byte more. */
static void
test_largest (void **state)
{
  const uint64_t half = MAX_BYTES / 2 / BLOCK * BLOCK;
  struct tree_file files[] = {
    { .name = "1", .size = half },
    { .name = "2", .size = MAX_BYTES - half - 3 * BLOCK },
  };
  const uint64_t too_large[] = { files[1].size + 1, MAX_BYTES, UINT64_MAX };

  (void) state;
  check_files (files, 2);
  files[1].size--;
  check_files (files, 2);
  for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
    struct error err = ERROR_INIT;
    struct tree *tree;

    files[1].size = too_large[i];
    tree = make_tree (files, 2);
    assert_null (fs_new_erofs (tree, "", &err));
    assert_int_equal (err.errnum, EFBIG);
    assert_non_null (strstr (err.text, "EROFS"));
    assert_non_null (strstr (err.text, "17592186040320 bytes"));
    tree_free (tree);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_checksum),
    cmocka_unit_test (test_empty),
    cmocka_unit_test (test_sizes_and_attributes),
    cmocka_unit_test (test_names),
    cmocka_unit_test (test_full_blocks),
    cmocka_unit_test (test_deep),
    cmocka_unit_test (test_many),
    cmocka_unit_test (test_reads),
    cmocka_unit_test (test_determinism),
    cmocka_unit_test (test_largest),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
