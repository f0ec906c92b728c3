/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes inputs for fuzz-segment to start from: fuzz-corpus FOLDER. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "atomic_file.h"
#include "bytes.h"
#include "cleanup.h"
#include "random-disc.h"
#include "random-plan.h"
#include "segment_format.h"

#define N_INPUTS 32    /* of random plans; half as many discs */
#define MAX_INPUT 2000 /* larger ones are mostly literal bytes */

static int
write_input (const char *folder, const char *kind, uint64_t seed, struct random_plan *p,
             struct error *err)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  CLEANUP_FREE char *path = NULL;
  int r;

  p->ctx.number = 0;
  buffer_le32 (&out, p->ctx.len - 1);
  r = segment_encode (&p->plan, p->image, &p->ctx, &out, err);
  random_plan_free (p);
  if (r == 0 && out.len <= MAX_INPUT &&
      asprintf (&path, "%s/%s-%02d", folder, kind, (int) seed) > 0)
    r = atomic_file_put (path, out.data, out.len - SEGMENT_CHECKSUM_SIZE, err);
  return r;
}

int
main (int argc, char *argv[])
{
  struct error err = ERROR_INIT;
  struct random_plan p;
  int r = 0;

  for (uint64_t seed = 0; argc == 2 && seed < N_INPUTS && r == 0; seed++) {
    random_plan_make (&p, seed, 1u << (8 + seed % 4));
    r = write_input (argv[1], "random", seed, &p, &err);
    if (seed % 2 || r == -1)
      continue;
    random_disc_make (&p, seed, 1u << (14 + seed % 8 / 2));
    r = write_input (argv[1], "disc", seed, &p, &err);
  }
  if (r == -1)
    fprintf (stderr, "fuzz-corpus: %s\n", err.text);
  return r == -1;
}
