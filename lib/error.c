/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors with context: see error.h.  Messages too long are cut, never dropped. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

int
error_set (struct error *err, int errnum, const char *fmt, ...)
{
  va_list args;
  char reason[128];
  size_t used;

  va_start (args, fmt);
  vsnprintf (err->text, sizeof err->text, fmt, args);
  va_end (args);
  err->errnum = errnum;
  if (errnum != 0) {
    used = strlen (err->text);
    snprintf (err->text + used, sizeof err->text - used, ": %s",
              strerror_r (errnum, reason, sizeof reason));
  }
  return -1;
}

int
error_context (struct error *err, const char *fmt, ...)
{
  char inner[sizeof err->text];
  va_list args;
  size_t used;

  memcpy (inner, err->text, sizeof inner);
  va_start (args, fmt);
  vsnprintf (err->text, sizeof err->text, fmt, args);
  va_end (args);
  used = strlen (err->text);
  snprintf (err->text + used, sizeof err->text - used, ": %s", inner);
  return -1;
}
