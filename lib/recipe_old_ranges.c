/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The range map of V4, V6 and V8: where in its source each byte of a stream lies.
 *
 * It is a list of ranges for each stream, coded as differences, which can only be read from
 * its beginning.  Of a stream's list a mark is kept for each 16 KiB or so of the coded bytes,
 * from which reading can begin: so a list of any length costs 0.2 % of its size.  What a code
 * repeats is given as one run: ranges of one size, and the same distance apart.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "recipe_old_parts.h"

#define RANGES_MAGIC "RNGEMAPX"
#define RANGES_MAGIC_SIZE 8

/* Of all sources together: each takes 100 bytes of memory, and may be 16 of the file.  A disc has
 * some dozen.
 */
#define MAX_STREAMS 65536u

/* Of a stream; sums of two of them do not overflow. */
#define MAX_STREAM (UINT64_C (1) << 56)

void
old_ranges_free (struct old_ranges *ranges)
{
  buffer_free (&ranges->streams);
  buffer_free (&ranges->marks);
  free (ranges->first);
}

/* ---- Decoding */

/* One range, `step` from the end of the last one (modulo 2^64: it may go back). */
static void
give_one (struct old_decoder *d, struct old_run *run, uint64_t step, uint64_t size)
{
  *run = (struct old_run){
    .es = d->es, .from = d->end + step, .size = size, .period = size, .count = 1
  };
}

bool
old_decoder_next (struct old_decoder *d, struct old_run *run)
{
  const struct old_stream *s = d->stream;
  uint64_t v, arg;

  if (d->in.failed || reader_left (&d->in) == 0)
    return false;
  v = reader_varint (&d->in);
  arg = reader_varint (&d->in);
  if (d->is_first)
    give_one (d, run, v, arg);
  else if (v != 0)
    give_one (d, run, s->gap + (uint64_t) unzigzag (v - 1), arg);
  else
    *run = (struct old_run){ .es = d->es,
                             .from = d->end + s->gap,
                             .size = s->size,
                             .period = (uint64_t) s->size + s->gap,
                             .count = arg ? arg : 1 };
  d->is_first = false;
  /* Bounded, so that nothing below overflows: a source is shorter. */
  if (run->from > SOURCE_MAX_SIZE || run->size > SOURCE_MAX_SIZE ||
      run->count > UINT32_MAX)
    d->in.failed = true;
  d->es += run->size * run->count;
  d->end = run->from + (run->count - 1) * run->period + run->size;
  return !d->in.failed;
}

/* ---- Reading all of it once */

struct parsing {
  struct old_ranges *ranges;
  const struct recipe *r;
  struct reader in;
  const uint8_t *data; /* all of the map */
  uint64_t at;         /* in the file */
};

static uint64_t
file_offset (const struct parsing *p, const uint8_t *where)
{
  return p->at + (uint64_t) (where - p->data);
}

static int
complain (const struct parsing *p, const uint8_t *where, const char *what,
          struct error *err)
{
  return error_set (err, 0, "%s: the range map at offset %" PRIu64 ": %s", p->r->path,
                    file_offset (p, where), what);
}

static void
add_mark (struct parsing *p, struct old_stream *s, const struct old_decoder *d)
{
  struct old_mark mark = { file_offset (p, d->in.p), d->es, d->end, 0 };

  buffer_append (&p->ranges->marks, &mark, sizeof mark);
  s->n_marks++;
}

/* The hash of what lies between the last two marks. */
static void
hash_block (struct parsing *p)
{
  struct buffer *marks = &p->ranges->marks;
  struct old_mark *end;

  if (marks->failed)
    return;
  end = (struct old_mark *) (void *) (marks->data + marks->len) - 1;
  end[-1].sum = XXH3_64bits (p->data + (end[-1].at - p->at), end->at - end[-1].at);
}

/* All ranges of a stream: within the source, and as many as there should be. */
static int
read_stream (struct parsing *p, struct old_stream *s, const uint8_t *coded, size_t len,
             uint64_t source_size, struct error *err)
{
  struct old_decoder d = { .stream = s,
                           .in = reader_init (coded, len),
                           .is_first = true };
  const uint8_t *begun = coded;
  struct old_run run;
  uint64_t n = 0;

  s->marks = p->ranges->marks.len / sizeof (struct old_mark);
  add_mark (p, s, &d);
  while (old_decoder_next (&d, &run)) {
    n += run.count;
    if (d.end > source_size || run.from > source_size)
      return complain (p, d.in.p, "a range beyond its source", err);
    if (d.es > MAX_STREAM)
      return complain (p, d.in.p, "a stream that is too long", err);
    if (d.in.p - begun < OLD_RANGES_BLOCK || reader_left (&d.in) == 0)
      continue;
    begun = d.in.p;
    add_mark (p, s, &d);
    hash_block (p);
  }
  if (d.in.failed)
    return complain (p, d.in.p, "malformed", err);
  if (n != s->n_ranges)
    return complain (p, d.in.p, "another number of ranges than it says", err);
  s->len = d.es;
  add_mark (p, s, &d);
  s->n_marks--;
  hash_block (p);
  return 0;
}

