/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup info: what a recipe holds, told without its sources.  With --verbose also where its
 * bytes go and how those of the image come about, for which all segments have to be taken
 * apart.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "command.h"
#include "content_check.h"
#include "json.h"
#include "merkle.h"
#include "message.h"
#include "options.h"
#include "recipe.h"
#include "recipe_format.h"
#include "recipe_map.h"
#include "recipe_old.h"
#include "segment_plan.h"
#include "track_note.h"

/* Room for "sha256:" or nothing, a digest in hexadecimal, and the end. */
#define HEX_MAX (7 + 2 * MERKLE_DIGEST + 1)

/* All that is told. */
struct info {
  struct recipe *recipe;
  const struct recipe_old_facts *old; /* of the recipe; NULL: it is ours */
  struct recipe_note *notes;
  size_t n_notes;
  char root[HEX_MAX], fsverity[HEX_MAX];
  bool has_costs, has_map;
  struct segment_costs costs; /* of all segments together */
  struct recipe_map map;      /* without columns; the same */
};

static void
info_free (struct info *info)
{
  recipe_notes_free (info->notes, info->n_notes);
  recipe_map_free (&info->map);
  if (info->recipe)
    recipe_close (info->recipe);
}

static int
get_digests (struct info *info, struct error *err)
{
  CLEANUP_CONTENT_CHECK struct content_check check = { 0 };
  uint64_t size = info->recipe->image_size;
  uint8_t digest[MERKLE_DIGEST];
  const uint8_t *root;

  if (info->old)
    return 0;
  if (content_check_begin (&check, info->recipe, err) == -1)
    return -1;
  root = merkle_root (check.merkle, size);
  if (merkle_fsverity_digest (root, size, digest, err) == -1)
    return -1;
  merkle_hex (root, MERKLE_DIGEST, info->root);
  merkle_hex (digest, MERKLE_DIGEST, stpcpy (info->fsverity, "sha256:"));
  return 0;
}

static int
add_costs (struct info *info, uint32_t number, struct error *err)
{
  CLEANUP_FREE uint8_t *coded = NULL;
  struct segment_context ctx;
  struct segment_costs costs;
  size_t len;

  if (recipe_segment_coded (info->recipe, number, &coded, &len, &ctx, err) == -1)
    return -1;
  if (segment_account (coded, len, &ctx, &costs, err) == -1)
    return error_context (err, "%s: segment %" PRIu32, info->recipe->path, number);
  info->costs.layout += costs.layout;
  info->costs.lengths += costs.lengths;
  info->costs.headers += costs.headers;
  info->costs.literals += costs.literals;
  return 0;
}

static int
info_get (struct info *info, const struct options *options, struct error *err)
{
  info->recipe = recipe_open (options->args[0], err);
  info->old = info->recipe ? recipe_old_facts (info->recipe) : NULL;
  if (!info->recipe ||
      recipe_notes (info->recipe, &info->notes, &info->n_notes, err) == -1 ||
      get_digests (info, err) == -1)
    return -1;
  if (!options->verbose)
    return 0;
  info->has_map = true;
  info->has_costs = !info->old;
  for (uint32_t i = 0; info->has_costs && i < info->recipe->n_segments; i++)
    if (add_costs (info, i, err) == -1)
      return -1;
  return recipe_map_make (&info->map, info->recipe, 0, 0, options_threads (options), err);
}

static const char *
source_hash (const struct recipe_source *source, char hex[HEX_MAX])
{
  merkle_hex (source->hash, source->has_xxh64 ? sizeof (uint64_t) : RECIPE_HASH_SIZE,
              hex);
  return hex;
}

/* A section's type as its four letters, "?" for what is no letter. */
static const char *
section_name (const struct recipe_section *section, char name[5])
{
  for (unsigned i = 0; i < 4; i++) {
    unsigned c = section->type >> (8 * i) & 0xff;

    name[i] = c > 0x20 && c < 0x7f ? (char) c : '?';
  }
  name[4] = '\0';
  return name;
}

static void
print_sources_json (struct json *j, const struct info *info)
{
  const struct recipe *recipe = info->recipe;
  char hex[HEX_MAX];

  json_array (j, "sources");
  for (uint32_t i = 0; i < recipe->n_sources; i++) {
    const struct recipe_source *source = &recipe->sources[i];

    json_object (j, NULL);
    json_string (j, "path", source->path);
    json_number (j, "size", source->size);
    json_string (j, source->has_xxh64 ? "xxh64" : "xxh3_128", source_hash (source, hex));
    if (info->has_map)
      json_number (j, "image_bytes", info->map.source_bytes[i]);
    json_end_object (j);
  }
  json_end_array (j);
}

static void
print_sections_json (struct json *j, const struct recipe *recipe)
{
  char name[5];

  json_array (j, "sections");
  for (uint32_t i = 0; i < recipe->n_sections; i++) {
    json_object (j, NULL);
    json_string (j, "type", section_name (&recipe->sections[i], name));
    json_number (j, "size", recipe->sections[i].len);
    json_end_object (j);
  }
  json_end_array (j);
}

