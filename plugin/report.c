/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors, told to nbdkit: see report.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "kinds.h"
#include "notify.h"
#include "report.h"

#define APART_MS 10000

/* More kinds than this within that time are counted, and not told. */
#define KINDS 256u

static struct kind kinds[KINDS]; /* guarded by the lock, as the next */
static unsigned others;          /* of which nothing was told */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Is it to be told?  And how many were not, before it? */
static bool
is_due (const char *text, struct untold *untold)
{
  bool is_due;
  LOCK_FOR_SCOPE (&lock);

  untold->others = others;
  is_due = kinds_is_due (kinds, KINDS, kind_of_text (KIND_SEED, text), APART_MS, untold);
  others = is_due ? 0 : untold->others;
  return is_due;
}

void
report_text (const char *text)
{
  struct untold untold = { 0, 0 };

  if (!is_due (text, &untold)) {
    nbdkit_debug ("%s", text);
    return;
  }
  if (untold.like_it > 0)
    nbdkit_error ("%s (and %u like it before)", text, untold.like_it);
  else
    nbdkit_error ("%s", text);
  if (untold.others > 0)
    nbdkit_error ("%u more messages, about other troubles, were not told", untold.others);
}

int
report (const struct error *err)
{
  /* Nobody waits for it any more. */
  if (err->errnum == ECANCELED) {
    nbdkit_debug ("%s", err->text);
    nbdkit_set_error (EIO);
    return -1;
  }
  report_text (err->text);
  notify_client_trouble (err->text);
  /* NBD knows few error numbers; others arrive as EINVAL. */
  nbdkit_set_error (err->errnum == ENOMEM ? ENOMEM : EIO);
  return -1;
}
