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
    .lines = { .last = now () },
    .lock = PTHREAD_MUTEX_INITIALIZER,
  };
}

#define LINE_MAX_LEN 256

/* "verify: 40 % of 7.8 GB, 512.3 MB/s, 0:07 left" */
static void
describe (const struct progress *p, uint64_t done, double elapsed,
          char text[LINE_MAX_LEN])
{
  char total[AMOUNT_MAX], rate[AMOUNT_MAX], left[AMOUNT_MAX];
  double remaining = done == 0 ? 0 : elapsed * (double) (p->total - done) / (double) done;

  snprintf (text, LINE_MAX_LEN, "%s: %3u %% of %s, %s, %s left", p->job,
            (unsigned) (100 * (double) done / (double) p->total),
            amount_bytes (p->total, total), amount_rate (done, elapsed, rate),
            amount_time (remaining, left));
}

/* Is it time for another line among those that stay?  Threads may come in another order
 * than they counted.
 */
static bool
is_due (struct progress_lines *lines, double time, unsigned tenths)
{
  if (time - lines->last < LINE_SECONDS || tenths <= lines->tenths)
    return false;
  *lines = (struct progress_lines){ .last = time, .tenths = tenths };
  return true;
}

static void
redraw (struct progress *p, uint64_t done, double time)
{
  char text[LINE_MAX_LEN];

  if (time - p->drawn < REDRAW_SECONDS)
    return;
  describe (p, done, time - p->started, text);
  fprintf (stderr, "\r%s\033[K", text);
  fflush (stderr);
  p->drawn = time;
  p->on_screen = true;
}

void
progress_update (struct progress *p, uint64_t done)
{
  char text[LINE_MAX_LEN];
  double time = now ();
  unsigned tenths;

  if (p->total == 0 || done > p->total)
    return;
  LOCK_FOR_SCOPE (&p->lock);
  tenths = (unsigned) (10 * (double) done / (double) p->total);
  if (!p->quiet && p->terminal)
    redraw (p, done, time);
  if (!is_due (&p->lines, time, tenths))
    return;
  describe (p, done, time - p->started, text);
  if (!p->quiet && !p->terminal)
    fprintf (stderr, "mkvdup: %s\n", text);
  message_log (text);
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