static void
print_costs_json (struct json *j, const struct segment_costs *costs)
{
  json_object (j, "segment_bytes");
  json_number (j, "layout", costs->layout);
  json_number (j, "lengths", costs->lengths);
  json_number (j, "headers", costs->headers);
  json_number (j, "literals", costs->literals);
  json_end_object (j);
}

static void
print_map_json (struct json *j, const struct recipe_map *map)
{
  json_object (j, "image_bytes");
  for (unsigned i = 0; i < MAP_KINDS; i++)
    json_number (j, map_kind_name ((enum map_kind) i), map->bytes[i]);
  json_end_object (j);
  json_number (j, "literal_runs", map->n_runs);
  json_array (j, "longest_literal_runs");
  for (unsigned i = 0; i < map->n_longest; i++) {
    json_object (j, NULL);
    json_number (j, "offset", map->runs[i].at);
    json_number (j, "length", map->runs[i].len);
    json_end_object (j);
  }
  json_end_array (j);
}

/* What the notes say of the tracks, as numbers. */
static void
print_tracks_json (struct json *j, const struct info *info)
{
  struct track_note track;

  json_array (j, "tracks");
  for (size_t i = 0; i < info->n_notes; i++) {
    if (!track_note_parse (&info->notes[i], &track))
      continue;
    json_object (j, NULL);
    json_number (j, "number", track.number);
    json_string (j, "codec", track.codec);
    json_number (j, "frames", track.frames);
    json_number (j, "bytes", track.bytes);
    json_number (j, "found", track.found);
    json_end_object (j);
  }
  json_end_array (j);
}

/* A note there is one of; NULL if it is missing. */
static const char *
note_value (const struct info *info, const char *key)
{
  for (size_t i = 0; i < info->n_notes; i++)
    if (strcmp (info->notes[i].key, key) == 0)
      return info->notes[i].value;
  return NULL;
}

static void
print_note_json (struct json *j, const struct info *info, const char *key)
{
  const char *value = note_value (info, key);

  if (value)
    json_string (j, key, value);
}

/* An array: a key may come more than once. */
static void
print_notes_json (struct json *j, const struct info *info)
{
  json_array (j, "notes");
  for (size_t i = 0; i < info->n_notes; i++) {
    json_object (j, NULL);
    json_string (j, "key", info->notes[i].key);
    json_string (j, "value", info->notes[i].value);
    json_end_object (j);
  }
  json_end_array (j);
}

/* What such a file has for a format. */
static void
json_old (struct json *j, const struct recipe_old_facts *old)
{
  char text[HEX_MAX];

  snprintf (text, sizeof text, "V%u", old->version);
  json_string (j, "format", text);
  snprintf (text, sizeof text, "%016" PRIx64, old->hash);
  json_string (j, "xxh64", text);
  json_number (j, "rows", old->n_entries);
  json_number (j, "rows_size", old->entries_len);
  json_number (j, "delta_size", old->delta_len);
  json_number (j, "ranges_size", old->ranges_len);
}

static void
print_json (const struct info *info)
{
  const struct recipe *recipe = info->recipe;
  struct json j = json_start (stdout);

  json_string (&j, "recipe", recipe->path);
  if (info->old)
    json_old (&j, info->old);
  else
    json_number (&j, "format", RECIPE_VERSION);
  print_note_json (&j, info, "creator");
  print_note_json (&j, info, "name");
  json_number (&j, "image_size", recipe->image_size);
  json_number (&j, "recipe_size", recipe->file_size);
  json_decimal (&j, "saved_percent",
                percent_saved (recipe->file_size, recipe->image_size));
  json_number (&j, "segments", recipe->n_segments);
  json_number (&j, "segment_span", UINT64_C (1) << recipe->span_log2);
  if (!info->old) {
    json_string (&j, "merkle_root", info->root);
    json_string (&j, "fsverity_digest", info->fsverity);
  }
  if (recipe->zlib[0])
    json_string (&j, "zlib", recipe->zlib);
  print_sources_json (&j, info);
  print_sections_json (&j, recipe);
  if (info->has_costs)
    print_costs_json (&j, &info->costs);
  if (info->has_map)
    print_map_json (&j, &info->map);
  print_tracks_json (&j, info);
  print_notes_json (&j, info);
  json_finish (&j);
}

static void
print_size (const char *label, uint64_t bytes)
{
  char text[AMOUNT_MAX];

  printf ("%-12s  %" PRIu64 " bytes (%s)\n", label, bytes, amount_bytes (bytes, text));
}

static void
print_sources (const struct info *info)
{
  const struct recipe *recipe = info->recipe;
  char hex[HEX_MAX];

  for (uint32_t i = 0; i < recipe->n_sources; i++) {
    printf ("%-12s  ", "source");
    print_safe (stdout, recipe->sources[i].path);
    printf ("\n%-12s  %" PRIu64 " bytes, %s %s\n", "", recipe->sources[i].size,
            recipe->sources[i].has_xxh64 ? "XXH64" : "XXH3-128",
            source_hash (&recipe->sources[i], hex));
    if (info->has_map)
      printf ("%-12s  %" PRIu64 " bytes of the image\n", "", info->map.source_bytes[i]);
  }
}

