/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exports, waited for no longer than timeout= says: as the functions of export.h, but what
 * does not answer in time fails (ETIMEDOUT), and so does all that is under way when nbdkit
 * is to end or the client has gone.
 *
 * Thread safety: as export.h.
 */
#ifndef MKVDUP_WAITING_H
#define MKVDUP_WAITING_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "export.h"

struct export *waiting_open (const char *name, struct error *err);
void waiting_close (struct export *e); /* takes the reference */
int waiting_read (struct export *e, void *buf, size_t count, uint64_t offset,
                  struct error *err);
int waiting_extents (struct export *e, uint64_t offset, uint64_t count,
                     image_extent_fn *fn, void *opaque, struct error *err);
int waiting_prefetch (struct export *e, uint64_t offset, uint64_t count,
                      struct error *err);

/* Call `stop`, which releases what exports are made of; not if it is still in use by who does
 * not come back.
 */
void waiting_stop (void (*stop) (void));

#endif /* MKVDUP_WAITING_H */
