/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key pictures (key_picture.h) of an MKV, to find the disc it is of: not all of them, but
 * some from everywhere in it, and more if these are not enough.
 *
 * Thread safety: a rip belongs to one thread.
 */
#ifndef MKVDUP_RIP_H
#define MKVDUP_RIP_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "lowest.h"

struct rip;

/* A file that is no Matroska file, or has no track of a codec whose key pictures are known,
 * is an error.
 */
struct rip *rip_open (const char *path, struct error *err);
void rip_close (struct rip *rip);

/* Read as much again as was read so far, of other places; a small file is read whole at once.
 * 1: so it was; 0: enough has been read, or all; -1 with `err` set.
 */
int rip_read (struct rip *rip, struct error *err);

/* Hashes of what was read so far: settled.  Borrowed. */
const struct lowest *rip_pictures (const struct rip *rip);

uint64_t rip_size (const struct rip *rip);

#endif /* MKVDUP_RIP_H */
