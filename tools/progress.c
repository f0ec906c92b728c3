/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress on stderr: see progress.h. */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "progress.h"

#define REDRAW_SECONDS 0.2
#define LINE_SECONDS 1.0 /* between lines that stay */

void
progress_start (struct progress *p, const char *job, uint64_t total, bool quiet)
{
  *p = (struct progress){
    .job = job,
    .total = total,
    .quiet = quiet,
    .terminal = isatty (STDERR_FILENO) == 1,
    .started = now (),
    .drawn = now (),
    .lock = PTHREAD_MUTEX_INITIALIZER,
  };
}

static void
draw (struct progress *p, uint64_t done, double elapsed)
{
  char total[AMOUNT_MAX], rate[AMOUNT_MAX], left[AMOUNT_MAX];
  double remaining = done == 0 ? 0 : elapsed * (double) (p->total - done) / (double) done;

  fprintf (stderr, "%s%s: %3u %% of %s, %s, %s left%s",
           p->terminal ? "\r" : "mkvdup: ", p->job,
           (unsigned) (100 * (double) done / (double) p->total),
           amount_bytes (p->total, total), amount_rate (done, elapsed, rate),
           amount_time (remaining, left), p->terminal ? "\033[K" : "\n");
  fflush (stderr);
}

void
progress_update (struct progress *p, uint64_t done)
{
  double time = now ();
  unsigned tenths;

  if (p->quiet || p->total == 0 || done > p->total)
    return;
  LOCK_FOR_SCOPE (&p->lock);
  tenths = (unsigned) (10 * (double) done / (double) p->total);
  if (time - p->drawn < (p->terminal ? REDRAW_SECONDS : LINE_SECONDS))
    return;
  /* Threads may come in another order than they counted. */
  if (!p->terminal && tenths <= p->tenths)
    return;
  p->drawn = time;
  p->tenths = tenths;
  p->on_screen = p->terminal;
  draw (p, done, time - p->started);
}

void
progress_clear (struct progress *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  if (p->on_screen)
    fputs ("\r\033[K", stderr);
  p->on_screen = false;
}

double
progress_end (struct progress *p)
{
  progress_clear (p);
  return now () - p->started;
}
