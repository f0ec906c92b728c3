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

/* Of more kinds than this the one that was told longest ago is forgotten. */
#define KINDS 32u

static struct kind kinds[KINDS]; /* guarded by the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Is it to be told?  And how many were not, before it? */
static bool
is_due (const char *text, unsigned *silent)
{
  LOCK_FOR_SCOPE (&lock);

  return kinds_is_due (kinds, KINDS, kind_of_text (KIND_SEED, text), APART_MS, silent);
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
  unsigned silent;

  if (!is_due (text, &silent))
    tell (text, false);
  else if (silent > 0)
    report_now ("%s (and %u like it before)", text, silent);
  else
    tell (text, true);
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
