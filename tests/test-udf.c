/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDF file systems, read back by a reader of our own (read-udf.h), which looks at every bit,
 * and by libudfread.  What files hold is computed, so that they may have any size.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <udfread/blockinput.h>
#include <udfread/udfread.h>

#include "bytes.h"
#include "fs.h"
#include "read-udf.h"
#include "rng.h"
#include "rounds.h"
#include "tree.h"

#define BLOCK 2048u
#define GIB (UINT64_C (1) << 30)
#define TIB (UINT64_C (1) << 40)
#define MAX_EXTENT (GIB - BLOCK)

/* ---- Disks */

struct disk {
  struct tree *tree;
  struct fs *fs;
};

static const struct tree_stat folder_stat = { .mode = 0755, .uid = 3, .gid = 4 };

static int
by_name (const void *a, const void *b)
{
  return tree_compare_names (((const struct tree_file *) a)->name,
                             ((const struct tree_file *) b)->name);
}

static struct tree *
make_tree (const struct tree_file *files, uint32_t n)
{
  struct tree_file *sorted = calloc (n + 1, sizeof *sorted);
  struct error err = ERROR_INIT;
  struct tree *tree;

  assert_non_null (sorted);
  for (uint32_t i = 0; i < n; i++) {
    sorted[i] = files[i];
    assert_int_equal (tree_check_name (files[i].name, &err), 0);
  }
  qsort (sorted, n, sizeof *sorted, by_name);
  tree = tree_new (sorted, n, &folder_stat, &err);
  assert_non_null (tree);
  free (sorted);
  return tree;
}

static struct disk
make_disk (const struct tree_file *files, uint32_t n)
{
  struct error err = ERROR_INIT;
  struct disk d = { make_tree (files, n), NULL };

  d.fs = fs_new_udf (d.tree, "A label", &err);
  assert_non_null (d.fs);
  assert_int_equal (d.fs->block, BLOCK);
  return d;
}

static void
free_disk (struct disk *d)
{
  fs_free (d->fs);
  tree_free (d->tree);
}

/* Byte `at` of what node `i` holds. */
static uint8_t
file_byte (uint32_t i, uint64_t at)
{
  uint64_t x = at / 8 * UINT64_C (0x9e3779b97f4a7c15) + i;

  return (uint8_t) (x >> 8 * (at % 8) ^ x >> 60);
}

