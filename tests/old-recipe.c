/* SPDX-License-Identifier: BSD-3-Clause */
/* Made-up recipes of the Go program: see old-recipe.h. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "old-recipe.h"
#include "rng.h"

#define HEADER 60u
#define MAX_RECORDS 4u

const char *const old_disc_paths[OLD_DISCS] = { "first/00001.m2ts", "second.iso" };

/* Which disc a record is of; the last is of none. */
static const unsigned disc_of[MAX_RECORDS - 1] = { 0, 1, 1 };

/* A stream, as it will be said, and its bytes. */
struct stream {
  uint8_t type, id, flags; /* flags: of its rows */
  uint16_t gap, size;
  struct buffer ranges; /* struct range */
  struct buffer bytes;
  size_t next; /* where its last row ended */
};

struct range {
  uint64_t from, size;
};

struct making {
  struct old_recipe *r;
  const struct old_options *o;
  uint64_t rng;
  struct stream streams[MAX_RECORDS - 1][OLD_STREAMS];
  struct buffer delta, entries;
  size_t raw_next[MAX_RECORDS - 1];
};

static bool
has_streams (const struct old_options *o)
{
  return o->version % 2 == 0;
}

static uint32_t
n_records (const struct old_options *o)
{
  return o->version >= 7 ? MAX_RECORDS : MAX_RECORDS - 1;
}

/* ---- Discs and streams */

static void
add_range (struct making *m, unsigned record, struct stream *s, uint64_t from,
           uint64_t size)
{
  const struct buffer *disc = &m->r->discs[disc_of[record]];
  struct range range = { from, size };

  buffer_append (&s->ranges, &range, sizeof range);
  buffer_append (&s->bytes, disc->data + from, size);
}

/* Packets of streams that take turns, over the whole disc. */
static void
lay_streams (struct making *m, unsigned record)
{
  static const struct stream models[OLD_STREAMS] = {
    { .type = 0, .id = 0, .flags = 1, .gap = 8, .size = 184 },
    { .type = 1, .id = 0x80, .flags = 0, .gap = 24, .size = 2024 },
    { .type = 1, .id = 0xa0, .flags = 2, .gap = 36, .size = 2013 },
    { .type = 1, .id = 0x20, .flags = 0, .gap = 0, .size = 7 },
  };
  uint64_t *rng = &m->rng, end = m->r->discs[disc_of[record]].len;
  uint64_t pos = rng_below (rng, 60);

  memcpy (m->streams[record], models, sizeof models);
  while (pos + 70000 < end) {
    struct stream *s = &m->streams[record][rng_below (rng, OLD_STREAMS - 1)];
    uint64_t odd = rng_below (rng, 40);

    if (m->o->scattered) {
      uint64_t size = rng_between (rng, 1, 60);

      add_range (m, record, s, pos, size);
      pos += size + rng_below (rng, 9);
      continue;
    }
    for (uint64_t n = rng_between (rng, 1, 30); n > 0 && pos + 70000 < end; n--) {
      add_range (m, record, s, pos, s->size);
      pos += (uint64_t) s->size + s->gap;
    }
    if (odd < 20) {
      uint64_t size = odd == 0 ? 0 : rng_between (rng, 1, odd == 1 ? 66000 : 3000);

      add_range (m, record, s, odd == 2 ? rng_below (rng, pos) : pos, size);
      pos += size;
    }
    pos += rng_below (rng, 50);
  }
}

static void
make_discs (struct making *m)
{
  for (unsigned i = 0; i < OLD_DISCS; i++) {
    struct buffer *disc = &m->r->discs[i];
    uint8_t *p = buffer_reserve (disc, m->o->disc_size + i);

    if (!p)
      abort ();
    disc->len = m->o->disc_size + i;
    for (size_t at = 0; at + 8 <= disc->len; at += 8)
      put_le64 (p + at, rng_next (&m->rng));
    rng_fill (&m->rng, p + disc->len / 8 * 8, disc->len % 8);
  }
  for (unsigned i = 0; i < MAX_RECORDS - 1; i++)
    lay_streams (m, i);
}

/* ---- Rows and the image */

static void
append_swapped (struct buffer *b, const uint8_t *p, size_t n)
{
  for (size_t i = 0; i + 1 < n; i += 2) {
    buffer_u8 (b, p[i + 1]);
    buffer_u8 (b, p[i]);
  }
  if (n % 2)
    buffer_u8 (b, p[n - 1]);
}

