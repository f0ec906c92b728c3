/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading with proof: what is handed out has been hashed and compared with the Merkle levels
 * of the recipe, a group of 512 KiB at a time.  Lazily, a group is proven when it is first
 * touched, and after a source has changed; or each time.
 *
 * Invariant: a group's bit is set only if the group was proven since the last change of a
 * source was accepted.  Then bits are cleared first, the change is counted, and only after
 * that the source's new change time is what reads are compared with; who reads a group that
 * was proven looks at the count before and after, and begins again if it has moved.  While
 * another file takes a source's place no change time is right.
 *
 * What was written to a file a moment ago may be written on without another change that shows:
 * no bit is set while that may be so of a source (image_settled.c).
 *
 * One thread proves a group, others that want it meanwhile wait: a player's requests of
 * 128 KiB would otherwise each read and hash all of it.
 *
 * A group that cannot be read whole cannot be proven, and fails.  Who salvages what is on a
 * dying disk has those of its bytes that can be read all the same, as the disk itself says
 * which it has lost; that is told, and tried again later.  Not so of a source that has changed
 * or was replaced since any image first opened it (image_doubt.c: its sample alone speaks for
 * it), of one that may be being written, nor once bytes have been found that are wrong.
 *
 * Keeping what was read for its neighbours was decided against: it is in the page cache.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "image_blame.h"
#include "image_parts.h"
#include "merkle.h"
#include "recipe_old.h"

#define BITS 64u /* of a word of the map */

/* The map of larger images (16 TiB) would be larger than 4 MiB, and hashes of more segments than 8
 * MiB: they are proven each time.
 */
#define MAX_GROUPS (UINT64_C (1) << 25)
#define MAX_SEGMENTS (1u << 20)

/* A group that is being proven by a thread, on whose stack this is. */
struct claim {
  uint64_t group;
  int64_t since;
  struct claim *next;
};

/* A disk tries for seconds to read what it has lost: not again before so long. */
#define UNPROVABLE_MS 60000

/* A recipe of the Go program has nothing to compare with. */
static int
serve_unproven (struct image *img, enum image_verify mode, struct error *err)
{
  struct error why = ERROR_INIT;

  recipe_old_no_digests (img->recipe, &why);
  if (mode == IMAGE_VERIFY_FULL) {
    *err = why;
    return error_context (err, "verify=full");
  }
  error_context (&why, "served without proof");
  if (mode == IMAGE_VERIFY_LAZY && img->notice)
    img->notice (img->notice_opaque, why.text);
  return 0;
}

int
image_set_verify (struct image *img, enum image_verify mode, struct error *err)
{
  struct proof *p = &img->proof;
  uint64_t groups = merkle_groups (image_size (img));

  if (recipe_old_facts (img->recipe))
    return serve_unproven (img, mode, err);
  if (mode == IMAGE_VERIFY_LAZY &&
      (groups > MAX_GROUPS || img->recipe->n_segments > MAX_SEGMENTS))
    mode = IMAGE_VERIFY_FULL;
  if (mode == IMAGE_VERIFY_LAZY && recipe_remember_segments (img->recipe, err) == -1)
    return -1;
  if (mode == IMAGE_VERIFY_LAZY && !p->proven) {
    p->proven = calloc (groups / BITS + 1, sizeof *p->proven);
    if (!p->proven)
      return error_set (err, ENOMEM, "%s", img->recipe->path);
  }
  p->mode = mode;
  return 0;
}

void
image_salvage (struct image *img)
{
  img->proof.salvages = true;
}

/* ---- What is proven */

static bool
is_proven (const struct proof *p, uint64_t group)
{
  return atomic_load_explicit (&p->proven[group / BITS], memory_order_acquire) >>
           group % BITS &
         1;
}

static bool
all_proven (const struct proof *p, uint64_t offset, size_t count)
{
  if (p->mode != IMAGE_VERIFY_LAZY)
    return false;
  for (uint64_t g = offset / MERKLE_GROUP; g <= (offset + count - 1) / MERKLE_GROUP; g++)
    if (!is_proven (p, g))
      return false;
  return true;
}

