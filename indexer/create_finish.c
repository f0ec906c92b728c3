/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a create: what stands behind the segments of a recipe, and the proof
 * that the recipe is right.  See creation.h.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "creation.h"
#include "file_id.h"
#include "image.h"
#include "merkle.h"
#include "path.h"
#include "recoding.h"
#include "walk.h"
#include "whole_io.h"

/* ---- finishing the file ---- */

static __attribute__ ((format (printf, 4, 5))) int
add_note (struct recipe_note *notes, size_t *n, const char *key, const char *fmt, ...)
{
  struct recipe_note *note = &notes[(*n)++];
  va_list args;
  int r;

  note->key = strdup (key);
  va_start (args, fmt);
  r = vasprintf (&note->value, fmt, args);
  va_end (args);
  if (r == -1)
    note->value = NULL;
  return note->key && note->value ? 0 : -1;
}

/* What the recipe tells people about itself.  Names with line ends would be two notes. */
static int
make_notes (const struct creation *c, struct recipe_note *notes, size_t *n)
{
  const struct recipe_note *more = c->options->note;
  const char *name = path_base (c->options->name ? c->options->name : c->options->mkv);
  int r = 0;

  r |= add_note (notes, n, "creator", "%s", PACKAGE_STRING);
  if (!strchr (name, '\n'))
    r |= add_note (notes, n, "name", "%s", name);
  r |= add_note (notes, n, "mtime", "%" PRId64 ".%09ld", (int64_t) c->st.st_mtim.tv_sec,
                 c->st.st_mtim.tv_nsec);
  if (more)
    r |= add_note (notes, n, more->key, "%s", more->value);
  for (size_t i = 0; i < c->report->n_tracks; i++) {
    const struct create_track *t = &c->report->tracks[i];

    r |=
      add_note (notes, n, "track",
                "%" PRIu64 " %s frames %" PRIu64 " bytes %" PRIu64 " found %" PRIu64,
                t->number, t->codec[0] ? t->codec : "-", t->frames, t->bytes, t->found);
  }
  return r;
}

static int
write_end (struct creation *c, const struct recipe_source *sources, struct error *err)
{
  struct recipe_note *notes = calloc (c->report->n_tracks + 4, sizeof *notes);
  size_t n = 0;
  int r;

  if (!notes || make_notes (c, notes, &n) != 0)
    r = error_set (err, ENOMEM, "%s", c->options->out);
  else
    r = recipe_writer_finish (&c->writer, sources, c->sources.n, c->merkle,
                              merkle_stored_len (c->report->mkv_bytes),
                              c->deflates ? recoding_zlib () : NULL, notes, n, err);
  if (notes)
    recipe_notes_free (notes, n);
  return r;
}

int
creation_finish_file (struct creation *c, struct error *err)
{
  CLEANUP_FREE struct recipe_source *sources = NULL;

  if (merkle_finish (c->merkle, c->report->mkv_bytes, err) == -1)
    return -1;
  memcpy (c->report->root, merkle_root (c->merkle, c->report->mkv_bytes),
          sizeof c->report->root);
  sources = calloc (c->sources.n + 1, sizeof *sources);
  if (!sources)
    return error_set (err, ENOMEM, "%s", c->options->out);
  for (uint32_t i = 0; i < c->sources.n; i++) {
    const struct index_source *s = &c->indexed->index.sources[c->sources.source[i]];

    sources[i].path = s->file->relative; /* borrowed */
    sources[i].size = s->file->size;
    sources[i].sample = s->sample;
    memcpy (sources[i].hash, s->hash, sizeof s->hash);
  }
  c->report->n_sources = c->sources.n;
  if (write_end (c, sources, err) == -1)
    return -1;
  c->report->recipe_bytes = c->writer.at;
  return 0;
}

/* ---- verification ---- */

