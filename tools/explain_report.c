/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of a range of an image: see explain_report.h. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "explain_report.h"
#include "merkle.h"
#include "message.h"
#include "whole_io.h"

/* What an operation is called; a copy through a transform by what it does. */
static const char *
operation (const struct trace_piece *piece)
{
  if (piece->method >= FIRST_RECODING)
    return "recoded";
  if (piece->method != TRANSFORM_NONE)
    return "transform";
  switch (piece->kind) {
  case OP_LITERAL:
    return "literal";
  case OP_FILL:
    return "fill";
  case OP_COPY:
    return "copy";
  case OP_STRIDED:
    return "strided";
  case OP_RECODED:
    break;
  }
  return "recoded";
}

/* The first bytes of a part; how many could be read. */
static size_t
part_bytes (const struct explain_report *r, const struct explained_piece *p,
            const struct trace_part *part, uint8_t bytes[EXPLAIN_BYTES])
{
  size_t n = part->len < EXPLAIN_BYTES ? part->len : EXPLAIN_BYTES;
  const struct explained_source *source;
  ssize_t got;

  switch (part->kind) {
  case OP_LITERAL:
    memcpy (bytes, p->literals + part->from, n);
    return n;
  case OP_FILL:
    memset (bytes, (int) part->from, n);
    return n;
  default:
    source = &r->sources[part->source];
    got = source->fd >= 0 ? read_patiently (source->fd, bytes, n, part->from) : -1;
    return got > 0 ? (size_t) got : 0;
  }
}

/* ---- JSON */

static void
json_bytes (struct json *j, const char *key, const uint8_t *bytes, size_t n)
{
  char hex[2 * EXPLAIN_BYTES + 1];

  merkle_hex (bytes, n, hex);
  if (n > 0)
    json_string (j, key, hex);
}

static void
json_place (struct explain_report *r, const struct trace_part *part)
{
  struct json *j = &r->json;
  const struct disc_extent *file =
    disc_files_find (&r->sources[part->source].files, part->from);
  uint64_t in_file = file ? part->from - file->at + file->file_at : 0;

  json_number (j, "source", part->source);
  json_string (j, "path", r->recipe->sources[part->source].path);
  json_number (j, "offset", part->from);
  json_number (j, "length", part->len);
  json_number (j, "sector", part->from / DISC_SECTOR);
  json_number (j, "sector_byte", part->from % DISC_SECTOR);
  if (!file)
    return;
  json_string (j, "file", file->path);
  json_number (j, "file_offset", in_file);
  json_number (j, "file_sector", in_file / DISC_SECTOR);
}

static void
json_part (struct explain_report *r, const struct explained_piece *p,
           const struct trace_part *part)
{
  uint8_t bytes[EXPLAIN_BYTES];

  json_object (&r->json, NULL);
  if (part->kind == OP_COPY)
    json_place (r, part);
  else {
    json_string (&r->json, "literal", part->kind == OP_FILL ? "fill" : "literal");
    json_number (&r->json, "length", part->len);
  }
  json_bytes (&r->json, "bytes", bytes, part_bytes (r, p, part, bytes));
  json_end_object (&r->json);
}

static void
piece_json (struct explain_report *r, const struct explained_piece *p)
{
  const struct trace_piece *piece = p->piece;
  struct json *j = &r->json;

  json_object (j, NULL);
  json_number (j, "offset", p->offset);
  json_number (j, "length", piece->len);
  json_string (j, "operation", operation (piece));
  if (piece->method != TRANSFORM_NONE) {
    json_string (j, "method", transform_name (piece->method));
    json_number (j, "skip", piece->skip);
  }
  if (piece->kind == OP_FILL && piece->method == TRANSFORM_NONE)
    json_number (j, "byte", piece->parts[0].from);
  json_array (j, "parts");
  for (size_t i = 0; i < piece->n_parts; i++)
    json_part (r, p, &piece->parts[i]);
  json_end_array (j);
  json_bytes (j, "image", p->image, p->n_image);
  if (p->wrong)
    json_string (j, "error", p->wrong);
  json_end_object (j);
}

static void
sources_json (struct explain_report *r)
{
  struct json *j = &r->json;

  json_array (j, "sources");
  for (uint32_t i = 0; i < r->recipe->n_sources; i++) {
    const struct explained_source *s = &r->sources[i];

    if (!s->was_asked)
      continue;
    json_object (j, NULL);
    json_number (j, "source", i);
    json_string (j, "path", r->recipe->sources[i].path);
    json_number (j, "size", r->recipe->sources[i].size);
    json_bool (j, "found", s->found != NULL);
    if (s->found)
      json_string (j, "at", s->found);
    if (s->why_not)
      json_string (j, "error", s->why_not);
    json_end_object (j);
  }
  json_end_array (j);
}

/* ---- Text */

static void
print_bytes (const char *what, const uint8_t *bytes, size_t n, size_t of)
{
  if (n == 0)
    return;
  printf ("%12s%-8s", "", what);
  for (size_t i = 0; i < n; i++)
    printf (" %02x", bytes[i]);
  puts (n < of ? " ..." : "");
}