/* A stream's head, and its ranges.  Two of one name could not be told apart. */
static int
parse_stream (struct parsing *p, uint32_t record, struct error *err)
{
  const uint8_t *begin = p->in.p, *coded;
  struct old_stream s = { 0 };
  uint32_t source, len;

  reader_le16 (&p->in); /* the record's number once more */
  s.is_video = reader_u8 (&p->in) == 0;
  s.id = reader_u8 (&p->in);
  s.n_ranges = reader_le32 (&p->in);
  s.gap = reader_le16 (&p->in);
  s.size = reader_le16 (&p->in);
  len = reader_le32 (&p->in);
  coded = reader_take (&p->in, len);
  if (!coded)
    return complain (p, begin, "a stream that reaches beyond it", err);
  if (p->ranges->streams.len / sizeof s >= MAX_STREAMS)
    return complain (p, begin, "too many streams", err);
  if (old_ranges_find (p->ranges, record, s.is_video, s.id))
    return complain (p, begin, "a stream that is there twice", err);
  source = p->r->old->source_of[record];
  if (source != OLD_UNUSED &&
      read_stream (p, &s, coded, len, p->r->source_sizes[source], err) == -1)
    return -1;
  buffer_append (&p->ranges->streams, &s, sizeof s);
  if (p->ranges->streams.failed || p->ranges->marks.failed)
    return error_set (err, ENOMEM, "%s", p->r->path);
  p->ranges->first[record + 1]++;
  return 0;
}

/* The streams of a record.  They come in the order of records, so that theirs are together;
 * what is in another order is in no file that is known.
 */
static int
parse_record (struct parsing *p, uint32_t *next, struct error *err)
{
  const uint8_t *begin = p->in.p;
  uint32_t record = reader_le16 (&p->in);
  unsigned n = reader_u8 (&p->in);

  if (p->in.failed || record < *next || record >= p->ranges->n_records)
    return complain (p, begin, "an impossible source", err);
  for (; *next < record; ++*next)
    p->ranges->first[*next + 1] = p->ranges->first[*next];
  p->ranges->first[record + 1] = p->ranges->first[record];
  ++*next;
  while (n-- > 0)
    if (parse_stream (p, record, err) == -1)
      return -1;
  return 0;
}

int
old_ranges_read (struct old_ranges *ranges, const struct recipe *r, const uint8_t *data,
                 size_t len, uint64_t at, struct error *err)
{
  struct parsing p = {
    .ranges = ranges, .r = r, .in = reader_init (data, len), .data = data, .at = at
  };
  const uint8_t *magic = reader_take (&p.in, RANGES_MAGIC_SIZE);
  unsigned n = reader_le16 (&p.in);
  uint32_t next = 0;

  ranges->n_records = r->old->n_records;
  ranges->first = calloc (ranges->n_records + 1, sizeof *ranges->first);
  if (!ranges->first)
    return error_set (err, ENOMEM, "%s", r->path);
  if (p.in.failed || memcmp (magic, RANGES_MAGIC, RANGES_MAGIC_SIZE) != 0)
    return complain (&p, data, "does not begin as it should", err);
  while (n-- > 0)
    if (parse_record (&p, &next, err) == -1)
      return -1;
  for (; next < ranges->n_records; ++next)
    ranges->first[next + 1] = ranges->first[next];
  if (reader_left (&p.in) != 0)
    return complain (&p, p.in.p, "bytes behind its end", err);
  return 0;
}

const struct old_stream *
old_ranges_find (const struct old_ranges *ranges, uint32_t record, bool is_video,
                 uint8_t id)
{
  const struct old_stream *s =
    (const struct old_stream *) (const void *) ranges->streams.data;

  for (size_t i = ranges->first[record]; i < ranges->first[record + 1]; i++)
    if (s[i].is_video == is_video && (is_video || s[i].id == id))
      return &s[i];
  return NULL;
}
