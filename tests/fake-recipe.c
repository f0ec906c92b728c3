/* SPDX-License-Identifier: BSD-3-Clause */
/* Recipes that were never written: see fake-recipe.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fake-recipe.h"

struct recipe *fake_recipe;
struct segment *(*fake_recipe_segment) (const struct recipe *r, uint32_t number,
                                        struct error *err);
atomic_int fake_segments;

static void *
copy (const void *data, size_t len)
{
  void *p = malloc (len + 1);

  if (!p)
    abort ();
  if (len > 0)
    memcpy (p, data, len);
  return p;
}

struct segment *
fake_segment (const struct segment *model)
{
  struct segment *seg = copy (model, sizeof *model);

  seg->ops = copy (model->ops, model->n_ops * sizeof *model->ops);
  seg->strides = copy (model->strides, model->n_strides * sizeof *model->strides);
  seg->transforms =
    copy (model->transforms, model->n_transforms * sizeof *model->transforms);
  seg->recodings = copy (model->recodings, model->n_recodings * sizeof *model->recodings);
  seg->literals = copy (model->literals, model->n_literals);
  atomic_fetch_add (&fake_segments, 1);
  return seg;
}

struct recipe *__wrap_recipe_open (const char *path, struct error *err);
void __wrap_recipe_close (struct recipe *r);
struct segment *__wrap_recipe_segment (const struct recipe *r, uint32_t number,
                                       struct error *err);
void __wrap_segment_free (struct segment *seg);

struct recipe *
__wrap_recipe_open (const char *path, struct error *err)
{
  if (!fake_recipe)
    error_set (err, 0, "%s: no recipe", path);
  return fake_recipe;
}

void
__wrap_recipe_close (struct recipe *r)
{
  (void) r;
}

struct segment *
__wrap_recipe_segment (const struct recipe *r, uint32_t number, struct error *err)
{
  return fake_recipe_segment (r, number, err);
}

void
__wrap_segment_free (struct segment *seg)
{
  if (!seg)
    return;
  atomic_fetch_sub (&fake_segments, 1);
  free ((void *) seg->ops);
  free ((void *) seg->strides);
  free ((void *) seg->transforms);
  free ((void *) seg->recodings);
  free ((void *) seg->literals);
  free (seg);
}
