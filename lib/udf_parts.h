/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of a UDF file system share: udf.c (where everything stands, reading),
 * udf_volume.c (descriptors of the volume), udf_file.c (of files), udf_folder.c (what folders
 * hold), udf_extent.c (where bytes are), udf_name.c (names) and udf_field.c (what all
 * descriptors are made of).  Private to lib/.
 *
 * Paragraphs are those of ECMA-167, third edition, as "4/14.9", and of OSTA UDF 1.02, as
 * "UDF 2.3.6".
 */
#ifndef MKVDUP_UDF_PARTS_H
#define MKVDUP_UDF_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "fs.h"
#include "tree.h"

#define UDF_BLOCK 2048u
#define UDF_REVISION 0x0102u

/* Blocks of the disk.  64 and 128 stay empty: systems that guess a smaller block look for
 * an anchor there.
 */
enum udf_place {
  UDF_RECOGNITION = 16,
  UDF_MAIN = 32,    /* volume descriptors ... */
  UDF_RESERVE = 48, /* ... and again */
  UDF_INTEGRITY = 72,
  UDF_ANCHOR = 256,
  UDF_PARTITION = 257, /* where the partition begins; all below count from there */
};

#define UDF_SEQUENCE 16u /* blocks of volume descriptors, at least 16 (UDF 2.2.3.1) */
#define UDF_INTEGRITY_BLOCKS 4 /* at least 8 KiB (UDF 2.2.4.6) */
#define UDF_LAST_ANCHORS 256u  /* blocks between the two anchors at the end */

/* Blocks of the partition. */
enum udf_partition_place {
  UDF_FILE_SET = 0,
  UDF_FILE_SET_BLOCKS = 2,
  UDF_ICBS = 2, /* one block for each node, in their order */
};

/* What does not fit into the file entry: a file with so many extents that more blocks of
 * allocation descriptors follow.
 */
struct udf_long {
  uint32_t node;
  uint32_t at; /* the first such block, of the partition */
};

struct udf {
  struct fs fs;            /* first: who uses it has only this address */
  const struct tree *tree; /* borrowed */
  char label[16];
  uint64_t hash;        /* of tree and label */
  uint32_t n_folders;   /* with the root */
  uint64_t *entry_at;   /* by node: where its entry begins, bytes from `folders`; owned */
  uint64_t folder_size; /* bytes of all entries, in whole blocks */
  uint64_t folders;     /* block of the partition: what folders hold, in their order */
  uint64_t more;        /* block of the partition: further allocation descriptors */
  struct udf_long *longs; /* in the order of nodes; owned */
  uint32_t n_longs;
};

/* ---- udf_field.c: what descriptors are made of.  All are put where `p` points. */

/* What descriptors are called in their tags (3/7.2.1, 4/7.2.1). */
enum udf_tag {
  UDF_TAG_PRIMARY = 1,
  UDF_TAG_ANCHOR = 2,
  UDF_TAG_IMPLEMENTATION = 4,
  UDF_TAG_PARTITION = 5,
  UDF_TAG_LOGICAL = 6,
  UDF_TAG_UNALLOCATED = 7,
  UDF_TAG_TERMINATING = 8,
  UDF_TAG_INTEGRITY = 9,
  UDF_TAG_FILE_SET = 256,
  UDF_TAG_FILE_IDENTIFIER = 257,
  UDF_TAG_ALLOCATION_EXTENT = 258,
  UDF_TAG_FILE_ENTRY = 261,
};

#define UDF_TAG_SIZE 16u

/* The tag of a finished descriptor that stands in block `at`; its checksum covers `size`
 * bytes, tag included.
 */
void udf_put_tag (uint8_t *p, enum udf_tag tag, size_t size, uint32_t at);

/* 12 bytes (1/7.3), UTC to the microsecond; years before 1 and after 9999 become these. */
void udf_put_time (uint8_t *p, const struct tree_stat *stat);

/* 64 bytes (UDF 2.1.2) */
void udf_put_charset (uint8_t *p);

/* ASCII in a field of `size` bytes (1/7.2.12), in which it has to fit. */
void udf_put_dstring (uint8_t *p, size_t size, const char *text);

/* An entity identifier, 32 bytes (UDF 2.1.5): of the domain, of the UDF specification
 * itself, of a standard, which has no suffix, and of us.
 */
void udf_put_domain (uint8_t *p);
void udf_put_udf_entity (uint8_t *p, const char *name);
void udf_put_standard (uint8_t *p, const char *name);
void udf_put_maker (uint8_t *p);

/* A long_ad (4/14.14.2), 16 bytes: `size` bytes from block `at` of the partition on. */
void udf_put_long_ad (uint8_t *p, uint32_t size, uint32_t at);

/* ---- udf_volume.c */

/* Block `block` of the disk, which is not in the partition.  `p` is zeros. */
void udf_put_volume (const struct udf *udf, uint8_t *p, uint64_t block);
/* Block `at` of the partition, which is one of the file set's. */
void udf_put_file_set (const struct udf *udf, uint8_t *p, uint32_t at);

/* In what follows, `p` is a block of zeros, `at` its number in the partition. */

/* ---- udf_folder.c: what folders hold */

/* Make `entry_at` and `folder_size`; -1 with `err` set when out of memory. */
int udf_place_folders (struct udf *udf, struct error *err);

/* Folder `number`: its bytes, and where they begin, in bytes from `folders` on. */
uint64_t udf_folder_size (const struct udf *udf, uint32_t number);
uint64_t udf_folder_at (const struct udf *udf, uint32_t number);

void udf_put_folder (const struct udf *udf, uint8_t *p, uint32_t at);

/* ---- udf_extent.c: where bytes are */

/* Make `longs`, from block `*end` of the partition on, which becomes their end. */
int udf_place_more (struct udf *udf, uint64_t *end, struct error *err);

/* Bytes of a file, or of what a folder holds. */
uint64_t udf_content_size (const struct udf *udf, uint32_t number);

/* The allocation descriptors of a file entry; returns their bytes. */
size_t udf_put_extents (const struct udf *udf, uint8_t *p, uint32_t number);

/* Further allocation descriptors. */
void udf_put_more (const struct udf *udf, uint8_t *p, uint32_t at);

/* ---- udf_file.c: file entries */

#define UDF_FILE_ENTRY_SIZE 176u /* bytes before the allocation descriptors */

void udf_put_file_entry (const struct udf *udf, uint8_t *p, uint32_t at);

/* Unique within the file system; 1 to 15 are not for files (UDF 3.2.1). */
static inline uint32_t
udf_unique_id (uint32_t node)
{
  return node == 0 ? 0 : node + 15;
}

/* ---- udf_name.c */

#define UDF_NAME_MAX 255u /* bytes */

/* A node's name in its folder, in compressed unicode (UDF 2.1.1); returns its length. */
size_t udf_name (const struct tree *tree, uint32_t number, uint8_t name[UDF_NAME_MAX]);

#endif /* MKVDUP_UDF_PARTS_H */
