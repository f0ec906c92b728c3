/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup explain: where bytes of an image come from: the segment, the operation, the source
 * and the place in it, down to the sector.
 *
 * The recipe alone says it.  Where the sources are there, too, the range is also read as the
 * server reads it, and compared with the digests on record, and the first bytes of each piece
 * are shown beside those of the source.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte_range.h"
#include "cleanup.h"
#include "command.h"
#include "explain_report.h"
#include "message.h"
#include "open_image.h"
#include "options.h"

struct explanation {
  struct open_image image;
  struct byte_range range;
  struct explained_source *sources; /* owned; recipe->n_sources of them */
  struct explain_report report;
  const struct segment *segment; /* the one being traced */
  uint64_t base;                 /* its first byte in the image */
  bool was_read;                 /* some of the image was */
  bool is_unproven;              /* … but not all that its digests are of */
  struct error wrong;            /* the first thing that was; no text: nothing */
};

static void
release (struct explanation *x)
{
  for (uint32_t i = 0; x->sources && i < x->image.recipe->n_sources; i++) {
    free (x->sources[i].why_not);
    disc_files_free (&x->sources[i].files);
  }
  free (x->sources);
  open_image_close (&x->image);
}

/* Look for a source, once. */
static int
ask_source (struct explanation *x, uint32_t number, struct error *err)
{
  struct explained_source *s = &x->sources[number];
  const struct source *source;
  struct error why = ERROR_INIT;

  if (s->was_asked)
    return 0;
  s->was_asked = true;
  if (x->image.n_places == 0) /* there is nowhere to look */
    return 0;
  source = image_source (x->image.image, number, &why);
  if (!source) {
    s->why_not = strdup (why.text);
    return s->why_not ? 0 : error_set (err, ENOMEM, "%s", x->image.recipe->path);
  }
  s->found = source->path;
  s->fd = source->fd;
  return disc_files_read (&s->files, source->fd, source->size, err);
}

/* Is all there that the piece is made of? */
static int
ask_sources (struct explanation *x, const struct trace_piece *piece, bool *there,
             struct error *err)
{
  *there = true;
  for (size_t i = 0; i < piece->n_parts; i++) {
    const struct trace_part *part = &piece->parts[i];

    if (part->kind != OP_COPY)
      continue;
    if (ask_source (x, part->source, err) == -1)
      return -1;
    *there = *there && x->sources[part->source].found;
  }
  return 0;
}

/* The piece as a server gives it: all of it is read, the first bytes are kept. */
static void
read_piece (struct explanation *x, struct explained_piece *p, struct error *why)
{
  uint8_t buf[32768];

  for (uint64_t at = 0; at < p->piece->len;) {
    size_t n =
      p->piece->len - at < sizeof buf ? (size_t) (p->piece->len - at) : sizeof buf;

    if (image_read (x->image.image, buf, n, p->offset + at, why) == -1) {
      p->wrong = why->text;
      if (!x->wrong.text[0])
        x->wrong = *why;
      return;
    }
    if (at == 0) {
      p->n_image = n < EXPLAIN_BYTES ? n : EXPLAIN_BYTES;
      memcpy (p->image, buf, p->n_image);
    }
    at += n;
  }
}

/* To prove a byte takes all sources of its 512 KiB: without one of them it is read as it is. */
static void
take_notice (void *opaque, const char *text)
{
  struct explanation *x = opaque;

  (void) text;
  x->is_unproven = true;
}

static int
explain (void *opaque, const struct trace_piece *piece, struct error *err)
{
  struct explanation *x = opaque;
  struct explained_piece p = { .offset = x->base + piece->at,
                               .piece = piece,
                               .literals = x->segment->literals };
  struct error why = ERROR_INIT;
  bool there;

  if (ask_sources (x, piece, &there, err) == -1)
    return -1;
  if (there && x->image.n_places > 0) {
    x->was_read = true;
    read_piece (x, &p, &why);
  }
  explain_piece (&x->report, &p);
  return 0;
}

