/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who reads an image in order, and what they will want next.
 *
 * A stream is a reader's place in the image: where its next read is expected, and up to
 * where its bytes have been asked for already.  Streams come into being when a read has
 * to wait, never while everything is in memory; what they ask for in advance grows
 * with their success.
 *
 * Pure and without a lock: its caller has one (ahead.h).
 */
#ifndef MKVDUP_STREAMS_H
#define MKVDUP_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

/* Players at once, and the connections of one nbdcopy, in one image. */
#define STREAMS_MAX 16

/* The first fetch: a tenth of a second of a Blu-ray at its fastest (40 Mbit/s). */
#define STREAM_WINDOW_FIRST (UINT64_C (512) << 10)

/* The last: keeps a disk busy between two looks at it, and seeks rare. */
#define STREAM_WINDOW_MAX (UINT64_C (8) << 20)

/* Forget who has not read for so many seconds: the pause of a film is longer, but then one
 * read that waits is no harm.
 */
#define STREAM_IDLE_SECONDS 30

struct stream {
  uint64_t next;  /* where its next read is expected */
  uint64_t ahead; /* fetched, or about to be, up to here; >= next */
  uint64_t window;
  int64_t last;   /* when it last read, in seconds of any clock */
  bool confirmed; /* it has read in order at least once */
};

/* All zeros but `trust`: see streams_init. */
struct streams {
  struct stream streams[STREAMS_MAX];
  unsigned n;
  int trust; /* in fetching on the first read of a stream */
};

struct stream_range {
  uint64_t from, to; /* from == to: nothing */
};

void streams_init (struct streams *all);

/*
 * Somebody reads [offset, offset + count) of an image of `size` bytes, at `now` seconds,
 * and has to wait for it or not.  Returns what should be fetched in advance.
 */
struct stream_range streams_note (struct streams *all, uint64_t offset, uint64_t count,
                                  uint64_t size, bool waits, int64_t now);

/* Drop the streams that have ended; how many are left. */
unsigned streams_expire (struct streams *all, int64_t now);

#endif /* MKVDUP_STREAMS_H */
