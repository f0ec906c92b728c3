/* SPDX-License-Identifier: BSD-3-Clause */
/* What an opened recipe has to satisfy: see recipe-complaint.h. */
#include "config.h"

#include "naive.h"
#include "recipe-complaint.h"

const char *
recipe_segment_complaint (const struct recipe *r, uint32_t number)
{
  uint32_t span = UINT32_C (1) << r->span_log2;
  uint64_t left = r->image_size - ((uint64_t) number << r->span_log2);
  const struct segment_context ctx = { .number = number,
                                       .len = left < span ? (uint32_t) left : span,
                                       .n_sources = r->n_sources,
                                       .source_sizes = r->source_sizes };
  struct error err = ERROR_INIT;
  struct segment *seg = recipe_segment (r, number, &err);
  const char *complaint;

  if (!seg)
    return err.text[0] ? NULL : "a segment is refused without a message";
  complaint = naive_complaint (seg, &ctx);
  segment_free (seg);
  return complaint;
}

static const char *
sources_complaint (const struct recipe *r)
{
  for (uint32_t i = 0; i < r->n_sources; i++) {
    if (!recipe_path_is_safe (r->sources[i].path))
      return "a source's path is not safe";
    if (r->sources[i].size != r->source_sizes[i] || r->sources[i].size > SOURCE_MAX_SIZE)
      return "a source's size is wrong";
  }
  return NULL;
}

static const char *
notes_complaint (const struct recipe *r)
{
  struct error err = ERROR_INIT;
  struct recipe_note *notes;
  size_t n;

  if (recipe_notes (r, &notes, &n, &err) == -1)
    return err.text[0] ? NULL : "notes are refused without a message";
  recipe_notes_free (notes, n);
  return NULL;
}

const char *
recipe_complaint (const struct recipe *r, uint32_t most)
{
  const char *complaint = sources_complaint (r);

  if (!complaint)
    complaint = notes_complaint (r);
  for (uint32_t i = 0; !complaint && i < r->n_segments && i < most; i++)
    complaint = recipe_segment_complaint (r, i);
  if (!complaint && r->n_segments > most)
    complaint = recipe_segment_complaint (r, r->n_segments - 1);
  return complaint;
}
