/* SPDX-License-Identifier: BSD-3-Clause */
/* See read-udf.h.  Numbers are byte offsets in the descriptors of ECMA-167. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "bytes.h"
#include "read-udf.h"

#define BLOCK 2048u

struct place {
  uint64_t from, end; /* blocks of the disk */
};

struct reading {
  const struct udf_disk *disk;
  uint64_t blocks; /* of the disk */
  uint64_t start;  /* of the partition ... */
  uint64_t length; /* ... blocks */
  uint64_t next_id;
  uint32_t n_files, n_folders;
  struct place *places; /* what is taken */
  size_t n_places, room;
};

/* ---- Blocks and tags */

static void
take (struct reading *r, uint64_t from, uint64_t n)
{
  if (n == 0)
    return;
  if (r->n_places == r->room) {
    r->room = r->room ? 2 * r->room : 64;
    r->places = realloc (r->places, r->room * sizeof *r->places);
    assert_non_null (r->places);
  }
  r->places[r->n_places++] = (struct place){ from, from + n };
}

static int
by_place (const void *a, const void *b)
{
  const struct place *x = a, *y = b;

  return x->from < y->from ? -1 : x->from > y->from;
}

/* No two in the same place, and in the partition none that nothing has. */
static void
check_places (struct reading *r)
{
  uint64_t taken = 0;

  qsort (r->places, r->n_places, sizeof *r->places, by_place);
  for (size_t i = 0; i < r->n_places; i++) {
    assert_true (r->places[i].end <= r->blocks);
    assert_true (i == 0 || r->places[i - 1].end <= r->places[i].from);
    if (r->places[i].from >= r->start && r->places[i].end <= r->start + r->length)
      taken += r->places[i].end - r->places[i].from;
  }
  assert_int_equal (taken, r->length);
}

static void
read_block (const struct reading *r, uint64_t block, uint8_t *p)
{
  assert_true (block < r->blocks);
  r->disk->read (r->disk->of, p, BLOCK, block * BLOCK);
}

/* Of the partition. */
static void
read_logical (const struct reading *r, uint64_t block, uint8_t *p)
{
  assert_true (block < r->length);
  read_block (r, r->start + block, p);
}