/* The part of the range that lies in the segment. */
static int
explain_in_segment (struct explanation *x, uint32_t number, struct error *err)
{
  const struct recipe *recipe = x->image.recipe;
  struct segment *seg = recipe_segment (recipe, number, err);
  uint64_t coded = 0, from, end;
  int r;

  if (!seg)
    return -1;
  x->segment = seg;
  x->base = (uint64_t) number << recipe->span_log2;
  from = x->range.offset > x->base ? x->range.offset - x->base : 0;
  end = x->range.offset + x->range.len - x->base;
  r = recipe->old ? 0 : recipe_segment_len (recipe, number, &coded, err);
  if (r == 0) {
    explain_segment (&x->report, number, seg->len, coded);
    r = segment_trace (seg, (uint32_t) from, end < seg->len ? (uint32_t) end : seg->len,
                       explain, x, err);
  }
  segment_free (seg);
  return r;
}

static int
explain_range (struct explanation *x, struct error *err)
{
  unsigned shift = x->image.recipe->span_log2;
  uint32_t last = (uint32_t) ((x->range.offset + x->range.len - 1) >> shift);

  for (uint32_t i = (uint32_t) (x->range.offset >> shift); i <= last; i++)
    if (explain_in_segment (x, i, err) == -1)
      return -1;
  return 0;
}

static int
prepare (struct explanation *x, const struct options *options, struct error *err)
{
  if (open_image_without_sources (&x->image, options->args[0], options->sources,
                                  options->n_sources, err) == -1 ||
      byte_range_cut (&x->range, x->image.recipe->image_size, err) == -1 ||
      /* A recipe of the Go program has no digests. */
      (!x->image.recipe->old &&
       image_set_verify (x->image.image, IMAGE_VERIFY_LAZY, err) == -1))
    return -1;
  image_salvage (x->image.image);
  image_set_notice (x->image.image, take_notice, x);
  x->sources = calloc (x->image.recipe->n_sources + 1u, sizeof *x->sources);
  if (!x->sources)
    return error_set (err, ENOMEM, "%s", options->args[0]);
  for (uint32_t i = 0; i < x->image.recipe->n_sources; i++)
    x->sources[i].fd = -1;
  x->report = (struct explain_report){ .as_json = options->json,
                                       .recipe = x->image.recipe,
                                       .sources = x->sources };
  return 0;
}

/* What is wrong with the recipe itself ends it; what is wrong with the bytes is among what is
 * told.
 */
static int
explain_all (struct explanation *x, struct error *err)
{
  const char *proof;
  int r;

  explain_begin (&x->report, &x->range);
  r = explain_range (x, err);
  if (r == 0 && x->wrong.text[0]) {
    *err = x->wrong;
    r = -1;
  }
  proof = !x->was_read           ? "not read"
          : r == -1              ? "wrong"
          : x->image.recipe->old ? "none"
          : x->is_unproven       ? "unproven"
                                 : "right";
  explain_end (&x->report, proof, r == -1 ? err->text : NULL);
  return r;
}

static enum exit_status
run (const struct options *options)
{
  __attribute__ ((cleanup (release))) struct explanation x = { .base = 0 };
  struct error err = ERROR_INIT;

  if (!byte_range_parse (options->args[1], &x.range))
    return options_refuse (&command_explain,
                           "OFFSET[:LENGTH] is as in 4711, 0x1f000:64K or 3G:1M");
  if (prepare (&x, options, &err) == 0 && explain_all (&x, &err) == 0)
    return EXIT_GOOD;
  message ("%s", err.text);
  return EXIT_FAILED;
}

const struct command command_explain = {
  .name = "explain",
  .operands = "FILE.mkvdup OFFSET[:LENGTH]",
  .min_args = 2,
  .max_args = 2,
  .accepts = ACCEPT_PLACE | ACCEPT_JSON,
  .summary = "tell where bytes of an image come from",
  .description =
    "Tell of each byte of the image of FILE.mkvdup from OFFSET on, LENGTH of them or\n"
    "one, which segment, operation and source it comes from, and where in that it lies.\n"
    "Numbers may be hexadecimal (0x...), and K, M, G or T may follow.  If the sources "
    "are\n"
    "where --source or the sidecar says, their bytes are shown, and the digests "
    "checked.\n",
  .run = run,
};
