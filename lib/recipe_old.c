/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a recipe of the Go program: header, creator, table of sources, footer.
 *
 * None of these has a checksum.  What they say is bounded here, and what of it the rows use
 * is compared with them by recipe_old_proof.c.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "recipe_format.h"
#include "recipe_old_parts.h"
#include "whole_io.h"

#define OLD_MAGIC "MKVDUP01"
#define OLD_MAGIC_SIZE 8

enum {
  OLD_VERSION = 8,     /* u32 */
  OLD_FLAGS = 12,      /* u32: none are known */
  OLD_IMAGE_SIZE = 16, /* i64 */
  OLD_IMAGE_HASH = 24, /* u64 */
  OLD_N_RECORDS = 34,  /* u16 */
  OLD_N_ENTRIES = 36,  /* u64 */
  OLD_DELTA_AT = 44,   /* i64 */
  OLD_DELTA_LEN = 52,  /* i64 */
};

_Static_assert(OLD_DELTA_LEN + 8 == RECIPE_OLD_HEADER, "it is what the header ends with");

/* The footer: checksums, and the magic again. */
#define OLD_FOOTER 24u
#define OLD_FOOTER_STREAMS 32u

#define OLD_MAX_CREATOR 4096

/* As recipe_read.c has it. */
#define IMAGE_MAX_SIZE (UINT64_C (1) << 56)

/* Of segments: large enough that a segment's rows are many, small enough that the smallest
 * ones that can be (a byte each) are 16 MiB of operations.
 */
#define OLD_SPAN_LOG2 20

bool
recipe_old_is (const uint8_t *header)
{
  return memcmp (header, OLD_MAGIC, OLD_MAGIC_SIZE) == 0;
}

const struct recipe_old_facts *
recipe_old_facts (const struct recipe *r)
{
  return r->old ? &r->old->facts : NULL;
}

int
recipe_old_no_digests (const struct recipe *r, struct error *err)
{
  error_set (
    err, 0,
    "%s: is of the Go program (V%u) and has no Merkle digests: \"mkvdup import\" "
    "makes a recipe that has",
    r->path, r->old->facts.version);
  err->errnum = EOPNOTSUPP;
  return -1;
}

void
recipe_old_free (struct recipe_old *old)
{
  if (!old)
    return;
  old_proof_free (atomic_load (&old->proof));
  pthread_mutex_destroy (&old->lock);
  free (old->flaw);
  free (old->facts.creator);
  free (old->source_of);
  free (old);
}

/* ---- Header */

/* Version and size, which are all that is wanted of a title at first. */
int
recipe_old_peek (struct recipe *r, const uint8_t *h, struct error *err)
{
  const uint64_t span = UINT64_C (1) << OLD_SPAN_LOG2;
  uint32_t version = get_le32 (h + OLD_VERSION);

  if (version < 3 || version > 8)
    return error_set (err, 0,
                      "%s: a file of the Go program, of version %" PRIu32
                      ": V3 to V8 are known here",
                      r->path, version);
  if (get_le32 (h + OLD_FLAGS) != 0)
    return error_set (err, 0, "%s: unknown flags 0x%" PRIx32 " at offset %d", r->path,
                      get_le32 (h + OLD_FLAGS), OLD_FLAGS);
  r->image_size = get_le64 (h + OLD_IMAGE_SIZE);
  if (r->image_size > IMAGE_MAX_SIZE || r->image_size / span >= UINT32_MAX - 1)
    return error_set (err, 0, "%s: an impossible size of the MKV at offset %d", r->path,
                      OLD_IMAGE_SIZE);
  r->span_log2 = OLD_SPAN_LOG2;
  r->n_segments = (uint32_t) ((r->image_size + span - 1) / span);
  return 0;
}

