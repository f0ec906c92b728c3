/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of recipe_old.h share: recipe_old.c (opening), recipe_old_proof.c (reading
 * all of it once), recipe_old_ranges.c (where the streams of V4, V6 and V8 lie),
 * recipe_old_places.c (finding a place in them) and recipe_old_segment.c.  Private to them.
 */
#ifndef MKVDUP_RECIPE_OLD_PARTS_H
#define MKVDUP_RECIPE_OLD_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "bytes.h"
#include "file_id.h"
#include "recipe_old.h"

/* A row of the table of copies. */
enum {
  OLD_ENTRY_IMAGE = 0,   /* i64: offset in the image */
  OLD_ENTRY_LEN = 8,     /* i64 */
  OLD_ENTRY_RECORD = 16, /* u16: 0 the delta, n source record n - 1 */
  OLD_ENTRY_FROM = 18,   /* i64: offset in the delta, the source, or a stream of it */
  OLD_ENTRY_FLAGS = 26,  /* u8 */
  OLD_ENTRY_STREAM = 27, /* u8 */
  OLD_ENTRY_SIZE = 28,
};

#define OLD_FLAG_VIDEO 1u
#define OLD_FLAG_LPCM 2u /* the bytes of each pair are swapped */
#define OLD_KNOWN_FLAGS 3u

/* What the file is read in: rows are whole in it. */
#define OLD_ENTRIES_A_BLOCK 2048u
#define OLD_ENTRIES_BLOCK ((size_t) OLD_ENTRIES_A_BLOCK * OLD_ENTRY_SIZE)
#define OLD_DELTA_BLOCK 65536u
#define OLD_RANGES_BLOCK 16384u /* nearly: a range is not cut in two */

struct old_entry {
  uint64_t image, len, from;
  uint16_t record;
  uint8_t flags, stream;
};

static inline struct old_entry
old_entry_get (const uint8_t *p)
{
  return (struct old_entry){ .image = get_le64 (p + OLD_ENTRY_IMAGE),
                             .len = get_le64 (p + OLD_ENTRY_LEN),
                             .from = get_le64 (p + OLD_ENTRY_FROM),
                             .record = get_le16 (p + OLD_ENTRY_RECORD),
                             .flags = p[OLD_ENTRY_FLAGS],
                             .stream = p[OLD_ENTRY_STREAM] };
}

/* A section of the file, and its checksum. */
struct old_section {
  uint64_t at, len;
  uint64_t checksum; /* XXH64 */
};

/* ---- The range map: recipe_old_ranges.c */

/* `count` ranges of a source, of `size` bytes each, `period` from one to the next. */
struct old_run {
  uint64_t es; /* offset in the stream of the first one's first byte */
  uint64_t from;
  uint64_t size, period;
  uint64_t count;
};

/* Where in a stream's coded ranges one can begin to read. */
struct old_mark {
  uint64_t at;  /* in the file */
  uint64_t es;  /* offset in the stream of what comes next */
  uint64_t end; /* in the source: of the range before */
  uint64_t sum; /* XXH3 of the coded bytes up to the next mark */
};

struct old_stream {
  uint64_t len; /* bytes of the stream */
  uint64_t n_ranges;
  uint16_t gap, size; /* of the ranges where nothing else is said */
  bool is_video;
  uint8_t id;
  size_t marks, n_marks; /* in old_ranges.marks; behind them one that is the end */
};

struct old_ranges {
  struct buffer streams; /* struct old_stream */
  struct buffer marks;   /* struct old_mark */
  size_t *first;         /* of each source record, and one more: its streams */
  uint32_t n_records;
};

/* Where reading is in a stream's coded ranges. */
struct old_decoder {
  const struct old_stream *stream;
  struct reader in;
  uint64_t es, end;
  bool is_first; /* the next is the first of all, which says where it lies */
};

/* The next ones; false at the end, or in->failed. */
bool old_decoder_next (struct old_decoder *d, struct old_run *run);

/* Parse the whole range map in memory, `data`, which begins at `at` in the file. */
int old_ranges_read (struct old_ranges *ranges, const struct recipe *r,
                     const uint8_t *data, size_t len, uint64_t at, struct error *err);
void old_ranges_free (struct old_ranges *ranges);

/* The stream that an entry is about; NULL: it has none. */
const struct old_stream *old_ranges_find (const struct old_ranges *ranges,
                                          uint32_t record, bool is_video, uint8_t id);

/* ---- Places in streams: recipe_old_places.c */

/* Streams whose place is kept. */
#define OLD_PLACES 8u

struct old_place {
  const struct old_stream *stream; /* NULL: unused */
  size_t mark;                     /* the block that is in memory */
  uint8_t *block;                  /* owned */
  struct old_decoder decoder;
  struct old_run run; /* the last one that was decoded */
};

/* Of one thread, while it makes a segment. */
struct old_places {
  const struct recipe *r;
  const struct old_ranges *ranges;
  struct old_place all[OLD_PLACES];
  unsigned next; /* to be given away */
  uint32_t runs; /* decoded so far */
};

/* The run that has byte `es` of the stream, which has that many; valid until the next
 * call.  NULL with `err` set.
 */
const struct old_run *old_places_seek (struct old_places *places,
                                       const struct old_stream *stream, uint64_t es,
                                       struct error *err);
void old_places_free (struct old_places *places);

/* ---- What reading all of it has shown: recipe_old_proof.c */

struct old_proof {
  uint64_t *entry_sums;  /* XXH3 of each block */
  uint64_t *entry_first; /* offset in the image of its first row */
  size_t n_entry_blocks;
  uint64_t *delta_sums;
  size_t n_delta_blocks;
  struct old_ranges ranges;
};

struct recipe_old {
  struct recipe_old_facts facts;
  bool has_streams; /* offsets are those of streams: V4, V6, V8 */
  struct old_section entries, delta, ranges;
  uint32_t
    *source_of; /* each record: number of its source, OLD_UNUSED: it has none; owned */
  uint32_t n_records;
  _Atomic (struct old_proof *) proof; /* owned; NULL until the first segment is wanted */
  pthread_mutex_t lock;
  /* Guarded by the lock: */
  struct error *flaw; /* found when the file was read; owned; NULL: none is known ... */
  struct file_id flawed; /* ... of the file as it was then */
};

#define OLD_UNUSED UINT32_MAX

/* All of the file is right: what has been found.  NULL with `err` set. */
const struct old_proof *old_proof_get (const struct recipe *r, struct error *err);
void old_proof_free (struct old_proof *proof);

/* Read a block, and check that it is as it was. */
int old_read_block (const struct recipe *r, uint8_t *data, size_t len, uint64_t at,
                    uint64_t sum, struct error *err);

#endif /* MKVDUP_RECIPE_OLD_PARTS_H */