/* Called by walk_image: the image's bytes have to be the MKV's, and the digests on record
 * theirs: those were computed from an earlier read of the MKV, and without the right ones
 * nobody would serve these bytes.
 */
static int
compare (void *opaque, const uint8_t *data, size_t len, uint64_t offset, uint8_t *scratch,
         struct error *err)
{
  const struct creation *c = opaque;
  size_t i;

  if (read_all (c->fd, scratch, len, offset, c->options->mkv, err) == -1)
    return -1;
  i = first_difference (data, scratch, len);
  if (i == len)
    return content_check_part (&c->check, data, len, offset, err);
  return error_set (err, 0,
                    "%s: byte %" PRIu64 " would not be served as it is: the MKV or a "
                    "source changed meanwhile, or this is a flaw of this program",
                    c->options->mkv, offset + i);
}

/* Before they are compared: what is written to them from now on shows later. */
static int
note_sources (struct creation *c, struct image *img, struct error *err)
{
  struct file_id *ids = calloc (c->report->n_sources + 1, sizeof *ids);

  free (c->report->source_ids);
  c->report->source_ids = ids;
  if (!ids)
    return error_set (err, ENOMEM, "%s", c->options->out);
  for (uint32_t i = 0; i < c->report->n_sources; i++) {
    const struct source *s = image_source (img, i, err);

    if (!s)
      return -1;
    if (file_id_now (s->fd, &ids[i]) == -1)
      return error_set (err, errno, "%s", s->path);
  }
  return 0;
}

static int
compare_image (struct creation *c, struct image *img, struct error *err)
{
  if (image_size (img) != c->report->mkv_bytes)
    return error_set (err, 0, "%s: served in another size", c->options->mkv);
  if (image_open_sources (img, err) == -1 || note_sources (c, img, err) == -1)
    return -1;
  return walk_image (img, c->threads, compare, creation_progress, c, err);
}

/* Also what none of the image's bytes come from: it is what verify will look at. */
static int
check_image (struct creation *c, struct image *img, struct error *err)
{
  const struct recipe *recipe = image_recipe (img);
  int r;

  if (recipe_check (recipe, err) == -1 ||
      content_check_begin (&c->check, recipe, err) == -1)
    return -1;
  r = compare_image (c, img, err);
  content_check_free (&c->check);
  return r;
}

static int
verify_image (struct creation *c, struct error *err)
{
  const char *places[] = { c->indexed->disc.base };
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  struct image *img;
  int r = -1;

  if (!cache)
    return error_set (err, ENOMEM, "verifying");
  img = image_open (c->out.temporary, places, 1, cache, err);
  if (img) {
    r = check_image (c, img, err);
    image_close (img);
  }
  segment_cache_free (cache);
  return r == -1 ? error_context (err, "verifying what was written") : 0;
}

/* The MKV, which has to be the file still that was read, by its name too. */
static int
look_at_mkv (const struct creation *c, struct file_id *id, struct error *err)
{
  const struct file_id before = file_id_of (&c->st);

  if (file_id_look (c->fd, c->options->mkv, !c->options->is_open, id, err) == -1)
    return -1;
  return file_id_same_content (&before, id)
           ? 0
           : error_set (err, 0, "%s: changed while it was read", c->options->mkv);
}

/* That the ctime alone has changed may mean a new link or mode, for which nobody wants to do all
 * the work again; or that it was written to and its time set back: then a comparison tells.
 */
#define COMPARISONS 3

int
creation_verify (struct creation *c, struct error *err)
{
  struct file_id before, after;

  for (int i = 0; i < COMPARISONS; i++) {
    if (look_at_mkv (c, &before, err) == -1 || verify_image (c, err) == -1 ||
        look_at_mkv (c, &after, err) == -1)
      return -1;
    if (!file_id_same (&before, &after))
      continue;
    c->report->mkv_id = after;
    return indexed_disc_check (c->indexed, err);
  }
  return error_set (err, 0, "%s: changes again and again", c->options->mkv);
}