/* Where the sections lie: one behind the other, from the table of sources to the footer. */
static int
place_sections (struct recipe *r, const uint8_t *h, struct error *err)
{
  struct recipe_old *old = r->old;
  uint64_t n = get_le64 (h + OLD_N_ENTRIES), delta_len = get_le64 (h + OLD_DELTA_LEN);
  uint64_t footer = old->has_streams ? OLD_FOOTER_STREAMS : OLD_FOOTER;
  uint64_t end = r->file_size - footer; /* of the last section */

  old->delta.at = get_le64 (h + OLD_DELTA_AT);
  old->delta.len = delta_len;
  if (r->file_size < RECIPE_OLD_HEADER + footer || old->delta.at > end ||
      delta_len > end - old->delta.at)
    return error_set (err, 0,
                      "%s: the delta, as the header has it at offset %d, reaches beyond "
                      "the file",
                      r->path, OLD_DELTA_AT);
  if (n > (old->delta.at - RECIPE_OLD_HEADER) / OLD_ENTRY_SIZE ||
      old->delta.at < RECIPE_OLD_HEADER)
    return error_set (err, 0,
                      "%s: more rows, as the header has it at offset %d, than there is "
                      "room for",
                      r->path, OLD_N_ENTRIES);
  old->entries.len = n * OLD_ENTRY_SIZE;
  old->entries.at = old->delta.at - old->entries.len;
  old->ranges.at = old->delta.at + delta_len;
  old->ranges.len = end - old->ranges.at;
  if (!old->has_streams && old->ranges.len != 0)
    return error_set (err, 0, "%s: %" PRIu64 " bytes too many at offset %" PRIu64,
                      r->path, old->ranges.len, old->ranges.at);
  old->facts.n_entries = n;
  old->facts.entries_len = old->entries.len;
  old->facts.delta_len = delta_len;
  old->facts.ranges_len = old->ranges.len;
  return 0;
}

static int
read_header (struct recipe *r, struct error *err)
{
  uint8_t h[RECIPE_OLD_HEADER];
  struct recipe_old *old = r->old;

  if (r->file_size < sizeof h)
    return error_set (err, 0, "%s: ends at %" PRIu64 ", within the header", r->path,
                      r->file_size);
  if (read_all (r->fd, h, sizeof h, 0, r->path, err) == -1 ||
      recipe_old_peek (r, h, err) == -1)
    return -1;
  old->facts.version = get_le32 (h + OLD_VERSION);
  old->facts.hash = get_le64 (h + OLD_IMAGE_HASH);
  old->has_streams = old->facts.version % 2 == 0;
  old->n_records = get_le16 (h + OLD_N_RECORDS);
  return place_sections (r, h, err);
}

static int
read_footer (struct recipe *r, struct error *err)
{
  struct recipe_old *old = r->old;
  size_t len = old->has_streams ? OLD_FOOTER_STREAMS : OLD_FOOTER;
  uint64_t at = r->file_size - len;
  uint8_t f[OLD_FOOTER_STREAMS];

  if (read_all (r->fd, f, len, at, r->path, err) == -1)
    return -1;
  if (!recipe_old_is (f + len - OLD_MAGIC_SIZE))
    return error_set (err, 0, "%s: does not end as it should at offset %" PRIu64, r->path,
                      at + len - OLD_MAGIC_SIZE);
  old->entries.checksum = get_le64 (f);
  old->delta.checksum = get_le64 (f + 8);
  old->ranges.checksum = old->has_streams ? get_le64 (f + 16) : 0;
  return 0;
}

/* ---- Creator and sources */

static int
parse_creator (struct recipe_old *old, struct reader *in, struct error *err)
{
  size_t len = old->facts.version >= 5 ? reader_le16 (in) : 0;
  const uint8_t *text = reader_take (in, len);

  if (!text || len > OLD_MAX_CREATOR) {
    in->failed = true;
    return 0;
  }
  old->facts.creator = strndup ((const char *) text, len);
  return old->facts.creator ? 0 : error_set (err, ENOMEM, "a recipe's creator");
}

/* A record, as a source of its own; *used: V7 and V8 say so. */
static int
parse_record (const struct recipe_old *old, struct reader *in, struct recipe_source *s,
              bool *used, struct error *err)
{
  size_t len = reader_le16 (in);
  const uint8_t *path = reader_take (in, len);
  uint8_t flag = 1;

  *s = (struct recipe_source){ .has_xxh64 = true };
  if (!path || memchr (path, 0, len) || len > RECIPE_MAX_SOURCE_PATH) {
    in->failed = true;
    return 0;
  }
  s->path = strndup ((const char *) path, len);
  if (!s->path) {
    in->failed = true;
    return error_set (err, ENOMEM, "a recipe's sources");
  }
  s->size = reader_le64 (in);
  put_be64 (s->hash, reader_le64 (in));
  if (old->facts.version >= 7)
    flag = reader_u8 (in);
  *used = flag == 1;
  if (flag > 1 || s->size > SOURCE_MAX_SIZE || !recipe_path_is_safe (s->path))
    in->failed = true;
  return 0;
}

/* A record, and the number it had in the file. */
struct record {
  struct recipe_source source;
  uint32_t number;
  bool used;
  bool is_taken; /* its path is the recipe's */
};

