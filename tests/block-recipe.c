/* SPDX-License-Identifier: BSD-3-Clause */
/* Recipes that know nothing of media: see block-recipe.h. */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "atomic_file.h"
#include "block-recipe.h"
#include "cleanup.h"
#include "merkle.h"
#include "recipe_write.h"
#include "segment_plan.h"
#include "source.h"
#include "whole_io.h"

#define SPAN_LOG2 20
#define BLOCK 4096u

/* A file, whole in memory. */
struct input {
  const char *path;
  int fd;
  uint8_t *data;
  uint64_t size;
};

static int
load (struct input *in, const char *path, struct error *err)
{
  struct stat st;

  *in = (struct input){ .path = path, .fd = open (path, O_RDONLY | O_CLOEXEC) };
  if (in->fd == -1 || fstat (in->fd, &st) == -1)
    return error_set (err, 0, "%s: cannot be opened", path);
  in->size = (uint64_t) st.st_size;
  in->data = malloc (in->size + 1);
  if (!in->data)
    return error_set (err, 0, "out of memory");
  return read_all (in->fd, in->data, in->size, 0, path, err);
}

static void
unload (struct input *in)
{
  free (in->data);
  if (in->fd >= 0)
    close (in->fd);
}

static bool
plan_block (struct segment_plan *plan, uint32_t lane, const struct input *image,
            const struct input *source, uint64_t at, uint32_t len)
{
  struct plan_span span = { .kind = SPAN_LITERAL, .len = len };

  if (at + len <= source->size &&
      memcmp (image->data + at, source->data + at, len) == 0) {
    span.kind = SPAN_COPY;
    span.lane = lane;
    span.lane_at = plan->lanes[lane].len;
    if (!segment_plan_piece (plan, lane, at, len))
      return false;
  }
  return segment_plan_span (plan, &span);
}

static int
write_segment (struct recipe_writer *w, const struct input *image,
               const struct input *source, uint32_t number, struct error *err)
{
  uint64_t at = (uint64_t) number << SPAN_LOG2;
  uint64_t left = image->size - at;
  struct segment_context ctx = { .number = number,
                                 .len = left < 1u << SPAN_LOG2 ? (uint32_t) left
                                                               : 1u << SPAN_LOG2,
                                 .n_sources = 1,
                                 .source_sizes = &source->size };
  struct segment_plan plan = { 0 };
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  int lane = segment_plan_lane (&plan, 0);
  int r = lane == -1 ? error_set (err, 0, "out of memory") : 0;

  for (uint32_t i = 0; r == 0 && i < ctx.len; i += BLOCK)
    if (!plan_block (&plan, (uint32_t) lane, image, source, at + i,
                     ctx.len - i < BLOCK ? ctx.len - i : BLOCK))
      r = error_set (err, 0, "out of memory");
  if (r == 0)
    r = segment_encode (&plan, image->data + at, &ctx, &coded, err);
  if (r == 0)
    r = recipe_writer_segment (w, coded.data, coded.len, err);
  segment_plan_free (&plan);
  return r;
}

static uint8_t *
hash_image (const struct input *image, struct error *err)
{
  CLEANUP_FREE uint8_t *levels = malloc (merkle_stored_len (image->size));

  for (uint64_t i = 0; levels && i < merkle_groups (image->size); i++) {
    uint64_t at = i * MERKLE_GROUP;
    uint64_t len = image->size - at < MERKLE_GROUP ? image->size - at : MERKLE_GROUP;

    if (merkle_group_digest (image->data + at, len, image->size,
                             levels + i * MERKLE_DIGEST, err) == -1)
      return NULL;
  }
  if (!levels || merkle_finish (levels, image->size, err) == -1)
    return NULL;
  return take_ptr (&levels);
}

static int
write_recipe (struct recipe_writer *w, const struct input *image,
              const struct input *source, const struct block_recipe *b, struct error *err)
{
  struct recipe_source id = { .path = (char *) b->name, .size = source->size };
  CLEANUP_FREE uint8_t *levels = hash_image (image, err);
  XXH128_canonical_t hash;

  if (!levels || source_sample (source->fd, source->size, &id.sample, err) == -1)
    return -1;
  XXH128_canonicalFromHash (&hash, XXH3_128bits (source->data, source->size));
  memcpy (id.hash, hash.digest, sizeof id.hash);
  for (uint32_t i = 0; (uint64_t) i << SPAN_LOG2 < image->size; i++)
    if (write_segment (w, image, source, i, err) == -1)
      return -1;
  return recipe_writer_finish (w, &id, 1, levels, merkle_stored_len (image->size),
                               b->zlib, &b->note, b->note.key ? 1 : 0, err);
}

int
block_recipe_write (const struct block_recipe *b, const char *path, struct error *err)
{
  __attribute__ ((cleanup (unload))) struct input image = { .fd = -1 };
  __attribute__ ((cleanup (unload))) struct input source = { .fd = -1 };
  CLEANUP_ATOMIC_FILE struct atomic_file out = ATOMIC_FILE_INIT;
  struct recipe_writer w;
  int r;

  if (load (&image, b->image, err) == -1 || load (&source, b->source, err) == -1 ||
      atomic_file_open (&out, path, err) == -1 ||
      recipe_writer_begin (&w, out.fd, path, image.size, SPAN_LOG2, err) == -1)
    return -1;
  r = write_recipe (&w, &image, &source, b, err);
  recipe_writer_free (&w);
  return r == -1 ? -1 : atomic_file_commit (&out, err);
}
