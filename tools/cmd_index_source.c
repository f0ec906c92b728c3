/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup index-source: what the indexer sees of a disc.  With --keep-index also a way to have
 * the index made at night for the recipes of tomorrow.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "chunks.h"
#include "cleanup.h"
#include "command.h"
#include "indexed_disc.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "progress.h"
#include "user_folders.h"

static bool
tell_progress (void *opaque, uint64_t done, uint64_t total)
{
  (void) total;
  progress_update (opaque, done);
  return !interrupted ();
}

static int
index_sources (struct indexed_disc *d, const struct options *options, struct error *err)
{
  CLEANUP_FREE char *keep = options->keep_index ? index_folder (err) : NULL;
  struct progress progress;
  const struct indexed_disc_options o = { .sources = (const char *const *) options->args,
                                          .n_sources = options->n_args,
                                          .keep = keep,
                                          .threads = options_threads (options),
                                          .progress = tell_progress,
                                          .opaque = &progress };
  int r;

  if (options->keep_index && !keep)
    return -1;
  if (indexed_disc_find (d, &o, err) == -1)
    return -1;
  progress_start (&progress, "index", indexed_disc_bytes (d), options->quiet);
  r = indexed_disc_build (d, &o, err);
  progress_end (&progress);
  if (r == -1 && interrupted ())
    return error_set (err, 0, "interrupted");
  return r;
}

/* Of each view. */
static uint64_t *
count_anchors (const struct disc_index *index)
{
  uint64_t *n = calloc (index->n_views + 1, sizeof *n);

  for (size_t i = 0; n && i < index->anchors.n; i++)
    n[index->anchors.anchors[i].view]++;
  return n;
}

/* The name of a file within an image; NULL: it is the whole source. */
static const char *
part_name (const struct disc_index *index, const struct view *v)
{
  const struct disc_file *file = index->sources[v->source].file;

  return v->part < file->n_parts ? file->parts[v->part].path : NULL;
}

/* ---- Telling */

static void
print_view (const struct disc_index *index, const struct view *v, uint64_t anchors)
{
  const char *part = part_name (index, v);
  char bytes[AMOUNT_MAX];

  printf ("  stream 0x%" PRIx32 ": %s, %" PRIu64 " anchors", v->key,
          amount_bytes (v->len, bytes), anchors);
  if (part) {
    fputs (", in ", stdout);
    print_safe (stdout, part);
  }
  putchar ('\n');
}

static void
print_text (const struct indexed_disc *d, const uint64_t *anchors)
{
  char bytes[AMOUNT_MAX];

  for (size_t i = 0; i < d->index.n_sources; i++) {
    const struct index_source *s = &d->index.sources[i];

    print_safe (stdout, s->file->path);
    printf (": %s, %" PRIu64 " packets", amount_bytes (s->file->size, bytes), s->packets);
    if (s->scrambled > 0)
      printf (", %" PRIu64 " of them scrambled (%s)", s->scrambled,
              scrambling_name (s->scrambling));
    putchar ('\n');
    for (size_t v = 0; v < d->index.n_views; v++)
      if (d->index.views[v].source == i)
        print_view (&d->index, &d->index.views[v], anchors[v]);
  }
}

static void
print_view_json (struct json *j, const struct disc_index *index, const struct view *v,
                 uint64_t anchors)
{
  const char *part = part_name (index, v);

  json_object (j, NULL);
  json_number (j, "key", v->key);
  if (part)
    json_string (j, "file", part);
  json_number (j, "bytes", v->len);
  json_number (j, "anchors", anchors);
  json_end_object (j);
}

static void
print_json (const struct indexed_disc *d, const uint64_t *anchors)
{
  struct json j = json_start (stdout);

  json_bool (&j, "was_kept", d->was_kept);
  json_array (&j, "sources");
  for (size_t i = 0; i < d->index.n_sources; i++) {
    const struct index_source *s = &d->index.sources[i];

    json_object (&j, NULL);
    json_string (&j, "path", s->file->path);
    json_number (&j, "size", s->file->size);
    json_number (&j, "packets", s->packets);
    json_number (&j, "scrambled_packets", s->scrambled);
    json_array (&j, "streams");
    for (size_t v = 0; v < d->index.n_views; v++)
      if (d->index.views[v].source == i)
        print_view_json (&j, &d->index, &d->index.views[v], anchors[v]);
    json_end_array (&j);
    json_end_object (&j);
  }
  json_end_array (&j);
  json_finish (&j);
}

static enum exit_status
run (const struct options *options)
{
  CLEANUP_INDEXED_DISC struct indexed_disc d = { .disc = { .base = NULL } };
  CLEANUP_FREE uint64_t *anchors = NULL;
  struct error err = ERROR_INIT;

  interrupt_catch ();
  if (index_sources (&d, options, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  anchors = count_anchors (&d.index);
  if (!anchors) {
    message ("out of memory");
    return EXIT_FAILED;
  }
  if (d.keeping.text[0])
    message ("warning: the index is not kept: %s", d.keeping.text);
  if (options->json)
    print_json (&d, anchors);
  else if (!options->quiet)
    print_text (&d, anchors);
  return EXIT_GOOD;
}

const struct command command_index_source = {
  .name = "index-source",
  .operands = "SOURCE...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_KEEP_INDEX | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "index a disc, and show its streams",
  .description =
    "Read a disc, which is an image or a folder (or several), as create does, and show\n"
    "the streams that are found in it.  With --keep-index the next recipe of it needs "
    "no\n"
    "reading to be begun.\n",
  .run = run,
};