static void
add_row (struct making *m, size_t len, uint16_t record, uint64_t from, uint8_t flags,
         uint8_t id)
{
  buffer_le64 (&m->entries, m->r->image.len);
  buffer_le64 (&m->entries, len);
  buffer_le16 (&m->entries, record);
  buffer_le64 (&m->entries, from);
  buffer_u8 (&m->entries, flags);
  buffer_u8 (&m->entries, id);
  m->r->n_entries++;
}

static void
add_delta (struct making *m, size_t len)
{
  /* Now and then the same once more. */
  bool again = m->delta.len >= len && rng_below (&m->rng, 20) == 0;
  uint64_t from = again ? rng_below (&m->rng, m->delta.len - len + 1) : m->delta.len;

  for (size_t i = 0; !again && i < len; i++)
    buffer_u8 (&m->delta, (uint8_t) rng_next (&m->rng));
  add_row (m, len, 0, from, 0, 0);
  buffer_append (&m->r->image, m->delta.data + from, len);
}

/* `len` bytes of what a row copies from: on from where the last one ended, mostly. */
static size_t
choose_from (struct making *m, size_t *next, size_t have, size_t len)
{
  if (*next + len > have || m->o->jumps || rng_below (&m->rng, 15) == 0)
    *next = rng_below (&m->rng, have - len + 1);
  *next += len;
  return *next - len;
}

static void
add_copy (struct making *m, size_t len)
{
  unsigned record = (unsigned) rng_below (&m->rng, MAX_RECORDS - 1);
  struct stream *s = &m->streams[record][rng_below (&m->rng, OLD_STREAMS - 1)];
  const struct buffer *content =
    has_streams (m->o) ? &s->bytes : &m->r->discs[disc_of[record]];
  size_t from;

  if (content->len == 0)
    return;
  if (len > content->len)
    len = content->len;
  from = choose_from (m, has_streams (m->o) ? &s->next : &m->raw_next[record],
                      content->len, len);
  add_row (m, len, (uint16_t) (record + 1), from, s->flags, s->id);
  if (s->flags & 2)
    append_swapped (&m->r->image, content->data + from, len);
  else
    buffer_append (&m->r->image, content->data + from, len);
}

static void
make_rows (struct making *m)
{
  size_t size = m->o->image_size, left;

  while ((left = size - m->r->image.len) > 0) {
    bool is_delta = !m->o->no_delta && (m->o->only_delta || rng_below (&m->rng, 3) == 0);
    size_t len = rng_between (&m->rng, 1, is_delta ? 60 : m->o->row_max);

    if (!m->o->jumps && rng_below (&m->rng, 200) == 0)
      len = rng_between (&m->rng, 1, is_delta ? 200000 : 1500000);
    len = len < left ? len : left;
    if (is_delta)
      add_delta (m, len);
    else
      add_copy (m, len);
  }
}

/* ---- The file */

/* The codes of ranges that are as the stream says are counted, and said at once. */
static void
code_ranges (const struct stream *s, struct buffer *out)
{
  const struct range *ranges = (const struct range *) (const void *) s->ranges.data;
  size_t n = s->ranges.len / sizeof *ranges, same = 0;
  uint64_t end = 0;

  for (size_t i = 0; i < n; i++) {
    if (i > 0 && ranges[i].from == end + s->gap && ranges[i].size == s->size)
      same++;
    else {
      if (same > 0) {
        buffer_varint (out, 0);
        buffer_varint (out, same == 1 && i % 2 ? 0 : same); /* 0 is 1 */
      }
      same = 0;
      buffer_varint (out, i == 0
                            ? ranges[i].from
                            : zigzag ((int64_t) (ranges[i].from - end - s->gap)) + 1);
      buffer_varint (out, ranges[i].size);
    }
    end = ranges[i].from + ranges[i].size;
  }
  if (same > 0) {
    buffer_varint (out, 0);
    buffer_varint (out, same);
  }
}

static void
put_ranges (const struct making *m, struct buffer *file)
{
  buffer_append (file, "RNGEMAPX", 8);
  buffer_le16 (file, MAX_RECORDS - 1);
  for (uint16_t i = 0; i < MAX_RECORDS - 1; i++) {
    buffer_le16 (file, i);
    buffer_u8 (file, OLD_STREAMS);
    for (unsigned k = 0; k < OLD_STREAMS; k++) {
      const struct stream *s = &m->streams[i][k];
      CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;

      code_ranges (s, &coded);
      buffer_le16 (file, i);
      buffer_u8 (file, s->type);
      buffer_u8 (file, s->id);
      buffer_le32 (file, (uint32_t) (s->ranges.len / sizeof (struct range)));
      buffer_le16 (file, s->gap);
      buffer_le16 (file, s->size);
      buffer_le32 (file, (uint32_t) coded.len);
      buffer_append (file, coded.data, coded.len);
    }
  }
}