/* Byte `at` of the files. */
static uint8_t
data_byte (const struct disk *d, uint64_t at)
{
  uint32_t low = 0, high = d->tree->n;

  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;

    if (d->fs->file_at[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  /* Nodes of no bytes have the place of the next. */
  while (low > 0 && d->tree->nodes[low].size == 0)
    low--;
  at -= d->fs->file_at[low];
  return at < d->tree->nodes[low].size ? file_byte (low, at) : 0;
}

static void
read_disk (void *of, void *buf, size_t count, uint64_t offset)
{
  const struct disk *d = of;
  uint8_t *out = buf;

  assert_true (offset + count <= d->fs->size);
  while (count > 0) {
    uint64_t end = offset < d->fs->data_at    ? d->fs->data_at
                   : offset < d->fs->data_end ? d->fs->data_end
                                              : d->fs->size;
    size_t n = end - offset < count ? (size_t) (end - offset) : count;

    if (offset >= d->fs->data_at && offset < d->fs->data_end)
      for (size_t i = 0; i < n; i++)
        out[i] = data_byte (d, offset + i);
    else
      d->fs->read (d->fs, out, n, offset);
    out += n;
    offset += n;
    count -= n;
  }
}

/* ---- Our reader */

/* Seconds and microseconds that the disk can tell. */
static void
check_stat (const struct udf_node *node, const struct tree_node *want)
{
  assert_int_equal (node->is_folder, tree_is_folder (want));
  assert_int_equal (node->mode, want->stat.mode & 07777);
  assert_int_equal (node->uid, want->stat.uid);
  assert_int_equal (node->gid, want->stat.gid);
  assert_int_equal (node->mtime, want->stat.mtime);
  assert_int_equal (node->mtime_usec, want->stat.mtime_nsec / 1000);
}

/* As many extents as have to be, one behind the other, from where the file is. */
static void
check_extents (const struct udf_node *node, uint64_t size, uint64_t at)
{
  assert_int_equal (node->size, size);
  assert_int_equal (node->n_extents, (size + MAX_EXTENT - 1) / MAX_EXTENT);
  for (size_t i = 0; i < node->n_extents; i++) {
    assert_int_equal (node->extents[i].at, at);
    at += node->extents[i].len;
  }
}

/* Does the tree's name have to be another? */
static bool
fits (const char *name)
{
  size_t n_units = 0;
  bool wide = false;

  for (const unsigned char *p = (const unsigned char *) name; *p; p++) {
    n_units += (*p & 0xc0) == 0x80 ? 0 : *p >= 0xf0 ? 2 : 1;
    wide = wide || *p > 0xc3; /* U+0100 on begin with 0xc4 */
  }
  return strlen (name) <= 254 && (!wide || n_units <= 127);
}

static void
compare (const struct disk *d, const struct udf_node *node, uint32_t number)
{
  const struct tree_node *want = &d->tree->nodes[number];

  check_stat (node, want);
  if (fits (want->name))
    assert_string_equal (node->name, want->name);
  else
    assert_true (fits (node->name));
  if (!tree_is_folder (want))
    check_extents (node, want->size, d->fs->file_at[number]);
  assert_int_equal (node->n_nodes, want->n);
  for (uint32_t i = 0; i < want->n; i++)
    compare (d, node->nodes[i], want->first + i);
}

static struct udf_volume *
check_with_ours (struct disk *d)
{
  struct udf_volume *v =
    udf_volume_read (&(struct udf_disk){ read_disk, d, d->fs->size });

  assert_string_equal (v->label, "A label");
  compare (d, v->root, 0);
  return v;
}

/* ---- libudfread */

struct input {
  struct udfread_block_input functions; /* first: the library has only this address */
  struct disk *disk;
};

static int
read_blocks (udfread_block_input *functions, uint32_t block, void *buf, uint32_t n,
             int flags)
{
  (void) flags;
  read_disk (((struct input *) functions)->disk, buf, (size_t) n * BLOCK,
             (uint64_t) block * BLOCK);
  return (int) n;
}

static uint32_t
count_blocks (udfread_block_input *functions)
{
  return (uint32_t) (((struct input *) functions)->disk->fs->size / BLOCK);
}

static int
close_input (udfread_block_input *functions)
{
  (void) functions;
  return 0;
}

/* It shows each half of a surrogate pair as a character. */
static void
halve_characters (const char *name, char *out)
{
  while (*name) {
    const unsigned char *p = (const unsigned char *) name;

    if (*p < 0xf0) {
      *out++ = *name++;
      continue;
    }
    uint32_t c =
      (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
    const uint32_t halves[2] = { 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff) };

    for (int i = 0; i < 2; i++) {
      *out++ = (char) (0xe0 | halves[i] >> 12);
      *out++ = (char) (0x80 | (halves[i] >> 6 & 63));
      *out++ = (char) (0x80 | (halves[i] & 63));
    }
    name += 4;
  }
  *out = '\0';
}

static void
check_range (UDFFILE *file, uint32_t number, uint64_t from, uint64_t end)
{
  uint8_t buf[4096];
  size_t n = (size_t) (end - from);

  assert_true (n <= sizeof buf);
  assert_int_equal (udfread_file_seek (file, (int64_t) from, UDF_SEEK_SET), from);
  for (size_t got = 0; got < n;) {
    ssize_t r = udfread_file_read (file, buf + got, n - got);

    assert_true (r > 0);
    got += (size_t) r;
  }
  for (size_t i = 0; i < n; i++)
    assert_int_equal (buf[i], file_byte (number, from + i));
}

/* The begin, the end, and what is around each extent's. */
static void
check_file (UDFDIR *dir, const struct disk *d, const char *name, uint32_t number)
{
  uint64_t size = d->tree->nodes[number].size;
  UDFFILE *file = udfread_file_openat (dir, name);

  assert_non_null (file);
  assert_int_equal (udfread_file_size (file), size);
  for (uint64_t at = 0; at < size; at += MAX_EXTENT) {
    uint64_t from = at > 1000 ? at - 1000 : 0;

    check_range (file, number, from, size - from > 3000 ? from + 3000 : size);
  }
  check_range (file, number, size > 3000 ? size - 3000 : 0, size);
  udfread_file_close (file);
}

static void
check_folder (UDFDIR *dir, const struct disk *d, const struct udf_node *node,
              uint32_t number)
{
  const struct tree_node *want = &d->tree->nodes[number];
  struct udfread_dirent entry;

  assert_non_null (dir);
  for (uint32_t i = 0; i < want->n; i++) {
    bool is_folder = node->nodes[i]->is_folder;
    char name[1024];

    assert_non_null (udfread_readdir (dir, &entry));
    if (strcmp (entry.d_name, ".") == 0 || strcmp (entry.d_name, "..") == 0) {
      i--;
      continue;
    }
    halve_characters (node->nodes[i]->name, name);
    assert_string_equal (entry.d_name, name);
    assert_int_equal (entry.d_type, is_folder ? UDF_DT_DIR : UDF_DT_REG);
    if (is_folder)
      check_folder (udfread_opendir_at (dir, name), d, node->nodes[i], want->first + i);
    else
      check_file (dir, d, name, want->first + i);
  }
  assert_null (udfread_readdir (dir, &entry));
  udfread_closedir (dir);
}

static void
check_with_libudfread (struct disk *d, const struct udf_volume *v)
{
  struct input input = { { close_input, read_blocks, count_blocks }, d };
  udfread *udf = udfread_init ();

  assert_non_null (udf);
  assert_int_equal (udfread_open_input (udf, &input.functions), 0);
  assert_string_equal (udfread_get_volume_id (udf), "A label");
  check_folder (udfread_opendir (udf, "/"), d, v->root, 0);
  udfread_close (udf);
}

/* By both. */
static void
check (const struct tree_file *files, uint32_t n)
{
  struct disk d = make_disk (files, n);
  struct udf_volume *v = check_with_ours (&d);

  check_with_libudfread (&d, v);
  udf_volume_free (v);
  free_disk (&d);
}

/* ---- Tests */

static void
test_empty (void **state)
{
  (void) state;
  check (NULL, 0);
}

static void
test_sizes (void **state)
{
  static const uint64_t sizes[] = {
    0,
    1,
    2047,
    2048,
    2049,
    4096,
    MAX_EXTENT - 1,
    MAX_EXTENT,
    MAX_EXTENT + 1,
    GIB - 1,
    GIB,
    2 * MAX_EXTENT - 1,
    2 * MAX_EXTENT,
    2 * MAX_EXTENT + 1,
    5 * GIB + 7,
  };
  struct tree_file files[sizeof sizes / sizeof sizes[0]] = { 0 };
  char names[sizeof sizes / sizeof sizes[0]][8];

  (void) state;
  for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    snprintf (names[i], sizeof names[i], "%03u", i);
    files[i] = (struct tree_file){ .name = names[i], .size = sizes[i] };
  }
  check (files, sizeof sizes / sizeof sizes[0]);
}

/* Around what a file entry has descriptors for, and one and two blocks more. */
static void
test_long_files (void **state)
{
  const struct tree_file files[] = {
    { "0", 234 * MAX_EXTENT, { 0 } },
    { "1", 234 * MAX_EXTENT + 1, { 0 } },
    { "2", 310 * GIB, { 0 } },
    { "3", (233 + 253) * MAX_EXTENT, { 0 } },
    { "4", (233 + 253) * MAX_EXTENT + 1, { 0 } },
    { "5", (233 + 252 + 253) * MAX_EXTENT, { 0 } },
    { "6", (233 + 252 + 253) * MAX_EXTENT + 1, { 0 } },
    { "7", 1, { 0 } },
    { "8", 2 * TIB, { 0 } },
  };

  (void) state;
  check (files, sizeof files / sizeof files[0]);
}

static void
test_stat (void **state)
{
  const struct tree_file files[] = {
    { "a", 1, { 0644, 1000, 1001, 1700000000, 123456789 } },
    { "b", 1, { 07777, UINT32_MAX, UINT32_MAX, 0, 0 } },
    { "c", 1, { 0, 0, 0, -1, 999999999 } },
    { "d", 1, { 0421, 65536, 70000, INT64_C (-62135596800), 1000 } }, /* 1-1-1 */
    { "e", 1, { 04124, 1, 2, INT64_C (253402300799), 999999000 } },   /* 9999-12-31 */
    { "f/a", 1, { 02000, 1, 2, 951782400, 10000 } },                  /* 2000-02-29 */
    { "f/b", 1, { 01000, 1, 2, 951782399, 990000 } },
  };

  (void) state;
  check (files, sizeof files / sizeof files[0]);
}

/* Times that no field can hold become the nearest. */
static void
test_far_times (void **state)
{
  const struct tree_file files[] = {
    { "a", 1, { .mtime = INT64_MIN } },
    { "b/a", 1, { .mtime = INT64_MAX } },
  };
  struct disk d = make_disk (files, 2);
  struct udf_volume *v =
    udf_volume_read (&(struct udf_disk){ read_disk, &d, d.fs->size });

  (void) state;
  assert_int_equal (v->root->nodes[0]->mtime, INT64_C (-62135596800));
  assert_int_equal (v->root->nodes[1]->nodes[0]->mtime, INT64_C (253402300799));
  udf_volume_free (v);
  free_disk (&d);
}

/* `text` n times. */
static char *
repeat (const char *text, size_t n, const char *end)
{
  size_t len = strlen (text);
  char *s = malloc (n * len + strlen (end) + 1);

  assert_non_null (s);
  for (size_t i = 0; i < n; i++)
    memcpy (s + i * len, text, len);
  memcpy (s + n * len, end, strlen (end) + 1);
  return s;
}

static void
test_names (void **state)
{
  const char *const names[] = {
    repeat ("x", 254, ""), /* just fits */
    repeat ("x", 255, ""), /* does not, nor do those below */
    repeat ("x", 251, ".mkv"),
    repeat ("\xc3\xa4", 127, ""), /* fits: a umlaut is 8 bits */
    repeat ("\xc3\xbf", 127, ""),
    repeat ("\xc4\x80", 127, ""), /* fits: U+0100 has 16 */
    repeat ("y", 124, "\xe2\x80\x93."),
    repeat ("z", 126, "\xe2\x80\x93."),
    repeat ("\xe6\xbc\xa2", 84, "ab"), /* fits: 86 units, 254 bytes */
    repeat ("\xe6\xbc\xa2", 85, ""),
    repeat ("\xf0\x9f\x8e\xac", 63, "ab"),
    repeat ("\xf0\x9f\x8e\xac", 60, "abcdefghijklmno"),
    repeat ("\xc3\xa4", 1, "\xe6\xbc\xa2 \xf0\x9f\x8e\xac.mkv"),
    repeat (".", 255, ""),
    repeat ("\xf4\x8f\xbf\xbf\xf0\x90\x80\x80\xee\x80\x80\xed\x9f\xbf", 1, ""),
    repeat (":*?\"<>|\\ ", 1, "."),
  };
  const uint32_t n = sizeof names / sizeof names[0];
  struct tree_file files[2 * sizeof names / sizeof names[0]] = { 0 };

  (void) state;
  for (uint32_t i = 0; i < n; i++) {
    char *folder = repeat ("folders/", 1, names[i]);

    files[i] = (struct tree_file){ .name = repeat ("files/", 1, names[i]), .size = i };
    files[n + i] = (struct tree_file){ .name = repeat (folder, 1, "/f"), .size = i };
    free (folder);
  }
  check (files, 2 * n);
  for (uint32_t i = 0; i < 2 * n; i++)
    free ((void *) (uintptr_t) files[i].name);
  for (uint32_t i = 0; i < n; i++)
    free ((void *) (uintptr_t) names[i]);
}

/* What a name became; the reader sees that all differ. */
static char *
name_of_first (const struct tree_file *files, uint32_t n)
{
  struct disk d = make_disk (files, n);
  struct udf_volume *v = check_with_ours (&d);
  char *name = strdup (v->root->nodes[0]->name);

  assert_non_null (name);
  udf_volume_free (v);
  free_disk (&d);
  return name;
}

static void
test_shortened_names (void **state)
{
  struct tree_file files[3] = { 0 };
  char *first, *again, *other;

  (void) state;
  files[0].name = repeat ("x", 250, "1.mkv");
  files[1].name = repeat ("x", 250, "2.mkv");
  first = name_of_first (files, 1);
  /* As much of it as there is room for, and the extension. */
  assert_int_equal (strlen (first), 254);
  assert_memory_equal (first, files[0].name, 254 - 17 - 4);
  assert_int_equal (first[254 - 17 - 4], '~');
  assert_int_equal (strspn (first + 254 - 20, "0123456789abcdef"), 16);
  assert_string_equal (first + 250, ".mkv");
  /* It does not depend on others, ... */
  again = name_of_first (files, 2);
  assert_string_equal (first, again);
  /* ... but on one that is called the same. */
  files[2].name = first;
  other = name_of_first (files, 3);
  assert_string_not_equal (first, other);
  free (first);
  free (again);
  free (other);
  free ((void *) (uintptr_t) files[0].name);
  free ((void *) (uintptr_t) files[1].name);
}

static void
test_deep (void **state)
{
  char *names[3] = { repeat ("d/", 2000, "f.mkv"), repeat ("d/", 100, "a"),
                     repeat ("0123456789abcdefghijklmnopqrstuv/", 100, "x") };
  const struct tree_file files[] = { { names[0], 1, { 0 } },
                                     { names[1], 2, { 0 } },
                                     { names[2], 3, { 0 } } };

  (void) state;
  check (files, 3);
  for (int i = 0; i < 3; i++)
    free (names[i]);
}

/* `n` files, with names of different lengths. */
static struct tree_file *
make_files (uint32_t n, const char *folder)
{
  struct tree_file *files = calloc (n, sizeof *files);
  uint64_t rng = n;

  assert_non_null (files);
  for (uint32_t i = 0; i < n; i++) {
    char name[100];

    snprintf (name, sizeof name, "%s%0*u%s", folder, 6 + (int) rng_below (&rng, 60), i,
              i % 7 ? ".mkv" : "\xe2\x82\xac");
    files[i].name = strdup (name);
    files[i].size = rng_below (&rng, 5000);
    assert_non_null (files[i].name);
  }
  return files;
}

static void
free_files (struct tree_file *files, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    free ((void *) (uintptr_t) files[i].name);
  free (files);
}

static void
test_many_files (void **state)
{
  const uint32_t n = rounds (100000);
  struct tree_file *files = make_files (n, "many/");
  struct disk d = make_disk (files, n);
  struct udf_volume *v = check_with_ours (&d);

  (void) state;
  assert_int_equal (v->root->nodes[0]->n_nodes, n);
  udf_volume_free (v);
  free_disk (&d);
  free_files (files, n);
}

/* A thousand folders in one: links are counted. */
static void
test_many_folders (void **state)
{
  struct tree_file *files = calloc (1000, sizeof *files);

  (void) state;
  assert_non_null (files);
  for (uint32_t i = 0; i < 1000; i++) {
    char name[32];

    snprintf (name, sizeof name, "%u/%u/x", i % 30, i);
    files[i].name = strdup (name);
    assert_non_null (files[i].name);
  }
  check (files, 1000);
  free_files (files, 1000);
}

/* Any part of the metadata is the same as in a whole read. */
static void
test_parts (void **state)
{
  struct tree_file *files = make_files (3000, "f/");
  struct tree_file more = { "z", 500 * GIB, { 0 } };
  uint64_t rng = 7;

  (void) state;
  free ((void *) (uintptr_t) files[0].name);
  files[0].name = strdup (more.name);
  files[0].size = more.size;
  struct disk d = make_disk (files, 3000);
  const uint64_t from[2] = { 0, d.fs->data_end }, end[2] = { d.fs->data_at, d.fs->size };

  for (int k = 0; k < 2; k++) {
    size_t size = (size_t) (end[k] - from[k]);
    uint8_t *whole = malloc (size), *part = malloc (size);

    assert_true (whole && part);
    d.fs->read (d.fs, whole, size, from[k]);
    for (unsigned i = 0; i < rounds (3000); i++) {
      size_t at = (size_t) rng_below (&rng, size);
      size_t most = i % 10 ? 5000 : size, n = (size_t) rng_below (&rng, most) + 1;

      n = n < size - at ? n : size - at;
      memset (part, 0xaa, n + 1 < size ? n + 1 : n);
      d.fs->read (d.fs, part, n, from[k] + at);
      assert_memory_equal (part, whole + at, n);
      assert_true (n + 1 > size || n == size || part[n] == 0xaa);
    }
    free (whole);
    free (part);
  }
  free_disk (&d);
  free_files (files, 3000);
}

/* The volume set's name of a disk with these files. */
static void
read_set (const struct tree_file *files, uint32_t n, const char *label, char set[128])
{
  struct tree *tree = make_tree (files, n);
  struct error err;
  struct disk d = { tree, fs_new_udf (tree, label, &err) };
  struct udf_volume *v;

  assert_non_null (d.fs);
  v = udf_volume_read (&(struct udf_disk){ read_disk, &d, d.fs->size });
  memcpy (set, v->set, 128);
  udf_volume_free (v);
  free_disk (&d);
}

/* The same tree gives the same bytes; another has another name. */
static void
test_deterministic (void **state)
{
  struct tree_file files[] = {
    { "a/x", 1, { 0444, 1, 2, 3, 4 } },
    { "b", 2, { 0444, 1, 2, 3, 4 } },
    { "c", 3, { 0444, 1, 2, 3, 4 } },
  };
  struct disk one = make_disk (files, 3), two = make_disk (files, 3);
  size_t n = (size_t) one.fs->size;
  uint8_t *p = malloc (n), *q = malloc (n);
  char set[128], other[128];

  (void) state;
  assert_true (p && q && two.fs->size == n);
  read_disk (&one, p, n, 0);
  read_disk (&two, q, n, 0);
  assert_memory_equal (p, q, n);
  free (p);
  free (q);
  free_disk (&one);
  free_disk (&two);
  read_set (files, 3, "A", set);
  read_set (files, 3, "A", other);
  assert_string_equal (set, other);
  read_set (files, 3, "B", other);
  assert_string_not_equal (set, other);
  for (int i = 0; i < 7; i++) {
    struct tree_file changed[3];

    memcpy (changed, files, sizeof files);
    changed[0].name = i == 0 ? "a/y" : "a/x";
    changed[1].size += i == 1;
    changed[1].stat.mode += i == 2;
    changed[1].stat.uid += i == 3;
    changed[1].stat.gid += i == 4;
    changed[1].stat.mtime += i == 5;
    changed[1].stat.mtime_nsec += i == 6;
    read_set (changed, 3, "A", other);
    assert_string_not_equal (set, other);
  }
}

static void
test_labels (void **state)
{
  static const char *const labels[] = { "", "x", "fifteen letters" };
  struct tree *tree = make_tree (NULL, 0);
  struct error err;

  (void) state;
  for (size_t i = 0; i < 3; i++) {
    struct disk d = { tree, fs_new_udf (tree, labels[i], &err) };
    struct udf_volume *v;

    assert_non_null (d.fs);
    v = udf_volume_read (&(struct udf_disk){ read_disk, &d, d.fs->size });
    assert_string_equal (v->label, labels[i]);
    udf_volume_free (v);
    fs_free (d.fs);
  }
  tree_free (tree);
}

/* Bytes of a disk with two files, or 0 if they are too much. */
static uint64_t
disk_size (uint64_t a, uint64_t b)
{
  const struct tree_file files[] = { { "a", a, { 0 } }, { "b", b, { 0 } } };
  struct tree *tree = make_tree (files, 2);
  struct error err = ERROR_INIT;
  struct fs *fs = fs_new_udf (tree, "", &err);
  uint64_t size = fs ? fs->size : 0;

  if (!fs)
    assert_non_null (strstr (err.text, "UDF: a disk of more than 8796"));
  fs_free (fs);
  tree_free (tree);
  return size;
}

/* As much as there are block numbers for, and a block more. */
static void
test_most (void **state)
{
  const uint64_t first = 7 * TIB, blocks = UINT32_MAX;
  uint64_t low = 0, high = 2 * TIB / BLOCK; /* blocks */

  (void) state;
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;

    if (disk_size (first, middle * BLOCK))
      low = middle;
    else
      high = middle;
  }
  assert_true (disk_size (first, low * BLOCK) <= blocks * BLOCK);
  assert_true (disk_size (first, low * BLOCK) >= (blocks - 4) * BLOCK);
  check ((const struct tree_file[]){ { "a", first, { 0 } }, { "b", low * BLOCK, { 0 } } },
         2);
  assert_int_equal (disk_size (first, low * BLOCK + 1), 0);
  assert_int_equal (disk_size (9 * TIB, 0), 0);
  assert_int_equal (disk_size (UINT64_MAX, UINT64_MAX), 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_empty),           cmocka_unit_test (test_sizes),
    cmocka_unit_test (test_long_files),      cmocka_unit_test (test_stat),
    cmocka_unit_test (test_far_times),       cmocka_unit_test (test_names),
    cmocka_unit_test (test_shortened_names), cmocka_unit_test (test_deep),
    cmocka_unit_test (test_many_files),      cmocka_unit_test (test_many_folders),
    cmocka_unit_test (test_parts),           cmocka_unit_test (test_deterministic),
    cmocka_unit_test (test_labels),          cmocka_unit_test (test_most),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