static uint16_t
crc_bit_by_bit (const uint8_t *p, size_t n)
{
  unsigned crc = 0;

  for (size_t i = 0; i < n; i++) {
    crc ^= (unsigned) p[i] << 8;
    for (int bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
  }
  return (uint16_t) crc;
}

/* A descriptor `tag` that belongs in block `at`; at least `least` of its bytes are checked. */
static void
check_tag (const uint8_t *p, unsigned tag, uint64_t at, size_t least, size_t room)
{
  unsigned sum = 0;
  size_t len = get_le16 (p + 10);

  for (int i = 0; i < 16; i++)
    sum += i == 4 ? 0 : p[i];
  assert_int_equal (get_le16 (p), tag);
  assert_int_equal (get_le16 (p + 2), 2);
  assert_int_equal (p[4], sum & 0xff);
  assert_int_equal (p[5], 0);
  assert_int_equal (get_le32 (p + 12), at);
  assert_true (len + 16 >= least && len + 16 <= room);
  assert_int_equal (get_le16 (p + 8), crc_bit_by_bit (p + 16, len));
}

static bool
is_zeros (const uint8_t *p, size_t n)
{
  while (n > 0 && *p == 0) {
    p++;
    n--;
  }
  return n == 0;
}

static void
check_zeros (const struct reading *r, uint64_t from, uint64_t end)
{
  uint8_t p[BLOCK];

  for (; from < end; from++) {
    read_block (r, from, p);
    assert_true (is_zeros (p, BLOCK));
  }
}

/* ---- Fields */

static void
check_entity (const uint8_t *p, const char *name)
{
  assert_int_equal (p[0], 0);
  assert_memory_equal (p + 1, name, strlen (name));
  assert_true (is_zeros (p + 1 + strlen (name), 23 - strlen (name)));
}

static void
check_domain (const uint8_t *p)
{
  check_entity (p, "*OSTA UDF Compliant");
  assert_int_equal (get_le16 (p + 24), 0x102);
  assert_true (is_zeros (p + 27, 5));
}

static void
check_charset (const uint8_t *p)
{
  assert_int_equal (p[0], 0);
  assert_string_equal ((const char *) p + 1, "OSTA Compressed Unicode");
  assert_true (is_zeros (p + 24, 40));
}

static size_t
put_utf8 (char *out, uint32_t c)
{
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

  for (size_t i = n; i-- > 1; c >>= 6)
    out[i] = (char) (0x80 | (c & 0x3f));
  out[0] = (char) (first[n] | c);
  return n;
}

/* Compressed unicode; 16 bits only where they are needed. */
static void
decode (const uint8_t *p, size_t n, char *out)
{
  bool wide = p[0] == 16, needed = false;

  assert_true (n > 1 && (p[0] == 8 || p[0] == 16));
  assert_true (!wide || n % 2 == 1);
  for (size_t i = 1; i < n; i += wide ? 2 : 1) {
    uint32_t c = wide ? get_be16 (p + i) : p[i];

    needed = needed || c > 0xff;
    if (c >= 0xd800 && c < 0xdc00) {
      uint32_t low = (i += 2) < n ? get_be16 (p + i) : 0;

      assert_true (low >= 0xdc00 && low < 0xe000);
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    assert_true (c != 0 && c != '/' && !(c >= 0xdc00 && c < 0xe000));
    out += put_utf8 (out, c);
  }
  *out = '\0';
  assert_int_equal (wide, needed);
}

static void
read_dstring (const uint8_t *p, size_t size, char *out)
{
  size_t n = p[size - 1];

  assert_true (n < size);
  assert_true (is_zeros (p + n, size - 1 - n));
  *out = '\0';
  if (n)
    decode (p, n, out);
}

/* In microseconds since 1970. */
static int64_t
read_time (const uint8_t *p)
{
  struct tm tm = { .tm_year = (int16_t) get_le16 (p + 2) - 1900,
                   .tm_mon = p[4] - 1,
                   .tm_mday = p[5],
                   .tm_hour = p[6],
                   .tm_min = p[7],
                   .tm_sec = p[8] };

  assert_int_equal (get_le16 (p), 0x1000);
  assert_true (p[4] >= 1 && p[4] <= 12 && p[5] >= 1 && p[5] <= 31 && p[6] < 24);
  assert_true (p[7] < 60 && p[8] < 60 && p[9] < 100 && p[10] < 100 && p[11] < 100);
  return (int64_t) timegm (&tm) * 1000000 + p[9] * 10000 + p[10] * 100 + p[11];
}

/* ---- The volume */

static void
check_recognition (const struct reading *r)
{
  static const char names[3][6] = { "BEA01", "NSR02", "TEA01" };
  uint8_t p[BLOCK];

  check_zeros (r, 0, 16);
  for (uint32_t i = 0; i < 3; i++) {
    read_block (r, 16 + i, p);
    assert_int_equal (p[0], 0);
    assert_memory_equal (p + 1, names[i], 5);
    assert_int_equal (p[6], 1);
    assert_true (is_zeros (p + 7, BLOCK - 7));
  }
  check_zeros (r, 19, 20);
  /* Where there would be an anchor, were blocks smaller. */
  check_zeros (r, 64, 65);
  check_zeros (r, 128, 129);
}

/* All anchors are the same; returns where the sequences are. */
static void
read_anchors (struct reading *r, uint64_t sequences[2])
{
  const uint64_t at[3] = { 256, r->blocks - 1, r->blocks - 257 };

  for (int i = 0; i < 3; i++) {
    uint8_t p[BLOCK];

    read_block (r, at[i], p);
    check_tag (p, 2, at[i], 512, 512);
    take (r, at[i], 1);
    for (int k = 0; k < 2; k++) {
      uint32_t len = get_le32 (p + 16 + 8 * k);

      assert_true (len >= 16 * BLOCK && len % BLOCK == 0);
      assert_true (i == 0 || sequences[k] == get_le32 (p + 20 + 8 * k));
      sequences[k] = get_le32 (p + 20 + 8 * k);
      if (i == 0)
        take (r, sequences[k], len / BLOCK);
    }
  }
}

static void
check_primary (const uint8_t *p, struct udf_volume *v)
{
  read_dstring (p + 24, 32, v->label);
  assert_int_equal (get_le16 (p + 56), 1);
  assert_int_equal (get_le16 (p + 58), 1);
  assert_int_equal (get_le32 (p + 64), 1);
  read_dstring (p + 72, 128, v->set);
  assert_true (strlen (v->set) >= 16);
  assert_int_equal (strspn (v->set, "0123456789abcdef"), 16);
  check_charset (p + 200);
  check_charset (p + 264);
  read_time (p + 376);
  check_entity (p + 388, "*mkvdup");
}

static void
check_partition (struct reading *r, const uint8_t *p)
{
  assert_int_equal (get_le16 (p + 20), 1);
  assert_int_equal (get_le16 (p + 22), 0);
  check_entity (p + 24, "+NSR02");
  assert_true (is_zeros (p + 56, 128));
  assert_int_equal (get_le32 (p + 184), 1);
  r->start = get_le32 (p + 188);
  r->length = get_le32 (p + 192);
  assert_true (r->start > 256 && r->start + r->length <= r->blocks - 257);
}

/* A long_ad; returns its block of the partition. */
static uint64_t
read_long_ad (const uint8_t *p, uint32_t len)
{
  assert_int_equal (get_le32 (p), len);
  assert_int_equal (get_le16 (p + 8), 0);
  return get_le32 (p + 4);
}

/* Returns the file set's block; `integrity` becomes where the integrity sequence is. */
static uint64_t
check_logical (struct reading *r, const uint8_t *p, const char *label,
               uint64_t *integrity)
{
  static const uint8_t map[6] = { 1, 6, 1, 0, 0, 0 };
  char name[128];

  check_charset (p + 20);
  read_dstring (p + 84, 128, name);
  assert_string_equal (name, label);
  assert_int_equal (get_le32 (p + 212), BLOCK);
  check_domain (p + 216);
  assert_int_equal (get_le32 (p + 264), 6);
  assert_int_equal (get_le32 (p + 268), 1);
  assert_memory_equal (p + 440, map, 6);
  assert_true (get_le32 (p + 432) >= 8192);
  *integrity = get_le32 (p + 436);
  take (r, *integrity, get_le32 (p + 432) / BLOCK);
  return read_long_ad (p + 248, 2 * BLOCK);
}

/* The main sequence; the other is the same but for places.  Returns as check_logical. */
static uint64_t
read_sequences (struct reading *r, struct udf_volume *v, uint64_t *integrity)
{
  static const unsigned tags[] = { 1, 4, 5, 6, 7, 8 };
  static const size_t sizes[] = { 512, 512, 512, 446, 24, 512 };
  uint64_t sequences[2] = { 0, 0 }, file_set = 0;

  read_anchors (r, sequences);
  for (uint32_t i = 0; i < 6; i++) {
    uint8_t p[BLOCK], q[BLOCK];

    read_block (r, sequences[0] + i, p);
    read_block (r, sequences[1] + i, q);
    check_tag (p, tags[i], sequences[0] + i, sizes[i], sizes[i]);
    check_tag (q, tags[i], sequences[1] + i, sizes[i], sizes[i]);
    assert_memory_equal (p + 16, q + 16, BLOCK - 16);
    assert_true (is_zeros (p + sizes[i], BLOCK - sizes[i]));
    if (tags[i] == 1)
      check_primary (p, v);
    else if (tags[i] == 4)
      check_entity (p + 20, "*UDF LV Info");
    else if (tags[i] == 5)
      check_partition (r, p);
    else if (tags[i] == 6)
      file_set = check_logical (r, p, v->label, integrity);
    else
      assert_true (is_zeros (p + 20, BLOCK - 20));
  }
  return file_set;
}

static void
check_integrity (struct reading *r, uint64_t at, uint32_t *n_files, uint32_t *n_folders)
{
  uint8_t p[BLOCK];

  read_block (r, at + 1, p);
  check_tag (p, 8, at + 1, 512, 512);
  read_block (r, at, p);
  check_tag (p, 9, at, 134, 134);
  read_time (p + 16);
  assert_int_equal (get_le32 (p + 28), 1); /* closed */
  assert_true (is_zeros (p + 32, 8));
  r->next_id = get_le64 (p + 40);
  assert_int_equal (get_le32 (p + 72), 1);
  assert_int_equal (get_le32 (p + 76), 46);
  assert_int_equal (get_le32 (p + 80), 0);
  assert_int_equal (get_le32 (p + 84), r->length);
  check_entity (p + 88, "*mkvdup");
  *n_files = get_le32 (p + 120);
  *n_folders = get_le32 (p + 124);
  for (int i = 0; i < 3; i++)
    assert_int_equal (get_le16 (p + 128 + 2 * i), 0x102);
}

/* Returns the block of the root's file entry. */
static uint64_t
check_file_set (struct reading *r, uint64_t at, const char *label)
{
  uint8_t p[BLOCK];
  char name[128];

  read_logical (r, at + 1, p);
  check_tag (p, 8, at + 1, 512, 512);
  read_logical (r, at, p);
  check_tag (p, 256, at, 512, 512);
  take (r, r->start + at, 2);
  read_time (p + 16);
  check_charset (p + 48);
  read_dstring (p + 112, 128, name);
  assert_string_equal (name, label);
  check_charset (p + 240);
  read_dstring (p + 304, 32, name);
  check_domain (p + 416);
  return read_long_ad (p + 400, BLOCK);
}

/* ---- Files */

static void
add_extent (struct reading *r, struct udf_node *node, uint32_t len, uint64_t at)
{
  assert_true (len > 0 && len < 1u << 30);
  assert_true (at + (len + BLOCK - 1) / BLOCK <= r->length);
  if (node->n_extents % 64 == 0) {
    node->extents =
      realloc (node->extents, (node->n_extents + 64) * sizeof *node->extents);
    assert_non_null (node->extents);
  }
  node->extents[node->n_extents++] = (struct udf_extent){ (r->start + at) * BLOCK, len };
  take (r, r->start + at, (len + BLOCK - 1) / BLOCK);
}

/* Descriptors [p, p + n), and those they lead to. */
static void
read_extents (struct reading *r, struct udf_node *node, const uint8_t *p, size_t n)
{
  uint8_t more[BLOCK];

  assert_int_equal (n % 8, 0);
  for (size_t i = 0; i < n; i += 8) {
    uint32_t len = get_le32 (p + i), at = get_le32 (p + i + 4);

    if (len >> 30 == 0) {
      add_extent (r, node, len, at);
      continue;
    }
    assert_int_equal (len >> 30, 3);
    assert_int_equal (len & 0x3fffffff, BLOCK);
    assert_int_equal (i + 8, n);
    read_logical (r, at, more);
    check_tag (more, 258, at, 24, BLOCK);
    take (r, r->start + at, 1);
    assert_int_equal (get_le32 (more + 16), 0);
    p = more + 24;
    n = get_le32 (more + 20);
    assert_true (n > 0 && n <= BLOCK - 24 && n % 8 == 0);
    assert_true (is_zeros (p + n, BLOCK - 24 - n));
    i = (size_t) -8;
  }
}

static void
check_extents (const struct udf_node *node)
{
  uint64_t sum = 0;

  for (size_t i = 0; i < node->n_extents; i++) {
    assert_true (i + 1 == node->n_extents || node->extents[i].len % BLOCK == 0);
    sum += node->extents[i].len;
  }
  assert_int_equal (sum, node->size);
}

static uint32_t
read_mode (const uint8_t *p)
{
  uint32_t bits = get_le32 (p + 44), flags = get_le16 (p + 34), mode = 0;

  assert_int_equal (bits & ~0x1ce7u, 0); /* nobody may delete, or change attributes */
  for (unsigned i = 0; i < 3; i++)
    mode |= (bits >> 5 * i & 7) << 3 * i;
  return mode | (flags & 0x40 ? 04000 : 0) | (flags & 0x80 ? 02000 : 0) |
         (flags & 0x100 ? 01000 : 0);
}

/* Returns how many entries lead to it, it says. */
static unsigned
read_file_entry (struct reading *r, struct udf_node *node)
{
  uint8_t p[BLOCK];
  size_t n;
  int64_t t;

  read_logical (r, node->icb, p);
  n = get_le32 (p + 172);
  assert_true (n <= BLOCK - 176);
  check_tag (p, 261, node->icb, 176 + n, BLOCK);
  take (r, r->start + node->icb, 1);
  assert_true (is_zeros (p + 16, 4));
  assert_int_equal (get_le16 (p + 20), 4);
  assert_int_equal (get_le16 (p + 24), 1);
  assert_int_equal (p[27], node->is_folder ? 4 : 5);
  assert_int_equal (get_le16 (p + 34) & ~0x1c0, 0);
  node->uid = get_le32 (p + 36);
  node->gid = get_le32 (p + 40);
  node->mode = read_mode (p);
  node->size = get_le64 (p + 56);
  assert_int_equal (get_le64 (p + 64), (node->size + BLOCK - 1) / BLOCK);
  assert_memory_equal (p + 72, p + 84, 12);
  assert_memory_equal (p + 96, p + 84, 12);
  t = read_time (p + 84);
  node->mtime_usec = (uint32_t) ((t % 1000000 + 1000000) % 1000000);
  node->mtime = (t - node->mtime_usec) / 1000000;
  assert_int_equal (get_le32 (p + 108), 1);
  check_entity (p + 128, "*mkvdup");
  node->unique_id = get_le64 (p + 160);
  assert_true (node->unique_id < r->next_id);
  assert_int_equal (get_le32 (p + 168), 0);
  read_extents (r, node, p + 176, n);
  check_extents (node);
  assert_true (is_zeros (p + 176 + n, BLOCK - 176 - n));
  return get_le16 (p + 48);
}

/* ---- Folders */

static uint8_t *
read_content (const struct reading *r, const struct udf_node *node)
{
  uint8_t *content = malloc (node->size), *p = content;

  assert_non_null (content);
  for (size_t i = 0; i < node->n_extents; i++) {
    r->disk->read (r->disk->of, p, node->extents[i].len, node->extents[i].at);
    p += node->extents[i].len;
  }
  return content;
}

/* The entry at `at` of a folder's content, of which `room` bytes are left; returns its own.
 */
static size_t
check_entry (const struct reading *r, const struct udf_node *folder, const uint8_t *p,
             uint64_t at, uint64_t room)
{
  size_t len = p[19], size;

  assert_true (room >= 40);
  size = (38 + len + 3) / 4 * 4;
  assert_true (size <= room);
  assert_int_equal (get_le16 (p + 36), 0);
  assert_true (is_zeros (p + 38 + len, size - 38 - len));
  assert_int_equal (get_le16 (p + 16), 1);
  assert_int_equal (folder->n_extents,
                    1); /* so far no test has more than a GiB of names */
  check_tag (p, 257, folder->extents[0].at / BLOCK - r->start + at / BLOCK, 38, size);
  return size;
}

static void read_folder (struct reading *r, struct udf_node *folder, uint64_t parent,
                         unsigned links);

/* All that an entry leads to, in a folder whose file entry is in block `parent`. */
static struct udf_node *
read_entry (struct reading *r, const uint8_t *p, uint64_t parent)
{
  struct udf_node *node = calloc (1, sizeof *node);
  unsigned links;

  assert_non_null (node);
  assert_int_equal (p[18] & ~2, 0);
  node->is_folder = p[18] & 2;
  node->icb = read_long_ad (p + 20, BLOCK);
  decode (p + 38, p[19], node->name);
  links = read_file_entry (r, node);
  assert_int_equal (get_le32 (p + 32), node->unique_id);
  assert_true (node->unique_id >= 16);
  if (node->is_folder)
    read_folder (r, node, parent, links);
  else
    assert_int_equal (links, 1);
  r->n_files += !node->is_folder;
  return node;
}

static int
by_name (const void *a, const void *b)
{
  return strcmp ((*(struct udf_node *const *) a)->name,
                 (*(struct udf_node *const *) b)->name);
}

static void
check_names_differ (const struct udf_node *folder)
{
  struct udf_node **sorted = malloc ((folder->n_nodes + 1) * sizeof *sorted);

  assert_non_null (sorted);
  if (folder->n_nodes)
    memcpy (sorted, folder->nodes, folder->n_nodes * sizeof *sorted);
  qsort (sorted, folder->n_nodes, sizeof *sorted, by_name);
  for (size_t i = 1; i < folder->n_nodes; i++)
    assert_string_not_equal (sorted[i - 1]->name, sorted[i]->name);
  free (sorted);
}

/* `parent` is the block of the file entry above; so many `links` lead to this one. */
static void
read_folder (struct reading *r, struct udf_node *folder, uint64_t parent, unsigned links)
{
  uint8_t *content = read_content (r, folder);
  uint64_t at = check_entry (r, folder, content, 0, folder->size);
  unsigned n_folders = 1;

  r->n_folders++;
  assert_int_equal (content[18], 2 | 8);
  assert_int_equal (content[19], 0);
  assert_int_equal (read_long_ad (content + 20, BLOCK), parent);
  while (at < folder->size) {
    size_t n = check_entry (r, folder, content + at, at, folder->size - at);

    if ((folder->n_nodes & (folder->n_nodes + 1)) == 0) {
      folder->nodes =
        realloc (folder->nodes, 2 * (folder->n_nodes + 1) * sizeof *folder->nodes);
      assert_non_null (folder->nodes);
    }
    folder->nodes[folder->n_nodes] = read_entry (r, content + at, folder->icb);
    n_folders += folder->nodes[folder->n_nodes++]->is_folder;
    at += n;
  }
  assert_int_equal (links, n_folders);
  check_names_differ (folder);
  free (content);
}

struct udf_volume *
udf_volume_read (const struct udf_disk *disk)
{
  struct udf_volume *v = calloc (1, sizeof *v);
  struct udf_node *root = calloc (1, sizeof *root);
  struct reading r = { .disk = disk, .blocks = disk->size / BLOCK };
  uint64_t integrity = 0, file_set;
  uint32_t n_files, n_folders;
  unsigned links;

  assert_true (v && root);
  v->root = root;
  assert_int_equal (disk->size % 4096, 0);
  check_recognition (&r);
  file_set = read_sequences (&r, v, &integrity);
  check_integrity (&r, integrity, &n_files, &n_folders);
  root->is_folder = true;
  root->icb = check_file_set (&r, file_set, v->label);
  links = read_file_entry (&r, root);
  assert_int_equal (root->unique_id, 0);
  read_folder (&r, root, root->icb, links);
  assert_int_equal (r.n_files, n_files);
  assert_int_equal (r.n_folders, n_folders);
  check_places (&r);
  free (r.places);
  return v;
}

static void
free_node (struct udf_node *node)
{
  for (size_t i = 0; i < node->n_nodes; i++)
    free_node (node->nodes[i]);
  free (node->nodes);
  free (node->extents);
  free (node);
}

void
udf_volume_free (struct udf_volume *volume)
{
  free_node (volume->root);
  free (volume);
}
