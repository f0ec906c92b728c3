/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking a library of discs: see disc_answer.h.
 *
 * Discs are chosen one by one, always the one that explains most of what is left.  What a
 * chosen disc has not above its own limit is not known, so from then on only hashes up to
 * the lowest limit of those chosen are compared.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "disc_answer.h"

/* A hash on more discs has no say: a studio's logo, a warning.  A series may have as many
 * discs, and a disc as many copies.
 */
#define COMMON_DISCS 8

/* A disc answers for so many hashes at least, or for all there are, and such a share of all.
 * Hashes are never equal by chance; but a trailer may be on any disc.
 */
#define MIN_FOUND 3
#define MIN_SHARE 0.05

/* Explained less than this, it is of another disc: what an opening, an ending and a summary
 * make of an episode.
 */
#define MIN_EXPLAINED 0.25

/* It has the most of it. */
#define COPY_SHARE 0.5

/* So many hashes, and such a share of them explained, leave no room for another disc: one with
 * a tenth of it would be missed once in 150 times.  (Of all hashes of a disc one in hundreds is
 * missing.)
 */
#define ENOUGH_ASKED 48
#define ENOUGH_SHARE 0.97

/* What no disc has any of, is none with so many asked of each. */
#define ENOUGH_FOR_NONE 64

/* A hash of the `asked`, and a disc that has it. */
struct hit {
  uint32_t hash; /* its number */
  uint32_t disc;
};

/* A disc with hits. */
struct candidate {
  size_t first, n; /* its hits */
  uint32_t disc;
  bool chosen;
};

struct asking {
  const struct disc_library *library;
  const bool *gone;
  const uint64_t *hashes;
  size_t n;
  uint32_t *before; /* [i]: how many of hashes[0, i) have a say; n + 1 of them */
  bool *explained;  /* [i]: a chosen disc has it */
  struct hit *hits; /* by disc, then by hash */
  size_t n_hits, cap_hits;
  struct candidate *candidates;
  size_t n_candidates;
  uint64_t limit; /* the lowest of the chosen discs' */
};

static void
asking_free (struct asking *a)
{
  free (a->before);
  free (a->explained);
  free (a->hits);
  free (a->candidates);
}

/* ---- looking up */

static bool
add_hits (struct asking *a, size_t hash, const uint64_t *entries, size_t n)
{
  if (a->cap_hits - a->n_hits < n) {
    size_t cap = 2 * a->cap_hits + COMMON_DISCS;
    struct hit *p = reallocarray (a->hits, cap, sizeof *p);

    if (!p)
      return false;
    a->hits = p;
    a->cap_hits = cap;
  }
  for (size_t i = 0; i < n; i++)
    a->hits[a->n_hits++] =
      (struct hit){ (uint32_t) hash, (uint32_t) disc_entry_disc (entries[i]) };
  return true;
}

static int
by_disc (const void *a, const void *b)
{
  const struct hit *x = a, *y = b;

  if (x->disc != y->disc)
    return x->disc < y->disc ? -1 : 1;
  return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static bool
look_up (struct asking *a)
{
  for (size_t i = 0; i < a->n; i++) {
    size_t n;
    const uint64_t *entries = disc_library_lookup (a->library, a->hashes[i], &n);
    bool has_say = n <= COMMON_DISCS;

    a->before[i + 1] = a->before[i] + has_say;
    if (has_say && !add_hits (a, i, entries, n))
      return false;
  }
  if (a->n_hits > 0)
    qsort (a->hits, a->n_hits, sizeof *a->hits, by_disc);
  return true;
}

static bool
list_candidates (struct asking *a)
{
  a->candidates = calloc (a->n_hits + 1, sizeof *a->candidates);
  if (!a->candidates)
    return false;
  for (size_t i = 0; i < a->n_hits; i++) {
    struct candidate *last = a->candidates + a->n_candidates;

    if (i == 0 || a->hits[i].disc != a->hits[i - 1].disc) {
      *last = (struct candidate){ .first = i, .disc = a->hits[i].disc };
      a->n_candidates++;
      last++;
    }
    last[-1].n++;
  }
  return true;
}

static int
prepare (struct asking *a, struct error *err)
{
  a->before = calloc (a->n + 1, sizeof *a->before);
  a->explained = calloc (a->n + 1, sizeof *a->explained);
  if (a->before && a->explained && look_up (a) && list_candidates (a))
    return 0;
  return error_set (err, ENOMEM, "a library of discs");
}

/* How many of the hashes up to `limit` have a say. */
static uint32_t
asked_up_to (const struct asking *a, uint64_t limit)
{
  size_t low = 0, high = a->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (a->hashes[middle] <= limit)
      low = middle + 1;
    else
      high = middle;
  }
  return a->before[low];
}

/* ---- choosing */

static uint64_t
limit_of (const struct asking *a, const struct candidate *c)
{
  uint64_t limit = a->library->discs[c->disc].limit;

  return limit < a->limit ? limit : a->limit;
}

/* What the disc would explain of what is not explained yet. */
static uint32_t
count_new (const struct asking *a, const struct candidate *c)
{
  uint64_t limit = limit_of (a, c);
  uint32_t n = 0;

  for (size_t i = c->first; i < c->first + c->n; i++)
    n += !a->explained[a->hits[i].hash] && a->hashes[a->hits[i].hash] <= limit;
  return n;
}

