/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup parse-mkv: a Matroska file as our parser sees it, for who wonders why something was not
 * found.  All of it is told in one pass: elements as they come, tracks at the end.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "ebml.h"
#include "json.h"
#include "message.h"
#include "mkv_regions.h"
#include "options.h"
#include "whole_io.h"

/* What there is of a track. */
struct track_sum {
  uint64_t number, blocks, frames, bytes, largest; /* bytes of the largest frame */
  uint64_t first, last;                            /* nanoseconds, of its blocks */
};

struct parsing {
  const struct options *options;
  struct mkv_regions *regions;
  struct json json;
  struct track_sum tracks[MATROSKA_MAX_TRACKS];
  size_t n_tracks;
  uint64_t clusters, nonsense; /* nonsense: bytes */
};

static struct track_sum *
sum_of (struct parsing *p, uint64_t number)
{
  size_t i = 0;

  while (i < p->n_tracks && p->tracks[i].number != number)
    i++;
  if (i == MATROSKA_MAX_TRACKS)
    return &p->tracks[i - 1];
  if (i == p->n_tracks) {
    p->tracks[i] = (struct track_sum){ .number = number, .first = UINT64_MAX };
    p->n_tracks++;
  }
  return &p->tracks[i];
}

/* "1:02:03.456" */
static const char *
time_text (uint64_t ns, char text[AMOUNT_MAX])
{
  uint64_t ms = ns / 1000000;

  snprintf (text, AMOUNT_MAX, "%" PRIu64 ":%02u:%02u.%03u", ms / 3600000,
            (unsigned) (ms / 60000 % 60), (unsigned) (ms / 1000 % 60),
            (unsigned) (ms % 1000));
  return text;
}

/* ---- As they come */

static void
tell_block (struct parsing *p, const struct mkv_region *region)
{
  const struct matroska_block *b = region->block;
  char time[AMOUNT_MAX];

  if (!p->options->json) {
    printf ("0x%010" PRIx64 "  %10" PRIu64 "  block of track %" PRIu64
            ", %s, %u frame%s\n",
            b->at, b->outer_end - b->at, b->track, time_text (region->time, time),
            b->n_frames, b->n_frames == 1 ? "" : "s");
    return;
  }
  json_object (&p->json, NULL);
  json_string (&p->json, "element", b->inner == b->at ? "SimpleBlock" : "BlockGroup");
  json_number (&p->json, "offset", b->at);
  json_number (&p->json, "size", b->outer_end - b->at);
  json_number (&p->json, "track", b->track);
  json_decimal (&p->json, "seconds", (double) region->time / 1e9);
  json_number (&p->json, "flags", b->flags);
  json_number (&p->json, "payload", b->payload);
  json_array (&p->json, "frames");
  for (unsigned i = 0; i < b->n_frames; i++)
    json_number (&p->json, NULL, b->frame_size[i]);
  json_end_array (&p->json);
  json_end_object (&p->json);
}

static void
tell_element (struct parsing *p, const struct mkv_region *region)
{
  uint64_t size = region->end - region->at;

  if (!p->options->json) {
    printf ("0x%010" PRIx64 "  %10" PRIu64 "  %s", region->at, size,
            region_kind_name (region->kind));
    if (region->track > 0)
      printf (" of track %" PRIu64, region->track);
    if (region->kind == REGION_OTHER)
      printf (" 0x%" PRIX32, region->id);
    putchar ('\n');
    return;
  }
  json_object (&p->json, NULL);
  json_string (&p->json, "element", region_kind_name (region->kind));
  json_number (&p->json, "offset", region->at);
  json_number (&p->json, "size", size);
  if (region->id != 0)
    json_number (&p->json, "id", region->id);
  if (region->track > 0)
    json_number (&p->json, "track", region->track);
  json_end_object (&p->json);
}

static void
add_frame (struct parsing *p, const struct mkv_region *region)
{
  struct track_sum *t = sum_of (p, region->track);
  uint64_t size = region->end - region->at;

  t->frames++;
  t->bytes += size;
  if (size > t->largest)
    t->largest = size;
}

static void
add_block (struct parsing *p, const struct mkv_region *region)
{
  struct track_sum *t = sum_of (p, region->track);

  t->blocks++;
  if (region->time < t->first)
    t->first = region->time;
  if (region->time > t->last)
    t->last = region->time;
}

static void
take (struct parsing *p, const struct mkv_region *region)
{
  bool is_header = region->block && region->at == region->block->at;

  p->clusters += region->id == ID_CLUSTER;
  if (region->kind == REGION_NONSENSE)
    p->nonsense += region->end - region->at;
  if (region->kind == REGION_FRAME)
    add_frame (p, region);
  if (is_header)
    add_block (p, region);
  if (is_header && p->options->verbose)
    tell_block (p, region);
  if (!region->block && (region->kind != REGION_CLUSTER || p->options->verbose))
    tell_element (p, region);
}

/* ---- At the end */

static const char *
type_name (unsigned type)
{
  return type == 1 ? "video" : type == 2 ? "audio" : type == 17 ? "subtitles" : "other";
}

static const char *
compression_name (int compression)
{
  switch (compression) {
  case MATROSKA_UNCOMPRESSED:
    return NULL;
  case MATROSKA_ZLIB:
    return "zlib";
  case MATROSKA_STRIPPED:
    return "header stripping";
  default:
    return "other";
  }
}

