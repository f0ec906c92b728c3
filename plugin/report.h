/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of the library, told to nbdkit: once, where they arrive. */
#ifndef MKVDUP_REPORT_H
#define MKVDUP_REPORT_H

#include <errno.h>

#include <nbdkit-plugin.h>

#include "error.h"

/* Returns -1. */
static inline int
report (const struct error *err)
{
  nbdkit_error ("%s", err->text);
  /* NBD knows few error numbers; others arrive as EINVAL. */
  nbdkit_set_error (err->errnum == ENOMEM ? ENOMEM : EIO);
  return -1;
}

#endif /* MKVDUP_REPORT_H */
