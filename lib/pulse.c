/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether something still answers: see pulse.h. */
#include "config.h"

#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "pulse.h"

static int64_t patience; /* fixed before there are threads */

/* Who is let through to find out is lost for as long as patience lasts: a client that reads
 * one after the other is to be among the refused more often.
 */
#define PROBE_APART 4

void
pulse_set_patience (int64_t ms)
{
  patience = ms;
}

void
pulse_init (struct pulse *p)
{
  *p = (struct pulse) PULSE_INIT;
}

void
pulse_destroy (struct pulse *p)
{
  pthread_mutex_destroy (&p->lock);
}

bool
pulse_is_late (int64_t since)
{
  return patience > 0 && clock_ms () - since > patience;
}

bool
pulse_is_silent (struct pulse *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  return p->waiting > 0 && pulse_is_late (p->moved);
}

bool
pulse_begin (struct pulse *p, unsigned *life)
{
  int64_t now = clock_ms ();
  LOCK_FOR_SCOPE (&p->lock);

  if (p->waiting > 0 && pulse_is_late (p->moved)) {
    if (now - p->probed <= PROBE_APART * patience)
      return false;
    p->probed = now;
  }
  if (p->waiting++ == 0)
    p->moved = p->probed = now;
  *life = p->life;
  return true;
}

void
pulse_end (struct pulse *p, unsigned life)
{
  LOCK_FOR_SCOPE (&p->lock);

  if (p->life != life)
    return;
  p->waiting--;
  p->moved = clock_ms ();
}

void
pulse_renew (struct pulse *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  p->life++;
  p->waiting = 0;
}

int
pulse_error (const char *what, struct error *err)
{
  return error_set (err, ETIMEDOUT, "%s: does not answer", what);
}
