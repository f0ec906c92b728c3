/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading with proof: what is handed out has been hashed and compared with the Merkle levels
 * of the recipe, a group of 512 KiB at a time.  Lazily, a group is proven when it is first
 * touched, and after a source has changed; or each time.
 *
 * Invariant: a group's bit is set only if the group was proven since the last change of a
 * source was accepted.  Then bits are cleared first, the change is counted, and only after
 * that the source's new change time is what reads are compared with; who reads a group that
 * was proven looks at the count before and after, and begins again if it has moved.
 *
 * A file's change time is set when a write begins, and has a resolution: what was written
 * a moment ago may be written on without another change that shows.  So no bit is set while
 * a source is younger than that.
 *
 * One thread proves a group, others that want it meanwhile wait: a player's requests of
 * 128 KiB would otherwise each read and hash all of it.
 *
 * Keeping what was read for its neighbours was decided against: it is in the page cache.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "file_id.h"
#include "image_blame.h"
#include "image_parts.h"
#include "merkle.h"

#define BITS 64u /* of a word of the map */

/* The map of larger images (16 TiB) would be larger than 4 MiB: they are proven each time. */
#define MAX_GROUPS (UINT64_C (1) << 25)

/* Longer than a write of one call takes, and than any file system's clock is coarse. */
#define SETTLED_NS (10 * NS_PER_SECOND)

/* A group that is being proven by a thread, on whose stack this is. */
struct claim {
  uint64_t group;
  struct claim *next;
};

int
image_set_verify (struct image *img, enum image_verify mode, struct error *err)
{
  struct proof *p = &img->proof;
  uint64_t groups = merkle_groups (image_size (img));

  if (mode == IMAGE_VERIFY_LAZY && groups > MAX_GROUPS)
    mode = IMAGE_VERIFY_FULL;
  if (mode == IMAGE_VERIFY_LAZY && !p->proven) {
    p->proven = calloc (groups / BITS + 1, sizeof *p->proven);
    if (!p->proven)
      return error_set (err, ENOMEM, "%s", img->recipe->path);
  }
  p->mode = mode;
  return 0;
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
  atomic_fetch_add (&p->changes, 1);
}

/* Have all sources been left alone for long enough? */
static bool
is_settled (const struct image *img)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  for (uint32_t i = 0; i < img->recipe->n_sources; i++) {
    const struct image_source *s = &img->sources[i];

    if (atomic_load (&s->is_open) &&
        atomic_load (&s->source.ctime) > timespec_ns (&now) - SETTLED_NS)
      return false;
  }
  return true;
}

/* Take a group to be proven by this thread; false if it has been, meanwhile. */
static bool
claim (struct proof *p, struct claim *mine)
{
  LOCK_FOR_SCOPE (&p->lock);
  struct claim *c = p->claims;

  while (c) {
    if (c->group == mine->group) {
      pthread_cond_wait (&p->released, &p->lock);
      c = p->claims;
    }
    else
      c = c->next;
  }
  if (is_proven (p, mine->group))
    return false;
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

/* ---- What it is compared with */

/* That digests of groups follow from the root is looked at once. */
static int
check_levels (struct image *img, struct error *err)
{
  struct proof *p = &img->proof;

  LOCK_FOR_SCOPE (&p->levels_lock);

  if (p->has_levels)
    return 0;
  if (recipe_check_merkle (img->recipe, err) == -1)
    return -1;
  p->has_levels = true;
  return 0;
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

/* The group of `len` bytes that begins at `at`, proven. */
static int
prove (struct image *img, uint8_t *buf, size_t len, uint64_t at, struct note *note,
       struct error *err)
{
  uint8_t want[MERKLE_DIGEST], have[MERKLE_DIGEST];

  note->group_at = at;
  note->group_len = len;
  if (check_levels (img, err) == -1 ||
      recipe_digests (img->recipe, at / MERKLE_GROUP, 1, want, err) == -1 ||
      image_read_unproven (img, buf, len, at, note, err) == -1 ||
      merkle_group_digest (buf, len, image_size (img), have, err) == -1)
    return -1;
  note->group_len = 0;
  return memcmp (want, have, sizeof want) == 0 ? 0 : complain (img, at, len, err);
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

/* The same, unless it has been proven by another thread meanwhile: then it is read. */
static int
read_part (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
           struct note *note, struct error *err)
{
  struct proof *p = &img->proof;
  struct claim mine = { .group = offset / MERKLE_GROUP };
  unsigned changes;
  int r;

  if (p->mode == IMAGE_VERIFY_FULL)
    return prove_part (img, buf, count, offset, note, err);
  for (;;) {
    changes = atomic_load (&p->changes);
    if (claim (p, &mine))
      break;
    if (image_read_unproven (img, buf, count, offset, note, err) == -1)
      return -1;
    if (atomic_load (&p->changes) == changes)
      return 0;
  }
  changes = atomic_load (&p->changes);
  r = prove_part (img, buf, count, offset, note, err);
  release (p, &mine, r == 0 && is_settled (img), changes);
  return r;
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