static void
print_place (struct explain_report *r, const struct trace_part *part)
{
  const struct disc_extent *file =
    disc_files_find (&r->sources[part->source].files, part->from);
  uint64_t in_file;

  print_safe (stdout, r->recipe->sources[part->source].path);
  printf (" 0x%" PRIx64 " +%" PRIu32 ", sector %" PRIu64 " byte %u", part->from,
          part->len, part->from / DISC_SECTOR, (unsigned) (part->from % DISC_SECTOR));
  if (!file)
    return;
  in_file = part->from - file->at + file->file_at;
  fputs (", in ", stdout);
  print_safe (stdout, file->path);
  printf (" 0x%" PRIx64 " sector %" PRIu64, in_file, in_file / DISC_SECTOR);
}

static void
print_part (struct explain_report *r, const struct trace_part *part)
{
  if (part->kind == OP_COPY)
    print_place (r, part);
  else if (part->kind == OP_FILL)
    printf ("%" PRIu32 " bytes 0x%02x", part->len, (unsigned) part->from);
  else
    printf ("%" PRIu32 " bytes of the recipe", part->len);
}

static void
print_parts (struct explain_report *r, const struct explained_piece *p)
{
  const struct trace_piece *piece = p->piece;

  printf ("%s of:\n", transform_name (piece->method));
  for (size_t i = 0; i < piece->n_parts; i++) {
    printf ("%12s", "");
    print_part (r, &piece->parts[i]);
    putchar ('\n');
  }
  if (piece->skip > 0 || piece->method >= FIRST_RECODING)
    printf ("%12sof what that gives, from byte %" PRIu32 " on\n", "", piece->skip);
}

static void
piece_text (struct explain_report *r, const struct explained_piece *p)
{
  const struct trace_piece *piece = p->piece;
  uint8_t bytes[EXPLAIN_BYTES];

  printf ("0x%08" PRIx64 "  +%-8" PRIu32 " %-9s  ", p->offset, piece->len,
          operation (piece));
  if (piece->method == TRANSFORM_NONE) {
    print_part (r, &piece->parts[0]);
    putchar ('\n');
  }
  else
    print_parts (r, p);
  print_bytes (piece->parts[0].kind == OP_COPY ? "source" : "recipe", bytes,
               part_bytes (r, p, &piece->parts[0], bytes), piece->parts[0].len);
  print_bytes ("image", p->image, p->n_image, piece->len);
  if (p->wrong) {
    printf ("%12swrong: ", "");
    print_safe (stdout, p->wrong);
    putchar ('\n');
  }
}

static void
sources_text (struct explain_report *r)
{
  for (uint32_t i = 0; i < r->recipe->n_sources; i++) {
    const struct explained_source *s = &r->sources[i];

    if (!s->was_asked)
      continue;
    fputs ("source      ", stdout);
    print_safe (stdout, r->recipe->sources[i].path);
    fputs (s->found ? ": is " : ": not there", stdout);
    if (s->found)
      print_safe (stdout, s->found);
    else if (s->why_not) {
      fputs (": ", stdout);
      print_safe (stdout, s->why_not);
    }
    putchar ('\n');
  }
}

/* ---- Both */

void
explain_begin (struct explain_report *r, const struct byte_range *range)
{
  if (!r->as_json) {
    print_safe (stdout, r->recipe->path);
    printf (": bytes 0x%" PRIx64 " to 0x%" PRIx64 " (%" PRIu64 ") of %" PRIu64 "\n",
            range->offset, range->offset + range->len - 1, range->len,
            r->recipe->image_size);
    return;
  }
  r->json = json_start (stdout);
  json_string (&r->json, "recipe", r->recipe->path);
  json_number (&r->json, "image_size", r->recipe->image_size);
  json_number (&r->json, "offset", range->offset);
  json_number (&r->json, "length", range->len);
  json_array (&r->json, "segments");
}

static void
end_segment (struct explain_report *r)
{
  if (!r->in_pieces)
    return;
  json_end_array (&r->json);
  json_end_object (&r->json);
}

void
explain_segment (struct explain_report *r, uint32_t number, uint32_t len, uint64_t coded)
{
  uint64_t at = (uint64_t) number << r->recipe->span_log2;

  if (!r->as_json) {
    printf ("segment %" PRIu32 " of %" PRIu32 ": bytes 0x%" PRIx64 " to 0x%" PRIx64,
            number, r->recipe->n_segments, at, at + len - 1);
    if (coded > 0)
      printf (", %" PRIu64 " in the recipe, checksum right", coded);
    putchar ('\n');
    return;
  }
  end_segment (r);
  r->in_pieces = true;
  json_object (&r->json, NULL);
  json_number (&r->json, "segment", number);
  json_number (&r->json, "offset", at);
  json_number (&r->json, "length", len);
  if (coded > 0)
    json_number (&r->json, "coded", coded);
  json_array (&r->json, "pieces");
}

void
explain_piece (struct explain_report *r, const struct explained_piece *p)
{
  if (r->as_json)
    piece_json (r, p);
  else
    piece_text (r, p);
}

void
explain_end (struct explain_report *r, const char *proof, const char *wrong)
{
  if (!r->as_json) {
    sources_text (r);
    printf ("digests     %s\n", proof);
    return;
  }
  end_segment (r);
  json_end_array (&r->json);
  sources_json (r);
  json_string (&r->json, "digests", proof);
  if (wrong)
    json_string (&r->json, "error", wrong);
  json_finish (&r->json);
}
