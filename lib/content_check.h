/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Are the bytes of an image those of the MKV that its recipe is of?  For whoever goes through
 * all of it with walk.h: part by part, by the digests in the recipe.  A recipe of the Go
 * program has but one hash of the whole: then parts have to come in order, from one thread, and
 * the end tells.
 *
 * Thread safety: content_check_part may be called by as many threads as
 * content_check_threads says; the others by one.
 */
#ifndef MKVDUP_CONTENT_CHECK_H
#define MKVDUP_CONTENT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <xxhash.h>

#include "error.h"
#include "recipe.h"

struct content_check {
  const struct recipe *recipe; /* borrowed */
  uint8_t *merkle;             /* the stored levels; owned; NULL: there are none */
  XXH64_state_t *whole;        /* of what has come so far; owned; or NULL */
};

#define CLEANUP_CONTENT_CHECK __attribute__ ((cleanup (content_check_free)))

/* -1 with `err` set, and nothing to free: also if the recipe's digests do not agree. */
int content_check_begin (struct content_check *c, const struct recipe *recipe,
                         struct error *err);
void content_check_free (struct content_check *c);

/* How many threads may take part of those there are. */
unsigned content_check_threads (const struct content_check *c, unsigned threads);

/* The next bytes, which begin with a group (merkle.h) and hold whole groups, up to the end. */
int content_check_part (const struct content_check *c, const uint8_t *data, size_t len,
                        uint64_t offset, struct error *err);

/* What is right when it ends well: "every digest right"; static. */
const char *content_check_proof (const struct content_check *c);

/* All parts were there. */
int content_check_end (const struct content_check *c, struct error *err);

#endif /* MKVDUP_CONTENT_CHECK_H */