void
image_forget_proof (struct image *img)
{
  struct proof *p = &img->proof;
  uint64_t words = merkle_groups (image_size (img)) / BITS + 1;
  LOCK_FOR_SCOPE (&p->lock);

  for (uint64_t i = 0; p->proven && i < words; i++)
    atomic_store (&p->proven[i], 0);
  memset (p->unprovable, 0, sizeof p->unprovable);
  atomic_fetch_add (&p->changes, 1);
}

void
image_note_recipe (struct image *img)
{
  uint64_t now = atomic_load (&img->recipe->state->changes);

  if (now == atomic_load (&img->recipe_changes))
    return;
  atomic_store (&img->proof.has_wrong, true); /* may be: unproven nothing is handed out */
  image_forget_proof (img);
  atomic_store (&img->recipe_changes, now);
}

/* With the lock held. */
static bool
is_unprovable (const struct proof *p, uint64_t group)
{
  for (size_t i = 0; i < UNPROVABLE; i++)
    if (p->unprovable[i].since != 0 && p->unprovable[i].group == group &&
        clock_ms () - p->unprovable[i].since < UNPROVABLE_MS)
      return true;
  return false;
}

static void
note_unprovable (struct proof *p, uint64_t group)
{
  LOCK_FOR_SCOPE (&p->lock);

  p->unprovable[p->n_unprovable++ % UNPROVABLE] =
    (struct unprovable){ group, clock_ms () };
}

static void
forget_unprovable (struct proof *p, uint64_t group)
{
  LOCK_FOR_SCOPE (&p->lock);

  for (size_t i = 0; i < UNPROVABLE; i++)
    if (p->unprovable[i].group == group)
      p->unprovable[i].since = 0;
}

/* Take a group to be proven by this thread; false if it has been, meanwhile, or cannot be.
 * From a thread that does not come back it is taken over.
 */
static bool
claim (struct proof *p, struct claim *mine)
{
  LOCK_FOR_SCOPE (&p->lock);
  struct claim *c = p->claims;

  while (c) {
    if (c->group == mine->group && !pulse_is_late (c->since)) {
      pthread_cond_wait (&p->released, &p->lock);
      c = p->claims;
    }
    else
      c = c->next;
  }
  if (is_proven (p, mine->group) || is_unprovable (p, mine->group))
    return false;
  mine->since = clock_ms ();
  mine->next = p->claims;
  p->claims = mine;
  return true;
}

/* What `claim` took is done, well if `changes` is still as it was before. */
static void
release (struct proof *p, const struct claim *mine, bool is_good, unsigned changes)
{
  LOCK_FOR_SCOPE (&p->lock);
  struct claim **c = &p->claims;

  while (*c != mine)
    c = &(*c)->next;
  *c = mine->next;
  if (is_good && atomic_load (&p->changes) == changes)
    atomic_fetch_or (&p->proven[mine->group / BITS], UINT64_C (1) << mine->group % BITS);
  pthread_cond_broadcast (&p->released);
}

/* ---- Zeros */

static bool
zeros_digest (struct image *img, uint8_t *digest)
{
  struct proof *p = &img->proof;
  struct error ignored = ERROR_INIT;
  LOCK_FOR_SCOPE (&p->lock);

  if (!p->has_zeros) {
    CLEANUP_FREE uint8_t *zeros = calloc (1, MERKLE_GROUP);

    p->has_zeros = zeros && merkle_group_digest (zeros, MERKLE_GROUP, image_size (img),
                                                 p->zeros, &ignored) == 0;
  }
  memcpy (digest, p->zeros, sizeof p->zeros);
  return p->has_zeros;
}

static bool
is_zero_group (struct image *img, uint64_t group)
{
  uint8_t zeros[MERKLE_DIGEST], recorded[MERKLE_DIGEST];
  struct error ignored = ERROR_INIT;

  return (group + 1) * MERKLE_GROUP <= image_size (img) && zeros_digest (img, zeros) &&
         image_digests (img, group, 1, recorded, &ignored) == 0 &&
         memcmp (zeros, recorded, sizeof zeros) == 0;
}

