/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which discs of a library something is of, by the hashes of some of it.
 *
 * Of a disc all hashes up to its limit are known, so how many of the hashes that are asked
 * for, up to there, it has is the share of the whole that is on it.  Discs share content,
 * though: what is on many of them (logos) has no say, and a disc answers only for what no
 * other that answers has: so one that shares an opening with the right disc does not, and of
 * two copies one does.
 *
 * Thread safety: as the library's.
 */
#ifndef MKVDUP_DISC_ANSWER_H
#define MKVDUP_DISC_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disc_library.h"
#include "error.h"

enum disc_answer_kind {
  ANSWER_NEEDED, /* it has what the ones before it do not have */
  ANSWER_COPY,   /* it has the most of it, but nothing that those do not have */
  ANSWER_SHARES, /* it has some of it */
};

struct disc_answer {
  size_t disc; /* its number in the library */
  enum disc_answer_kind kind;
  uint32_t asked; /* hashes up to the disc's limit */
  uint32_t found; /* of these */
};

enum disc_verdict {
  VERDICT_NONE, /* of no disc, as far as can be told */
  VERDICT_PART, /* a little of it is on a disc: not its own, most likely */
  VERDICT_GOOD,
};

struct disc_answers {
  struct disc_answer *list; /* by kind, the best first; owned */
  size_t n, n_needed;
  enum disc_verdict verdict;
  double explained; /* share of all that those have that are needed: 0 … 1 */
  bool is_enough;   /* more hashes would not change the verdict */
};

#define CLEANUP_DISC_ANSWERS __attribute__ ((cleanup (disc_answers_free)))

/*
 * Ask for `n` hashes, ascending and distinct.  Discs that are `gone` (one flag for each of the
 * library's; NULL: none is) answer only for what no other has.
 */
int disc_answers_find (struct disc_answers *answers, const struct disc_library *library,
                       const bool *gone, const uint64_t *hashes, size_t n,
                       struct error *err);
void disc_answers_free (struct disc_answers *answers);

#endif /* MKVDUP_DISC_ANSWER_H */
