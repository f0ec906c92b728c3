/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes inputs for fuzz-segment to start from: fuzz-corpus FOLDER. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "atomic_file.h"
#include "bytes.h"
#include "cleanup.h"
#include "random-plan.h"
#include "segment_format.h"

#define N_INPUTS 32
#define MAX_INPUT 2000 /* larger ones are mostly literal bytes */

static int
write_input (const char *folder, uint64_t seed, struct error *err)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  CLEANUP_FREE char *path = NULL;
  struct random_plan p;
  int r;

  random_plan_make (&p, seed, 1u << (8 + seed % 4));
  p.ctx.number = 0;
  buffer_le32 (&out, p.ctx.len - 1);
  r = segment_encode (&p.plan, p.image, &p.ctx, &out, err);
  random_plan_free (&p);
  if (r == 0 && out.len <= MAX_INPUT &&
      asprintf (&path, "%s/random-%02d", folder, (int) seed) > 0)
    r = atomic_file_put (path, out.data, out.len - SEGMENT_CHECKSUM_SIZE, err);
  return r;
}

int
main (int argc, char *argv[])
{
  struct error err = ERROR_INIT;

  for (uint64_t seed = 0; argc == 2 && seed < N_INPUTS; seed++)
    if (write_input (argv[1], seed, &err) == -1) {
      fprintf (stderr, "fuzz-corpus: %s\n", err.text);
      return 1;
    }
  return 0;
}