/* The better one explains a larger share; of few hashes not all is believed.  0: it does not
 * answer.
 */
static double
score (const struct asking *a, const struct candidate *c)
{
  uint32_t new = count_new (a, c), asked = asked_up_to (a, limit_of (a, c));

  if ((new < MIN_FOUND &&new < a->before[a->n]) || new == 0 || new < MIN_SHARE * asked)
    return 0;
  return (double) new / (asked + MIN_FOUND);
}

/* The next disc to be chosen, NULL: none is left that answers. */
static struct candidate *
best_candidate (const struct asking *a, bool gone)
{
  struct candidate *best = NULL;
  double most = 0;

  for (size_t i = 0; i < a->n_candidates; i++) {
    struct candidate *c = &a->candidates[i];
    double s = 0;

    if (!c->chosen && (a->gone && a->gone[c->disc]) == gone)
      s = score (a, c);
    if (s > most) {
      most = s;
      best = c;
    }
  }
  return best;
}

static void
add_answer (const struct asking *a, struct disc_answers *answers,
            const struct candidate *c, enum disc_answer_kind kind)
{
  answers->list[answers->n++] = (struct disc_answer){
    .disc = c->disc,
    .kind = kind,
    .asked = asked_up_to (a, a->library->discs[c->disc].limit),
    .found = (uint32_t) c->n,
  };
}

static void
choose (struct asking *a, struct disc_answers *answers, bool gone)
{
  struct candidate *c;

  while ((c = best_candidate (a, gone))) {
    c->chosen = true;
    a->limit = limit_of (a, c);
    for (size_t i = c->first; i < c->first + c->n; i++)
      a->explained[a->hits[i].hash] = true;
    add_answer (a, answers, c, ANSWER_NEEDED);
    answers->n_needed++;
  }
}

/* ---- the verdict */

static double
share (const struct disc_answer *answer)
{
  return answer->asked ? (double) answer->found / answer->asked : 0;
}

static int
best_first (const void *a, const void *b)
{
  const struct disc_answer *x = a, *y = b;

  if (x->kind != y->kind)
    return x->kind < y->kind ? -1 : 1;
  if (share (x) != share (y))
    return share (x) > share (y) ? -1 : 1;
  return x->disc < y->disc ? -1 : x->disc > y->disc;
}

/* The discs that were not chosen. */
static void
add_others (const struct asking *a, struct disc_answers *answers)
{
  for (size_t i = 0; i < a->n_candidates; i++) {
    const struct candidate *c = &a->candidates[i];

    if (!c->chosen)
      add_answer (a, answers, c, ANSWER_SHARES);
  }
  for (size_t i = answers->n_needed; i < answers->n; i++)
    if (answers->n_needed > 0 && share (&answers->list[i]) >= COPY_SHARE)
      answers->list[i].kind = ANSWER_COPY;
  if (answers->n > 0)
    qsort (answers->list, answers->n, sizeof *answers->list, best_first);
}

/* Has each disc been asked for enough to know that nothing of it is there? */
static bool
is_none (const struct asking *a)
{
  uint64_t lowest = DISC_HASH_MAX;

  for (size_t i = 0; i < a->library->n; i++)
    if (a->library->discs[i].n_hashes > 0 && a->library->discs[i].limit < lowest)
      lowest = a->library->discs[i].limit;
  return a->n_hits == 0 && asked_up_to (a, lowest) >= ENOUGH_FOR_NONE;
}

static void
judge (const struct asking *a, struct disc_answers *answers)
{
  uint32_t asked = asked_up_to (a, a->limit), explained = 0;

  if (answers->n_needed == 0) {
    answers->verdict = a->n_hits ? VERDICT_PART : VERDICT_NONE;
    answers->is_enough = is_none (a);
    return;
  }
  for (size_t i = 0; i < a->n && a->hashes[i] <= a->limit; i++)
    explained += a->explained[i];
  answers->explained = (double) explained / asked;
  answers->is_enough = asked >= ENOUGH_ASKED && answers->explained >= ENOUGH_SHARE;
  answers->verdict = VERDICT_GOOD;
  if (answers->explained >= MIN_EXPLAINED)
    return;
  answers->verdict = VERDICT_PART;
  answers->n_needed = 0;
  for (size_t i = 0; i < answers->n; i++)
    answers->list[i].kind = ANSWER_SHARES;
}

int
disc_answers_find (struct disc_answers *answers, const struct disc_library *library,
                   const bool *gone, const uint64_t *hashes, size_t n, struct error *err)
{
  __attribute__ ((cleanup (asking_free))) struct asking a = {
    .library = library, .gone = gone, .hashes = hashes, .n = n, .limit = DISC_HASH_MAX
  };

  *answers = (struct disc_answers){ 0 };
  if (prepare (&a, err) == -1)
    return -1;
  answers->list = calloc (a.n_candidates + 1, sizeof *answers->list);
  if (!answers->list)
    return error_set (err, ENOMEM, "a library of discs");
  choose (&a, answers, false);
  choose (&a, answers, true);
  judge (&a, answers);
  add_others (&a, answers);
  return 0;
}

void
disc_answers_free (struct disc_answers *answers)
{
  free (answers->list);
  *answers = (struct disc_answers){ 0 };
}