static int
compare_sources (const struct recipe_source *a, const struct recipe_source *b)
{
  int order = strcmp (a->path, b->path);

  if (order == 0 && a->size != b->size)
    order = a->size < b->size ? -1 : 1;
  return order ? order : memcmp (a->hash, b->hash, sizeof a->hash);
}

static int
by_source (const void *a, const void *b)
{
  const struct record *x = a, *y = b;

  return compare_sources (&x->source, &y->source);
}

/* A record that is used; those of one file are one source, and stand together. */
static int
add_record (struct recipe *r, struct record *record, struct error *err)
{
  struct recipe_source *last = r->n_sources ? &r->sources[r->n_sources - 1] : NULL;

  assert (record->source.path && (!last || last->path)); /* all were parsed */
  if (last && compare_sources (last, &record->source) == 0)
    return 0;
  if (last && strcmp (last->path, record->source.path) == 0)
    return error_set (err, 0, "%s: source \"%s\" is there with two contents", r->path,
                      last->path);
  if (r->n_sources == SOURCE_MAX_COUNT)
    return error_set (err, 0, "%s: more than %d sources", r->path, SOURCE_MAX_COUNT);
  r->source_sizes[r->n_sources] = record->source.size;
  r->sources[r->n_sources++] = record->source;
  record->is_taken = true;
  return 0;
}

static int
merge_records (struct recipe *r, struct record *records, struct error *err)
{
  struct recipe_old *old = r->old;

  qsort (records, old->n_records, sizeof *records, by_source);
  for (uint32_t i = 0; i < old->n_records; i++) {
    old->source_of[records[i].number] = OLD_UNUSED;
    if (!records[i].used)
      continue;
    if (add_record (r, &records[i], err) == -1)
      return -1;
    old->source_of[records[i].number] = r->n_sources - 1;
  }
  return 0;
}

static int
parse_sources (struct recipe *r, struct reader *in, struct error *err)
{
  struct recipe_old *old = r->old;
  struct record *records = calloc (old->n_records + 1, sizeof *records);
  uint32_t n = 0;
  int result = 0;

  if (!records)
    return error_set (err, ENOMEM, "%s", r->path);
  for (; result == 0 && n < old->n_records && !in->failed; n++) {
    records[n].number = n;
    result = parse_record (old, in, &records[n].source, &records[n].used, err);
  }
  if (result == 0 && !in->failed)
    result = merge_records (r, records, err);
  while (n-- > 0)
    if (!records[n].is_taken)
      free (records[n].source.path);
  free (records);
  return result;
}

/* They lie between the header and the rows. */
static int
read_sources (struct recipe *r, struct error *err)
{
  struct recipe_old *old = r->old;
  uint64_t len = old->entries.at - RECIPE_OLD_HEADER;
  CLEANUP_FREE uint8_t *data = NULL;
  struct reader in;

  if (len > RECIPE_MAX_SMALL_SECTION)
    return error_set (err, 0, "%s: the table of sources at offset %d is malformed",
                      r->path, RECIPE_OLD_HEADER);
  data = malloc (len + 1);
  r->sources = calloc (old->n_records + 1, sizeof *r->sources);
  r->source_sizes = calloc (old->n_records + 1, sizeof *r->source_sizes);
  old->source_of = calloc (old->n_records + 1, sizeof *old->source_of);
  if (!data || !r->sources || !r->source_sizes || !old->source_of)
    return error_set (err, ENOMEM, "%s", r->path);
  if (read_all (r->fd, data, len, RECIPE_OLD_HEADER, r->path, err) == -1)
    return -1;
  in = reader_init (data, len);
  if (parse_creator (old, &in, err) == -1 || parse_sources (r, &in, err) == -1)
    return -1;
  if (in.failed || reader_left (&in) != 0)
    return error_set (err, 0,
                      "%s: the table of sources, at offset %d to %" PRIu64
                      ", is malformed near offset %" PRIu64,
                      r->path, RECIPE_OLD_HEADER, old->entries.at,
                      RECIPE_OLD_HEADER + (uint64_t) (in.p - data));
  return 0;
}

int
recipe_old_open (struct recipe *r, struct error *err)
{
  r->old = calloc (1, sizeof *r->old);
  if (!r->old)
    return error_set (err, ENOMEM, "%s", r->path);
  pthread_mutex_init (&r->old->lock, NULL);
  atomic_init (&r->old->proof, NULL);
  if (read_header (r, err) == -1 || read_footer (r, err) == -1 ||
      read_sources (r, err) == -1)
    return -1;
  return 0;
}