bool
image_vouches (struct image *img, uint64_t offset, uint64_t len)
{
  const struct proof *p = &img->proof;

  if (p->mode == IMAGE_VERIFY_OFF)
    return true;
  for (uint64_t g = offset / MERKLE_GROUP; g <= (offset + len - 1) / MERKLE_GROUP; g++)
    if (!(p->mode == IMAGE_VERIFY_LAZY && is_proven (p, g)) && !is_zero_group (img, g))
      return false;
  return true;
}

/* ---- Whose fault it is */

/* Sources that hold other bytes than they did, as far as that can be told: one of these. */
static void
name_sources (struct image *img, uint64_t offset, size_t len, char *text, size_t size)
{
  CLEANUP_FREE struct image_blame *blames = NULL;
  struct error ignored = ERROR_INIT;
  size_t n, used = 0;

  text[0] = '\0';
  if (image_blame (img, offset, len, &blames, &n, &ignored) == -1)
    return;
  for (size_t i = 0; i < n && used < size; i++)
    used += (size_t) snprintf (
      text + used, size - used, "%s%s (bytes %llu to %llu)", used ? " or " : ": ",
      image_source_path (img, blames[i].source), (unsigned long long) blames[i].from,
      (unsigned long long) blames[i].end - 1);
}

static int
complain (struct image *img, uint64_t offset, size_t len, struct error *err)
{
  char sources[sizeof err->text / 2];

  name_sources (img, offset, len, sources, sizeof sources);
  error_set (err, 0,
             "%s: bytes %llu to %llu of the image are not the MKV's: a source has other "
             "bytes than it had%s",
             img->recipe->path, (unsigned long long) offset,
             (unsigned long long) (offset + len - 1), sources);
  err->errnum = EBADMSG;
  return -1;
}

/* ---- Reading */

/* Was it lost, and not changed?  What recodes to something else is as wrong as what hashes to
 * something else, and what is being written to is not what it was.
 */
static bool
is_lost (const struct error *err)
{
  return err->errnum != EBADMSG && err->errnum != ESTALE;
}

/* The group of `len` bytes that begins at `at`: is it what it has to be?  1: no. */
static int
try_to_prove (struct image *img, uint8_t *buf, size_t len, uint64_t at, struct note *note,
              struct error *err)
{
  uint8_t want[MERKLE_DIGEST], have[MERKLE_DIGEST];
  int r;

  note->is_unreadable = false;
  if (image_digests (img, at / MERKLE_GROUP, 1, want, err) == -1)
    return -1;
  note->group_at = at;
  note->group_len = len;
  r = image_read_unproven (img, buf, len, at, note, err);
  note->group_len = 0;
  note->is_unreadable = r == -1 && is_lost (err);
  if (r == -1 || merkle_group_digest (buf, len, image_size (img), have, err) == -1)
    return -1;
  return memcmp (want, have, sizeof want) != 0;
}

/* Wrong, as try_to_prove says; or what its material recodes to is. */
static bool
is_wrong (int r, const struct error *err)
{
  return r == 1 || (r == -1 && err->errnum == EBADMSG);
}

static int
prove (struct image *img, uint8_t *buf, size_t len, uint64_t at, struct note *note,
       struct error *err)
{
  int r = try_to_prove (img, buf, len, at, note, err);

  if (is_wrong (r, err)) {
    atomic_store (&img->proof.has_wrong, true);
    if (image_exchange_sources (img, at, len))
      r = try_to_prove (img, buf, len, at, note, err);
    note->is_unreadable = false; /* bytes were wrong before */
  }
  if (is_wrong (r, err))
    image_doubt_range (img, at, len);
  return r == 1 ? complain (img, at, len, err) : r;
}