static void
print_costs (const struct segment_costs *costs)
{
  printf ("%-12s  layout %" PRIu64 ", lengths %" PRIu64 ", headers %" PRIu64
          ", literals %" PRIu64 " bytes\n",
          "in segments", costs->layout, costs->lengths, costs->headers, costs->literals);
}

static void
print_map (const struct recipe_map *map)
{
  for (unsigned i = 0; i < MAP_KINDS; i++)
    if (map->bytes[i] > 0)
      printf ("%-12s  %s %" PRIu64 " bytes (%.4f %%)\n", "image bytes",
              map_kind_name ((enum map_kind) i), map->bytes[i],
              100.0 * (double) map->bytes[i] / (double) map->image_size);
  printf ("%-12s  %" PRIu64 " runs", "literal", map->n_runs);
  if (map->n_longest > 0)
    printf (", the longest %" PRIu64 " bytes at 0x%" PRIx64, map->runs[0].len,
            map->runs[0].at);
  putchar ('\n');
}

static void
print_track (const struct track_note *t)
{
  printf ("%-12s  %" PRIu64 " ", "track", t->number);
  print_safe (stdout, t->codec);
  printf (": %" PRIu64 " frames, %" PRIu64 " bytes, %.4f %% found\n", t->frames, t->bytes,
          t->bytes ? 100.0 * (double) t->found / (double) t->bytes : 100.0);
}

static void
print_note (const struct recipe_note *note)
{
  struct track_note track;

  if (track_note_parse (note, &track)) {
    print_track (&track);
    return;
  }
  printf ("%-12s  ", "note");
  print_safe (stdout, note->key);
  fputs (": ", stdout);
  print_safe (stdout, note->value);
  putchar ('\n');
}

static void
print_old (const struct recipe_old_facts *old)
{
  printf ("%-12s  %016" PRIx64 " of the whole image\n", "XXH64", old->hash);
  printf ("%-12s  none: mkvdup import makes a recipe that has one\n", "Merkle root");
  printf ("%-12s  %" PRIu64 ": %" PRIu64 " bytes\n", "rows", old->n_entries,
          old->entries_len);
  printf ("%-12s  %" PRIu64 " bytes\n", "delta", old->delta_len);
  if (old->ranges_len > 0)
    printf ("%-12s  %" PRIu64 " bytes\n", "range map", old->ranges_len);
}

static void
print_text (const struct info *info)
{
  const struct recipe *recipe = info->recipe;
  char name[5];

  if (info->old)
    printf ("%-12s  V%u of the Go program\n", "format", info->old->version);
  else
    printf ("%-12s  %u\n", "format", (unsigned) RECIPE_VERSION);
  print_size ("image", recipe->image_size);
  print_size ("recipe", recipe->file_size);
  printf ("%-12s  %.4f %%\n", "saved",
          percent_saved (recipe->file_size, recipe->image_size));
  printf ("%-12s  %" PRIu32 " of %" PRIu64 " KiB\n", "segments", recipe->n_segments,
          (UINT64_C (1) << recipe->span_log2) / 1024);
  if (info->old)
    print_old (info->old);
  else
    printf ("%-12s  %s\n%-12s  %s\n", "Merkle root", info->root, "fs-verity",
            info->fsverity);
  if (recipe->zlib[0])
    printf ("%-12s  %s\n", "zlib", recipe->zlib);
  print_sources (info);
  for (uint32_t i = 0; i < recipe->n_sections; i++)
    printf ("%-12s  %s %" PRIu64 " bytes\n", "section",
            section_name (&recipe->sections[i], name), recipe->sections[i].len);
  if (info->has_costs)
    print_costs (&info->costs);
  if (info->has_map)
    print_map (&info->map);
  for (size_t i = 0; i < info->n_notes; i++)
    print_note (&info->notes[i]);
}

static enum exit_status
run (const struct options *options)
{
  __attribute__ ((cleanup (info_free))) struct info info = { 0 };
  struct error err = ERROR_INIT;

  if (info_get (&info, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  if (options->json)
    print_json (&info);
  else
    print_text (&info);
  return EXIT_GOOD;
}

const struct command command_info = {
  .name = "info",
  .operands = "FILE.mkvdup",
  .min_args = 1,
  .max_args = 1,
  .accepts = ACCEPT_VERBOSE | ACCEPT_JSON | ACCEPT_THREADS,
  .summary = "tell what a recipe holds",
  .description =
    "Tell the sizes, sources, sections, tracks, notes and digests of FILE.mkvdup, and\n"
    "the version of zlib if it takes zlib to make parts of the image.  Its sources are\n"
    "not needed.  --verbose also tells what the bytes of its segments stand for, and "
    "how\n"
    "those of the image come about.\n",
  .run = run,
};
