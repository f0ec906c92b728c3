/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `mkvdup check` remembers of earlier runs: what it proved, when, and of which files.
 *
 * A *round* goes through a whole library once, in one run or, if that is interrupted, in
 * several.
 *
 * The file is text:
 *
 *     mkvdup check 1
 *     round N open|done
 *     title|source good|bad ROUND WHEN IDENTITY NAME     for each, by kind and name
 *     end CHECKSUM
 *
 * WHEN is in seconds since 1970, IDENTITY 32 hexadecimal digits (identity.h), NAME a title's
 * name or a source's path, in which bytes below 32, 127 and "\" are "\ooo"; CHECKSUM the
 * XXH3-64 of all lines before, 16 digits.
 * There is one way to write a state, and another text is none: so what was damaged, or is
 * somebody else's file, is seen, and never taken for a proof or replaced.
 *
 * Thread safety: none; a state belongs to one thread at a time.
 */
#ifndef MKVDUP_CHECK_STATE_H
#define MKVDUP_CHECK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"
#include "identity.h"

/* More, or a larger file, is an error. */
#define CHECK_STATE_MAX 2000000u
#define CHECK_STATE_MAX_FILE (UINT64_C (512) << 20)

enum check_kind {
  CHECK_TITLE,
  CHECK_SOURCE,
};

struct check_record {
  enum check_kind kind;
  char *name; /* owned by the state */
  bool good;
  bool is_wanted; /* still there: not in the file, false when read */
  uint64_t round;
  int64_t when;                    /* it was begun: seconds since 1970 */
  uint8_t identity[IDENTITY_SIZE]; /* all zeros: of nothing that can be told again */
};

struct check_state {
  struct check_record *records; /* sorted by kind and name; owned */
  size_t n, cap;
  uint64_t round; /* the present or last one; 0: none yet */
  bool is_open;   /* that round is not done */
};

#define CLEANUP_CHECK_STATE __attribute__ ((cleanup (check_state_free)))

/* The state that a file holds; there being none, an empty one.  -1 with `err` set and an
 * empty state: it cannot be read, is damaged, or is no state.
 */
int check_state_read (struct check_state *state, const char *path, struct error *err);
int check_state_write (const struct check_state *state, const char *path,
                       struct error *err);
void check_state_free (struct check_state *state);

/* The same of text in memory; `err` does not name a file. */
int check_state_parse (struct check_state *state, const char *text, size_t len,
                       struct error *err);
/* out->failed when out of memory. */
void check_state_format (const struct check_state *state, struct buffer *out);

/* NULL if nothing is known of it.  To be modified in place; valid until the next put. */
struct check_record *check_state_find (const struct check_state *state,
                                       enum check_kind kind, const char *name);

/* Remember; in place of what was remembered.  The name is copied. */
int check_state_put (struct check_state *state, const struct check_record *record,
                     struct error *err);

/* Go on with a round that is open, or begin the next one. */
void check_state_begin (struct check_state *state);

/* The round is done: what is not wanted is forgotten. */
void check_state_end (struct check_state *state);

/* Put what a check found out that began with `known` into the file as it is by now, with its
 * directory locked (atomic_file.h): so checks at a time lose nothing of each other's.  What has
 * come there since `known` was read gives way only to what is bad, for a good one may have been
 * read before it.  `record` NULL: the round is done, unless a later one has begun, and what
 * `known` does not want and nobody has checked since is forgotten.
 */
int check_state_update (const struct check_state *known,
                        const struct check_record *record, const char *path,
                        struct error *err);

#endif /* MKVDUP_CHECK_STATE_H */
