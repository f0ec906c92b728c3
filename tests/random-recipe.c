/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random-recipe plan|disc SEED FILE: a recipe of one segment, from a random plan; where the
 * pieces of its lanes lie goes to standard output, as `format-annotate --pieces` says it.
 * Nothing goes there if the segment is stored.
 *
 * Nobody has its sources: their hashes, and the Merkle levels, are zeros.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic_file.h"
#include "merkle.h"
#include "random-disc.h"
#include "random-plan.h"
#include "recipe_write.h"
#include "segment_encoder.h"

/* Bytes; of plans that may have some more. */
#define MOST (1u << SEGMENT_MIN_LOG2)
#define MOST_NEARLY (MOST / 2)

static void
print_lanes (const struct segment_plan *plan)
{
  struct lane_order order;

  if (!lane_order_init (&order, plan))
    errx (1, "out of memory");
  for (uint32_t i = 0; i < plan->n_lanes; i++) {
    const struct plan_lane *lane = &plan->lanes[order.lane[i]];

    for (size_t k = 0; k < lane->n_pieces; k++)
      printf ("0 %u %llu %u\n", i, (unsigned long long) lane->pieces[k].from,
              lane->pieces[k].len);
  }
  lane_order_free (&order);
}

static int
write_recipe (const struct random_plan *p, const char *name, struct error *err)
{
  static char path[RANDOM_PLAN_SOURCES][2] = { "a", "b", "c" };
  CLEANUP_ATOMIC_FILE struct atomic_file f = ATOMIC_FILE_INIT;
  CLEANUP_BUFFER struct buffer coded = BUFFER_INIT;
  struct recipe_source sources[RANDOM_PLAN_SOURCES] = { 0 };
  uint8_t merkle[MERKLE_DIGEST] = { 0 };
  struct recipe_writer w;

  for (uint32_t i = 0; i < p->n_sources; i++) {
    sources[i].path = path[i];
    sources[i].size = p->sizes[i];
  }
  if (segment_encode (&p->plan, p->image, &p->ctx, &coded, err) == -1 ||
      atomic_file_open (&f, name, err) == -1 ||
      recipe_writer_begin (&w, f.fd, name, p->ctx.len, SEGMENT_MIN_LOG2, err) == -1 ||
      recipe_writer_segment (&w, coded.data, coded.len, err) == -1 ||
      recipe_writer_finish (&w, sources, p->n_sources, merkle, sizeof merkle, NULL, NULL,
                            0, err) == -1)
    return -1;
  recipe_writer_free (&w);
  if (coded.data[0] == SEGMENT_METHOD_COLUMNS)
    print_lanes (&p->plan);
  return atomic_file_commit (&f, err);
}

int
main (int argc, char *argv[])
{
  struct error err = ERROR_INIT;
  struct random_plan p;

  if (argc != 4)
    errx (1, "usage: %s plan|disc SEED FILE", argv[0]);
  if (strcmp (argv[1], "plan") == 0)
    random_plan_make (&p, strtoull (argv[2], NULL, 10), MOST_NEARLY);
  else
    random_disc_make (&p, strtoull (argv[2], NULL, 10), MOST);
  p.ctx.number = 0;
  if (write_recipe (&p, argv[3], &err) == -1)
    errx (1, "%s", err.text);
  random_plan_free (&p);
  return 0;
}