static void
put_sources (const struct making *m, struct buffer *file)
{
  for (unsigned i = 0; i < n_records (m->o); i++) {
    bool used = i < MAX_RECORDS - 1;
    const char *path = used ? old_disc_paths[disc_of[i]] : "nowhere.iso";
    const struct buffer *disc = used ? &m->r->discs[disc_of[i]] : NULL;

    buffer_le16 (file, (uint16_t) strlen (path));
    buffer_append (file, path, strlen (path));
    buffer_le64 (file, used ? disc->len : 5);
    buffer_le64 (file, used ? XXH64 (disc->data, disc->len, 0) : 5);
    if (m->o->version >= 7)
      buffer_u8 (file, used);
  }
}

static void
put_header (const struct making *m, struct buffer *file)
{
  const struct buffer *image = &m->r->image;

  buffer_append (file, "MKVDUP01", 8);
  buffer_le32 (file, m->o->version);
  buffer_le32 (file, 0);
  buffer_le64 (file, image->len);
  buffer_le64 (file, XXH64 (image->data, image->len, 0));
  buffer_u8 (file, 1);
  buffer_u8 (file, has_streams (m->o));
  buffer_le16 (file, (uint16_t) n_records (m->o));
  buffer_le64 (file, m->r->n_entries);
  buffer_le64 (file, 0); /* where the delta is: put_file */
  buffer_le64 (file, m->delta.len);
}

static void
put_file (const struct making *m)
{
  struct old_recipe *r = m->r;
  struct buffer *file = &r->file;

  put_header (m, file);
  r->creator_at = file->len;
  if (m->o->version >= 5) {
    buffer_le16 (file, m->o->seed % 2 ? 4 : 0);
    buffer_append (file, "test", m->o->seed % 2 ? 4 : 0);
  }
  r->sources_at = file->len;
  put_sources (m, file);
  r->entries_at = file->len;
  buffer_append (file, m->entries.data, m->entries.len);
  r->delta_at = file->len;
  buffer_append (file, m->delta.data, m->delta.len);
  r->ranges_at = file->len;
  if (has_streams (m->o))
    put_ranges (m, file);
  r->footer_at = file->len;
  for (unsigned i = 0; i < (has_streams (m->o) ? 3u : 2u); i++)
    buffer_le64 (file, 0);
  buffer_append (file, "MKVDUP01", 8);
  if (file->failed || r->image.failed)
    abort ();
  put_le64 (file->data + 44, r->delta_at);
  old_recipe_reseal (file->data, file->len);
}

void
old_recipe_make (struct old_recipe *r, const struct old_options *o)
{
  struct making m = { .r = r, .o = o, .rng = o->seed };

  *r = (struct old_recipe){ 0 };
  make_discs (&m);
  make_rows (&m);
  put_file (&m);
  for (unsigned i = 0; i < MAX_RECORDS - 1; i++)
    for (unsigned k = 0; k < OLD_STREAMS; k++) {
      buffer_free (&m.streams[i][k].ranges);
      buffer_free (&m.streams[i][k].bytes);
    }
  buffer_free (&m.delta);
  buffer_free (&m.entries);
}

void
old_recipe_free (struct old_recipe *r)
{
  buffer_free (&r->file);
  buffer_free (&r->image);
  for (unsigned i = 0; i < OLD_DISCS; i++)
    buffer_free (&r->discs[i]);
}

void
old_recipe_reseal (uint8_t *file, size_t len)
{
  uint64_t n, delta_at, delta_len, footer;

  if (len < HEADER + 32)
    return;
  footer = len - (get_le32 (file + 8) % 2 ? 24 : 32);
  n = get_le64 (file + 36);
  delta_at = get_le64 (file + 44);
  delta_len = get_le64 (file + 52);
  if (delta_at > footer || delta_len > footer - delta_at || n > delta_at / 28)
    return;
  put_le64 (file + footer, XXH64 (file + delta_at - 28 * n, 28 * n, 0));
  put_le64 (file + footer + 8, XXH64 (file + delta_at, delta_len, 0));
  if (get_le32 (file + 8) % 2 == 0)
    put_le64 (file + footer + 16,
              XXH64 (file + delta_at + delta_len, footer - delta_at - delta_len, 0));
}
