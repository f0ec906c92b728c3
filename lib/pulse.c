/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether something still answers: see pulse.h. */
#include "config.h"

#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "mounts.h"
#include "pulse.h"

static int64_t patience; /* fixed before there are threads */

/* Who is let through to find out is lost for as long as patience lasts, and its thread for
 * longer: of a client that reads one after the other more are to be refused, and during a
 * night less and less are to be lost.  Who mounts what works in the morning is not to wait for
 * that.
 */
#define PROBE_APART 4
#define PROBE_APART_MAX 3600000

void
pulse_set_patience (int64_t ms)
{
  patience = ms;
  if (ms > 0)
    mounts_start ();
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

/* Of who began before the last answer it is not known when: hardly long before the last one
 * who began at all, or it is one who will never come back.
 */
int64_t
pulse_waited_since (struct pulse *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  if (p->asked != 0)
    return p->asked;
  return p->waiting > 0 && !pulse_is_late (p->began + patience) ? p->began : 0;
}

/* Called with the lock held. */
static bool
is_silent (const struct pulse *p)
{
  return p->asked != 0 && pulse_is_late (p->asked);
}

bool
pulse_is_silent (struct pulse *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  return is_silent (p);
}

/* Is one to be let through, though it is silent?  Called with the lock held. */
static bool
probe (struct pulse *p, int64_t now)
{
  unsigned mounts = mounts_changes ();

  if (p->mounts == 0)
    p->mounts = mounts;
  if (p->mounts != mounts && now - p->probed > patience)
    p->apart = PROBE_APART * patience;
  else if (now - p->probed > p->apart)
    p->apart = 2 * p->apart < PROBE_APART_MAX ? 2 * p->apart : PROBE_APART_MAX;
  else
    return false;
  p->probed = now;
  p->mounts = mounts;
  return true;
}

bool
pulse_begin (struct pulse *p, unsigned *life)
{
  int64_t now = clock_ms ();
  LOCK_FOR_SCOPE (&p->lock);

  if (is_silent (p) && !probe (p, now))
    return false;
  if (p->asked == 0) {
    p->asked = p->probed = now;
    p->apart = PROBE_APART * patience;
    p->mounts = 0;
  }
  p->began = now;
  p->waiting++;
  *life = p->life;
  return true;
}

/* Who began after the one that is answered may still wait in vain: that shows when the next
 * one does.
 */
void
pulse_end (struct pulse *p, unsigned life)
{
  LOCK_FOR_SCOPE (&p->lock);

  if (p->life != life)
    return;
  p->waiting--;
  p->asked = 0;
}

/* Was it the only one that began since one was answered? */
void
pulse_leave (struct pulse *p, unsigned life)
{
  LOCK_FOR_SCOPE (&p->lock);

  if (p->life != life)
    return;
  p->waiting--;
  if (p->asked == p->began)
    p->asked = 0;
}

void
pulse_renew (struct pulse *p)
{
  LOCK_FOR_SCOPE (&p->lock);

  p->life++;
  p->waiting = 0;
  p->asked = 0;
}

int
pulse_error (const char *what, struct error *err)
{
  return error_set (err, ETIMEDOUT, "%s: does not answer", what);
}
