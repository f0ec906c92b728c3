/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress of making a recipe: see phases.h. */
#include "config.h"

#include <errno.h>

#include "interrupt.h"
#include "phases.h"

static const char *const names[PHASES] = { "index", "match", "verify" };

const char *
phase_name (enum create_phase phase)
{
  return names[phase];
}

bool
phases_tell (void *opaque, enum create_phase phase, uint64_t done, uint64_t total)
{
  struct phases *p = opaque;

  if (!p->started || p->phase != phase) {
    if (p->started)
      progress_end (&p->progress);
    progress_start (&p->progress, phase_name (phase), total, p->quiet);
    p->phase = phase;
    p->started = true;
  }
  progress_update (&p->progress, done);
  return !interrupted ();
}

int
phases_end (struct phases *p, int r, struct error *err)
{
  if (p->started)
    progress_end (&p->progress);
  /* That, and not a failure of its own. */
  if (r == -1 && interrupted () && (err->errnum == ECANCELED || err->errnum == EINTR))
    return error_set (err, 0, "interrupted: no recipe was written");
  return r;
}
