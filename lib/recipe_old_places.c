/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding a place in the streams of a Go program's recipe.
 *
 * Ranges of a stream are decoded forward from a mark.  The rows of a stream go forward, and
 * two streams or three take turns: for each of the last few the place is kept.
 *
 * Invariant: what a segment takes is bounded.  In a hostile file each of a million rows may
 * want another place, thousands of ranges from its mark.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "recipe_old_parts.h"

/* Runs that are decoded for a segment at most: a second or two.  If a real file jumped from
 * its mark to the next for each frame of sound, it would take a third of it.
 */
#define MAX_RUNS (UINT32_C (1) << 27)

void
old_places_free (struct old_places *places)
{
  for (unsigned i = 0; i < OLD_PLACES; i++)
    free (places->all[i].block);
}

static const struct old_mark *
marks_of (const struct old_places *places, const struct old_stream *s)
{
  return (const struct old_mark *) (const void *) places->ranges->marks.data + s->marks;
}

/* Begin to read at a mark of the stream. */
static int
load_mark (struct old_places *places, struct old_place *place,
           const struct old_stream *stream, size_t number, struct error *err)
{
  const struct old_mark *mark = marks_of (places, stream) + number;
  size_t len = (size_t) (mark[1].at - mark->at);
  /* A block ends with the range that made it long enough. */
  uint8_t *block = realloc (place->block, len + 1);

  if (!block)
    return error_set (err, ENOMEM, "%s", places->r->path);
  place->block = block;
  place->run = (struct old_run){ 0 };
  if (old_read_block (places->r, block, len, mark->at, mark->sum, err) == -1)
    return -1;
  place->mark = number;
  place->decoder = (struct old_decoder){ .stream = stream,
                                         .in = reader_init (block, len),
                                         .es = mark->es,
                                         .end = mark->end,
                                         .is_first = number == 0 };
  return 0;
}

/* The last mark that is not behind `es`. */
static size_t
find_mark (const struct old_places *places, const struct old_stream *s, uint64_t es)
{
  const struct old_mark *marks = marks_of (places, s);
  size_t low = 0, high = s->n_marks - 1;

  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;

    if (marks[middle].es <= es)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

static struct old_place *
find_place (struct old_places *places, const struct old_stream *stream)
{
  struct old_place *place;

  for (unsigned i = 0; i < OLD_PLACES; i++)
    if (places->all[i].stream == stream)
      return &places->all[i];
  place = &places->all[places->next++ % OLD_PLACES];
  place->stream = NULL;
  return place;
}

static bool
is_in_run (const struct old_run *run, uint64_t es)
{
  return es >= run->es && es - run->es < run->size * run->count;
}

/* Forward, to the run that has `es`. */
static int
go_on (struct old_places *places, struct old_place *place, uint64_t es, struct error *err)
{
  while (!is_in_run (&place->run, es)) {
    if (++places->runs > MAX_RUNS)
      return error_set (err, 0, "%s: takes too long to read: its rows are too scattered",
                        places->r->path);
    if (!old_decoder_next (&place->decoder, &place->run))
      return error_set (err, 0, "%s: the ranges of a stream end early", places->r->path);
  }
  return 0;
}

const struct old_run *
old_places_seek (struct old_places *places, const struct old_stream *stream, uint64_t es,
                 struct error *err)
{
  struct old_place *place = find_place (places, stream);

  assert (stream); /* old_proof_get has seen to that */
  if (place->stream && is_in_run (&place->run, es))
    return &place->run;
  if (!place->stream || es < place->run.es ||
      es >= marks_of (places, stream)[place->mark + 1].es) {
    place->stream = NULL;
    if (load_mark (places, place, stream, find_mark (places, stream, es), err) == -1)
      return NULL;
    place->stream = stream;
  }
  if (go_on (places, place, es, err) == -1) {
    place->stream = NULL;
    return NULL;
  }
  return &place->run;
}