/* Bytes [offset, offset + count) of one group. */
static int
prove_part (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
            struct note *note, struct error *err)
{
  uint64_t at = offset / MERKLE_GROUP * MERKLE_GROUP;
  uint64_t left = image_size (img) - at;
  size_t len = left < MERKLE_GROUP ? (size_t) left : MERKLE_GROUP;
  CLEANUP_FREE uint8_t *group = NULL;

  note->is_unreadable = false;
  if (count == len)
    return prove (img, buf, len, at, note, err);
  group = malloc (len);
  if (!group)
    return error_set (err, ENOMEM, "%s", img->recipe->path);
  if (prove (img, group, len, at, note, err) == -1)
    return -1;
  memcpy (buf, group + (offset - at), count);
  return 0;
}

/* May bytes be handed out that cannot be proven?  Asked after they were read. */
static bool
is_trusted (const struct image *img)
{
  if (!img->proof.salvages || atomic_load (&img->proof.has_wrong) ||
      !image_is_settled (img))
    return false;
  for (uint32_t i = 0; i < img->recipe->n_sources; i++)
    if (atomic_load (&img->sources[i].is_unsampled) || image_is_doubted (img, i))
      return false;
  return true;
}

/* Bytes of a group were handed out that could not be read whole, for `reason`. */
static void
tell_unproven (const struct image *img, uint64_t group, const struct error *reason)
{
  struct error text = *reason;

  error_context (&text,
                 "%s: bytes from %llu on cannot be proven, and are served where they can "
                 "be read",
                 img->recipe->path, (unsigned long long) (group * MERKLE_GROUP));
  if (img->notice)
    img->notice (img->notice_opaque, text.text);
}

/* Proven by this thread, or else what another has proven, or nobody can. */
static int
read_lazily (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
             struct note *note, struct error *err)
{
  struct proof *p = &img->proof;
  uint64_t group = offset / MERKLE_GROUP;
  struct error reason = ERROR_INIT; /* why this thread gave up */

  for (;;) {
    struct claim mine = { .group = group };
    unsigned changes;
    int r;

    /* Before all else: only what is read after it is proven for good. */
    image_seal_sources (img);
    changes = atomic_load (&p->changes);
    if (claim (p, &mine)) {
      r = prove_part (img, buf, count, offset, note, err);
      release (p, &mine, r == 0 && image_is_settled (img), changes);
      if (r == 0 || !note->is_unreadable)
        return r;
      image_seal_sources (img); /* those that were opened for it */
      if (!is_trusted (img))
        return r;
      note_unprovable (p, group);
      reason = *err;
      continue;
    }
    if (image_read_unproven (img, buf, count, offset, note, err) == -1)
      return -1;
    /* The count last: what is proven or trusted now may be so of another source. */
    if ((is_proven (p, group) || is_trusted (img)) &&
        atomic_load (&p->changes) == changes)
      break;
    if (!is_trusted (img))
      forget_unprovable (p, group);
  }
  if (reason.text[0] && !is_proven (p, group))
    tell_unproven (img, group, &reason);
  return 0;
}

static int
read_part (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
           struct note *note, struct error *err)
{
  if (img->proof.mode == IMAGE_VERIFY_FULL)
    return prove_part (img, buf, count, offset, note, err);
  return read_lazily (img, buf, count, offset, note, err);
}

int
image_read_proven (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
                   struct note *note, struct error *err)
{
  struct proof *p = &img->proof;
  unsigned changes = atomic_load (&p->changes);

  if (count == 0)
    return 0;
  if (all_proven (p, offset, count)) {
    if (image_read_unproven (img, buf, count, offset, note, err) == -1)
      return -1;
    if (atomic_load (&p->changes) == changes)
      return 0;
  }
  if (note->no_wait)
    return image_would_wait (err);
  while (count > 0) {
    size_t part = MERKLE_GROUP - (size_t) (offset % MERKLE_GROUP);

    part = part < count ? part : count;
    if (read_part (img, buf, part, offset, note, err) == -1)
      return -1;
    buf += part;
    offset += part;
    count -= part;
  }
  return 0;
}
