/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors, told to nbdkit: see report.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "kinds.h"
#include "notify.h"
#include "report.h"
#include "safe_text.h"

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

/* In one line, whatever the names in it. */
static void
tell (const char *text, bool is_error)
{
  CLEANUP_FREE char *safe = safe_text (text);
  const char *told = safe ? safe : "out of memory";

  if (is_error)
    nbdkit_error ("%s", told);
  else
    nbdkit_debug ("%s", told);
}

void
report_now (const char *fmt, ...)
{
  CLEANUP_FREE char *text = NULL;
  va_list args;

  va_start (args, fmt);
  if (vasprintf (&text, fmt, args) == -1)
    text = NULL;
  va_end (args);
  tell (text ? text : "out of memory", true);
}

void
report_text (const char *text)
{
  struct untold untold = { 0, 0 };

  if (!is_due (text, &untold)) {
    tell (text, false);
    return;
  }
  if (untold.like_it > 0)
    report_now ("%s (and %u like it before)", text, untold.like_it);
  else
    tell (text, true);
  if (untold.others > 0)
    report_now ("%u more messages, about other troubles, were not told", untold.others);
}

int
report (const struct error *err)
{
  /* Nobody waits for it any more. */
  if (err->errnum == ECANCELED) {
    tell (err->text, false);
    nbdkit_set_error (EIO);
    return -1;
  }
  report_text (err->text);
  notify_client_trouble (err->text);
  /* NBD knows few error numbers; others arrive as EINVAL. */
  nbdkit_set_error (err->errnum == ENOMEM ? ENOMEM : EIO);
  return -1;
}