static void
json_track (struct parsing *p, const struct track_sum *sum)
{
  const struct matroska_track *t =
    matroska_track (mkv_regions_matroska (p->regions), sum->number);
  const char *compression = t ? compression_name (t->compression) : NULL;

  json_object (&p->json, NULL);
  json_number (&p->json, "track", sum->number);
  if (t) {
    json_string (&p->json, "type", type_name (t->type));
    json_string (&p->json, "codec", t->codec);
  }
  if (compression)
    json_string (&p->json, "compression", compression);
  json_number (&p->json, "blocks", sum->blocks);
  json_number (&p->json, "frames", sum->frames);
  json_number (&p->json, "bytes", sum->bytes);
  json_number (&p->json, "largest_frame", sum->largest);
  if (sum->blocks > 0) {
    json_decimal (&p->json, "first_seconds", (double) sum->first / 1e9);
    json_decimal (&p->json, "last_seconds", (double) sum->last / 1e9);
  }
  json_end_object (&p->json);
}

static void
print_track (struct parsing *p, const struct track_sum *sum)
{
  const struct matroska_track *t =
    matroska_track (mkv_regions_matroska (p->regions), sum->number);
  const char *compression = t ? compression_name (t->compression) : NULL;
  char first[AMOUNT_MAX], last[AMOUNT_MAX];

  printf ("track %" PRIu64 "  %s ", sum->number,
          t ? type_name (t->type) : "not described");
  if (t)
    print_safe (stdout, t->codec);
  if (compression)
    printf (" (%s)", compression);
  printf (": %" PRIu64 " frames in %" PRIu64 " blocks, %" PRIu64 " bytes, %" PRIu64
          " at most",
          sum->frames, sum->blocks, sum->bytes, sum->largest);
  if (sum->blocks > 0)
    printf (", %s to %s", time_text (sum->first, first), time_text (sum->last, last));
  putchar ('\n');
}

static int
by_number (const void *a, const void *b)
{
  const struct track_sum *x = a, *y = b;

  return x->number < y->number ? -1 : x->number > y->number;
}

/* All tracks that are described, or have blocks. */
static void
tell_tracks (struct parsing *p)
{
  size_t n;
  const struct matroska_track *tracks =
    matroska_tracks (mkv_regions_matroska (p->regions), &n);

  for (size_t i = 0; i < n; i++)
    sum_of (p, tracks[i].number);
  qsort (p->tracks, p->n_tracks, sizeof *p->tracks, by_number);
  for (size_t i = 0; i < p->n_tracks; i++)
    if (p->options->json)
      json_track (p, &p->tracks[i]);
    else
      print_track (p, &p->tracks[i]);
}

static void
finish_json (struct parsing *p)
{
  json_end_array (&p->json);
  json_array (&p->json, "tracks");
  tell_tracks (p);
  json_end_array (&p->json);
  json_number (&p->json, "clusters", p->clusters);
  json_number (&p->json, "no_element_bytes", p->nonsense);
  json_finish (&p->json);
}

static void
finish_text (struct parsing *p)
{
  tell_tracks (p);
  printf ("%" PRIu64 " cluster%s", p->clusters, p->clusters == 1 ? "" : "s");
  if (p->nonsense > 0)
    printf (", %" PRIu64 " bytes that are no element", p->nonsense);
  putchar ('\n');
}

/* ---- All */

static int
parse (struct parsing *p, uint64_t size, struct error *err)
{
  const char *path = p->options->args[0];
  bool is_matroska = matroska_is_matroska (mkv_regions_matroska (p->regions));
  struct mkv_region region;

  if (p->options->json) {
    p->json = json_start (stdout);
    json_string (&p->json, "file", path);
    json_number (&p->json, "size", size);
    json_bool (&p->json, "matroska", is_matroska);
    json_array (&p->json, "elements");
  }
  while (mkv_regions_next (p->regions, &region))
    take (p, &region);
  if (p->options->json)
    finish_json (p);
  else
    finish_text (p);
  if (mkv_regions_errnum (p->regions) != 0)
    return error_set (err, mkv_regions_errnum (p->regions), "%s", path);
  return is_matroska ? 0 : error_set (err, 0, "%s: is no Matroska file", path);
}

static int
parse_file (struct parsing *p, struct error *err)
{
  const char *path = p->options->args[0];
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  struct mkv_input input = { .fd = fd };
  off_t end = fd == -1 ? -1 : lseek (fd, 0, SEEK_END);
  int r;

  if (end == -1)
    return error_set (err, errno, "%s", path);
  input.size = (uint64_t) end;
  p->regions = mkv_regions_open (&input, err);
  if (!p->regions)
    return error_context (err, "%s", path);
  r = parse (p, input.size, err);
  mkv_regions_close (p->regions);
  return r;
}

static enum exit_status
run (const struct options *options)
{
  CLEANUP_FREE struct parsing *p = calloc (1, sizeof *p);
  struct error err = ERROR_INIT;

  if (!p) {
    message ("out of memory");
    return EXIT_FAILED;
  }
  p->options = options;
  if (parse_file (p, &err) == 0)
    return EXIT_GOOD;
  message ("%s", err.text);
  return EXIT_FAILED;
}

const struct command command_parse_mkv = {
  .name = "parse-mkv",
  .operands = "MKV",
  .min_args = 1,
  .max_args = 1,
  .accepts = ACCEPT_VERBOSE | ACCEPT_JSON,
  .summary = "show a Matroska file as mkvdup sees it",
  .description =
    "Show the elements and tracks of MKV as the parser of create sees them; with\n"
    "--verbose also each cluster and block.\n",
  .run = run,
};
